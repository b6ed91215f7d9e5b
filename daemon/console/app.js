/* The shell: who is logged in, the way between pages, the frame around them. */
import {configure, get} from './lib/api.js';
import {confirmPassword} from './lib/confirm.js';
import {h} from './lib/dom.js';
import {isCrowded, isLive, startEvents, stopEvents, subscribe} from './lib/events.js';
import {LANGUAGES, currentLanguage, keepLanguage, loadLanguage, t} from './lib/i18n.js';
import {errorBox} from './lib/notice.js';
import {forgetSession, loadSession, logout, may, session} from './lib/session.js';

/* Path, module of pages/, who is offered it in the navigation (null: not in it). */
const PAGES = [
    {path: '/campaigns', page: 'campaigns', nav: ['township', 'approver', 'viewer', 'operator', 'auditor', 'admin']},
    {path: '/campaigns/:id', page: 'campaign'},
    {path: '/pledges', page: 'pledges', nav: ['finance', 'auditor']},
    {path: '/pledges/:number', page: 'pledge'},
    {path: '/totals', page: 'totals', nav: ['township', 'approver', 'finance', 'viewer', 'operator', 'auditor', 'admin']},
    {path: '/totals/:region', page: 'totals'},
    {path: '/wall', page: 'wall', bare: true},
    {path: '/wall/:region', page: 'wall', bare: true},
    {path: '/operations', page: 'operations', nav: ['operator', 'admin']},
    {path: '/people', page: 'people', nav: ['admin', 'auditor']},
    {path: '/audit', page: 'audit', nav: ['auditor', 'admin']},
    {path: '/account', page: 'account'},
];

let leave = null, shown = 0, main = null;

/* The pieces of a path; null: a link that was damaged on its way. */
function pieces(path) {
    try {
        return path.split('/').filter(Boolean).map(decodeURIComponent);
    } catch {
        return null;
    }
}

