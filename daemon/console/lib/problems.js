/* Rows that are left out: only the bad ones, numbered as the spreadsheet does, each with what to do. */
import {h} from './dom.js';
import {count} from './format.js';
import {has, t} from './i18n.js';

/* What to do about a word; the daemon's own sentence when the word is a new one. */
export function advice(problem) {
    return has(`problem.${problem.word}`) ? t(`problem.${problem.word}`, {column: problem.column ?? ''}) : problem.reason;
}

/* What is wrong with a whole list: what to do in the reader's language, the daemon's sentence in small print. */
const FAULTS = [
    [/no column holds the numbers|first row holds a number/, 'fault.no_number'], [/^two columns hold|: two columns hold/, 'fault.twice'],
    [/the text uses \(\((?<column>.+?)\)\) and the table has no such/, 'fault.no_column'], [/the file is empty/, 'fault.empty'],
    [/(quotation mark|never closed)/, 'fault.quotes'], [/UTF-16|neither UTF-8|is not .*save the file|NUL byte/, 'fault.encoding'],
    [/open it and save it as CSV/, 'fault.workbook'], [/divide the list|more than/, 'fault.too_long'], [/no column names the donors/, 'fault.no_donor'],
    [/no column says how much/, 'fault.no_amount'],
];

export function faultWords(fault) {
    for (const [pattern, key] of FAULTS) {
        const found = pattern.exec(fault);
        if (found) {
            return [h('div', {}, t(key, {...found.groups})), h('div', {class: 'small text-break'}, fault)];
        }
    }
    return h('div', {class: 'text-break'}, fault);
}

/* byWord: {word: how many}: the to-do list above the table. */
export function problemTable(problems, total, byWord = null) {
    const words = byWord ?? problems.reduce((sums, one) => ({...sums, [one.word]: (sums[one.word] ?? 0) + 1}), {});
    return [
        h('ul', {class: 'mb-2', id: 'problem-todo'}, Object.entries(words).sort((a, b) => b[1] - a[1]).map(([word, n]) =>
            h('li', {}, t('problems.todo', {n: count(n), what: advice({word, reason: word, ...problems.find((one) => one.word === word)})})))),
        h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-middle', id: 'problem-rows'},
            h('caption', {}, total > problems.length ? t('problems.first', {n: count(problems.length), all: count(total)}) : t('problems.all', {n: count(total)})),
            h('thead', {}, h('tr', {}, h('th', {scope: 'col', class: 'text-end'}, t('problems.row')), h('th', {scope: 'col'}, t('problems.value')),
                h('th', {scope: 'col'}, t('problems.do')))),
            h('tbody', {}, problems.map((one) => h('tr', {}, h('th', {scope: 'row', class: 'text-end'}, String(one.row)),
                h('td', {class: 'text-break'}, one.value === '' ? t('problems.empty') : one.value),
                h('td', {}, advice(one), advice(one) !== one.reason && one.word === 'refused' ? h('div', {class: 'small'}, one.reason) : null)))))),
    ];
}
