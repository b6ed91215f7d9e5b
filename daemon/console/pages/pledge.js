/* One pledge: its sums, every step that was booked, the steps that fit now, and a notice of thanks to print. */
import * as api from '../lib/api.js';
import {ask} from '../lib/dialog.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {subscribe} from '../lib/events.js';
import {time} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {may, session} from '../lib/session.js';
import {errorBox, showError} from '../lib/notice.js';
import {askAgain, toldSection} from '../lib/pledge_told.js';
import {amountOf, entryAmount, givenOf, isMoney, isZero, pledgeBadge, requestId} from '../lib/pledge_words.js';

const SUMS = ['pledged', 'arrived', 'delivered', 'waived', 'moved', 'rest'];
const WRITERS = ['finance'];
const SENDERS = ['finance', 'operator'];

/* Steps whose answer was lost, by pledge and step: the same again is the same request, whoever closed the page meanwhile. */
const unsettled = new Map();

function sameStep(one, other) {
    return JSON.stringify({...one, request: ''}) === JSON.stringify({...other, request: ''});
}

/* Which steps fit a pledge; the daemon has the last word. */
const STEPS = {
    confirm: (pledge) => pledge.state === 'unconfirmed',
    arrive: (pledge) => ['pledged', 'part-arrived', 'lapsed'].includes(pledge.state),
    deliver: (pledge) => !isZero(pledge, 'arrived') && ['part-arrived', 'arrived', 'lapsed'].includes(pledge.state),
    ticket: (pledge) => withoutTicket(pledge).length > 0,
    waive: (pledge) => ['pledged', 'part-arrived', 'lapsed'].includes(pledge.state),
    transfer: (pledge) => ['pledged', 'part-arrived', 'lapsed'].includes(pledge.state),
    void: (pledge) => ['unconfirmed', 'pledged', 'lapsed'].includes(pledge.state),
};

/* What corrects an entry: its reversal, the ticket of an arrival. */
function isMarked(pledge, entry, type) {
    return pledge.entries.some((other) => other.type === type && other.ref === entry.entry && (type === 'reverse' || !isMarked(pledge, other, 'reverse')));
}

/* The arrivals that stand and have no official ticket yet. */
function withoutTicket(pledge) {
    return pledge.entries.filter((entry) => entry.type === 'arrive' && !isMarked(pledge, entry, 'reverse') && !isMarked(pledge, entry, 'ticket'));
}

