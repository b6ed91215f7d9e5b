/* The JSON API: paths below /api/v1, the session's CSRF token, errors with their sentence, and the password asked again
 * when the daemon wants it. */

const hooks = {onSessionLost: () => {}, confirmPassword: async () => false, mayStayOpen: () => false};
let csrf = null;

/* {csrf, onSessionLost(), async confirmPassword(post), mayStayOpen()}: set by the shell. */
export function configure(given) {
    if ('csrf' in given) {
        csrf = given.csrf;
    }
    Object.assign(hooks, Object.fromEntries(Object.entries(given).filter(([name]) => name in hooks)));
}

/* status 0: the daemon could not be reached. code, field and message are the daemon's; body is its whole answer. */
export class ApiError extends Error {
    constructor(status, body, retryAfter = null) {
        super(body?.error?.message ?? '');
        this.status = status;
        this.code = body?.error?.code ?? (status === 0 ? 'network' : 'other');
        this.field = body?.error?.field ?? null;
        this.body = body;
        this.retryAfter = retryAfter;
    }
}

/* 128 random bits; crypto.randomUUID is there under https only. */
export function newKey() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function packed(body, type) {
    if (body === undefined) {
        return {};
    }
    const raw = body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body) || typeof body === 'string';
    return raw ? {body, type: type ?? 'application/octet-stream'} : {body: JSON.stringify(body), type: 'application/json'};
}

/* An open page asks for news by itself; only what a person does keeps the session alive. */
const UNATTENDED_MS = 60000;
let touched = performance.now();
for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    window.addEventListener(kind, () => { touched = performance.now(); }, {capture: true, passive: true});
}

function isUnattended() {
    return !hooks.mayStayOpen() && performance.now() - touched > UNATTENDED_MS;
}

/* A daemon that stands still answers nothing and breaks nothing off: somebody has to. Uploads take as long as their line needs. */
const PATIENCE_MS = {GET: 60000, POST: 180000, DELETE: 60000};

/* fetch(), broken off after a while as if the line had. */
async function patientFetch(path, options, given) {
    const ends = PATIENCE_MS[options.method];
    const breaker = new AbortController();
    const stop = () => breaker.abort();
    const timer = ends === undefined ? null : setTimeout(stop, ends);
    given?.addEventListener('abort', stop);
    try {
        return await fetch(path, {...options, signal: breaker.signal});
    } catch (error) {
        throw given?.aborted ? error : new ApiError(0, null);
    } finally {
        clearTimeout(timer);
        given?.removeEventListener('abort', stop);
    }
}

async function once(method, path, options) {
    const {body, type} = packed(options.body, options.type);
    const headers = {Accept: options.accept ?? 'application/json'};
    if (method === 'GET' && isUnattended()) {
        headers['X-Unattended'] = '1';
    }
    if (type) {
        headers['Content-Type'] = type;
    }
    if (method !== 'GET' && csrf) {
        headers['X-CSRF-Token'] = csrf;
    }
    if (method === 'POST') {
        headers['Idempotency-Key'] = options.key ?? newKey();
    }
    const answer = await patientFetch(`/api/v1${path}`, {method, headers, body, credentials: 'same-origin', cache: 'no-store'}, options.signal);
    if (answer.status === 204) {
        return null;
    }
    if (!answer.ok) {
        throw new ApiError(answer.status, await answer.json().catch(() => null), Number(answer.headers.get('Retry-After')) || null);
    }
    return answer.headers.get('Content-Type')?.includes('json') ? answer.json() : answer.text();
}

async function call(method, path, options) {
    try {
        return await once(method, path, options);
    } catch (error) {
        if (error.status === 401 && error.code === 'session' && !options.quiet) {
            hooks.onSessionLost();
        }
        if (error.status !== 403 || error.code !== 'confirm' || !(await confirmNow())) {
            throw error;
        }
    }
    // Nothing was done the first time, and the key may remember the refusal: a new one.
    return once(method, path, {...options, key: undefined});
}

/* Asks for the password now, before the browser fetches something by itself. Gives whether it was right. */
export function confirmNow() {
    return hooks.confirmPassword((password) => once('POST', '/session/confirm', {body: {password}}));
}

/* options: {signal, key (Idempotency-Key of a POST), type (of a body that is no JSON), quiet (a lost session is no matter)} */
export function get(path, options = {}) {
    return call('GET', path, options);
}
/* All rows of a list that comes in pages. Each page is given to onPage as it comes, if there is one. */
export async function all(path, member, onPage = () => {}) {
    const rows = [];
    for (let cursor = null; cursor !== '';) {
        const page = await get(`${path}?limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
        rows.push(...page[member]);
        onPage(page[member]);
        cursor = page.cursor;
    }
    return rows;
}
export function post(path, body = {}, options = {}) {
    return call('POST', path, {...options, body});
}

/* Gives post(path, body) of one form or button: until it is answered, the same body again is the same request, so that a lost
 * answer makes nothing twice. The daemon keeps no refusal. */
export function oneByOne() {
    let words = null, key = null;
    return async (path, body) => {
        const asked = `${path} ${JSON.stringify(body)}`;
        [words, key] = asked === words ? [words, key] : [asked, newKey()];
        const answer = await post(path, body, {key});
        words = null;
        return answer;
    };
}
export function put(path, body, options = {}) {
    return call('PUT', path, {...options, body});
}
export function del(path, options = {}) {
    return call('DELETE', path, options);
}
