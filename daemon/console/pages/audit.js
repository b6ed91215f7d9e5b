/* Who did what, from where, newest first. Nothing here can be changed. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {count, timeExact} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';

const PAGE = 100;
const label = (name) => ({'data-label': t(`audit.${name}`)}); // on a narrow screen a row is a card

export async function show(main) {
    const problem = h('div', {'aria-live': 'assertive'}), proof = h('div', {role: 'status'});
    const body = h('tbody', {id: 'audit-lines'});
    const more = h('button', {type: 'button', class: 'btn btn-outline-primary', onclick: () => load(more.dataset.before)}, t('audit.more'));

    async function load(before) {
        try {
            const page = await api.get(`/audit?limit=${PAGE}${before ? `&before=${encodeURIComponent(before)}` : ''}`);
            problem.replaceChildren();
            body.append(...page.lines.map((line) => h('tr', {}, h('td', {class: 'text-nowrap', ...label('at')}, timeExact(line.at)), h('th', {scope: 'row', ...label('who')}, line.actor ?? ''),
                h('td', label('from'), [line.via && t(`via.${line.via}`), line.address].filter(Boolean).join(' ')), h('td', {class: 'text-break', ...label('act')}, line.act ?? ''), h('td', {class: 'text-break', ...label('object')}, line.object ?? ''),
                h('td', {class: 'text-break small', ...label('detail')}, line.detail ?? ''))));
            more.hidden = page.next === null;
            more.dataset.before = page.next ?? '';
        } catch (error) {
            problem.replaceChildren(errorBox(error));
        }
    }

    async function verify() {
        try {
            const found = await api.post('/audit/verify', {});
            proof.replaceChildren(h('div', {class: `alert alert-${found.ok ? 'success' : 'danger'}`},
                found.ok ? t('audit.good', {n: count(found.lines)}) : t('audit.bad', {id: found.bad})));
        } catch (error) {
            proof.replaceChildren(errorBox(error));
        }
    }

    main.replaceChildren(h('h1', {class: 'h3'}, t('nav.audit')), h('p', {class: 'text-muted'}, t('audit.means')),
        h('button', {type: 'button', class: 'btn btn-outline-primary mb-3', id: 'audit-verify', onclick: verify}, t('audit.verify')), proof, problem,
        h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-middle stacked'}, h('caption', {class: 'visually-hidden'}, t('nav.audit')),
            h('thead', {}, h('tr', {}, ['at', 'who', 'from', 'act', 'object', 'detail'].map((name) => h('th', {scope: 'col'}, t(`audit.${name}`))))), body)), more);
    await load();
}
