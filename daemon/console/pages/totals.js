/* What an area pledged, what arrived, what was handed out, and the same of the areas in it; it follows the ledger live. */
import {chartBox} from '../lib/chart.js';
import {h} from '../lib/dom.js';
import {subscribe} from '../lib/events.js';
import {count, timeExact, yuan, yuanShort} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';
import {regionName} from '../lib/region.js';
import {ownArea, session} from '../lib/session.js';
import {KINDS, LATER, biggest, fetchDay, fetchMessages, fetchTotals, figures, follow} from '../lib/totals.js';
import {barConfig, lineConfig} from '../lib/totals_charts.js';
import {areaTable} from '../lib/totals_table.js';

const LEVELS = ['', 'city', 'county', 'township', 'village'];
const DIGITS = {city: 4, county: 6, township: 9, village: 12};
const BARS = 15;
const CARDS = ['pledged', 'arrived', 'delivered', 'donors', 'pledges', 'messages'];
const THINGS = {pledged: 'promised', arrived: 'came', delivered: 'given'};
const COUNTS = ['donors', 'pledges', 'messages'];

function digits(code) {
    return code.replace(/0+$/, '').length;
}

/* The areas above, as far as the reader may see: 51 > 5133 > 513327 > 513327205. */
function ancestors(code) {
    const own = ownArea();
    return [2, 4, 6, 9].filter((n) => n < code.length && n >= own.length).map((n) => code.slice(0, n)).filter((one) => !/^0*$/.test(one));
}

/* By its name; the code stands there until the name is known. */
function ancestorLink(code) {
    const link = h('a', {href: `#/totals/${code}`, title: code}, code);
    regionName(code).then((name) => { link.textContent = name || code; });
    return link;
}

