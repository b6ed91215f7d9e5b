/* The password again, before what cannot be taken back. */
import {h} from './dom.js';
import {t} from './i18n.js';
import {errorBox} from './notice.js';

let open = null; // two requests that are refused at once ask once

/* send(password) tells the daemon; gives whether it agreed. */
export function confirmPassword(send) {
    open ??= ask(send).finally(() => { open = null; });
    return open;
}

function ask(send) {
    const before = document.activeElement;
    return new Promise((resolve) => {
        let agreed = false;
        const problem = h('div', {'aria-live': 'assertive'});
        const input = h('input', {type: 'password', id: 'confirm-password', class: 'form-control', autocomplete: 'current-password', required: true, maxlength: '128'});
        const button = h('button', {type: 'submit', class: 'btn btn-primary'}, t('confirm.agree'));
        const form = h('form', {class: 'p-3', onsubmit: submit},
            h('h2', {class: 'h5', id: 'confirm-title'}, t('confirm.title')), h('p', {}, t('confirm.why')), problem,
            h('label', {class: 'form-label', for: 'confirm-password'}, t('login.password')), input,
            h('div', {class: 'd-flex gap-2 justify-content-end mt-3'},
                h('button', {type: 'button', class: 'btn btn-outline-secondary', onclick: () => dialog.close()}, t('ask.no')), button));
        const dialog = h('dialog', {class: 'ask border rounded shadow', 'aria-labelledby': 'confirm-title'}, form);

        async function submit(event) {
            event.preventDefault();
            button.disabled = true;
            try {
                await send(input.value);
                agreed = true;
                dialog.close();
            } catch (error) {
                problem.replaceChildren(errorBox(error));
                input.select();
            } finally {
                button.disabled = false;
            }
        }
        dialog.addEventListener('close', () => {
            dialog.remove();
            before?.focus?.();
            resolve(agreed);
        });
        document.body.append(dialog);
        dialog.showModal();
        input.focus();
    });
}
