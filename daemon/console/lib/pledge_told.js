/* What a donor was told by SMS and what became of each message, and one of them once more. */
import {ask} from './dialog.js';
import {h} from './dom.js';
import {time} from './format.js';
import {t} from './i18n.js';

/* One more would be a second one at the same time. */
const UNDER_WAY = ['owed', 'queued', 'inflight', 'ambiguous'];
/* The donor has it, or may have it. */
const AT_HAND = ['accepted', 'delivered', 'unknown'];

function stateName(state) {
    return ['owed', 'unknown'].includes(state) ? t(`told.state_${state}`) : t(`bucket.${state}`);
}

function attemptLine(attempt) {
    const when = attempt.updated_at ?? attempt.submitted_at;
    const why = attempt.state !== 'delivered' && (attempt.meaning || attempt.code);
    return h('li', {}, stateName(attempt.state), why && ` · ${why}`, when && ` · ${time(when)}`);
}

/* told: the document of /pledges/{number}/messages. again(message): the button was pressed; null: the reader may not. */
export function toldSection(told, again) {
    return h('section', {id: 'pledge-told', class: 'no-print'}, h('h2', {class: 'h5'}, t('told.title')),
        told.messages.length === 0 ? h('p', {class: 'text-body-secondary'}, t('told.none'))
            : h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-middle stacked'},
                h('caption', {class: 'visually-hidden'}, t('told.title')),
                h('thead', {}, h('tr', {}, ['kind', 'number', 'state', 'again'].map((name) => h('th', {scope: 'col'}, t(`told.${name}`))))),
                h('tbody', {}, told.messages.map((message) => row(message, again))))));
}

function row(message, again) {
    const waits = ['owed', 'unknown'].includes(message.state);
    const canGo = again !== null && message.text !== '' && !UNDER_WAY.includes(message.state);
    return h('tr', {'data-entry': message.entry},
        h('th', {scope: 'row', class: 'fw-normal', 'data-label': t('told.kind')}, t(`told.kind_${message.kind}`)),
        h('td', {'data-label': t('told.number')}, message.number),
        h('td', {'data-label': t('told.state')}, h('ol', {class: 'list-unstyled mb-0'}, message.attempts.map(attemptLine),
            waits && h('li', {}, stateName(message.state)))),
        h('td', {'data-label': t('told.again')}, canGo && h('button', {type: 'button', class: 'btn btn-outline-primary btn-sm told-again',
            onclick: () => again(message)}, t('told.again'))));
}

/* Shows text and masked number. Gives the members of the order, or null when nobody agreed. */
export async function askAgain(told, message) {
    const mayHaveIt = AT_HAND.includes(message.state);
    const answer = await ask({title: t('told.again'), danger: mayHaveIt, agree: t('told.again'),
        body: [h('p', {}, t('told.again_to', {mobile: told.mobile})), h('blockquote', {class: 'border-start ps-3 text-break', id: 'told-text'}, message.text),
            mayHaveIt && h('p', {class: 'alert alert-warning'}, t('told.again_twice', {state: stateName(message.state)}))],
        fields: [{name: 'reason', label: t('told.reason'), required: true}]});
    return answer && {reason: answer.reason, entry: message.entry, ...(mayHaveIt ? {again: true} : {})};
}
