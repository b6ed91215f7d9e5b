/* Elements without markup: every text of an outsider becomes a text node, never HTML. */

/* h('p', {class: 'lead', onclick: f, hidden: true}, 'text', node, [more], condition && node)
 * Attributes that are null, undefined or false are left out, true is an empty one; on… is a listener; value and checked
 * are properties. Children that are null, undefined or false are left out. */
export function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    let value;
    for (const [name, given] of Object.entries(attributes ?? {})) {
        if (name === 'style') {
            throw new Error('style attributes are refused by the content policy: use a class');
        } else if (name.startsWith('on')) {
            element.addEventListener(name.slice(2), given);
        } else if (name === 'value') {
            value = given;
        } else if (name === 'checked') {
            element.checked = Boolean(given);
        } else if (given !== null && given !== undefined && given !== false) {
            element.setAttribute(name, given === true ? '' : String(given));
        }
    }
    append(element, children);
    if (value !== undefined && value !== null) { // of a select: its options are there now
        if (element.tagName === 'OPTION') {
            element.setAttribute('value', value);
        } else {
            element.value = value;
        }
    }
    return element;
}

function append(element, children) {
    for (const child of children) {
        if (Array.isArray(child)) {
            append(element, child);
        } else if (child instanceof Node) {
            element.append(child);
        } else if (child !== null && child !== undefined && child !== false) {
            element.append(String(child));
        }
    }
}
