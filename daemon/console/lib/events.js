/* What changed, as the daemon tells it: one stream a tab, markers only. A page subscribes and fetches what it shows.
 *
 *     const stop = subscribe('ledger', ({entry}) => …);    kinds: ledger, campaign, status
 *     subscribe('connection', (live) => …)                 whether the stream is open
 *                                                          isCrowded(): closed for newer pages of the same user
 *
 * The daemon sends a beat when it has nothing else to say; a stream that says nothing for longer is as good as broken, though the line
 * stands: a page on a wall must not call old figures live.
 * A page that is hidden lets its stream go: browsers open only six connections to a host, for all tabs together.
 * The daemon ends a user's oldest stream when she has too many. That page waits a minute, or until it is shown again: were it back
 * at once, the pages would throw out one another.
 * After a gap every subscriber is called with {missed: true}: something may have changed meanwhile. */

const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 30000, CROWDED_WAIT_MS = 60000;
const SILENT_MS = 40000, LISTEN_MS = 5000; // a beat comes every 15 s
const KINDS = ['ledger', 'campaign', 'status'];

const subscribers = new Map();
let source = null, timer = null, heard = 0, wait = FIRST_WAIT_MS, live = false, crowded = false, before = false, wanted = false, onLost = () => {};

function tell(kind, data) {
    for (const fn of [...(subscribers.get(kind) ?? [])]) {
        fn(data);
    }
}

function setLive(now, isCrowdedNow = false) {
    if (live !== now || crowded !== isCrowdedNow) {
        live = now;
        crowded = isCrowdedNow;
        tell('connection', live);
    }
}

export function isLive() {
    return live;
}

export function isCrowded() {
    return crowded;
}

/* The browser's own way to connect again gives up after an answer that is no stream; ours never does. */
function broke() {
    source.close();
    setLive(false);
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    onLost();
}

setInterval(() => {
    if (source !== null && source.readyState !== EventSource.CLOSED && performance.now() - heard > SILENT_MS) {
        broke();
    }
}, LISTEN_MS);

function open() {
    source = new EventSource('/api/v1/events');
    heard = performance.now();
    source.addEventListener('beat', () => { heard = performance.now(); });
    source.addEventListener('hello', () => {
        heard = performance.now();
        wait = FIRST_WAIT_MS;
        setLive(true);
        if (before) {
            KINDS.forEach((kind) => tell(kind, {missed: true}));
        }
        before = true;
    });
    for (const kind of KINDS) {
        source.addEventListener(kind, (event) => {
            heard = performance.now();
            tell(kind, event.data ? JSON.parse(event.data) : {});
        });
    }
    source.addEventListener('crowded', () => {
        source.close();
        setLive(false, true);
        timer = setTimeout(open, CROWDED_WAIT_MS);
    });
    source.addEventListener('error', broke);
}

function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
    wait = FIRST_WAIT_MS;
    setLive(false);
}

document.addEventListener('visibilitychange', () => {
    if (wanted && document.hidden) {
        close();
    } else if (wanted && source === null) {
        open();
    }
});

/* lost() is called when the stream broke: perhaps the session has ended. */
export function startEvents(lost) {
    onLost = lost;
    wanted = true;
    if (source === null) {
        open();
    }
}

export function stopEvents() {
    wanted = false;
    before = false;
    close();
}

/* Gives the function that ends it. */
export function subscribe(kind, fn) {
    if (!subscribers.has(kind)) {
        subscribers.set(kind, new Set());
    }
    subscribers.get(kind).add(fn);
    return () => subscribers.get(kind).delete(fn);
}
