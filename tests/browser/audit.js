// What a reader who does not see, or sees badly, would stumble over on the page as it is now: a list of sentences.
const found = [];
const shown = (e) => e.checkVisibility ? e.checkVisibility({checkVisibilityCSS: true}) : e.offsetParent !== null;
const name = (e) => {
    const by = (e.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('');
    return (e.getAttribute('aria-label') || by || [...(e.labels ?? [])].map((l) => l.textContent).join('') || e.title || e.textContent || '').trim();
};
const where = (e) => `<${e.tagName.toLowerCase()}${e.id ? ` id=${e.id}` : ''} class="${e.className}">`;

for (const e of document.querySelectorAll('input, select, textarea, button, a[href], [role=progressbar], dialog[open]')) {
    if (shown(e) && name(e) === '') {
        found.push(`${where(e)} has no name`);
    }
}
for (const e of document.querySelectorAll('input, select, textarea')) {
    if (shown(e) && e.tagName !== 'SELECT' && e.type !== 'hidden' && !e.labels?.length && !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')) {
        found.push(`${where(e)} has no label`);
    }
}
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
found.push(...new Set(ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `the id ${id} is there twice`)));
for (const attribute of ['aria-describedby', 'aria-labelledby', 'aria-controls', 'for']) {
    for (const e of document.querySelectorAll(`[${attribute}]`)) {
        for (const id of e.getAttribute(attribute).split(' ')) {
            if (shown(e) && !document.getElementById(id)) {
                found.push(`${where(e)}: ${attribute} names ${id}, which is not there`);
            }
        }
    }
}
if (document.querySelectorAll('h1').length !== 1) {
    found.push(`${document.querySelectorAll('h1').length} headings of the first order`);
}
if (document.querySelectorAll('main').length !== 1 || !document.documentElement.lang || !document.title) {
    found.push('no main part, no language, or no title');
}
for (const table of document.querySelectorAll('table')) {
    if (shown(table) && !table.querySelector('th[scope]')) {
        found.push(`${where(table)} has no header cells with a scope`);
    }
}

// Contrast: 4.5 to 1, or 3 to 1 for large text (24 px, or 18.66 px in bold).
const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const mix = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
const behind = (e) => {
    if (e === null) {
        return [255, 255, 255];
    }
    const own = channels(getComputedStyle(e).backgroundColor);
    return own.length > 3 && own[3] === 0 ? behind(e.parentElement) : mix(own, own.length > 3 ? behind(e.parentElement) : [0, 0, 0]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const poor = new Set();
while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const style = getComputedStyle(e);
    if (walker.currentNode.data.trim() === '' || !shown(e) || e.closest('[disabled], .visually-hidden, option')) {
        continue;
    }
    const ground = behind(e), [light, dark] = [luminance(mix(channels(style.color), ground)), luminance(ground)].sort((x, y) => y - x);
    const ratio = (light + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    if (ratio < (size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5)) {
        poor.add(`${where(e)} "${walker.currentNode.data.trim().slice(0, 20)}" has a contrast of ${ratio.toFixed(2)}`);
    }
}

// What is English on a page in another language would be read out as if it were not, and is no help to who knows none.
if (!document.documentElement.lang.startsWith('en')) {
    const english = /\b[a-z]{2,} [a-z]{2,} [a-z]{2,}/i;
    const isStrange = (e, text) => english.test(text) && shown(e) && !e.closest('[lang]').lang.startsWith('en');
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const e = texts.currentNode.parentElement;
        if (isStrange(e, texts.currentNode.data)) {
            found.push(`${where(e)} says in English: ${texts.currentNode.data}`);
        }
    }
    for (const attribute of ['aria-label', 'placeholder', 'title', 'alt']) {
        for (const e of document.querySelectorAll(`[${attribute}]`)) {
            if (isStrange(e, e.getAttribute(attribute))) {
                found.push(`${where(e)} has an English ${attribute}: ${e.getAttribute(attribute)}`);
            }
        }
    }
}
return [...found, ...poor];
