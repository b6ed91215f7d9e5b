/* What an area's totals say, ready to show. Money is cash and purchases; goods and service stand by item. */
import * as api from './api.js';

const MONEY = ['cash', 'purchase'];
export const KINDS = ['cash', 'purchase', 'goods', 'service'];

function sum(tree, measure, part) {
    return MONEY.reduce((all, kind) => all + (tree[kind]?.[measure]?.[part] ?? 0), 0);
}

/* {pledged, arrived, delivered (fen), pledges, donors (how many; null: not known)} of a row of /totals. */
export function figures(row) {
    const tree = row.tree ?? {};
    return {
        pledged: sum(tree, 'pledged', 'fen'), arrived: sum(tree, 'arrived', 'fen'), delivered: sum(tree, 'delivered', 'fen'),
        pledges: KINDS.reduce((all, kind) => all + (tree[kind]?.pledged?.count ?? 0), 0),
        donors: row.donors ?? null,
    };
}

function query(params) {
    const given = Object.entries(params).filter(([, value]) => value !== '' && value !== null && value !== undefined);
    return given.length > 0 ? `?${new URLSearchParams(given)}` : '';
}

/* region '' is everything the reader may see; level: '' (the next one) or a word of the API. */
export function fetchTotals({region, year, level}) {
    return api.get(`/totals${query({region, year, level, children: '1'})}`);
}
export function fetchDay({region, day}) {
    return api.get(`/totals/day${query({region, day, step: '15'})}`);
}
export function fetchMessages({region, year}) {
    return api.get(`/totals/messages${query({region, year})}`);
}

/* Of the line over the day and the messages: nobody waits for them as for the figures. */
export const LATER = {gap_ms: 5000, later_ms: 1000};

/* Calls load() now, when one of `kinds` is told, and once a minute; never twice at a time, at most once in `gap_ms`. What is not
 * waited for is given `later_ms`: two hundred pages then ask for it one after the other and not at the moment of the pledge. */
export function follow(subscribe, load, {kinds = ['ledger'], gap_ms = 500, later_ms = 0} = {}) {
    const MINUTE_MS = 60000;
    let running = false, again = false, last = -gap_ms, timer = null, over = false;
    async function run() {
        timer = null;
        if (running) {
            again = true;
            return;
        }
        running = true;
        last = performance.now();
        await load();
        running = false;
        if (again && !over) {
            again = false;
            soon();
        }
    }
    function soon() {
        timer ??= setTimeout(run, Math.max(later_ms * (1 + Math.random()), last + gap_ms - performance.now()));
    }
    function now() {
        clearTimeout(timer);
        run();
    }
    const ends = kinds.map((kind) => subscribe(kind, soon));
    const minute = setInterval(soon, MINUTE_MS);
    return {
        first: run(),
        again: now,
        stop() {
            over = true;
            ends.forEach((end) => end());
            clearTimeout(timer);
            clearInterval(minute);
        },
    };
}

/* The areas that a chart shows, the biggest first, and the sum of all others: {shown, rest: {n, pledged, arrived}}. */
export function biggest(children, n) {
    const all = children.map((row) => ({row, ...figures(row)})).filter((one) => one.pledged > 0 || one.arrived > 0)
        .sort((a, b) => b.pledged - a.pledged || b.arrived - a.arrived);
    const others = all.slice(n), total = (name) => others.reduce((sum_, one) => sum_ + one[name], 0);
    return {shown: all.slice(0, n), rest: {n: others.length, pledged: total('pledged'), arrived: total('arrived')}};
}
