/* Pledges: enter one, find one, import a paper list. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {dropZone} from '../lib/drop.js';
import {ask} from '../lib/dialog.js';
import {subscribe} from '../lib/events.js';
import {formFields} from '../lib/form.js';
import {count} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {may, session} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';
import {amountOf, givenOf, isZero, KINDS, pledgeBadge, requestId, STATE_NAMES} from '../lib/pledge_words.js';
import {standingDoubles} from '../lib/pledge_double.js';
import {problemTable} from '../lib/problems.js';

const PAGE = 50;
const GATHER_MS = 500;
const WRITERS = ['finance'];

export async function show(main) {
    const writes = may(...WRITERS);
    const list = listSection();
    fill(main,
        h('h1', {class: 'h3'}, t('pledges.title')),
        writes && enterForm(list.load),
        writes && h('details', {class: 'card card-body mb-3', id: 'pledge-import'}, h('summary', {class: 'fw-semibold'}, t('pledges.import')), importForm(list.load)),
        list.element);
    await list.load();
    return list.leave;
}

/* ---- enter ---- */

function enterForm(onBooked) {
    const options = (names, prefix) => names.map((name) => [name, t(`${prefix}_${name}`)]);
    const form = formFields('enter', [
        {name: 'kind', label: t('pledge.kind'), type: 'select', options: options(KINDS, 'pledge.kind')},
        {name: 'amount', label: t('pledge.amount'), required: true, hint: t('pledge.amount_hint')},
        {name: 'item', label: t('pledge.item')}, {name: 'quantity', label: t('pledge.quantity')},
        {name: 'unit', label: t('pledge.unit'), hint: t('pledge.unit_hint')}, {name: 'value', label: t('pledge.value')},
        {name: 'name', label: t('pledge.name')}, {name: 'mobile', label: t('pledge.mobile'), type: 'tel', inputmode: 'tel'},
        {name: 'organisation', label: t('pledge.organisation'), type: 'checkbox'},
        {name: 'public', label: t('pledge.public'), type: 'select', options: options(['masked', 'name', 'anonymous'], 'pledge.public')},
        {name: 'region', label: t('pledge.region'), required: true, value: session().area ?? '', inputmode: 'numeric'},
        {name: 'campaign', label: t('pledge.campaign')}, {name: 'on', label: t('pledge.on'), type: 'date', value: session().today ?? ''},
        {name: 'due', label: t('pledge.due'), type: 'date'}, {name: 'purpose', label: t('pledge.purpose')},
        {name: 'note', label: t('pledge.note'), type: 'textarea', wide: true},
        {name: 'unconfirmed', label: t('pledge.unconfirmed'), type: 'checkbox'},
    ], {kept: true});
    const done = h('div', {role: 'status', id: 'enter-done'});
    const button = h('button', {type: 'submit', class: 'btn btn-primary', id: 'enter-book'}, t('pledges.book'));
    let request = requestId();
    let isUnsettled = false; // its answer was lost: the one that would be found is this one

    function fit() {
        const thing = ['goods', 'service'].includes(form.input('kind').value);
        for (const [name, shown] of [['amount', !thing], ['item', thing], ['quantity', thing], ['unit', thing], ['value', thing]]) {
            form.row(name).hidden = !shown;
            form.input(name).disabled = !shown;
        }
        form.input('quantity').required = form.input('unit').required = thing;
    }

    /* Never in the way: when it cannot be looked up, booking says what is the matter. */
    async function isWanted(values) {
        const doubles = isUnsettled ? [] : await standingDoubles({...values, on: values.on ?? session().today}, session().area).catch(nothingUnlessLoggedOut);
        return doubles.length === 0 || await ask({title: t('pledges.double_title'), agree: t('pledges.double_book'), body: [h('p', {}, t('pledges.double_means')),
            h('ul', {id: 'enter-doubles'}, doubles.map((one) => h('li', {}, h('a', {href: `#/pledges/${one.number}`, target: '_blank', rel: 'noopener'}, one.number),
                ` · ${one.name || t('pledge.no_name')} · ${givenOf(one)} · ${one.region_name || one.region}`)))]}) !== null;
    }

    async function book(event) {
        event.preventDefault();
        button.disabled = true;
        fill(done);
        try {
            const values = form.values();
            if (!await isWanted(values)) {
                return;
            }
            const booked = await api.post('/pledges', {...values, request, source: 'console'});
            request = requestId();
            isUnsettled = false;
            form.clear();
            form.forget();
            fill(done, h('div', {class: 'alert alert-success mt-3'}, t('pledges.booked'), ' ',
                h('a', {href: `#/pledges/${booked.pledge}`, class: 'alert-link', id: 'enter-number'}, booked.pledge)));
            for (const name of ['amount', 'item', 'quantity', 'value', 'name', 'mobile', 'note', 'purpose']) {
                form.input(name).value = '';
            }
            form.input('organisation').checked = false;
            form.input(form.input('amount').disabled ? 'item' : 'amount').focus(); // the next one
            onBooked();
        } catch (error) {
            isUnsettled = error.status === 0 || error.status >= 500;
            if (error.status === 409 || error.status === 400) {
                request = requestId(); // refused: what comes next is another request
            }
            form.show(error);
        } finally {
            button.disabled = false;
        }
    }

    form.input('kind').addEventListener('change', fit);
    fit();
    return h('details', {class: 'card card-body mb-3', id: 'pledge-enter', open: form.isRecalled}, h('summary', {class: 'fw-semibold'}, t('pledges.enter')),
        h('form', {class: 'mt-3', onsubmit: book}, form.element, h('div', {class: 'mt-3'}, button), done));
}