export async function show(main, params) {
    const path = `/pledges/${encodeURIComponent(params.number)}`;
    const problem = h('div', {'aria-live': 'assertive'});
    const body = h('div', {id: 'pledge'}, h('h1', {class: 'h3'}, params.number));
    let alive = true;
    let wholeNumber = null; // shown until the page is left
    let told = null; // what the donor was told by SMS

    /* The daemon asks for the password when that was given long ago, and writes down who looked. */
    async function showNumber(pledge) {
        fill(problem);
        try {
            wholeNumber = (await api.get(`${path}?masked=0`)).mobile ?? '';
        } catch (error) {
            fill(problem, errorBox(error));
        }
        if (alive) {
            draw(pledge);
        }
    }

    async function load() {
        try {
            const [pledge, messages] = await Promise.all([api.get(path), api.get(`${path}/messages`)]);
            told = messages;
            if (alive) {
                draw(pledge);
            }
        } catch (error) {
            showError(main, error);
        }
    }

    function draw(pledge) {
        fill(body,
            h('div', {class: 'd-flex flex-wrap justify-content-between align-items-center gap-2'},
                h('h1', {class: 'h3 mb-0', id: 'pledge-number', tabindex: '-1'}, pledge.number), pledgeBadge(pledge.state)),
            h('p', {class: 'lead mb-2'}, `${pledge.name || t('pledge.no_name')} · ${givenOf(pledge)}`),
            h('div', {class: 'row g-4'},
                h('div', {class: 'col-12 col-lg-5'}, facts(pledge, mobile(pledge))),
                h('div', {class: 'col-12 col-lg-7'}, sums(pledge))),
            h('div', {class: 'd-flex flex-wrap gap-2 my-3', id: 'pledge-steps'}, stepButtons(pledge),
                isThankable(pledge) && h('button', {type: 'button', class: 'btn btn-outline-secondary', id: 'pledge-print', onclick: () => window.print()}, t('pledge.print'))),
            h('h2', {class: 'h5'}, t('pledge.history')), history(pledge, may(...WRITERS) ? (entry) => takeBack(entry, pledge) : null), toldSection(told, may(...SENDERS) ? sendAgain : null),
            isThankable(pledge) && thanks(pledge));
    }

    async function sendAgain(message) {
        const order = await askAgain(told, message);
        if (!order) {
            return;
        }
        fill(problem);
        try {
            await api.post(`${path}/messages`, {...order, request: requestId()});
            fill(problem, h('div', {class: 'alert alert-success', role: 'status'}, t('told.again_done')));
            await load();
        } catch (error) {
            fill(problem, errorBox(error));
        }
    }

    function mobile(pledge) {
        return pledge.mobile && h('span', {id: 'pledge-mobile'}, wholeNumber ?? pledge.mobile, wholeNumber === null && h('span', {}, ' ',
            h('button', {type: 'button', class: 'btn btn-outline-secondary btn-sm no-print', id: 'pledge-mobile-whole', onclick: () => showNumber(pledge)},
                t('pledge.mobile_whole'))));
    }

    function stepButtons(pledge) {
        if (!may(...WRITERS)) {
            return [];
        }
        return Object.keys(STEPS).filter((name) => STEPS[name](pledge)).map((name) =>
            h('button', {type: 'button', id: `pledge-${name}`, class: `btn ${['confirm', 'arrive', 'deliver'].includes(name) ? 'btn-primary' : 'btn-outline-primary'}`,
                onclick: () => take(name, pledge)}, t(`pledge.step_${name}`)));
    }

    async function take(name, pledge) {
        const answer = await ask({title: t(`pledge.step_${name}`), body: [h('p', {}, t(`pledge.step_${name}_means`))], fields: fieldsOf(name, pledge),
            agree: t(`pledge.step_${name}`), danger: ['void', 'waive'].includes(name)});
        if (!answer) {
            return;
        }
        const fields = Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== ''));
        const step = {...fields, ...(fields.entry ? {entry: Number(fields.entry)} : {}), ...(fields.over ? {over: fields.over === 'yes'} : {}), request: requestId(), source: 'console'};
        const before = unsettled.get(`${path}/${name}`);
        await book(name, before && sameStep(before, step) ? before : step);
    }

    async function takeBack(entry, pledge) {
        const answer = await ask({title: t('pledge.reverse_one', {what: t(`pledge.entry_${entry.type}`), amount: entryAmount(entry, pledge)}), body: [h('p', {}, t('pledge.reverse_means'))],
            fields: [{name: 'why', label: t('pledge.why'), type: 'select', options: ['error', 'bank', 'donor'].map((why) => [why, t(`pledge.why_${why}`)])},
                {name: 'note', label: t('pledge.note'), type: 'textarea', required: true, max: 600}], agree: t('pledge.reverse'), danger: true});
        if (answer) {
            await book('reverse', {...answer, entry: entry.entry, request: requestId(), source: 'console'});
        }
    }

    async function book(name, step) {
        fill(problem);
        try {
            unsettled.set(`${path}/${name}`, step);
            const booked = await api.post(`${path}/${name}`, step);
            unsettled.delete(`${path}/${name}`);
            fill(problem, h('div', {class: 'alert alert-success', role: 'status'}, t('pledge.step_done'),
                booked.receipt && ` ${t('pledge.receipt', {number: booked.receipt})}`,
                booked.peer && h('span', {}, ' ', h('a', {class: 'alert-link', href: `#/pledges/${booked.peer}`}, booked.peer))));
            await load();
            body.querySelector('h1').focus(); // the button of this step is gone
        } catch (error) {
            // Whether it was booked is not known: the same request again is booked once at most.
            const isUnknown = error.status === 0 || error.status >= 500;
            if (!isUnknown) {
                unsettled.delete(`${path}/${name}`);
            }
            fill(problem, errorBox(error), isUnknown && h('button', {type: 'button', class: 'btn btn-outline-primary btn-sm mb-3', id: 'pledge-again', onclick: () => book(name, step)}, t('pledge.same_again')));
            (problem.querySelector('button') ?? body.querySelector(`#pledge-${name}`))?.focus();
        }
    }

    fill(main, h('p', {class: 'mb-2 no-print'}, h('a', {href: '#/pledges'}, t('pledge.back'))), problem, body);
    await load();
    const stops = [subscribe('ledger', load),
        subscribe('campaign', ({id, missed}) => (missed || told?.messages.some((message) => id === `${message.campaign}-receipts`)) && load())];
    return () => {
        alive = false;
        stops.forEach((stop) => stop());
    };
}

