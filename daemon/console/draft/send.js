/* Step 5: the whole truth on one screen, four eyes, and the button that carries the number of people.
 *
 * Impatience never becomes a second blast: the button locks with the first press, the request carries one key for this
 * version of the draft (a reload of the page repeats it), and a campaign that runs already shows its progress instead. */
import * as api from '../lib/api.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {progressPercent} from '../lib/campaign_words.js';
import {ask} from '../lib/dialog.js';
import {count, time, yuan} from '../lib/format.js';
import {parts, t} from '../lib/i18n.js';
import {may, session} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';
import {words} from '../lib/sentences.js';
import {advice, faultWords} from '../lib/problems.js';
import {FAULTS} from './list.js';
import {blockedText, mistakeText} from './mistakes.js';
import {trialBox} from './trial.js';

export function render(body, context) {
    const truth = h('div', {id: 'send-truth', 'aria-live': 'polite', 'aria-busy': 'true'}, h('p', {}, t('send.checking')));
    const problem = h('div', {'aria-live': 'assertive'});
    const actions = h('div', {id: 'send-actions', class: 'd-flex flex-wrap gap-2 mt-3 align-items-start'});
    const approval = h('div', {id: 'send-approval', class: 'mt-3'});
    let alive = true;

    async function load() {
        try {
            await context.flush();
            if (context.isUnsaved()) {
                fill(truth, context.unsavedBox());
                return;
            }
            const plan = await planOfNow();
            if (alive) {
                fill(truth, facts(plan, context.draft), context.draft.mistakes.map((mistake) => h('div', {class: 'alert alert-warning py-2 my-2'}, mistakeText(mistake))));
                drawActions(plan);
            }
        } catch (error) {
            fill(truth, errorBox(error));
        } finally {
            truth.setAttribute('aria-busy', 'false');
        }
    }

    /* What is in the way is known after the count; both are of the same files, or somebody saved between the two. */
    async function planOfNow() {
        for (let tries = 0; tries < 3; tries++) {
            const plan = await context.loadPlan();
            const draft = await api.get(context.path);
            const isSame = draft.approval.digest === plan.digest;
            context.refresh(draft, {keepsPlan: isSame});
            if (isSame) {
                return plan;
            }
        }
        throw new api.ApiError(409, {error: {code: 'stale'}});
    }

    function drawActions(plan) {
        const {draft} = context;
        const state = draft.approval?.state ?? 'none';
        fill(approval, ...approvalWords(draft));
        fill(actions,
            ...(draft.approval?.needed && ['none', 'returned'].includes(state) && context.editable && plan.accepted > 0
                ? [button('send.ask', 'btn-primary', 'send-ask', () => step('ask', {}))] : []),
            ...(state === 'asked' && may('approver') && !isOwn(draft)
                ? [button('send.approve', 'btn-success', 'send-approve', () => step('approve', {digest: plan.digest})), button('send.return', 'btn-outline-danger', 'send-return', giveBack)] : []),
            ...(draft.launchable && may('township', 'operator') && plan.accepted > 0 ? [launchButton(plan), isRepeat(context.failed?.reason) && againBox(plan)] : []),
            ...(draft.blocked ? [h('p', {class: 'mb-0 align-self-center', id: 'send-blocked'}, blockedText(draft))] : []));
    }

    function button(key, tone, id, onclick) {
        return h('button', {type: 'button', class: `btn ${tone}`, id, onclick}, t(key));
    }

    async function step(verb, fields) {
        lock(true);
        fill(problem);
        try {
            await context.refresh(await api.post(`${context.path}/${verb}`, fields));
            await load();
        } catch (error) {
            fill(problem, errorBox(error));
        } finally {
            lock(false);
        }
    }

    async function giveBack() {
        const answer = await ask({title: t('send.return_title'), agree: t('send.return'),
            fields: [{name: 'reason', label: t('ask.reason'), type: 'textarea', required: true}]});
        if (answer) {
            await step('return', answer);
        }
    }

    function lock(on) {
        actions.querySelectorAll('button').forEach((one) => { one.disabled = on; });
    }

    function launchButton(plan) {
        return h('button', {type: 'button', class: 'btn btn-danger btn-lg', id: 'send-launch', onclick: () => launch(plan)},
            t('send.launch', {n: count(plan.accepted)}));
    }

    async function launch(plan, more = {}) {
        lock(true);
        fill(problem);
        try {
            await api.post('/campaigns/launch', {file: context.id, expect_recipients: plan.accepted, digest: plan.digest, ...more},
                {key: launchKey(context, more)});
            sessionStorage.removeItem(launchName(context, more)); // answered: the next press is another decision
            showProgress();
        } catch (error) {
            const running = await launchedAlready();
            fill(problem, running ?? errorBox(error));
            lock(running !== null);
            if (error.code === 'stale') { // what she saw is not what would have gone
                context.plan = null;
                await load();
            }
        }
    }

    /* The address may be the same; the page is another. */
    function showProgress() {
        const to = `#/campaigns/${encodeURIComponent(context.id)}`;
        if (location.hash === to) {
            window.dispatchEvent(new HashChangeEvent('hashchange'));
        } else {
            location.hash = to;
        }
    }

    /* Somebody was faster, or the answer was lost: what runs is shown instead of an error. */
    async function launchedAlready() {
        const campaign = await api.get(`/campaigns/${encodeURIComponent(context.id)}`).catch(() => null);
        if (campaign === null || campaign.state === 'draft') {
            return null;
        }
        return h('div', {class: 'alert alert-info', role: 'status', id: 'send-already'},
            t('send.already', {who: campaign.actor ?? '', time: time(campaign.launched_at), share: campaign.counts ? progressPercent(campaign) : 0}), ' ',
            h('button', {type: 'button', class: 'btn btn-sm btn-primary', onclick: showProgress}, t('send.watch')));
    }

    /* The same text to the same list once more is a decision with a reason, never a second click. */
    function againBox(plan) {
        return h('p', {}, h('button', {type: 'button', class: 'btn btn-outline-danger btn-sm', id: 'send-again', onclick: async () => {
            const answer = await ask({title: t('send.again_title'), agree: t('send.launch', {n: count(plan.accepted)}), danger: true,
                fields: [{name: 'reason', label: t('ask.reason'), type: 'textarea', required: true}]});
            if (answer) {
                await launch(plan, {again: true, reason: answer.reason});
            }
        }}, t('send.again')));
    }

    fill(body, h('h2', {class: 'h5'}, t('send.title')), truth, approval, problem, actions);
    load();
    return () => { alive = false; };
}

