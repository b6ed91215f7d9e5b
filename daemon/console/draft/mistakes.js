/* What is still missing or wrong in a draft, by the step that mends it. */
import {has, t} from '../lib/i18n.js';

const STEPS = {
    recipients: 'list', text: 'text', text_file: 'text', signature: 'text', optout: 'text', max_segments: 'text', empty: 'text',
};

export function mistakesOf(draft, step) {
    return draft.mistakes.filter((mistake) => (STEPS[mistake.field] ?? 'schedule') === step);
}

export function fieldName(field) {
    const key = `field.${field.replace('.', '_')}`;
    return has(key) ? t(key) : field;
}

export function mistakeText(mistake) {
    return /^(it )?is missing/.test(mistake.reason) ? t('mistake.missing', {field: fieldName(mistake.field)})
        : t('mistake.other', {field: fieldName(mistake.field), reason: mistake.reason});
}

/* Why it cannot be launched yet, as the daemon says it; known sentences in the reader's language. */
const BLOCKED = [[/^it is launched already/, 'blocked.launched'], [/^there is no list yet/, 'blocked.no_list'], [/^something is missing or wrong/, 'blocked.mistakes'],
    [/^its people were not counted/, 'blocked.uncounted'], [/^the list cannot be sent/, 'blocked.list'], [/^nobody is left/, 'blocked.nobody'],
    [/^it must be approved/, 'blocked.approval']];

export function blockedText(sentence) {
    const known = BLOCKED.find(([pattern]) => pattern.test(sentence));
    return known ? t(known[1]) : sentence;
}
