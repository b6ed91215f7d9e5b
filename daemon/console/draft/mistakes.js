/* What is still missing or wrong in a draft, by the step that mends it. */
import {has, parts, t} from '../lib/i18n.js';
import {fieldName, words} from '../lib/sentences.js';

const STEPS = {
    recipients: 'list', text: 'text', text_file: 'text', signature: 'text', optout: 'text', max_segments: 'text', empty: 'text',
};

export function stepOf(field) {
    return STEPS[field] ?? 'schedule';
}

/* As the daemon compares them (campaign/column.h). */
const fold = (name) => name.normalize('NFKC').replace(/[\u200b-\u200d\ufeff]/g, '').trim().toLowerCase();

/* Columns the text names and the list has not. Without a list nothing is known. */
export function missingColumns(draft, text) {
    const columns = draft.recipients?.columns;
    if (!columns?.length) {
        return [];
    }
    const known = new Set(columns.map(fold));
    const named = [...(text ?? '').matchAll(/(?:\(\(|（（)((?:(?!\(\(|（（)[^\n])*?)(?:\)\)|））)/g)].map((found) => found[1].trim());
    return [...new Set(named)].filter((name) => !known.has(fold(name)));
}

export function mistakesOf(draft, step) {
    return draft.mistakes.filter((mistake) => stepOf(mistake.field) === step);
}

/* To be put among the children of an element. */
export function mistakeText(mistake) {
    return /^(it )?is missing/.test(mistake.reason) ? t('mistake.missing', {field: fieldName(mistake.field)})
        : parts('mistake.other', {field: fieldName(mistake.field), reason: words(mistake.reason)});
}

/* Why it cannot be launched yet, in the reader's language; the daemon's sentence for a code that is new. */
export function blockedText(draft) {
    return has(`blocked.${draft.blocked_code}`) ? t(`blocked.${draft.blocked_code}`) : words(draft.blocked);
}
