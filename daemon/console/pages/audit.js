/* Who did what, from where, newest first. Nothing here can be changed. */
import {actWords} from '../lib/acts.js';
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {formFields} from '../lib/form.js';
import {count, time, timeExact} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';

const PAGE = 100;
const MOBILE = /(?<!\d)(1\d\d)\d{4}(\d{4})(?!\d)/g;
const label = (name) => ({'data-label': t(`audit.${name}`)}); // on a narrow screen a row is a card

/* What was asked for in small print, and what changed. */
function told(line) {
    const refused = /^refused=(\d+) ?/.exec(line.detail ?? '');
    return [
        refused && h('span', {class: 'badge text-bg-danger me-1'}, t('audit.refused')),
        h('span', {lang: 'en'}, refused ? line.detail.slice(refused[0].length) : line.detail ?? ''),
        (line.before || line.after) && h('dl', {class: 'mb-0'},
            h('dt', {}, t('audit.before')), h('dd', {class: 'mb-0', lang: 'en'}, line.before || '–'),
            h('dt', {}, t('audit.after')), h('dd', {class: 'mb-0', lang: 'en'}, line.after || '–')),
    ];
}

function row(line) {
    return h('tr', {}, h('td', {class: 'text-nowrap', ...label('at')}, timeExact(line.at)), h('th', {scope: 'row', ...label('who')}, line.actor ?? ''),
        h('td', label('from'), [line.via && t(`via.${line.via}`), line.address].filter(Boolean).join(' ')),
        h('td', {class: 'text-break', ...label('act')}, h('div', {}, h('div', {}, actWords(line.act)), h('small', {class: 'text-muted', lang: 'en'}, line.act ?? ''))),
        h('td', {class: 'text-break', ...label('object')}, line.object ?? ''),
        h('td', {class: 'text-break small', ...label('detail')}, h('div', {}, told(line))));
}

export async function show(main) {
    const form = formFields('audit', [
        {name: 'about', label: t('audit.about'), hint: t('audit.about_hint')},
        {name: 'by', label: t('audit.by')},
        {name: 'to', label: t('audit.to'), type: 'date'},
    ]);
    const proof = h('div', {role: 'status'}), looked = h('p', {class: 'text-muted small', role: 'status', id: 'audit-looked'});
    const body = h('tbody', {id: 'audit-lines'});
    const more = h('button', {type: 'button', class: 'btn btn-outline-primary', id: 'audit-more', onclick: () => load(more.dataset.before)});
    let wanted = {}, asked = 0;

    async function load(before) {
        const turn = ++asked;
        try {
            const page = await api.get(`/audit?${new URLSearchParams({limit: PAGE, ...wanted, ...(before ? {before} : {})})}`);
            if (turn !== asked) {
                return; // somebody looks for something else by now
            }
            form.clear();
            body.append(...page.lines.map(row));
            const isWhole = !wanted.about && !wanted.by;
            looked.textContent = !body.childElementCount && page.next === null ? t('audit.none')
                : isWhole || page.until === null ? '' : t('audit.looked', {n: count(page.looked), time: time(page.until)});
            more.textContent = isWhole ? t('audit.more') : t('audit.further');
            more.hidden = page.next === null;
            more.dataset.before = page.next ?? '';
        } catch (error) {
            if (turn === asked) {
                form.show(error);
            }
        }
    }

    async function find(event) {
        event.preventDefault();
        wanted = form.values();
        if (wanted.about) {
            wanted.about = wanted.about.replace(MOBILE, '$1****$2'); // a whole number has no place in an address
        }
        fill(body);
        await load();
    }

    async function verify() {
        try {
            const found = await api.post('/audit/verify', {});
            fill(proof, h('div', {class: `alert alert-${found.ok ? 'success' : 'danger'}`},
                found.ok ? t('audit.good', {n: count(found.lines)}) : t('audit.bad', {id: found.bad})));
        } catch (error) {
            fill(proof, errorBox(error));
        }
    }

    fill(main, h('h1', {class: 'h3'}, t('nav.audit')), h('p', {class: 'text-muted'}, t('audit.means')),
        h('button', {type: 'button', class: 'btn btn-outline-primary mb-3', id: 'audit-verify', onclick: verify}, t('audit.verify')), proof,
        h('form', {class: 'mb-3', id: 'audit-find', role: 'search', onsubmit: find}, form.element,
            h('button', {type: 'submit', class: 'btn btn-primary mt-2'}, t('audit.find'))),
        looked,
        h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-middle stacked'}, h('caption', {class: 'visually-hidden'}, t('nav.audit')),
            h('thead', {}, h('tr', {}, ['at', 'who', 'from', 'act', 'object', 'detail'].map((name) => h('th', {scope: 'col'}, t(`audit.${name}`))))), body)), more);
    await load();
}
