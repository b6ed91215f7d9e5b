/* The table of areas: sorted, searched, up to some thousands of rows. Every row stands in the page, so that it is printed,
 * read aloud and found with the browser's own search; rows are made once and only what changed is written into them. */
import {h} from './dom.js';
import {count, percent, yuan} from './format.js';
import {t} from './i18n.js';
import {figures} from './totals.js';
import {rowName} from './totals_charts.js';

const COLUMNS = [
    {name: 'area', value: (one) => one.name},
    {name: 'donors', text: (of) => (of.donors === null ? '–' : count(of.donors)), value: (one) => one.of.donors ?? -1},
    {name: 'pledges', text: (of) => count(of.pledges), value: (one) => one.of.pledges},
    {name: 'pledged', text: (of) => yuan(of.pledged), value: (one) => one.of.pledged},
    {name: 'arrived', text: (of) => yuan(of.arrived), value: (one) => one.of.arrived},
    {name: 'share', text: (of) => percent(of.arrived, of.pledged), value: (one) => (one.of.pledged > 0 ? one.of.arrived / one.of.pledged : -1)},
    {name: 'delivered', text: (of) => yuan(of.delivered), value: (one) => one.of.delivered},
];
const FIGURES = COLUMNS.filter((column) => column.text);
const names = new Intl.Collator('zh-CN');

const GROUP = 100; /* rows; even, so that the stripes go on */
const ROW_PX = 33; /* of one that was not laid out yet; close enough for the scroll bar */

/* Of one shape, and cloned: a table of 1 757 rows is 14 000 elements. */
function shape(nameTag) {
    return h('tr', {role: 'row'}, h('th', {scope: 'row', role: 'rowheader', class: 'fw-normal'}, h(nameTag, {}, '-'), h('span', {class: 'text-muted small ms-1'}, '-')),
        FIGURES.map((column) => h('td', {role: 'cell', class: 'num', 'data-label': t(`totals.${column.name}`)}, '-')));
}

function makeRow(row, shapes) {
    const leads = !row.is_direct && row.level !== 'village';
    const element = shapes[leads ? 'linked' : 'plain'].cloneNode(true);
    const [heading, ...cells] = element.children, [name, code] = heading.children;
    name.firstChild.data = rowName(row);
    code.firstChild.data = row.is_direct ? '' : row.region;
    if (leads) {
        name.href = `#/totals/${row.region}`;
    }
    return {element, name: rowName(row), words: `${rowName(row)} ${row.region}`.toLowerCase(), texts: cells.map((cell) => cell.firstChild), of: {}};
}

/* Gives {element, foot, search(text), show(rows of /totals), rows(): what is shown by show, shown(): what is found of it, in the order of the page}. */
export function areaTable() {
    const head = h('tr', {role: 'row'}), foot = h('p', {class: 'small text-muted', role: 'status'});
    const table = h('table', {class: 'table table-sm table-striped align-middle area-table', id: 'totals-table', role: 'table', 'aria-label': t('totals.areas')},
        h('thead', {role: 'rowgroup'}, head));
    const known = new Map(), shapes = {linked: shape('a'), plain: shape('span')};
    let all = [], inOrder = [], groups = [], wanted = '', sort = 'pledged', down = true;

    function drawHead() {
        head.replaceChildren(...COLUMNS.map((column) => {
            const mine = sort === column.name;
            return h('th', {scope: 'col', role: 'columnheader', class: column.name === 'area' ? '' : 'num', 'aria-sort': mine ? (down ? 'descending' : 'ascending') : 'none'},
                h('button', {type: 'button', class: 'sort-button', 'data-sort': column.name, onclick: () => {
                    down = mine ? !down : column.name !== 'area';
                    sort = column.name;
                    drawHead();
                    drawBody();
                    head.querySelector(`[data-sort=${column.name}]`).focus();
                }}, t(`totals.${column.name}`), h('span', {'aria-hidden': 'true'}, mine ? (down ? ' ▼' : ' ▲') : ' ↕')));
        }));
    }

    function drawBody() {
        const {value} = COLUMNS.find((one) => one.name === sort), order = down ? -1 : 1;
        const shown = all.filter((one) => wanted === '' || one.words.includes(wanted))
            .sort((a, b) => order * (sort === 'area' ? names.compare(a.name, b.name) : value(a) - value(b)));
        if (shown.length !== inOrder.length || shown.some((one, i) => one !== inOrder[i])) {
            const focused = table.contains(document.activeElement) ? document.activeElement : null;
            groups.forEach((group) => group.remove());
            groups = [];
            for (let i = 0; i < shown.length; i += GROUP) {
                const group = shown.slice(i, i + GROUP);
                groups.push(h('tbody', {role: 'rowgroup'}, group.map((one) => one.element)));
                groups.at(-1).style.containIntrinsicBlockSize = `auto ${group.length * ROW_PX}px`;
            }
            table.append(...groups);
            focused?.focus({preventScroll: true});
            inOrder = shown;
        }
        foot.textContent = shown.length === 0 ? t('totals.no_rows') : t('totals.rows', {n: count(shown.length), all: count(all.length)});
    }

    function update(one, row) {
        const of = figures(row);
        FIGURES.forEach((column, i) => {
            const text = column.text(of);
            if (one.texts[i].data !== text) {
                one.texts[i].data = text;
            }
        });
        one.of = of;
        one.row = row;
        return one;
    }

    drawHead();
    return {
        foot,
        element: h('div', {class: 'table-responsive'}, table),
        rows: () => all,
        shown: () => inOrder,
        search(text) {
            wanted = text.trim().toLowerCase();
            drawBody();
        },
        show(rows) {
            all = rows.map((row) => {
                const key = `${row.region} ${row.is_direct ?? ''} ${row.level} ${rowName(row)}`;
                if (!known.has(key)) {
                    known.set(key, makeRow(row, shapes));
                }
                return update(known.get(key), row);
            });
            drawBody();
        },
    };
}
