/* A new draft: a title and where it goes; everything else comes step by step. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {t} from '../lib/i18n.js';
import {session} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';

export async function show(main) {
    const [{carriers}, campaigns] = await Promise.all([
        api.get('/carriers').catch(() => ({carriers: []})), api.all('/campaigns', 'campaigns').catch(() => [])]);
    const title = h('input', {class: 'form-control', id: 'new-title', required: true, maxlength: '60', autocomplete: 'off'});
    const region = h('input', {class: 'form-control', id: 'new-region', required: true, inputmode: 'numeric', pattern: '[0-9]{2,12}',
        'aria-describedby': 'new-region-hint'});
    const carrier = h('select', {class: 'form-select', id: 'new-carrier', required: true},
        carriers.map((one) => h('option', {value: one.name}, one.name)));
    const copy = h('select', {class: 'form-select', id: 'new-copy'}, h('option', {value: ''}, t('create.copy_none')),
        campaigns.map((one) => h('option', {value: one.id}, `${one.title || one.id} · ${one.id}`)));
    const problem = h('div', {}), post = api.oneByOne();
    const button = h('button', {type: 'submit', class: 'btn btn-primary'}, t('create.button'));
    region.value = session().area ?? '';

    const field = (input, label, hint) => h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: input.id}, label), input,
        hint && h('div', {class: 'form-text', id: `${input.id}-hint`}, hint));
    fill(main,
        h('h1', {class: 'h3'}, t('create.title')), problem,
        h('form', {class: 'narrow', onsubmit: create},
            field(title, t('create.name')), field(region, t('create.region'), t('create.region_hint')),
            carriers.length > 1 && field(carrier, t('create.carrier')), field(copy, t('create.copy')), button));
    title.focus();

    async function create(event) {
        event.preventDefault();
        button.disabled = true;
        try {
            const draft = await post('/drafts', {title: title.value.trim(), region: region.value.trim(),
                ...(carrier.value ? {carrier: carrier.value} : {}), ...(copy.value ? {copy_of: copy.value} : {})});
            location.hash = `#/campaigns/${encodeURIComponent(draft.id)}`;
        } catch (error) {
            fill(problem, errorBox(error));
            button.disabled = false;
        }
    }
}
