/* Step 2: the message, with what it weighs at each moment, and as it will look on the phones of real rows. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {count, yuan} from '../lib/format.js';
import {words} from '../lib/sentences.js';
import {t} from '../lib/i18n.js';
import {session} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';
import {missingColumns, mistakesOf, mistakeText} from './mistakes.js';

const COUNT_AFTER_MS = 250;
const OPTOUT = '拒收请回复R'; // what the daemon adds to publicity that does not say how to refuse it

export function render(body, context) {
    const {signature_min: least, signature_max: most} = session().limits;
    const {draft} = context, typed = context.fields();
    const fields = {
        text: h('textarea', {class: 'form-control', id: 'text-text', 'data-field': 'text', rows: '6', 'aria-describedby': 'text-weight'}),
        signature: h('input', {class: 'form-control', id: 'text-signature', 'data-field': 'signature', maxlength: String(most), autocomplete: 'off', 'aria-describedby': 'text-signature-hint'}),
        optout: h('input', {class: 'form-control', id: 'text-optout', 'data-field': 'optout', maxlength: '30', autocomplete: 'off'}),
    };
    const weight = h('div', {class: 'form-text text-body fw-semibold', id: 'text-weight', 'aria-live': 'polite'});
    const problems = h('div', {id: 'text-problems', 'aria-live': 'polite'});
    const screen = h('div', {class: 'phone-bubble', id: 'preview-text'});
    const place = h('div', {class: 'small', 'aria-live': 'polite', id: 'preview-place'});
    const step = (by, label, sign) => h('button', {type: 'button', class: 'btn btn-outline-primary btn-sm', 'aria-label': t(label),
        id: by < 0 ? 'preview-back' : 'preview-on', onclick: () => showRow(at + by)}, sign);
    let timer = null, asked = 0, at = 1, of = 0, alive = true;

    /* A field that nobody filled in holds its default: it is neither saved nor weighed as an empty one. */
    const touched = new Set(Object.keys(fields).filter((name) => typed[name] !== null));
    function values() {
        return Object.fromEntries([...touched].map((name) => [name, fields[name].value]));
    }

    async function weigh() {
        const mine = ++asked;
        try {
            const optout = (context.fields().class ?? 'publicity') === 'publicity' ? {optout: OPTOUT} : {};
            const weighed = await api.post('/text/count', {...optout, ...values(), carrier: context.draft.fields.carrier});
            if (mine !== asked || !alive) {
                return;
            }
            weight.textContent = weighed.segments === 0 ? '' : t(weighed.personal ? 'text.weight_personal' : 'text.weight', {units: count(weighed.units), segments: count(weighed.segments),
                left: count(weighed.left), price: yuan(weighed.price_fen)});
            const own = mistakesOf(context.draft, 'text').map(mistakeText);
            const missing = missingColumns(context.draft, fields.text.value).map((column) => t('text.no_column', {column, columns: (context.draft.recipients.columns ?? []).join('、')}));
            fill(problems, ...[...missing, ...weighed.problems.map(words), ...own].map((problem) => h('div', {class: 'alert alert-warning py-2 my-2'}, problem)));
        } catch (error) {
            if (mine === asked && alive) {
                fill(problems, errorBox(error));
            }
        }
    }

    function changed(name) {
        touched.add(name);
        clearTimeout(timer);
        timer = setTimeout(weigh, COUNT_AFTER_MS);
        context.save({[name]: fields[name].value});
    }

    async function showRow(n) {
        if (!context.draft.recipients || !context.draft.fields.text) {
            screen.textContent = t('text.preview_none');
            place.textContent = '';
            return;
        }
        try {
            const row = await api.get(`${context.path}/preview?at=${Math.max(1, of > 0 ? Math.min(n, of) : n) - 1}`); // the API counts from 0, people from 1
            if (!alive) {
                return;
            }
            at = row.at + 1;
            of = row.of;
            screen.textContent = row.text;
            place.textContent = t('text.preview_place', {at: count(at), of: count(row.of), row: row.row, number: row.number,
                segments: count(row.segments), price: yuan(row.cost_fen)});
        } catch (error) {
            screen.textContent = t('text.preview_none');
            fill(place, error.message ? words(error.message) : '');
        }
    }

    function insert(column) {
        const {text} = fields;
        text.setRangeText(`((${column}))`, text.selectionStart, text.selectionEnd, 'end');
        text.focus();
        changed('text');
    }

    for (const [name, input] of Object.entries(fields)) {
        input.value = typed[name] ?? '';
        input.readOnly = !context.editable;
        input.placeholder = name === 'optout' && (typed.class ?? 'publicity') === 'publicity' ? OPTOUT : '';
        input.addEventListener('input', () => changed(name));
    }
    const columns = draft.recipients?.columns ?? [];
    fill(body,
        h('h2', {class: 'h5'}, t('text.title')),
        h('div', {class: 'row g-4'},
            h('div', {class: 'col-12 col-lg-7'},
                h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: 'text-signature'}, t('text.signature')), fields.signature,
                    h('div', {class: 'form-text', id: 'text-signature-hint'}, t('text.signature_hint', {least, most}))),
                h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: 'text-text'}, t('text.text')), fields.text, weight),
                columns.length > 0 && context.editable && h('div', {class: 'mb-3', role: 'group', id: 'text-columns', 'aria-label': t('text.columns')}, h('div', {class: 'small mb-1'}, t('text.columns')),
                    h('div', {class: 'd-flex flex-wrap gap-2'}, columns.map((column) =>
                        h('button', {type: 'button', class: 'btn btn-sm btn-outline-secondary', onclick: () => insert(column)}, `((${column}))`)))),
                h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: 'text-optout'}, t('text.optout')), fields.optout), problems),
            h('div', {class: 'col-12 col-lg-5'}, h('h3', {class: 'h6'}, t('text.preview')),
                h('div', {class: 'phone', role: 'img', 'aria-label': t('text.preview'), 'aria-describedby': 'preview-text'}, h('div', {class: 'phone-ear', 'aria-hidden': 'true'}), screen),
                h('div', {class: 'd-flex justify-content-between align-items-center gap-2 mt-2'}, step(-1, 'text.preview_back', '‹'), place, step(1, 'text.preview_on', '›')))),
        context.editable && h('button', {type: 'button', class: 'btn btn-primary mt-3', onclick: () => context.go('schedule')}, t('draft.next')));
    context.onSaved = () => {
        showRow(at);
        weigh();
    };
    weigh();
    showRow(1);
    return () => {
        alive = false;
        clearTimeout(timer);
    };
}
