/* What went wrong, where the reader looks: a box at the top of the page (or of `where`), read out by screen readers. */
import {h} from './dom.js';
import {has, t} from './i18n.js';
import {fieldName, known as knownSentence, raw} from './sentences.js';

/* Of these our own sentence says it all; the daemon's is for programs and for what we do not know. */
const PLAIN = new Set(['network', 'session', 'login', 'csrf', 'role', 'area', 'confirm', 'too_many', 'redis', 'busy', 'stopping', 'unknown']);

function told(error) {
    const key = `error.${error.code ?? 'network'}`;
    const known = t(key);
    const isField = error.code === 'invalid' && has(`field.${error.field}`);
    const words = isField ? t('error.invalid_field', {field: fieldName(error.field)}) : known !== key ? known : t('error.other');
    const isPlain = known !== key && PLAIN.has(error.code);
    const sentence = error.message && !isPlain ? knownSentence(error.message) ?? h('span', {class: 'small text-break'}, raw(error.message)) : null;
    return {words, sentence};
}

/* What is wrong, to stand beside the field that is wrong. */
export function errorWords(error) {
    const {words, sentence} = told(error);
    return sentence ?? words;
}

/* The sentence of an error in the reader's language when its code is known, and the daemon's own below. */
export function errorBox(error) {
    const {words, sentence} = told(error);
    return h('div', {class: 'alert alert-danger', role: 'alert'}, h('div', {}, words), sentence && h('div', {class: 'mt-1'}, sentence));
}

export function showError(where, error) {
    clearNotices(where);
    const box = errorBox(error);
    where.prepend(box);
    box.scrollIntoView?.({block: 'nearest'});
}

export function clearNotices(where) {
    where.querySelectorAll(':scope > .alert').forEach((box) => box.remove());
}