function parse(hash) {
    const [path, query] = hash.replace(/^#/, '').split('?');
    const parts = pieces(path);
    if (parts === null) {
        return null;
    }
    for (const entry of PAGES) {
        const wanted = entry.path.split('/').filter(Boolean);
        if (wanted.length === parts.length && wanted.every((word, i) => word.startsWith(':') || word === parts[i])) {
            const params = Object.fromEntries(wanted.flatMap((word, i) => (word.startsWith(':') ? [[word.slice(1), parts[i]]] : [])));
            return {entry, params: {...params, query: new URLSearchParams(query ?? '')}};
        }
    }
    return null;
}

function firstPage() {
    return `#${PAGES.find((entry) => entry.nav && may(...entry.nav))?.path ?? '/account'}`;
}

/* ---- the frame ---- */

function languageSwitch() {
    return h('div', {class: 'btn-group btn-group-sm', role: 'group', 'aria-label': t('shell.language')},
        LANGUAGES.map(([code, name]) => h('button', {type: 'button', lang: code, class: `btn btn-outline-light ${code === currentLanguage() ? 'active' : ''}`,
            'aria-pressed': String(code === currentLanguage()), onclick: async () => {
                await loadLanguage(code);
                keepLanguage(code);
                render();
            }}, name)));
}

function navigation(active) {
    const links = PAGES.filter((entry) => entry.nav && may(...entry.nav)).map((entry) => {
        const here = active?.path === entry.path || active?.path.startsWith(`${entry.path}/`);
        return h('li', {class: 'nav-item'}, h('a', {class: `nav-link ${here ? 'active' : ''}`, href: `#${entry.path}`,
            'aria-current': here ? 'page' : null}, t(`nav.${entry.page}`)));
    });
    return h('ul', {class: 'navbar-nav flex-wrap me-auto'}, links);
}

function liveSign() {
    const sign = h('span', {class: 'live-sign', role: 'status'});
    const draw = () => {
        sign.textContent = t(isLive() ? 'shell.live' : isCrowded() ? 'shell.crowded' : 'shell.not_live');
        sign.classList.toggle('is-live', isLive());
        sign.classList.toggle('is-crowded', isCrowded());
    };
    draw();
    subscribe('connection', draw);
    return sign;
}
let sign = null;

function userBox(who) {
    return h('div', {class: 'd-flex flex-wrap align-items-center gap-2 text-white small'},
        h('a', {class: 'link-light', href: '#/account'}, who.title || who.user), h('span', {}, who.area === '0' || who.area === '' ? t('shell.whole_country') : who.area_name || who.area),
        languageSwitch(), h('button', {type: 'button', class: 'btn btn-sm btn-outline-light', id: 'logout', onclick: onLogout}, t('shell.logout')));
}

function header(active) {
    const who = session();
    const menu = h('div', {class: 'shell-menu', id: 'shell-menu'}, navigation(active), sign, userBox(who));
    const toggle = h('button', {type: 'button', class: 'btn btn-outline-light d-lg-none ms-auto', 'aria-expanded': 'false', 'aria-controls': 'shell-menu',
        onclick: () => {
            const open = menu.classList.toggle('open');
            toggle.setAttribute('aria-expanded', String(open));
        }}, t('shell.menu'));
    return h('header', {class: 'shell-header navbar navbar-dark navbar-expand-lg'}, h('nav', {class: 'container-fluid gap-2', 'aria-label': t('shell.navigation')},
        h('a', {class: 'navbar-brand', href: firstPage()}, t('shell.name')), toggle, menu));
}

function trialBanner() {
    return session().trial && h('div', {class: 'trial-banner', role: 'note'}, h('strong', {}, t('trial.title')), ' ', t('trial.means'));
}

function frame(found) {
    sign ??= liveSign();
    main = h('main', {id: 'main', tabindex: '-1', class: found.entry.bare ? 'wall' : 'container-fluid py-3 py-md-4 shell-main'});
    const skip = h('button', {type: 'button', class: 'visually-hidden-focusable btn btn-light skip', onclick: () => main.focus()}, t('shell.skip'));
    document.body.classList.toggle('bare', Boolean(found.entry.bare));
    document.body.replaceChildren(...(found.entry.bare ? [trialBanner(), main] : [skip, header(found.entry), trialBanner(), main,
        h('footer', {class: 'container-fluid text-muted small py-3 shell-footer'}, t('shell.footer', {version: session().version ?? ''}))]).filter(Boolean));
}

/* ---- the way between pages ---- */

/* A stream that broke off may mean that the session has ended: asking tells. */
function listen() {
    startEvents(() => get('/session').catch(() => {}));
}

async function onLogout() {
    const left = leave;
    leave = null;
    try {
        await left?.(); // what was typed is saved while it can be
        await logout();
        stopEvents();
        location.hash = '#/login';
    } catch (error) {
        main.prepend(errorBox(error));
    }
}

async function showLogin() {
    const back = new URLSearchParams(location.hash.split('?')[1] ?? '').get('back');
    const page = await import('./pages/login.js');
    document.body.classList.remove('bare');
    document.title = `${t('login.title')} – ${t('shell.name')}`;
    main = h('main', {id: 'main', tabindex: '-1', class: 'container py-4'});
    document.body.replaceChildren(h('header', {class: 'shell-header navbar navbar-dark'}, h('div', {class: 'container-fluid'},
        h('span', {class: 'navbar-brand'}, t('shell.name')), languageSwitch())), main);
    page.show(main, () => {
        listen();
        const to = back?.startsWith('#/') && !back.startsWith('#/login') ? back : firstPage();
        if (location.hash === to) {
            render();
        } else {
            location.hash = to;
        }
    });
}

async function show(found, turn) {
    const {entry, params} = found;
    frame(found);
    main.setAttribute('aria-busy', 'true');
    try {
        const page = await import(`./pages/${entry.page}.js`);
        const left = await page.show(main, params);
        if (turn === shown) {
            leave = left ?? null;
        } else {
            left?.(); // somebody went on meanwhile
        }
    } catch (error) {
        if (turn === shown) {
            main.prepend(...[!main.querySelector('h1') && h('h1', {class: 'h3'}, t(`nav.${entry.page}`)), errorBox(error)].filter(Boolean));
        }
    }
    if (turn === shown) {
        main.removeAttribute('aria-busy');
        const heading = main.querySelector('h1');
        document.title = `${heading?.textContent || t(`nav.${entry.page}`)} – ${t('shell.name')}`;
        heading?.setAttribute('tabindex', '-1');
        heading?.focus({preventScroll: true});
        window.scrollTo(0, 0);
    }
}

async function render() {
    const turn = ++shown;
    leave?.();
    leave = null;
    document.querySelectorAll('dialog').forEach((dialog) => dialog.close());
    const hash = location.hash;
    if (session() === null) {
        if (!hash.startsWith('#/login')) {
            location.replace(hash.length > 2 ? `#/login?back=${encodeURIComponent(hash)}` : '#/login');
            return;
        }
        await showLogin();
        return;
    }
    const found = parse(hash);
    if (found === null) {
        location.replace(firstPage());
        return;
    }
    await show(found, turn);
}

async function start() {
    // A screen on a wall stays on for days; who sees nothing but totals has nothing that could be misused meanwhile.
    configure({confirmPassword, mayStayOpen: () => session()?.roles?.every((role) => role === 'viewer') ?? false, onSessionLost: () => {
        if (session() !== null) {
            forgetSession();
            stopEvents();
            render();
        }
    }});
    const wanted = parse(location.hash);
    if (wanted !== null) {
        import(`./pages/${wanted.entry.page}.js`).catch(() => {}); // on its way meanwhile; show() says what is wrong with it
    }
    const asked = loadSession();
    asked.catch(() => {}); // said below, in words, once there are words
    await loadLanguage();
    if ((await asked) !== null) {
        listen();
    }
    window.addEventListener('hashchange', render);
    await render();
}

start().catch((error) => {
    document.body.replaceChildren(h('main', {class: 'container py-5'}, h('h1', {class: 'h3'}, t('shell.name')), errorBox(error),
        h('button', {type: 'button', class: 'btn btn-primary', onclick: () => location.reload()}, t('shell.again'))));
});
