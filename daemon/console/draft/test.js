/* Step 4: one real message to one's own phone. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {t} from '../lib/i18n.js';
import {words} from '../lib/sentences.js';
import {session} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';

export function render(body, context) {
    const number = h('input', {class: 'form-control', id: 'test-number', type: 'tel', inputmode: 'numeric', autocomplete: 'tel', required: true, maxlength: '20'});
    const button = h('button', {type: 'submit', class: 'btn btn-primary'}, t('test.button'));
    const result = h('div', {class: 'mt-3', 'aria-live': 'polite', id: 'test-result'});

    async function send(event) {
        event.preventDefault();
        button.disabled = true;
        fill(result);
        try {
            await context.flush();
            if (context.isUnsaved()) {
                fill(result, context.unsavedBox());
                return;
            }
            const answer = await api.post('/campaigns/test', {file: context.id, to: number.value.trim()});
            fill(result, h('div', {class: 'alert alert-success'}, t('test.sent', {number: number.value.trim()}),
                answer.message && h('div', {class: 'small'}, words(answer.message))));
        } catch (error) {
            fill(result, errorBox(error));
        } finally {
            button.disabled = false;
        }
    }

    const daily = session().limits?.test_daily;
    fill(body,
        h('h2', {class: 'h5'}, t('test.title')), h('p', {}, t('test.why')),
        context.editable ? h('form', {class: 'narrow', onsubmit: send},
            h('label', {class: 'form-label', for: 'test-number'}, t('test.number')), h('div', {class: 'input-group'}, number, button),
            daily && h('div', {class: 'form-text'}, t('test.daily', {n: daily}))) : h('p', {}, t('draft.read_only')),
        result,
        context.editable && h('button', {type: 'button', class: 'btn btn-primary mt-3', onclick: () => context.go('send')}, t('draft.next')));
}