function fieldsOf(name, pledge) {
    const what = isMoney(pledge) ? 'amount' : 'quantity';
    const amount = (required) => ({name: what, label: isMoney(pledge) ? t('pledge.amount') : t('pledge.quantity_in', {unit: pledge.unit ?? ''}), required,
        hint: isMoney(pledge) ? t('pledge.amount_hint') : undefined});
    const on = {name: 'on', label: t('pledge.on'), type: 'date', value: session().today ?? ''};
    const document_ = (required) => ({name: 'document', label: t('pledge.document'), required});
    const note = (required) => ({name: 'note', label: t('pledge.note'), type: 'textarea', required, max: 600});
    return {
        confirm: [note(false)],
        arrive: [amount(true), on, document_(false),
            {name: 'over', label: t('pledge.over'), type: 'select', options: [['', t('pledge.over_no')], ['yes', t('pledge.over_yes')]]}, note(false)],
        deliver: [amount(true), {name: 'to', label: t('pledge.to'), hint: t('pledge.to_hint')}, {name: 'purpose', label: t('pledge.purpose')}, on, note(false)],
        ticket: [{name: 'entry', label: t('pledge.ticket_of'), type: 'select',
            options: withoutTicket(pledge).map((entry) => [entry.entry, `${entry.receipt} · ${entryAmount(entry, pledge)}`])},
        {name: 'document', label: t('pledge.ticket'), required: true}],
        waive: [note(true), document_(true)],
        transfer: [{name: 'name', label: t('pledge.name'), required: true}, {name: 'mobile', label: t('pledge.mobile'), type: 'tel'}, note(false)],
        void: [{name: 'why', label: t('pledge.why'), type: 'select', options: [['error', t('pledge.why_error')], ['donor', t('pledge.why_donor')]]}, note(true)],
    }[name];
}

function facts(pledge, mobile) {
    const rows = [
        ['mobile', mobile], ['organisation', pledge.organisation ? t('pledge.yes') : ''], ['public', t(`pledge.public_${pledge.public ?? 'masked'}`)],
        ['region', [pledge.region_name, pledge.region].filter(Boolean).join(' ')], ['campaign', pledge.campaign], ['on', pledge.on], ['due', pledge.due],
        ['purpose', pledge.purpose], ['note', pledge.note],
    ].filter(([, value]) => value);
    return h('dl', {class: 'row mb-0'}, rows.flatMap(([name, value]) => [h('dt', {class: 'col-4'}, t(`pledge.${name}`)), h('dd', {class: 'col-8 text-break'}, value)]));
}

