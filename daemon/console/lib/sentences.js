/* What the daemon says in English sentences, in the reader's language.
 *
 * A row of sentences/*.js is a pattern and the key of its wording. A pattern is a piece of the daemon's own source with a
 * {name} for each value. It may stand anywhere in what is said, unless it begins with ^ or ends with $; of several that
 * fit, one that begins with ^ and words wins, or with ^ and holds {why}, then the longest. These values are put into words themselves: {why} is a sentence and reaches to the end of
 * what is said, or to the piece behind it; {field}, {state} and {bytes} are what their names say.
 *
 * English needs no wording: where i18n/en.json has none, the daemon's own sentence stands. tests/lint/test_console.py
 * looks each pattern up in the source, and each sentence of the daemon up here. */
import {h} from './dom.js';
import {currentLanguage, has, parts, t} from './i18n.js';
import account from './sentences/account.js';
import launch from './sentences/launch.js';
import list from './sentences/list.js';
import pledge from './sentences/pledge.js';
import text from './sentences/text.js';
import waits from './sentences/waits.js';

const SHAPES = {why: '.*?', field: '[\\w.]+', id: '\\S+', word: '\\S+'};
const VALUE = /(\{\w+\})/;

function compile([pattern, key]) {
    const isStart = pattern.startsWith('^'), isEnd = pattern.endsWith('$') || pattern.endsWith('{why}');
    const pieces = pattern.slice(isStart ? 1 : 0, pattern.endsWith('$') ? -1 : undefined).split(VALUE).filter(Boolean);
    const source = pieces.map((piece, i) => {
        const name = VALUE.test(piece) ? piece.slice(1, -1) : null;
        if (name === null) {
            return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
        }
        const isOpen = (i === 0 && !isStart) || (i === pieces.length - 1 && !isEnd);
        return `(?<${name}>${SHAPES[name] ?? (isOpen ? '\\S+' : '.+?')})`;
    });
    const length = pieces.filter((piece) => !VALUE.test(piece)).join('').length;
    const isFirm = isStart && (!VALUE.test(pieces[0]) || pattern.includes('{why}'));
    return {regexp: new RegExp(`${isStart ? '^' : ''}${source.join('')}${isEnd ? '$' : ''}`, 'si'), key, rank: (isFirm ? 1000 : 0) + length};
}

const TABLE = [...account, ...launch, ...list, ...pledge, ...text, ...waits].map(compile).sort((a, b) => b.rank - a.rank);

/* {key, values} of the row that fits, or null. */
export function find(sentence) {
    for (const {regexp, key} of TABLE) {
        const found = regexp.exec(sentence ?? '');
        if (found) {
            return {key, values: {...found.groups}};
        }
    }
    return null;
}

/* What a field of the API or of a definition is called on screen. */
export function fieldName(field) {
    const key = `field.${field.replace('.', '_')}`;
    return has(key) ? t(key) : field;
}

function stateName(state) {
    return [`state.${state}`, `carrier.${state}`].filter(has).map((key) => t(key))[0] ?? state;
}

const READ = {
    why: words, field: fieldName, state: stateName,
    bytes: (n) => `${Math.floor(Number(n) / 1048576)} MB`,
};

function read(name, value) {
    return READ[name]?.(value) ?? value.replace(/^([\d.]+) yuan$/, (all, n) => t('format.yuan', {n}));
}

/* A sentence in the reader's language, to be put among the children of an element; null: it is none that is known. */
export function known(sentence) {
    const found = find(sentence);
    if (found === null || !has(found.key)) {
        return null;
    }
    return parts(found.key, Object.fromEntries(Object.entries(found.values).map(([name, value]) => [name, read(name, value)])));
}

/* The same. What is not known stays as it was said, marked as English when it is: a person may have typed it, too. */
export function words(sentence) {
    if (has(`carrier_word.${sentence}`)) {
        return t('said.carrier_word', {text: t(`carrier_word.${sentence}`), word: sentence});
    }
    return known(sentence) ?? raw(sentence);
}

/* As the daemon, a program or a carrier said it: small, and read out as English on a page in another language. */
export function raw(sentence) {
    const isForeign = currentLanguage() !== 'en' && /[a-z]{2,} [a-z]{2,}/i.test(sentence) && !/\p{Script=Han}/u.test(sentence);
    return isForeign ? h('span', {lang: 'en', class: 'small text-break'}, sentence) : sentence;
}
