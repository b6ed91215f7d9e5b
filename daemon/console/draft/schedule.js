/* Step 3: when, how fast, and whether replies are pledges. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {has, t} from '../lib/i18n.js';
import {mistakesOf, mistakeText} from './mistakes.js';

const FIELDS = [
    ['start', 'datetime-local'], ['end', 'datetime-local'], ['rate', 'number'], ['dedup_group', 'text'], ['late_after', 'text'],
    ['on_ambiguous', ['hold', 'resend']], ['class', ['publicity', 'notice']], ['title', 'text'],
];
const PLEDGE = [['keywords', 'text'], ['confirm', ['reply', 'none', 'operator']], ['hotline', 'text'], ['cap_per_day', 'number']];

/* "2026-10-17 09:00" as the INI has it, and as the browser's field wants it. */
const toField = (text) => (text ?? '').trim().replace(' ', 'T').slice(0, 16);
const fromField = (text) => text.replace('T', ' ');

export function render(body, context) {
    const typed = context.fields(), pledge = context.pledge();
    const mistakes = h('div', {'aria-live': 'polite'});
    const window_ = /^(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})/.exec(typed.window ?? '');
    const opens = h('input', {type: 'time', class: 'form-control', id: 'time-opens', 'data-field': 'window', 'aria-label': t('schedule.opens')});
    const closes = h('input', {type: 'time', class: 'form-control', id: 'time-closes', 'data-field': 'window', 'aria-label': t('schedule.closes')});
    opens.value = window_?.[1].padStart(5, '0') ?? '';
    closes.value = (window_?.[2].padStart(5, '0') ?? '').replace('24:00', '23:59');
    const saveWindow = () => opens.value && closes.value && context.save({window: `${opens.value}-${closes.value}`});
    opens.addEventListener('change', saveWindow);
    closes.addEventListener('change', saveWindow);

    const pledges = h('input', {type: 'checkbox', class: 'form-check-input', id: 'time-pledge'});
    const pledgeFields = h('div', {class: 'row g-3 mt-0'}, PLEDGE.map(([name, kind]) => field(`pledge_${name}`, kind, pledge?.[name], savePledge)));
    pledges.checked = pledge !== null && pledge !== undefined;
    pledgeFields.hidden = !pledges.checked;
    pledges.addEventListener('change', () => {
        pledgeFields.hidden = !pledges.checked;
        savePledge();
    });

    function savePledge() {
        const made = {...(context.pledge() ?? {})};
        for (const [name] of PLEDGE) {
            const value = body.querySelector(`#time-pledge_${name}`).value.trim();
            if (value !== '') {
                made[name] = value;
            } else {
                delete made[name];
            }
        }
        context.save({pledge: pledges.checked ? made : null});
    }

    function drawMistakes() {
        fill(mistakes, mistakesOf(context.draft, 'schedule').map((mistake) => h('div', {class: 'alert alert-warning py-2 my-2'}, mistakeText(mistake))));
    }

    /* The carrier, where there is a choice; an area in trial needs one that leads to a simulator. */
    const carrier = h('div', {class: 'col-12 col-md-6', hidden: true});
    async function drawCarriers() {
        const {carriers} = await api.get('/carriers').catch(() => ({carriers: []})), chosen = context.fields().carrier ?? '';
        const names = carriers.some((one) => one.name === chosen) ? carriers : [{name: chosen}, ...carriers];
        const select = h('select', {class: 'form-select', id: 'time-carrier', 'data-field': 'carrier', value: chosen, onchange: () => context.save({carrier: select.value})},
            names.map((one) => h('option', {value: one.name}, one.trial ? t('schedule.carrier_trial', {name: one.name}) : one.name)));
        carrier.hidden = names.length < 2;
        fill(carrier, h('label', {class: 'form-label', for: select.id}, t('create.carrier')), select);
    }

    fill(body,
        h('h2', {class: 'h5'}, t('schedule.heading')), mistakes,
        h('fieldset', {disabled: !context.editable},
            h('legend', {class: 'visually-hidden'}, t('schedule.heading')),
            h('div', {class: 'row g-3'},
                FIELDS.slice(0, 2).map(([name, kind]) => field(name, kind, toField(typed[name]), (value) => context.save({[name]: fromField(value)}))),
                h('div', {class: 'col-12 col-md-6'}, h('div', {class: 'form-label'}, t('schedule.window')),
                    h('div', {class: 'd-flex align-items-center gap-2'}, opens, h('span', {'aria-hidden': 'true'}, '–'), closes),
                    h('div', {class: 'form-text'}, t('schedule.window_hint'))),
                carrier, FIELDS.slice(2).map(([name, kind]) => field(name, kind, typed[name], (value) => context.save({[name]: value}))))),
        h('fieldset', {class: 'border rounded p-3 mt-4', disabled: !context.editable},
            h('legend', {class: 'h6 float-none w-auto px-2'}, t('schedule.pledges')),
            h('div', {class: 'form-check'}, pledges, h('label', {class: 'form-check-label', for: 'time-pledge'}, t('schedule.pledges_on'))), pledgeFields),
        context.editable && h('button', {type: 'button', class: 'btn btn-primary mt-3', onclick: () => context.go('test')}, t('draft.next')));
    if (context.editable) {
        drawCarriers();
    }
    context.onSaved = drawMistakes;
    drawMistakes();
}

function known(key, fallback) {
    return has(key) ? t(key) : fallback;
}

function field(name, kind, value, onChange) {
    const id = `time-${name}`;
    const hint = known(`schedule.${name}_hint`, '');
    const common = {id, 'data-field': name.startsWith('pledge_') ? 'pledge' : name, ...(hint ? {'aria-describedby': `${id}-hint`} : {})};
    const input = Array.isArray(kind)
        ? h('select', {...common, class: 'form-select'}, kind.map((option) => h('option', {value: option}, t(`schedule.${name}_${option}`))))
        : h('input', {...common, class: 'form-control', type: kind, autocomplete: 'off', ...(kind === 'number' ? {min: '1'} : {})});
    if (!Array.isArray(kind) || kind.includes(value)) {
        input.value = value ?? '';
    }
    input.addEventListener('change', () => onChange(input.value.trim()));
    return h('div', {class: 'col-12 col-md-6'}, h('label', {class: 'form-label', for: id}, t(`schedule.${name}`)), input,
        hint && h('div', {class: 'form-text', id: `${id}-hint`}, hint));
}
