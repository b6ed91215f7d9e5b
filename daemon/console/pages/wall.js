/* For a screen on a wall, read from five metres: few figures, large, live; nothing to press. */
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
        return {value, element: h('div', {class: 'wall-figure'}, h('div', {class: 'wall-name'}, t(`totals.${name}`)), value)};
    };
    const shown = {pledged: figure('pledged', true), arrived: figure('arrived'), delivered: figure('delivered'), donors: figure('donors'), messages: figure('messages')};
    const bars = chartBox(t('totals.bar_chart'), 'wall-chart'), line = chartBox(t('totals.line_chart'), 'wall-chart');
    let over = false, last = null;

    function drawState() {
        asOf.classList.toggle('wall-stale', !isLive());
        asOf.textContent = isLive() ? t('wall.as_of', {time: last ?? '–'}) : t('wall.stale', {time: last ?? '–'});
    }

    const size = () => Math.max(14, Math.round(window.innerHeight * 0.026));

    async function load() {
        try {
            const totals = await fetchTotals({region, year});
            if (over) {
                return;
            }
            const all = figures(totals);
            title.textContent = t('wall.heading', {area: totals.name || totals.path || t('shell.whole_country'), year});
            for (const [name, one] of Object.entries(shown).filter(([word]) => word !== 'messages')) {
                one.value.textContent = name === 'donors' ? count(all.donors) : yuanShort(all[name]);
            }
            last = timeExact(totals.as_of);
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
        }
    }

    main.replaceChildren(
        h('div', {class: 'wall-head'}, title, asOf, h('a', {class: 'wall-leave', href: region ? `#/totals/${region}` : '#/totals'}, t('wall.leave'))),
        shown.pledged.element,
        h('div', {class: 'wall-row'}, ['arrived', 'delivered', 'donors', 'messages'].map((name) => shown[name].element)),
        h('div', {class: 'wall-row wall-charts'}, bars.element, line.element),
        h('p', {class: 'wall-means'}, t('wall.means')));
    const ends = [subscribe('connection', drawState)];
    const live = [follow(subscribe, load), follow(subscribe, loadDay, LATER), follow(subscribe, loadMessages, {...LATER, kinds: ['campaign']})];
    await Promise.all(live.map((one) => one.first));
    return () => {
        over = true;
        ends.forEach((end) => end());
        live.forEach((one) => one.stop());
        bars.destroy();
        line.destroy();
    };
}
