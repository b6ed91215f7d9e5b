/* The reader's language. Chinese comes first; the choice is kept in this browser. */

export const LANGUAGES = [['zh-CN', '中文'], ['en', 'English']];
const KEPT = 'outreach.language';

let language = LANGUAGES[0][0];
let texts = {};

/* "{n} {n|row|rows}": a parameter, and the word that goes with its number (English: one row, else rows). */
const MARK = /\{(\w+)(?:\|([^{}|]*)\|([^{}|]*))?\}/;
const MARKS = new RegExp(MARK, 'g');

function filled(params, mark, name, one, many) {
    if (!(name in params)) {
        return mark;
    }
    return one === undefined ? params[name] : String(params[name]) === '1' ? one : many;
}

/* The text of a key with its {parameters}; the key itself when there is none. */
export function t(key, params = {}) {
    return (texts[key] ?? key).replace(MARKS, (...found) => String(filled(params, ...found.slice(0, 4))));
}

/* The same in parts, to be put among the children of an element: a parameter may be an element or a list of parts. */
export function parts(key, params = {}) {
    return (texts[key] ?? key).split(/(\{[^{}]*\})/).filter(Boolean).map((piece) => {
        const found = piece.startsWith('{') ? MARK.exec(piece) : null;
        return found === null ? piece : filled(params, ...found);
    });
}

export function has(key) {
    return key in texts;
}

export function currentLanguage() {
    return language;
}

function kept() {
    try {
        return localStorage.getItem(KEPT);
    } catch {
        return null; // storage is switched off in this browser
    }
}

/* No language: the one chosen before, or Chinese. */
export async function loadLanguage(wanted = kept()) {
    const chosen = LANGUAGES.some(([code]) => code === wanted) ? wanted : LANGUAGES[0][0];
    const answer = await fetch(`/console/i18n/${chosen}.json`);
    if (!answer.ok) {
        throw new Error(`i18n/${chosen}.json: ${answer.status}`);
    }
    texts = await answer.json();
    language = chosen;
    document.documentElement.lang = chosen;
}

export function keepLanguage(chosen) {
    try {
        localStorage.setItem(KEPT, chosen);
    } catch {
        // it lasts until the page is left
    }
}
