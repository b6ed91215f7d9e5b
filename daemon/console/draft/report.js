/* Who was not reached, in words a clerk understands: what happened, why, whether it costs, what to do next; the carrier's own
 * code in small print. And the one safe way to write to them again. */
import * as api from '../lib/api.js';
import {NOT_REACHED, openPeople} from '../lib/campaign_words.js';
import {ask} from '../lib/dialog.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {count, yuan} from '../lib/format.js';
import {currentLanguage, t} from '../lib/i18n.js';
import {eachLine} from '../lib/lines.js';
import {may} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';

const PEOPLE_SHOWN = 50;
const DECIDED = 'OPERATOR'; // the code of `resolve … fail`
const RESENDS = ['temporary', 'rejected'];

/* On the screen a number is never whole, whatever came. */
const masked = (number) => number.replace(/^(\d{3})\d{4}(\d{4})$/, '$1****$2');

export function reportSection(id, campaignNow) {
    const path = `/campaigns/${encodeURIComponent(id)}`;
    const groups = h('div', {id: 'report-groups', 'aria-live': 'polite'});
    const problem = h('div', {'aria-live': 'assertive'});
    const button = h('button', {type: 'button', class: 'btn btn-outline-primary btn-sm', id: 'report-load', onclick: load}, t('report.load'));
    let aborter = null;

    async function load() {
        aborter?.abort();
        aborter = new AbortController();
        const {signal} = aborter;
        const found = new Map(), people = [];
        button.disabled = true;
        groups.setAttribute('aria-busy', 'true');
        try {
            await eachLine(`${path}/report?format=jsonl&states=${NOT_REACHED.join(',')}`, (line) => {
                if (line.error) {
                    throw new Error(line.error);
                }
                if (!NOT_REACHED.includes(line.state)) {
                    return;
                }
                const key = `${line.state} ${line.code}`;
                const group = found.get(key) ?? {state: line.state, code: line.code, meaning: line.meaning, again: line.temporary, n: 0};
                group.n++;
                found.set(key, group);
                if (people.length < PEOPLE_SHOWN) {
                    people.push(line);
                }
            }, signal);
            draw([...found.values()].sort((a, b) => b.n - a.n), people);
        } catch (error) {
            if (!signal.aborted) {
                fill(groups, errorBox(error));
            }
        } finally {
            button.disabled = false;
            groups.removeAttribute('aria-busy');
        }
    }

    function draw(found, people) {
        const all = found.reduce((sum, group) => sum + group.n, 0);
        if (all === 0) {
            fill(groups, h('p', {id: 'report-none'}, t('report.none')));
            return;
        }
        fill(groups,
            h('p', {class: 'fw-semibold', id: 'report-total'}, t('report.total', {n: count(all)})),
            h('div', {class: 'table-responsive'}, h('table', {class: 'table table-sm align-top stacked', id: 'report-table'},
                h('caption', {class: 'visually-hidden'}, t('report.title')),
                h('thead', {}, h('tr', {}, ['people', 'state', 'cause', 'cost', 'next'].map((name) => h('th', {scope: 'col'}, t(`report.${name}`))))),
                h('tbody', {}, found.map((group) => h('tr', {},
                    h('td', {'data-label': t('report.people')}, count(group.n)),
                    h('th', {scope: 'row', class: 'fw-normal', 'data-label': t('report.state')}, t(`bucket.${group.state}`)),
                    h('td', {'data-label': t('report.cause')}, h('div', {}, cause(group),
                        group.code && !isDecided(group) && h('div', {class: 'small text-body-secondary'}, t('report.code', {code: group.code})))),
                    h('td', {'data-label': t('report.cost')}, t(`report.cost_${cost(group)}`)),
                    h('td', {'data-label': t('report.next')}, t(`report.next_${next(group)}`))))))),
            h('details', {class: 'mb-3'}, h('summary', {}, t('report.who', {n: count(people.length), all: count(all)})),
                h('ul', {class: 'columns-list'}, people.map((one) => h('li', {}, masked(one.number), ' ', t(`bucket.${one.state}`))))),
            resendBox());
    }

    /* Nobody knows whether it arrived, and a person gave it up for lost: the carrier has said nothing, and may have charged it. */
    function isDecided(group) {
        return group.code === DECIDED;
    }

    function cause(group) {
        return isDecided(group) ? t('report.decided') : group.meaning ? h('span', {lang: 'zh-CN'}, group.meaning) : t('report.no_cause');
    }

    function cost(group) {
        return isDecided(group) ? 'unknown' : group.state === 'rejected' ? 'no' : 'yes';
    }

    function next(group) {
        return group.state === 'rejected' ? 'rejected' : group.again ? 'again' : isDecided(group) ? 'decided' : 'check';
    }

    /* First what would happen, then the question, then one child campaign; who was reached or may have been is never in it.
     * How many that are says the daemon, which also leaves out who opted out meanwhile or was written to already. */
    function resendBox() {
        if (!may('township', 'operator') || openPeople(campaignNow().counts) > 0) {
            return h('p', {class: 'small'}, openPeople(campaignNow().counts) > 0 ? t('report.resend_wait') : '');
        }
        const box = h('div', {class: 'd-flex flex-wrap gap-2', role: 'status'});
        Promise.all(RESENDS.map((only) => api.get(`${path}/resend?only=${only}`))).then((counted) => {
            fill(box, ...RESENDS.map((only, i) => counted[i].people > 0 && h('button', {type: 'button', class: 'btn btn-outline-danger', id: `resend-${only}`,
                onclick: () => resend(only, counted[i])}, t(`report.resend_${only}`, {n: count(counted[i].people)}))));
        }, (error) => fill(box, errorBox(error)));
        return box;
    }

    async function resend(only, counted) {
        const n = count(counted.people);
        const answer = await ask({title: t('report.resend_title'), danger: true, agree: t('report.resend_agree', {n}),
            body: [h('p', {}, t(`report.resend_${only}_means`, {n})),
                h('p', {id: 'resend-cost'}, t('report.resend_cost', {segments: count(counted.segments_total), cost: yuan(counted.cost_fen)})),
                counted.opted_out > 0 && h('p', {}, t('report.resend_opted_out', {n: count(counted.opted_out)})), h('p', {}, t('report.resend_never'))],
            fields: [{name: 'reason', label: t('ask.reason'), type: 'textarea', required: true}]});
        if (!answer) {
            return;
        }
        groups.querySelectorAll('button').forEach((one) => { one.disabled = true; });
        try {
            const child = await api.post(`${path}/resend`, {only, reason: answer.reason, expect_recipients: counted.people});
            location.hash = `#/campaigns/${encodeURIComponent(child.id)}`;
        } catch (error) {
            fill(problem, errorBox(error));
            groups.querySelectorAll('button').forEach((one) => { one.disabled = false; });
        }
    }

    /* Whole numbers need a reason, and the password again: asked for before the browser begins a download that would only be refused. */
    async function unmasked() {
        fill(problem);
        const answer = await ask({title: t('report.whole_title'), agree: t('report.whole_agree'), body: [h('p', {}, t('report.whole_means'))],
            fields: [{name: 'reason', label: t('ask.reason'), type: 'textarea', required: true}]});
        if (!answer) {
            return;
        }
        try {
            if (await api.confirmNow()) {
                location.assign(`/api/v1${path}/report?${new URLSearchParams({format: 'csv', with: 'columns', masked: '0', reason: answer.reason.replace(/\s+/g, ' ').trim(), lang: currentLanguage()})}`);
            }
        } catch (error) {
            fill(problem, errorBox(error));
        }
    }

    const element = h('section', {class: 'mt-4', 'aria-labelledby': 'report-heading'},
        h('h2', {class: 'h5', id: 'report-heading'}, t('report.title')),
        h('div', {class: 'd-flex flex-wrap gap-2 mb-3'}, button,
            h('a', {class: 'btn btn-outline-primary btn-sm', id: 'report-csv', href: `/api/v1${path}/report?format=csv&with=columns&masked=1&lang=${currentLanguage()}`, download: `${id}.csv`}, t('report.download')),
            h('button', {type: 'button', class: 'btn btn-outline-secondary btn-sm', id: 'report-whole', onclick: unmasked}, t('report.download_whole'))),
        problem, groups);
    return {element, load, leave: () => aborter?.abort()};
}
