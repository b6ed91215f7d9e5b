/* For a screen on a wall, read from five metres: few figures, large, live, each with what it means and how old it is. */
import {chartBox} from '../lib/chart.js';
import {h} from '../lib/dom.js';
import {isLive, subscribe} from '../lib/events.js';
import {count, timeExact, yuanShort} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {ownArea, session} from '../lib/session.js';
import {LATER, fetchDay, fetchMessages, fetchTotals, figures, follow} from '../lib/totals.js';
import {barConfig, lineConfig} from '../lib/totals_charts.js';

const BARS = 7;

export async function show(main, params) {
    const region = params.region ?? ownArea();
    const year = session().today.slice(0, 4);
    const title = h('h1', {class: 'wall-title'}, t('nav.totals'));
    const asOf = h('div', {class: 'wall-as-of', role: 'status'});
    const figure = (name, big) => {
        const value = h('div', {class: big ? 'wall-value wall-big' : 'wall-value', id: `wall-${name}`}, '–');
        const scope = h('span', {class: 'wall-scope'});
        return {value, scope, element: h('div', {class: 'wall-figure'}, h('div', {class: 'wall-name'}, t(`totals.${name}`)), value,
            h('div', {class: 'wall-means'}, h('span', {}, t(`wall.${name}_means`)), scope))};
    };
    const full = fullScreenButton();
    const shown = {pledged: figure('pledged', true), arrived: figure('arrived'), delivered: figure('delivered'), donors: figure('donors'), messages: figure('messages')};
    const bars = chartBox(t('totals.bar_chart'), 'wall-chart'), line = chartBox(t('totals.line_chart'), 'wall-chart');
    let over = false, last = null;

    function drawState() {
        asOf.classList.toggle('wall-stale', !isLive());
        asOf.textContent = isLive() ? t('wall.as_of', {time: last ?? '–'}) : t('wall.stale', {time: last ?? '–'});
    }

    /* The area and the year stand on top; the day is on the sign beside them. */
    function tellScope(name, until) {
        shown[name].scope.textContent = t('wall.scope', {year, time: timeExact(until).slice(11)});
    }

    const size = () => Math.max(14, Math.round(window.innerHeight * 0.026));

    async function load() {
        try {
            const totals = await fetchTotals({region, year});
            if (over) {
                return;
            }
            const all = figures(totals);
            title.textContent = t('wall.heading', {area: region === '' ? t('shell.whole_country') : totals.name || totals.path || region, year});
            for (const [name, one] of Object.entries(shown).filter(([word]) => word !== 'messages')) {
                one.value.textContent = name === 'donors' ? count(all.donors) : yuanShort(all[name]);
            }
            last = timeExact(totals.as_of);
            for (const name of ['pledged', 'arrived', 'delivered', 'donors']) {
                tellScope(name, totals.as_of);
            }
            bars.update(barConfig(totals.children ?? [], BARS, size()));
        } catch {
            // the sign says that it is not live; the last figures stay with their time
        }
        drawState();
    }

    async function loadDay() {
        const day = await fetchDay({region, day: session().today}).catch(() => null);
        if (!over && day !== null) {
            line.update(lineConfig(day, size()));
        }
    }

    async function loadMessages() {
        const messages = await fetchMessages({region, year}).catch(() => null);
        if (!over && messages !== null) {
            shown.messages.value.textContent = count(messages.delivered);
            tellScope('messages', messages.as_of);
        }
    }

    main.replaceChildren(
        h('div', {class: 'wall-head'}, title, asOf, full.element, h('a', {class: 'wall-leave', href: region ? `#/totals/${region}` : '#/totals'}, t('wall.leave'))),
        shown.pledged.element,
        h('div', {class: 'wall-row'}, ['arrived', 'delivered', 'donors', 'messages'].map((name) => shown[name].element)),
        h('div', {class: 'wall-row wall-charts'}, bars.element, line.element));
    const ends = [subscribe('connection', drawState)];
    const live = [follow(subscribe, load), follow(subscribe, loadDay, LATER), follow(subscribe, loadMessages, {...LATER, kinds: ['campaign']})];
    await Promise.all(live.map((one) => one.first));
    return () => {
        over = true;
        full.leave();
        ends.forEach((end) => end());
        live.forEach((one) => one.stop());
        bars.destroy();
        line.destroy();
    };
}

/* A browser's own frame takes a sixth of the screen. Escape leaves it, as everywhere. */
function fullScreenButton() {
    const element = h('button', {type: 'button', class: 'wall-full', id: 'wall-full', hidden: !document.fullscreenEnabled, onclick: () => {
        const turned = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
        turned.catch(() => {}); // refused by the browser: the page stays as it is
    }});
    const draw = () => {
        element.textContent = t(document.fullscreenElement ? 'wall.full_off' : 'wall.full_on');
        element.setAttribute('aria-pressed', String(Boolean(document.fullscreenElement)));
    };
    draw();
    document.addEventListener('fullscreenchange', draw);
    return {element, leave() {
        document.removeEventListener('fullscreenchange', draw);
        if (document.fullscreenElement) {
            document.exitFullscreen().catch(() => {});
        }
    }};
}
