/* A campaign that was launched: counts by state that add up, rate, time left, what it waits for, pause, resume and cancel;
 * below it the report. */
import * as api from '../lib/api.js';
import {listAddress} from '../lib/campaign_list.js';
import {BUCKETS, openPeople, progressBar, progressPercent, progressText, stateBadge, waitingWords} from '../lib/campaign_words.js';
import {ask} from '../lib/dialog.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {subscribe} from '../lib/events.js';
import {count, duration, time, yuan} from '../lib/format.js';
import {parts, t} from '../lib/i18n.js';
import {words} from '../lib/sentences.js';
import {may} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';
import {showRegion} from '../lib/region.js';
import {reportSection} from './report.js';

const GATHER_MS = 300;
const IMPORT_MS = 1000; // a list that is refused is no campaign any more, and nothing is told of it
const LIVE = ['importing', 'scheduled', 'sending', 'paused', 'missed'];

export function show(main, id, first) {
    const path = `/campaigns/${encodeURIComponent(id)}`, postDraft = api.oneByOne();
    let campaign = first, timer = null, alive = true, drawn = '';
    let asked = 0, shown = 0; // questions, and the latest whose answer is on the page: answers may overtake each other
    const head = h('div', {});
    const problem = h('div', {'aria-live': 'assertive'});
    const live = h('div', {id: 'progress'});
    const actions = h('div', {class: 'd-flex flex-wrap gap-2 my-3', id: 'progress-actions'});
    const spoken = h('div', {class: 'visually-hidden', role: 'status'}); // once a percent, not once a second
    const report = may('township', 'approver', 'operator') ? reportSection(id, () => campaign) : {element: null, load() {}, leave() {}};

    async function load() {
        const question = ++asked;
        try {
            const fresh = await api.get(path);
            if (alive && question > shown) {
                shown = question;
                if (fresh.state === 'draft') { // the launch has failed: its page says why
                    window.dispatchEvent(new HashChangeEvent('hashchange'));
                    return;
                }
                const ended = LIVE.includes(campaign.state) && !LIVE.includes(fresh.state);
                campaign = fresh;
                draw();
                if (ended) {
                    report.load();
                }
            }
        } catch (error) {
            fill(problem, errorBox(error));
        }
        if (alive && campaign.state === 'importing') {
            soon(IMPORT_MS);
        }
    }

    function soon(ms) {
        timer ??= setTimeout(() => { timer = null; load(); }, ms);
    }

    /* What can hold the focus is only made anew when it changes: figures come several times a second. */
    function draw() {
        if (drawn !== campaign.state) {
            drawn = campaign.state;
            drawFrame();
        }
        const failed = campaign.import?.phase === 'failed';
        fill(live, ...(campaign.state === 'importing' || failed ? importing() : []), ...(campaign.state !== 'importing' ? figures() : []));
        const heard = `${t(`state.${campaign.state}`)} ${progressText(campaign)}`;
        if (spoken.textContent !== heard && (progressPercent(campaign) % 5 === 0 || !LIVE.includes(campaign.state))) {
            spoken.textContent = heard;
        }
    }

    function drawFrame() {
        fill(actions, ...buttons());
        fill(head,
            h('p', {class: 'mb-2'}, h('a', {href: listAddress()}, t('draft.back'))),
            h('div', {class: 'd-flex flex-wrap justify-content-between align-items-center gap-2'},
                h('h1', {class: 'h3 mb-0 text-break'}, campaign.title || campaign.id), stateBadge(campaign.state)),
            h('div', {class: 'small text-body-secondary text-break'}, campaign.id, ' · ', showRegion(h('span', {}), campaign.region ?? '')),
            h('div', {class: 'small'}, t('progress.launched', {who: campaign.actor ?? '', time: campaign.launched_at ? time(campaign.launched_at) : '–'}),
                campaign.parent && h('span', {}, ' · ', h('a', {href: `#/campaigns/${encodeURIComponent(campaign.parent)}`}, t('progress.parent', {id: campaign.parent})))));
    }

    function importing() {
        const job = campaign.import;
        if (job?.phase === 'failed') {
            return [h('div', {class: 'alert alert-danger'}, h('strong', {}, t('progress.import_failed')), h('div', {}, words(job.reason)))];
        }
        const share = job?.all_bytes > 0 ? Math.min(99, Math.floor((100 * job.read_bytes) / job.all_bytes)) : 0;
        const part = h('div', {class: 'progress-bar progress-bar-striped progress-bar-animated'});
        part.style.width = `${share}%`;
        return [h('p', {}, t('progress.importing', {rows: count(job?.rows ?? 0)})),
            h('div', {class: 'progress', role: 'progressbar', 'aria-valuenow': String(share), 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-label': t('campaign.progress')}, part),
            h('p', {class: 'small'}, t('progress.leave'))];
    }

    function figures() {
        const waiting = openPeople(campaign.counts) > 0 || campaign.state === 'missed' ? waitingWords(campaign.waiting) : null;
        const facts = [
            ['rate', LIVE.includes(campaign.state) ? t('progress.rate_value', {n: campaign.rate_now}) : '–'],
            ['left', campaign.eta_s !== null && campaign.eta_s !== undefined && LIVE.includes(campaign.state) ? duration(campaign.eta_s) : '–'],
            ['segments', `${count(campaign.segments_sent)} / ${count(campaign.segments_total)}`],
            ['cost', yuan(campaign.cost_fen)],
            ['finished', campaign.finished_at ? time(campaign.finished_at) : '–'],
        ];
        return [
            h('div', {class: 'd-flex align-items-baseline gap-3 flex-wrap mt-3'},
                h('div', {class: 'display-5', id: 'progress-percent'}, `${progressPercent(campaign)} %`),
                h('div', {}, progressText(campaign), campaign.counts.accepted > 0 && ` · ${t('progress.unheard', {n: count(campaign.counts.accepted)})}`)),
            progressBar(campaign),
            waiting && h('div', {class: 'alert alert-warning mt-2 py-2', id: 'progress-waiting'}, parts('campaigns.waits', {text: waiting})),
            h('div', {class: 'row g-4 mt-0'},
                h('div', {class: 'col-12 col-lg-7'}, countsTable()),
                h('div', {class: 'col-12 col-lg-5'}, h('dl', {class: 'row mb-0'}, facts.flatMap(([name, value]) => [
                    h('dt', {class: 'col-6'}, t(`progress.${name}`)), h('dd', {class: 'col-6'}, value)])),
                LIVE.includes(campaign.state) && h('p', {class: 'small text-body-secondary'}, t('progress.leave')))),
        ];
    }

    function countsTable() {
        const {counts} = campaign;
        return h('table', {class: 'table table-sm align-middle mb-0', id: 'progress-counts'},
            h('caption', {class: 'visually-hidden'}, t('progress.counts')),
            h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, t('progress.state')), h('th', {scope: 'col', class: 'text-end'}, t('progress.people')))),
            h('tbody', {}, BUCKETS.map((bucket) => h('tr', {class: counts[bucket.name] ? '' : 'text-body-secondary', 'data-state': bucket.name},
                h('th', {scope: 'row', class: 'fw-normal'}, h('span', {class: `dot bg-${bucket.tone}`, 'aria-hidden': 'true'}), ` ${t(`bucket.${bucket.name}`)}`,
                    h('div', {class: 'small text-body-secondary'}, t(`bucket.${bucket.name}_means`))),
                h('td', {class: 'text-end'}, count(counts[bucket.name] ?? 0))))),
            h('tfoot', {}, h('tr', {class: 'fw-bold'}, h('th', {scope: 'row'}, t('progress.sum')), h('td', {class: 'text-end', id: 'progress-sum'},
                count(BUCKETS.reduce((sum, bucket) => sum + (counts[bucket.name] ?? 0), 0))))));
    }

    function buttons() {
        const made = [], steers = may('township', 'operator');
        const add = (verb, tone, run) => made.push(h('button', {type: 'button', class: `btn ${tone}`, id: `progress-${verb}`, onclick: run}, t(`progress.${verb}`)));
        if ((steers || may('approver')) && ['scheduled', 'sending'].includes(campaign.state)) {
            add('pause', 'btn-warning', () => steer('pause', {fields: [reason()]}));
        }
        if (steers && campaign.state === 'paused') {
            add('resume', 'btn-primary', () => steer('resume', {fields: []}));
        }
        if (steers && campaign.state === 'missed') {
            add('resume', 'btn-primary', () => steer('resume', {fields: [{name: 'until', label: t('progress.until'), required: true, type: 'datetime-local'}]}));
        }
        if (steers && LIVE.includes(campaign.state) && campaign.state !== 'importing') {
            add('cancel', 'btn-outline-danger', () => steer('cancel', {fields: [reason()], danger: true}));
        }
        if (may('township') && !LIVE.includes(campaign.state)) {
            add('copy', 'btn-outline-primary', copy);
        }
        return made;
    }

    const isReceipts = () => id.endsWith('-receipts'); // messages to donors, opened by the daemon
    const reason = () => ({name: 'reason', label: t('ask.reason'), type: 'textarea', required: true});

    async function steer(verb, {fields, danger = false}) {
        const answer = await ask({title: t(`progress.${verb}_title`), body: [h('p', {}, t(`progress.${verb}_means`)),
            verb === 'cancel' && isReceipts() && h('p', {class: 'alert alert-warning'}, t('progress.cancel_receipts'))], fields, agree: t(`progress.${verb}`), danger});
        if (!answer) {
            return;
        }
        fill(problem);
        try {
            await api.post(`${path}/${verb}`, {...answer, ...(answer.until ? {until: answer.until.replace('T', ' ')} : {})});
            await load();
        } catch (error) {
            fill(problem, errorBox(error));
        }
    }

    async function copy() {
        try {
            const draft = await postDraft('/drafts', {title: campaign.title, region: campaign.region, copy_of: id});
            location.hash = `#/campaigns/${encodeURIComponent(draft.id)}`;
        } catch (error) {
            fill(problem, errorBox(error));
        }
    }

    fill(main, head, problem, actions, live, spoken, report.element);
    draw();
    if (!LIVE.includes(campaign.state)) {
        report.load();
    }
    const unsubscribe = subscribe('campaign', (event) => {
        if (event.id === id || event.missed) {
            soon(GATHER_MS);
        }
    });
    if (LIVE.includes(campaign.state)) {
        soon(GATHER_MS); // what happened between the first answer and now was told to nobody
    }
    return () => {
        alive = false;
        unsubscribe();
        clearTimeout(timer);
        report.leave();
    };
}
