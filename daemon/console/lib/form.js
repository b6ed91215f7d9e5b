/* Fields of a form by a list; a mistake the daemon found is shown at its field, which gets the focus. */
import {h} from './dom.js';
import {fill} from './fill.js';
import {errorBox, errorWords} from './notice.js';
import {hasOwn, ownKey, warnWhile} from './unsent.js';

const typed = new Map(); // by user and form
warnWhile(() => hasOwn(typed));

/* fields: [{name, label, type, options, required, value, hint, wide, inputmode}]; type: text (if absent), select, checkbox, textarea, date, tel.
 * Gives {element, values(), show(error), clear(), input(name)}. An empty field is left out of values().
 * `kept`: what is typed stays in this tab's memory until forget(), so that a login that ended or another language costs nothing. */
export function formFields(prefix, fields, {kept = false} = {}) {
    const inputs = Object.fromEntries(fields.map((field) => [field.name, makeInput(prefix, field)]));
    const problems = h('div', {'aria-live': 'assertive'});
    const memory = kept ? ownKey(prefix) : null;
    const element = h('div', {oninput: remember, onchange: remember}, problems, h('div', {class: 'row g-3'}, fields.map((field) => wrap(field, inputs[field.name]))));

    function remember() {
        if (memory !== null) {
            typed.set(memory, values());
        }
    }

    /* Gives whether there was anything. */
    function recall() {
        const before = typed.get(memory);
        for (const field of before ? fields : []) {
            if (field.type === 'checkbox') {
                inputs[field.name].checked = before[field.name] ?? false;
            } else {
                inputs[field.name].value = before[field.name] ?? '';
            }
        }
        return before !== undefined;
    }

    function values() {
        const made = {};
        for (const field of fields) {
            const input = inputs[field.name];
            if (field.type === 'checkbox') {
                if (input.checked) {
                    made[field.name] = true;
                }
            } else if (input.value.trim() !== '' && !input.disabled) {
                made[field.name] = input.value.trim();
            }
        }
        return made;
    }

    function clear() {
        fill(problems);
        for (const input of Object.values(inputs)) {
            input.classList.remove('is-invalid');
            input.removeAttribute('aria-invalid');
            input.parentElement.querySelector('.invalid-feedback')?.remove();
            describe(input, `${input.id}-error`, false);
        }
    }

    function show(error) {
        clear();
        fill(problems, errorBox(error));
        const input = inputs[error.field];
        if (input) {
            input.classList.add('is-invalid');
            input.setAttribute('aria-invalid', 'true');
            // The box stands above the fields, out of sight of a small screen once the focus is here.
            input.parentElement.append(h('div', {class: 'invalid-feedback', id: `${input.id}-error`}, errorWords(error)));
            describe(input, `${input.id}-error`, true);
            input.focus();
        }
    }
    return {element, values, show, clear, isRecalled: recall(), forget: () => typed.delete(memory), input: (name) => inputs[name], row: (name) => inputs[name].closest('.form-field')};
}

/* Whether the element of that id is among what is said about an input. */
function describe(input, id, isTold) {
    const others = (input.getAttribute('aria-describedby') ?? '').split(' ').filter((one) => one !== '' && one !== id);
    const told = isTold ? [id, ...others] : others;
    if (told.length > 0) {
        input.setAttribute('aria-describedby', told.join(' '));
    } else {
        input.removeAttribute('aria-describedby');
    }
}

function makeInput(prefix, field) {
    const id = `${prefix}-${field.name}`;
    const common = {id, name: field.name, required: field.required ?? false, ...(field.hint ? {'aria-describedby': `${id}-hint`} : {})};
    if (field.type === 'select') {
        const select = h('select', {...common, class: 'form-select'}, field.options.map(([value, label]) => h('option', {value}, label)));
        select.value = field.value ?? field.options[0]?.[0] ?? '';
        return select;
    }
    if (field.type === 'checkbox') {
        return h('input', {...common, type: 'checkbox', class: 'form-check-input'});
    }
    const input = field.type === 'textarea'
        ? h('textarea', {...common, class: 'form-control', rows: '2', maxlength: '600'})
        : h('input', {...common, type: field.type ?? 'text', class: 'form-control', autocomplete: 'off', maxlength: '120',
            ...(field.inputmode ? {inputmode: field.inputmode} : {})});
    input.value = field.value ?? '';
    return input;
}

function wrap(field, input) {
    const size = `form-field col-12 ${field.wide ? '' : 'col-sm-6 col-lg-4'}`;
    if (field.type === 'checkbox') {
        return h('div', {class: `${size} d-flex align-items-end`}, h('div', {class: 'form-check mb-2'}, input,
            h('label', {class: 'form-check-label', for: input.id}, field.label)));
    }
    return h('div', {class: size}, h('label', {class: 'form-label', for: input.id}, field.label, field.required && h('span', {class: 'text-danger', 'aria-hidden': 'true'}, ' *')),
        input, field.hint && h('div', {class: 'form-text', id: `${input.id}-hint`}, field.hint));
}
