/* What is still missing or wrong in a draft, by the step that mends it. */
import {has, parts, t} from '../lib/i18n.js';
import {fieldName, words} from '../lib/sentences.js';

const STEPS = {
    recipients: 'list', text: 'text', text_file: 'text', signature: 'text', optout: 'text', max_segments: 'text', empty: 'text',
};

export function stepOf(field) {
    return STEPS[field] ?? 'schedule';
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
