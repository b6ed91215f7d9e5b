/* Rows that are left out: only the bad ones, numbered as the spreadsheet does, each with what to do. */
import {h} from './dom.js';
import {count} from './format.js';
import {has, parts, t} from './i18n.js';
import {words} from './sentences.js';

/* What to do about a word, to be put among the children of an element; the daemon's own sentence when the word is a new one. */
export function advice(problem) {
    return has(`problem.${problem.word}`) ? t(`problem.${problem.word}`, {column: problem.column ?? ''}) : words(problem.reason);
}

/* What is wrong with a whole list. */
export function faultWords(fault) {
    return h('div', {class: 'text-break'}, words(fault));
}

/* byWord: {word: how many}: the to-do list above the table. */
export function problemTable(problems, total, byWord = null) {
    const counts = byWord ?? problems.reduce((sums, one) => ({...sums, [one.word]: (sums[one.word] ?? 0) + 1}), {});
    return [
        h('ul', {class: 'mb-2', id: 'problem-todo'}, Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([word, n]) =>
            h('li', {}, parts('problems.todo', {n: count(n), what: advice({word, reason: word, ...problems.find((one) => one.word === word)})})))),
        h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-middle', id: 'problem-rows'},
            h('caption', {}, total > problems.length ? t('problems.first', {n: count(problems.length), all: count(total)}) : t('problems.all', {n: count(total)})),
            h('thead', {}, h('tr', {}, h('th', {scope: 'col', class: 'text-end'}, t('problems.row')), h('th', {scope: 'col'}, t('problems.value')),
                h('th', {scope: 'col'}, t('problems.do')))),
            h('tbody', {}, problems.map((one) => h('tr', {}, h('th', {scope: 'row', class: 'text-end'}, String(one.row)),
                h('td', {class: 'text-break'}, one.value === '' ? t('problems.empty') : one.value),
                h('td', {}, advice(one), one.word === 'refused' ? h('div', {class: 'small'}, words(one.reason)) : null)))))),
    ];
}