function nothingUnlessLoggedOut(error) {
    if (error.status === 401) {
        throw error;
    }
    return [];
}

/* ---- a paper list ---- */

function importForm(onBooked) {
    const fields = formFields('import', [
        {name: 'region', label: t('pledge.region'), value: session().area ?? '', hint: t('pledges.import_region'), inputmode: 'numeric'},
        {name: 'campaign', label: t('pledge.campaign')}, {name: 'on', label: t('pledge.on'), type: 'date', value: session().today ?? ''},
    ]);
    const result = h('div', {class: 'mt-3', 'aria-live': 'polite', id: 'import-result'});

    async function give(file, check, partial = false) {
        const query = new URLSearchParams({...fields.values(), check: check ? '1' : '0', ...(partial ? {partial: '1'} : {})});
        fill(result, h('p', {}, t(check ? 'pledges.checking' : 'pledges.booking')));
        try {
            const report = await api.post(`/pledges/import?${query}`, file, {type: 'text/csv'});
            fill(result, ...(check ? checked(file, report) : booked(report)));
            if (!check) {
                onBooked();
            }
        } catch (error) {
            fill(result, errorBox(error));
        }
    }

    function checked(file, report) {
        const good = report.rows - report.rejected;
        const button = (partial) => h('button', {type: 'button', class: `btn ${partial ? 'btn-outline-primary' : 'btn-primary'}`, id: 'import-book',
            onclick: (event) => { event.target.disabled = true; give(file, false, partial); }}, t('pledges.book_n', {n: count(good)}));
        if (report.rejected === 0) {
            return [h('div', {class: 'alert alert-success'}, t('pledges.import_good', {n: count(report.rows)})), good > 0 && button(false)];
        }
        return [h('div', {class: 'alert alert-warning'}, t('pledges.import_bad', {n: count(report.rejected), all: count(report.rows)})),
            ...problemTable(report.problems.slice(0, 20), report.rejected, words(report.problems)), good > 0 && button(true),
            h('p', {class: 'small'}, t('pledges.import_partial'))];
    }

    function booked(report) {
        return [h('div', {class: 'alert alert-success'}, t('pledges.import_done', {booked: count(report.booked), repeated: count(report.repeated)})),
            ...(report.rejected > 0 ? problemTable(report.problems.slice(0, 20), report.rejected, words(report.problems)) : [])];
    }

    return h('div', {class: 'mt-3'}, fields.element,
        h('div', {class: 'mt-3'}, dropZone({id: 'import-file', label: t('pledges.import_drop'), hint: t('pledges.import_hint'), accept: '.csv,.txt,text/csv',
            onFile: (file) => give(file, true)})), result);
}

function words(problems) {
    return problems.reduce((sums, one) => ({...sums, [one.word]: (sums[one.word] ?? 0) + 1}), {});
}

/* ---- find ---- */

