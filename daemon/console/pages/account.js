/* Who I am here, and a new password. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {time} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';
import {session} from '../lib/session.js';

export const PASSWORD_MIN = 12, PASSWORD_MAX = 128;

export function show(main) {
    const who = session();
    const said = h('div', {'aria-live': 'polite'});
    const field = (id, autocomplete, extra = {}) => h('input', {type: 'password', id, class: 'form-control', autocomplete, required: true,
        maxlength: String(PASSWORD_MAX), ...extra});
    const old = field('account-old', 'current-password');
    const fresh = field('account-new', 'new-password', {minlength: String(PASSWORD_MIN), 'aria-describedby': 'account-rule'});
    const again = field('account-again', 'new-password');

    async function submit(event) {
        event.preventDefault();
        if (fresh.value !== again.value) {
            said.replaceChildren(h('div', {class: 'alert alert-danger'}, t('account.differ')));
            again.select();
            return;
        }
        try {
            await api.post('/session/password', {old: old.value, new: fresh.value});
            said.replaceChildren(h('div', {class: 'alert alert-success'}, t('account.changed')));
            event.target.reset();
        } catch (error) {
            said.replaceChildren(errorBox(error));
        }
    }

    const labelled = (label, input) => h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: input.id}, label), input);
    const facts = [['account.user', who.user], ['account.name', who.title || '–'], ['account.roles', who.roles.map((role) => t(`role.${role}`)).join(t('format.comma'))],
        ['account.area', who.area === '0' || who.area === '' ? t('shell.whole_country') : who.area_name || who.area], ['account.until', time(who.expires_at)]];
    main.replaceChildren(h('h1', {class: 'h3 mb-3'}, t('nav.account')),
        h('dl', {class: 'row'}, facts.flatMap(([name, value]) => [h('dt', {class: 'col-sm-3'}, t(name)), h('dd', {class: 'col-sm-9'}, value)])),
        h('form', {class: 'narrow', onsubmit: submit}, h('h2', {class: 'h5 mt-4'}, t('account.change')), said,
            labelled(t('account.old'), old),
            h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: 'account-new'}, t('account.new')), fresh,
                h('div', {class: 'form-text', id: 'account-rule'}, t('account.rule', {min: PASSWORD_MIN}))),
            labelled(t('account.again'), again),
            h('button', {type: 'submit', class: 'btn btn-primary'}, t('account.change'))));
}
