/* What went wrong, where the reader looks: a box at the top of the page (or of `where`), read out by screen readers. */
import {h} from './dom.js';
import {t} from './i18n.js';
import {known as knownSentence} from './sentences.js';

/* Of these our own sentence says it all; the daemon's is for programs and for what we do not know. */
const PLAIN = new Set(['network', 'session', 'login', 'csrf', 'role', 'area', 'confirm', 'too_many', 'redis', 'busy', 'stopping', 'unknown']);

/* The sentence of an error in the reader's language when its code is known, and the daemon's own below. */
export function errorBox(error) {
    const key = `error.${error.code ?? 'network'}`;
    const known = t(key);
    const words = known !== key ? known : t('error.other');
    const sentence = knownSentence(error.message);
    if (sentence !== null && !PLAIN.has(error.code)) {
        return h('div', {class: 'alert alert-danger', role: 'alert'}, h('div', {}, words), h('div', {class: 'mt-1'}, sentence));
    }
    return h('div', {class: 'alert alert-danger', role: 'alert'}, h('div', {}, words),
        error.message && !(known !== key && PLAIN.has(error.code)) && h('div', {class: 'small mt-1 text-break'}, error.message));
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