function listSection() {
    const text = h('input', {type: 'search', class: 'form-control', id: 'pledge-search', autocomplete: 'off', 'aria-describedby': 'pledge-search-hint'});
    const state = h('select', {class: 'form-select', id: 'pledge-state', 'aria-label': t('pledge.state')}, h('option', {value: ''}, t('pledges.any_state')),
        STATE_NAMES.map((name) => h('option', {value: name}, t(`pledge.state_${name}`))));
    const rows = h('tbody', {});
    const status = h('p', {class: 'small text-body-secondary', role: 'status'});
    const problem = h('div', {'aria-live': 'assertive'});
    const more = h('button', {type: 'button', class: 'btn btn-outline-primary', hidden: true, onclick: () => load(true)}, t('pledges.more'));
    let cursor = '', asked = 0, timer = null, shown = 0;

    async function load(goOn = false) {
        const mine = ++asked, looked = text.value.trim();
        const region = session().area ?? '';
        try {
            const page = looked !== ''
                ? await api.post('/pledges/search', {text: looked, limit: PAGE, ...(state.value ? {state: state.value} : {}), ...(region ? {region} : {}), ...(goOn ? {cursor} : {})})
                : await api.get(`/pledges?${new URLSearchParams({limit: String(PAGE), ...(region ? {region} : {}), ...(state.value ? {state: state.value} : {}),
                    ...(goOn ? {cursor} : {})})}`);
            if (mine !== asked) {
                return;
            }
            cursor = page.cursor;
            more.hidden = cursor === '';
            shown = (goOn ? shown : 0) + page.pledges.length;
            fill(problem);
            const made = page.pledges.map(pledgeRow);
            if (goOn) {
                rows.append(...made);
            } else {
                fill(rows, ...made);
            }
            status.textContent = shown > 0 ? t(cursor === '' ? 'pledges.shown' : 'pledges.shown_more', {n: count(shown)}) : t('pledges.none');
        } catch (error) {
            if (mine === asked) {
                fill(problem, errorBox(error));
            }
        }
    }

    const unsubscribe = subscribe('ledger', () => {
        if (text.value.trim() === '' && shown <= PAGE) {
            timer ??= setTimeout(() => { timer = null; load(); }, GATHER_MS);
        }
    });
    state.addEventListener('change', () => load());
    const element = h('section', {'aria-label': t('pledges.find')},
        h('form', {class: 'row g-2 mb-3', role: 'search', onsubmit: (event) => { event.preventDefault(); load(); }},
            h('div', {class: 'col-12 col-md'}, h('label', {class: 'visually-hidden', for: 'pledge-search'}, t('pledges.search')), text,
                h('div', {class: 'form-text', id: 'pledge-search-hint'}, t('pledges.search_hint'))),
            h('div', {class: 'col-7 col-md-3'}, state), h('div', {class: 'col-5 col-md-auto'}, h('button', {type: 'submit', class: 'btn btn-primary w-100'}, t('pledges.find')))),
        problem, status,
        h('div', {class: 'table-responsive'}, h('table', {class: 'table table-hover align-middle stacked', id: 'pledge-list'},
            h('caption', {class: 'visually-hidden'}, t('pledges.title')),
            h('thead', {}, h('tr', {}, ['number', 'name', 'given', 'arrived', 'state', 'region'].map((name) => h('th', {scope: 'col'}, t(`pledge.${name}`))))), rows)), more);
    return {element, load: () => load(), leave: () => { unsubscribe(); clearTimeout(timer); }};
}

function pledgeRow(pledge) {
    return h('tr', {},
        h('th', {scope: 'row', class: 'fw-normal', 'data-label': t('pledge.number')}, h('a', {href: `#/pledges/${pledge.number}`}, pledge.number)),
        h('td', {'data-label': t('pledge.name')}, pledge.name || t('pledge.no_name')),
        h('td', {'data-label': t('pledge.given')}, givenOf(pledge)),
        h('td', {'data-label': t('pledge.arrived')}, isZero(pledge, 'arrived') ? '–' : amountOf(pledge, 'arrived')),
        h('td', {'data-label': t('pledge.state')}, pledgeBadge(pledge.state)),
        h('td', {'data-label': t('pledge.region')}, pledge.region_name || pledge.region));
}
