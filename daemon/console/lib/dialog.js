/* Questions in a <dialog>: the browser keeps the focus inside, Escape is "no", and the focus goes back to where it was. */
import {h} from './dom.js';
import {t} from './i18n.js';

let serial = 0;

/* fields: [{name, label, type: 'text' | 'textarea' | 'select' | 'number', options: [[value, label]], required, value, hint}].
 * Gives the values by name, or null when nobody agreed. `danger`: the button is red. */
export function ask({title, body = [], fields = [], agree, danger = false}) {
    const id = `ask-${++serial}`;
    const before = document.activeElement;
    const inputs = fields.map((field) => input(field, `${id}-${field.name}`));
    return new Promise((resolve) => {
        let answer = null;
        const form = h('form', {method: 'dialog', class: 'p-3'},
            h('h2', {class: 'h5', id: `${id}-title`}, title),
            body,
            fields.map((field, i) => h('div', {class: 'mb-3'},
                h('label', {class: 'form-label', for: inputs[i].id}, field.label),
                inputs[i],
                field.hint && h('div', {class: 'form-text', id: `${inputs[i].id}-hint`}, field.hint))),
            h('div', {class: 'd-flex flex-wrap gap-2 justify-content-end'},
                h('button', {type: 'button', class: 'btn btn-outline-secondary', onclick: () => dialog.close()}, t('ask.no')),
                h('button', {type: 'submit', class: danger ? 'btn btn-danger' : 'btn btn-primary'}, agree)));
        form.addEventListener('submit', () => {
            answer = Object.fromEntries(fields.map((field, i) => [field.name, inputs[i].value.trim()]));
        });
        const dialog = h('dialog', {class: 'ask border rounded shadow', 'aria-labelledby': `${id}-title`}, form);
        dialog.addEventListener('close', () => {
            dialog.remove();
            (before?.isConnected || !before?.id ? before : document.getElementById(before.id))?.focus?.(); // drawn anew meanwhile: its successor
            resolve(answer);
        });
        document.body.append(dialog);
        dialog.showModal();
        (inputs[0] ?? form.querySelector('button[type=submit]')).focus();
    });
}

function input(field, id) {
    const common = {id, name: field.name, required: field.required ?? false, ...(field.hint ? {'aria-describedby': `${id}-hint`} : {})};
    if (field.type === 'select') {
        return h('select', {...common, class: 'form-select'}, field.options.map(([value, label]) => h('option', {value}, label)));
    }
    if (field.type === 'textarea') {
        return h('textarea', {...common, class: 'form-control', rows: '3', maxlength: String(field.max ?? 160)});
    }
    const made = h('input', {...common, class: 'form-control', type: field.type ?? 'text', maxlength: String(field.max ?? 160)});
    made.value = field.value ?? '';
    return made;
}