function sums(pledge) {
    return h('table', {class: 'table table-sm', id: 'pledge-sums'}, h('caption', {class: 'visually-hidden'}, t('pledge.sums')),
        h('tbody', {}, SUMS.filter((name) => ['pledged', 'arrived', 'rest'].includes(name) || !isZero(pledge, name)).map((name) =>
            h('tr', {}, h('th', {scope: 'row'}, t(`pledge.sum_${name}`)), h('td', {class: 'text-end'}, amountOf(pledge, name))))));
}

function history(pledge, reverse) {
    return h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-middle stacked', id: 'pledge-history'},
        h('caption', {class: 'visually-hidden'}, t('pledge.history')),
        h('thead', {}, h('tr', {}, ['at', 'type', 'amount', 'actor', 'about'].map((name) => h('th', {scope: 'col'}, t(`pledge.entry_${name}`))))),
        h('tbody', {}, pledge.entries.map((entry) => h('tr', {},
            h('td', {'data-label': t('pledge.entry_at')}, entry.at ? time(entry.at) : ''),
            h('th', {scope: 'row', class: 'fw-normal', 'data-label': t('pledge.entry_type')}, t(`pledge.entry_${entry.type}`)),
            h('td', {'data-label': t('pledge.entry_amount')}, entryAmount(entry, pledge)),
            h('td', {'data-label': t('pledge.entry_actor')}, `${entry.actor ?? ''} · ${t(`pledge.source_${entry.source ?? 'api'}`)}`),
            h('td', {'data-label': t('pledge.entry_about'), class: 'text-break'},
                [entry.receipt, entry.document, entry.peer, entry.note].filter(Boolean).join(' · '), isMarked(pledge, entry, 'reverse') && h('span', {class: 'badge text-bg-secondary ms-1'}, t('pledge.reversed')),
                reverse && isReversible(pledge, entry) && h('button', {type: 'button', class: 'btn btn-outline-danger btn-sm ms-2 no-print', id: `pledge-reverse-${entry.entry}`,
                    'aria-label': t('pledge.reverse_one', {what: t(`pledge.entry_${entry.type}`), amount: entryAmount(entry, pledge)}), onclick: () => reverse(entry)}, t('pledge.reverse'))))))));
}

/* What may be taken back for itself: the pledge as a whole is voided instead. */
const REVERSIBLE = ['confirm', 'arrive', 'deliver', 'waive', 'transfer', 'void'];

function isReversible(pledge, entry) {
    return REVERSIBLE.includes(entry.type) && !isMarked(pledge, entry, 'reverse');
}

/* Who took it back, or never said it for certain, is not thanked for it; for what arrived all the same, he is. */
function isThankable(pledge) {
    return !['unconfirmed', 'void'].includes(pledge.state) && (!['withdrawn', 'waived', 'transferred'].includes(pledge.state) || !isZero(pledge, 'arrived'));
}

/* On paper only this is seen. */
function thanks(pledge) {
    const receipts = pledge.entries.filter((entry) => entry.receipt && entry.type === 'arrive').map((entry) => entry.receipt);
    return h('section', {class: 'thanks print-only', id: 'pledge-thanks'},
        h('h2', {class: 'text-center mb-5'}, t('thanks.title')),
        h('p', {class: 'fs-5'}, pledge.name ? t('thanks.to', {name: pledge.name}) : t('thanks.to_unnamed')),
        h('p', {class: 'fs-5 thanks-body'}, t(isZero(pledge, 'arrived') ? 'thanks.pledged' : 'thanks.arrived',
            {given: givenOf(pledge), arrived: amountOf(pledge, 'arrived'), day: pledge.on ?? '', number: pledge.number})),
        receipts.length > 0 && h('p', {}, t('thanks.receipts', {numbers: receipts.join('、')})),
        h('p', {class: 'fs-5 thanks-body'}, t('thanks.words')),
        h('p', {class: 'text-end mt-5 fs-5'}, session().area_name || pledge.region_name || ''),
        h('p', {class: 'text-end fs-5'}, session().today ?? ''),
        h('p', {class: 'small mt-5'}, t('thanks.no_ticket')));
}