function isOwn(draft) {
    return [draft.author, draft.updated_by, draft.approval?.asked_by].includes(session().user);
}

/* The daemon has read the list, and asks for a reason. */
function isRepeat(sentence) {
    return /--again/.test(sentence ?? '');
}

function launchName(context, more) {
    return `launch:${context.id}:${context.draft.version}:${more.again ? 'again' : 'first'}`;
}

function launchKey(context, more) {
    const name = launchName(context, more);
    let key = sessionStorage.getItem(name);
    if (key === null) {
        key = api.newKey();
        sessionStorage.setItem(name, key);
    }
    return key;
}

function facts(plan, draft) {
    if (FAULTS.includes(plan.stage)) {
        return h('div', {class: 'alert alert-danger'}, h('strong', {}, t(`list.fault_${plan.stage}`)), faultWords(plan.fault));
    }
    const leftOut = [['duplicate', plan.duplicate], ['opted_out', plan.opted_out], ['invalid', plan.invalid]].filter(([, n]) => n > 0);
    const rows = [
        ['people', h('strong', {class: 'fs-4', id: 'truth-people'}, count(plan.accepted))],
        ['left_out', leftOut.length === 0 ? t('send.nobody') : h('ul', {class: 'list-unstyled mb-0'}, leftOut.map(([name, n]) => h('li', {}, `${t(`send.${name}`)} ${count(n)}`)))],
        ['segments', t('send.segments_value', {longest: count(plan.segments_max), average: plan.segments_avg, all: count(plan.segments_total)})],
        ['cost', h('strong', {}, yuan(plan.cost_fen))],
        ['window', t('send.window_value', {start: draft.fields.start ?? '', end: draft.fields.end ?? '', window: draft.fields.window ?? ''})],
        ['finish', h('span', {class: plan.ends_in_time ? '' : 'text-danger fw-bold'}, plan.ends_at ? time(plan.ends_at) : '–', ' ',
            plan.ends_in_time ? t('send.in_time') : t('send.too_late'))],
    ];
    const regions = (plan.by_region ?? []).length > 1 && h('details', {class: 'mb-2'}, h('summary', {}, t('send.by_region', {n: plan.by_region.length})),
        h('ul', {class: 'mb-0'}, plan.by_region.map((one) => h('li', {}, `${one.name || one.region} ${count(one.people)}`))));
    return h('div', {},
        h('dl', {class: 'truth row mb-2'}, rows.flatMap(([name, value]) => [
            h('dt', {class: 'col-12 col-sm-4 col-lg-3'}, t(`send.${name}`)), h('dd', {class: 'col-12 col-sm-8 col-lg-9'}, value)])),
        regions, trialBox(plan),
        !plan.optouts_consulted && h('div', {class: 'alert alert-warning py-2'}, t('send.optouts_later')),
        (plan.warnings ?? []).map((sentence) => h('div', {class: 'alert alert-warning py-2'}, words(sentence))),
        plan.warnings_total > 0 && h('div', {class: 'alert alert-warning py-2'}, t('list.warned', {n: count(plan.warnings_total)})),
        plan.problems_total > 0 && h('details', {}, h('summary', {}, t('send.rows_left_out', {n: count(plan.problems_total)})),
            h('ul', {class: 'mb-0'}, (plan.problems ?? []).filter((one) => !one.accepted).slice(0, 10).map((one) => h('li', {}, parts('send.row', {row: one.row, value: one.value, what: advice(one)}))))),
        (plan.preview ?? []).slice(0, 1).map((text) => h('blockquote', {class: 'border-start border-3 ps-3 my-3 text-prewrap'}, text)));
}

function approvalWords(draft) {
    const {approval} = draft;
    if (!approval || (!approval.needed && approval.state === 'none')) {
        return [];
    }
    const tones = {none: 'alert-info', asked: 'alert-info', approved: 'alert-success', returned: 'alert-danger'};
    const at = approval.state === 'asked' ? approval.asked_at : approval.decided_at;
    return [h('div', {class: `alert ${tones[approval.state] ?? 'alert-info'}`, role: 'status'},
        t(`send.approval_${approval.state}`, {who: (approval.state === 'asked' ? approval.asked_by : approval.decided_by) ?? '', time: at ? time(at) : '',
            people: count(approval.people ?? 0)}),
        approval.reason && h('div', {class: 'fw-semibold'}, approval.reason),
        approval.state === 'asked' && h('div', {class: 'small'}, t('send.approval_rule')))];
}
