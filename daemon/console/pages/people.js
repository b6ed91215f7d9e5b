/* Users: who may do what, and where; and the areas that are still in trial. */
import * as api from '../lib/api.js';
import {ask} from '../lib/dialog.js';
import {h} from '../lib/dom.js';
import {count, time} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';
import {PASSWORD_MAX, PASSWORD_MIN} from './account.js';
import {may, session} from '../lib/session.js';

const ROLES = ['township', 'approver', 'finance', 'viewer', 'operator', 'admin', 'auditor'];

const label = (name) => ({'data-label': t(name)}); // on a narrow screen a row is a card

export async function show(main) {
    const admin = may('admin');
    const said = h('div', {'aria-live': 'polite'}), list = h('div', {id: 'people'}), areas = h('div', {id: 'areas'});

    async function act(send, text) {
        try {
            await send();
            said.replaceChildren(h('div', {class: 'alert alert-success'}, text));
            await load();
        } catch (error) {
            said.replaceChildren(errorBox(error));
            said.scrollIntoView({block: 'nearest'});
        }
    }

    async function password(user) {
        const given = await ask({title: t('people.password_title', {user: user.name}), body: [h('p', {}, t('people.password_means', {min: PASSWORD_MIN}))],
            fields: [{name: 'password', label: t('account.new'), type: 'password', required: true, max: PASSWORD_MAX}], agree: t('people.password')});
        if (given) {
            await act(() => api.post(`/users/${encodeURIComponent(user.name)}/password`, given), t('people.changed', {user: user.name}));
        }
    }

    async function disable(user) {
        const word = user.disabled ? 'enable' : 'disable';
        if (await ask({title: t(`people.${word}_title`, {user: user.name}), agree: t(`people.${word}`), danger: !user.disabled})) {
            await act(() => api.post(`/users/${encodeURIComponent(user.name)}`, {disabled: !user.disabled}), t('people.changed', {user: user.name}));
        }
    }

    function roleBoxes(prefix, chosen) {
        return h('fieldset', {class: 'mb-3'}, h('legend', {class: 'form-label fs-6'}, t('account.roles')), ROLES.map((role) => h('div', {class: 'form-check'},
            h('input', {type: 'checkbox', class: 'form-check-input', id: `${prefix}-${role}`, value: role, checked: chosen.includes(role)}),
            h('label', {class: 'form-check-label', for: `${prefix}-${role}`}, t(`role.${role}`)))));
    }

    /* The form of a new user, or of another's rights: in the page, not in a question, for it has many fields. */
    function form(user) {
        const field = (name, label, value, extra = {}) => h('div', {class: 'mb-3'}, h('label', {class: 'form-label', for: `user-${name}`}, label),
            h('input', {id: `user-${name}`, name, class: 'form-control', type: 'text', autocomplete: 'off', value, ...extra}));
        const isSelf = user?.name === session().user; // nobody changes her own rights
        const boxes = roleBoxes('user', user?.roles ?? []);
        const made = h('form', {class: 'border rounded p-3 mb-4 narrow', id: 'user-form', onsubmit: async (event) => {
            event.preventDefault();
            const roles = [...boxes.querySelectorAll('input:checked')].map((one) => one.value);
            if (roles.length === 0 && !isSelf) {
                said.replaceChildren(h('div', {class: 'alert alert-danger'}, t('people.no_role')));
                return;
            }
            const value = (name) => made.querySelector(`[name=${name}]`)?.value.trim();
            const body = {title: value('title'), ...(isSelf ? {} : {roles, area: value('area') || '0'})};
            if (body.title === '') {
                delete body.title;
            }
            await act(() => (user ? api.post(`/users/${encodeURIComponent(user.name)}`, body) :
                api.post('/users', {name: value('name'), ...body, password: made.querySelector('[name=password]').value})), t('people.changed', {user: user?.name ?? value('name')}));
            if (!said.querySelector('.alert-danger')) {
                made.remove();
            }
        }}, h('h2', {class: 'h5'}, user ? t('people.edit_title', {user: user.name}) : t('people.add')),
        !user && field('name', t('account.user'), '', {required: true, maxlength: '64', autocapitalize: 'none', spellcheck: 'false'}),
        field('title', t('account.name'), user?.title ?? '', {maxlength: '100'}), ...(isSelf ? [h('p', {class: 'form-text'}, t('error.own'))] : [boxes,
            field('area', t('people.area'), user?.area === '0' ? '' : user?.area ?? '', {maxlength: '12', inputmode: 'numeric', 'aria-describedby': 'user-area-hint'}),
            h('div', {class: 'form-text mb-3', id: 'user-area-hint'}, t('people.area_hint'))]),
        !user && field('password', t('login.password'), '', {type: 'password', required: true, minlength: String(PASSWORD_MIN), maxlength: String(PASSWORD_MAX), autocomplete: 'new-password'}),
        !user && h('div', {class: 'form-text mb-3'}, t('account.rule', {min: PASSWORD_MIN})),
        h('div', {class: 'd-flex gap-2'}, h('button', {type: 'submit', class: 'btn btn-primary', id: 'user-save'}, t('people.save')),
            h('button', {type: 'button', class: 'btn btn-outline-secondary', onclick: () => made.remove()}, t('ask.no'))));
        main.querySelector('#user-form')?.remove();
        list.before(made);
        made.scrollIntoView({block: 'nearest'});
        made.querySelector('input').focus();
    }

    function button(label, run, tone = 'btn-outline-primary') {
        return h('button', {type: 'button', class: `btn btn-sm ${tone}`, onclick: run}, label);
    }

    function drawUsers(users) {
        list.replaceChildren(h('div', {class: 'table-responsive'}, h('table', {class: 'table align-middle stacked'}, h('caption', {}, t('people.count', {n: count(users.length)})),
            h('thead', {}, h('tr', {}, ['account.user', 'account.roles', 'account.area', 'people.last', 'people.state', ...(admin ? ['people.acts'] : [])].map((name) => h('th', {scope: 'col'}, t(name))))),
            h('tbody', {}, users.map((user) => h('tr', {'data-user': user.name}, h('th', {scope: 'row'}, user.name, user.title && h('div', {class: 'fw-normal small'}, user.title)),
                h('td', label('account.roles'), user.roles.map((role) => t(`role_short.${role}`)).join(t('format.comma'))),
                h('td', label('account.area'), user.area && user.area !== '0' ? `${user.area_name ?? ''} ${user.area}`.trim() : t('shell.whole_country')),
                h('td', label('people.last'), user.last_login_at ? time(user.last_login_at) : t('people.never')),
                h('td', label('people.state'), user.disabled ? `✕ ${t('people.disabled')}` : `✓ ${t('people.active')}`),
                admin && h('td', label('people.acts'), h('div', {class: 'd-flex flex-wrap gap-1 justify-content-end justify-content-sm-start'}, button(t('people.edit'), () => form(user)), button(t('people.password'), () => password(user)),
                    user.name !== session().user && button(user.disabled ? t('people.enable') : t('people.disable'), () => disable(user), user.disabled ? 'btn-outline-primary' : 'btn-outline-danger')))))))));
    }

    async function area(word, region) {
        const given = await ask({title: t(`areas.${word}_title`, {region: region ?? ''}), body: [h('p', {}, t(`areas.${word}_means`))], fields: [
            ...(region === undefined ? [{name: 'region', label: t('people.area'), required: true, max: 12}] : []),
            {name: 'reason', label: t('operations.reason'), type: 'textarea', required: true}], agree: t(`areas.${word}`), danger: word === 'live'});
        if (given) {
            const code = region ?? given.region;
            await act(() => api.post(`/areas/${encodeURIComponent(code)}/${word}`, {reason: given.reason}), t('areas.changed', {region: code}));
        }
    }

    async function numbers() {
        const given = await ask({title: t('areas.numbers'), body: [h('p', {}, t('areas.numbers_means'))], fields: [{name: 'region', label: t('people.area'), required: true, max: 12},
            {name: 'numbers', label: t('areas.own'), type: 'textarea', max: 1000}], agree: t('people.save')});
        if (given) {
            await act(() => api.post(`/areas/${encodeURIComponent(given.region)}`, {own_numbers: given.numbers.split(/[\s,，、;；]+/).filter(Boolean)}), t('areas.changed', {region: given.region}));
        }
    }

    function drawAreas(rows) {
        areas.replaceChildren(h('h2', {class: 'h5 mt-4'}, t('areas.title')), h('p', {class: 'text-muted'}, t('areas.means')),
            admin && h('div', {class: 'd-flex flex-wrap gap-2 mb-2'}, button(t('areas.live'), () => area('live')), button(t('areas.trial'), () => area('trial')), button(t('areas.numbers'), numbers)),
            rows.length === 0 ? h('p', {}, t('areas.none')) : h('div', {class: 'table-responsive'}, h('table', {class: 'table align-middle stacked'}, h('caption', {class: 'visually-hidden'}, t('areas.title')),
                h('thead', {}, h('tr', {}, ['account.area', 'people.state', 'areas.since', 'areas.by', 'operations.reason', 'areas.own'].map((name) => h('th', {scope: 'col'}, t(name))))),
                h('tbody', {}, rows.map((one) => h('tr', {}, h('th', {scope: 'row'}, one.name ?? '', ' ', one.region), h('td', label('people.state'), one.state === 'live' ? `✓ ${t('areas.is_live')}` : `◷ ${t('areas.is_trial')}`),
                    h('td', label('areas.since'), time(one.since)), h('td', label('areas.by'), one.by), h('td', {class: 'text-break', ...label('operations.reason')}, one.reason),
                    h('td', {class: 'num', ...label('areas.own')}, count(one.own_numbers))))))));
    }

    async function load() {
        const [users, known] = await Promise.all([api.all('/users', 'users'), api.all('/areas', 'areas')]);
        drawUsers(users);
        drawAreas(known);
    }

    main.replaceChildren(h('div', {class: 'd-flex flex-wrap justify-content-between gap-2 mb-3'}, h('h1', {class: 'h3 mb-0'}, t('nav.people')),
        admin && h('button', {type: 'button', class: 'btn btn-primary', id: 'user-add', onclick: () => form(null)}, t('people.add'))), said, list, areas);
    await load();
}
