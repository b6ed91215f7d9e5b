/* Name and password. The daemon gives the same answer for a wrong name and a wrong password. */
import {h} from '../lib/dom.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';
import {login} from '../lib/session.js';

export function show(main, onDone) {
    const problem = h('div', {'aria-live': 'assertive'});
    const user = h('input', {type: 'text', id: 'login-user', class: 'form-control form-control-lg', autocomplete: 'username', autocapitalize: 'none',
        spellcheck: 'false', required: true, maxlength: '64'});
    const password = h('input', {type: 'password', id: 'login-password', class: 'form-control form-control-lg', autocomplete: 'current-password',
        required: true, maxlength: '128'});
    const button = h('button', {type: 'submit', class: 'btn btn-primary btn-lg w-100', id: 'login-go'}, t('login.go'));

    async function submit(event) {
        event.preventDefault();
        button.disabled = true;
        try {
            await login(user.value.trim(), password.value);
            onDone();
        } catch (error) {
            problem.replaceChildren(error.code === 'too_many' ?
                h('div', {class: 'alert alert-danger'}, t('login.too_many', {s: error.retryAfter ?? 60})) : errorBox(error));
            button.disabled = false;
            password.select();
        }
    }

    main.replaceChildren(h('div', {class: 'login-card mx-auto'},
        h('h1', {class: 'h3 mb-4'}, t('login.title')), problem,
        h('form', {onsubmit: submit},
            h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: 'login-user'}, t('login.user')), user),
            h('div', {class: 'mb-4'}, h('label', {class: 'form-label', for: 'login-password'}, t('login.password')), password),
            button),
        h('p', {class: 'text-muted small mt-4'}, t('login.help'))));
    user.focus();
}