export async function show(main, params) {
    const region = params.region ?? ownArea();
    const thisYear = session().today.slice(0, 4);
    const levels = LEVELS.filter((word) => word === '' || DIGITS[word] > Math.max(2, digits(region)));
    const state = {year: thisYear, level: levels.find((word) => word === params.query.get('level')) ?? ''};
    const problem = h('div', {'aria-live': 'assertive'});
    const heading = h('h1', {class: 'h3 mb-1'}, t('nav.totals'));
    const path = h('nav', {class: 'small mb-2 no-print', 'aria-label': t('totals.path')});
    const asOf = h('p', {class: 'text-muted small mb-3', role: 'status', id: 'totals-as-of'});
    const cards = Object.fromEntries(CARDS.map((name) => [name, card(name)]));
    const bars = chartBox(t('totals.bar_chart')), line = chartBox(t('totals.line_chart'));
    const rest = h('p', {class: 'small text-muted mb-0', id: 'totals-rest'});
    const kinds = h('tbody', {}), things = h('tbody', {});
    const areas = areaTable();
    const told = {};
    let scopeArea = region;
    const search = h('input', {type: 'search', id: 'totals-search', class: 'form-control', autocomplete: 'off', placeholder: t('totals.search'),
        oninput: () => areas.search(search.value)});
    const level = h('select', {id: 'totals-level', class: 'form-select', value: state.level, onchange: () => {
        state.level = level.value;
        history.replaceState(null, '', `#/totals${region && `/${region}`}${state.level && `?level=${state.level}`}`);
        live.again();
    }}, levels.map((word) => h('option', {value: word}, t(`totals.level_${word || 'next'}`))));
    const year = h('select', {id: 'totals-year', class: 'form-select', onchange: () => { state.year = year.value; live.again(); sums.again(); }},
        h('option', {value: thisYear}, t('totals.this_year', {year: thisYear})), h('option', {value: ''}, t('totals.all_years')));

    function drawCards(all) {
        for (const name of CARDS.filter((one) => one !== 'messages')) {
            cards[name].show(COUNTS.includes(name) ? count(all[name]) : yuanShort(all[name]));
        }
    }

    function drawKinds(totals) {
        kinds.replaceChildren(...KINDS.filter((kind) => totals.tree[kind]).map((kind) => {
            const of = totals.tree[kind];
            const cell = (measure) => h('td', {class: 'num', 'data-label': t(`totals.${measure}`)}, yuan(of[measure]?.fen ?? 0));
            return h('tr', {}, h('th', {scope: 'row'}, t(`kind.${kind}`)), h('td', {class: 'num', 'data-label': t('totals.pledges')}, count(of.pledged?.count ?? 0)), cell('pledged'), cell('arrived'), cell('delivered'));
        }));
        things.replaceChildren(...totals.things.map((one) => h('tr', {}, h('th', {scope: 'row'}, one.item || t(`kind.${one.kind}`)),
            ...Object.entries(THINGS).map(([measure, label]) => h('td', {class: 'num', 'data-label': t(`totals.${label}`)}, `${one.tree[measure] ?? 0} ${one.unit}`)))));
        things.closest('div').hidden = totals.things.length === 0;
    }

    /* A bar for the many others would make those that are shown too short to compare. */
    function drawRest(children) {
        const {n, pledged, arrived} = biggest(children, BARS).rest;
        rest.textContent = n > 0 ? t('totals.rest', {n: count(n), pledged: yuanShort(pledged), arrived: yuanShort(arrived)}) : '';
    }

    /* What they stand for, and how old they are, under each of them. The area's name comes with the totals. */
    function drawScope() {
        for (const [name, {of, until}] of Object.entries(told)) {
            cards[name].tell(t('totals.scope', {area: scopeArea, year: of ? t('totals.this_year', {year: of}) : t('totals.all_years')}), t('totals.cut_off', {time: timeExact(until)}));
        }
    }

    function tellScope(names, of, until) {
        names.forEach((name) => { told[name] = {of, until}; });
        drawScope();
    }

    function drawPath(totals) {
        scopeArea = region === '' ? t('shell.whole_country') : totals.name || totals.path || region;
        heading.textContent = t('totals.heading', {area: scopeArea});
        path.replaceChildren(...ancestors(region).flatMap((code) => [ancestorLink(code), ' › ']), h('span', {'aria-current': 'page'}, scopeArea));
    }

    async function load() {
        const asked = {region, year: state.year, level: state.level};
        try {
            const totals = await fetchTotals(asked);
            if (over || asked.year !== state.year || asked.level !== state.level) {
                return;
            }
            problem.replaceChildren();
            drawPath(totals);
            drawCards(figures(totals));
            tellScope(CARDS.filter((one) => one !== 'messages'), asked.year, totals.as_of);
            asOf.textContent = t('totals.as_of', {time: timeExact(totals.as_of), entry: count(totals.as_of_entry),
                year: state.year || t('totals.all_years')});
            drawKinds(totals);
            areas.show(totals.children ?? []);
            bars.element.closest('section').hidden = areas.rows().length === 0;
            drawRest(totals.children ?? []);
            bars.update(barConfig(totals.children ?? [], BARS, 13));
        } catch (error) {
            if (!over) {
                problem.replaceChildren(errorBox(error));
            }
        }
    }

    async function loadDay() {
        const day = await fetchDay({region, day: session().today}).catch(() => null);
        if (!over) {
            line.element.closest('section').hidden = day === null;
            if (day !== null) {
                line.update(lineConfig(day, 13));
            }
        }
    }

    async function loadMessages() {
        const asked = state.year, messages = await fetchMessages({region, year: asked}).catch(() => null);
        if (!over && asked === state.year) {
            cards.messages.show(count(messages?.delivered));
            tellScope(['messages'], asked, messages?.as_of);
            cards.messages.element.hidden = messages === null;
        }
    }

    function download() {
        const cell = (text) => `"${(/^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
        const rows = [[t('totals.code'), ...['area', 'donors', 'pledges', 'pledged', 'arrived', 'delivered'].map((name) => t(`totals.${name}`))],
            ...areas.shown().map((one) => [one.row.is_direct ? '' : one.row.region, one.name, one.of.donors ?? '', one.of.pledges, one.of.pledged, one.of.arrived, one.of.delivered]
                .map((value, i) => (i >= 4 ? (value / 100).toFixed(2) : String(value))))];
        const wanted = search.value.trim();
        const notes = [[asOf.textContent], ...(wanted === '' ? [] : [[t('totals.csv_searched', {text: wanted})]]), [t('totals.pledged_means')], [t('totals.arrived_means')], [t('totals.delivered_means')], [t('totals.donors_means')]];
        const text = `\ufeff${[...rows, ...notes].map((line_) => line_.map(cell).join(',')).join('\r\n')}\r\n`;
        const link = h('a', {href: URL.createObjectURL(new Blob([text], {type: 'text/csv'})), download: `totals-${region || 'all'}-${session().today}.csv`});
        document.body.append(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    const section = (title, ...inside) => h('section', {class: 'mb-4'}, h('h2', {class: 'h5'}, title), inside);
    const columns = (...names) => h('thead', {}, h('tr', {}, names.map((name, i) => h('th', {scope: 'col', class: i > 0 ? 'num' : ''}, t(name)))));
    main.replaceChildren(
        h('div', {class: 'd-flex flex-wrap justify-content-between gap-2'},
            h('div', {}, path, heading),
            h('div', {class: 'd-flex flex-wrap gap-2 align-items-end no-print'},
                h('div', {}, h('label', {class: 'form-label small mb-0', for: 'totals-year'}, t('totals.year')), year),
                h('button', {type: 'button', class: 'btn btn-outline-primary', id: 'totals-csv', onclick: download}, t('totals.csv')),
                h('button', {type: 'button', class: 'btn btn-outline-primary', onclick: () => window.print()}, t('totals.print')),
                h('a', {class: 'btn btn-outline-primary', href: region ? `#/wall/${region}` : '#/wall'}, t('nav.wall')))),
        asOf, problem,
        h('div', {class: 'figure-grid mb-4'}, CARDS.map((name) => cards[name].element)),
        h('div', {class: 'row'},
            h('div', {class: 'col-12 col-xl-6'}, section(t('totals.by_area', {n: BARS}), bars.element, rest)),
            h('div', {class: 'col-12 col-xl-6'}, section(t('totals.over_day', {day: session().today}), line.element,
                h('p', {class: 'small text-muted mb-0'}, t('totals.over_day_means'))))),
        section(t('totals.areas'),
            h('div', {class: 'row g-2 mb-2 no-print'},
                h('div', {class: 'col-12 col-md-4'}, h('label', {class: 'form-label small mb-0', for: 'totals-search'}, t('totals.search')), search),
                h('div', {class: 'col-12 col-md-3'}, h('label', {class: 'form-label small mb-0', for: 'totals-level'}, t('totals.level')), level)),
            areas.foot, areas.element),
        section(t('totals.by_kind'),
            h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm stacked'}, h('caption', {}, t('totals.kind_means')),
                columns('totals.kind', 'totals.pledges', 'totals.pledged', 'totals.arrived', 'totals.delivered'), kinds)),
            h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm stacked'}, h('caption', {}, t('totals.things')),
                columns('totals.item', 'totals.promised', 'totals.came', 'totals.given'), things))));
    let over = false;
    const live = follow(subscribe, load), lines = follow(subscribe, loadDay, LATER),
        sums = follow(subscribe, loadMessages, {...LATER, kinds: ['campaign']});
    await Promise.all([live.first, lines.first, sums.first]);
    return () => {
        over = true;
        [live, lines, sums].forEach((one) => one.stop());
        bars.destroy();
        line.destroy();
    };
}

/* A big figure with what it means under it. */
function card(name) {
    const value = h('div', {class: 'figure-value', id: `figure-${name}`}, '–'), scope = h('div', {class: 'figure-scope'}), cutOff = h('div', {class: 'figure-scope'});
    return {
        element: h('div', {class: 'figure-card'}, h('div', {class: 'figure-name'}, t(`totals.${name}`)), value, h('div', {class: 'figure-means'}, t(`totals.${name}_means`)), scope, cutOff),
        tell(of, until) {
            scope.textContent = of;
            cutOff.textContent = until;
        },
        show(text) {
            if (value.textContent !== text) {
                value.textContent = text;
            }
        },
    };
}
