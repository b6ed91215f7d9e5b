/* A draft in five steps: list, text, time, test, send. Each step shows what is still to do in it; the order is free.
 *
 * What is typed is saved by itself shortly after the last key, with the version that was read: when somebody else saved in
 * between, the daemon refuses and the reader is asked to load theirs. */
import * as api from '../lib/api.js';
import {stateBadge} from '../lib/campaign_words.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {time} from '../lib/format.js';
import {parts, t} from '../lib/i18n.js';
import {words} from '../lib/sentences.js';
import {may, session} from '../lib/session.js';
import {ask} from '../lib/dialog.js';
import {errorBox, showError} from '../lib/notice.js';
import {mistakesOf} from './mistakes.js';
import * as list from './list.js';
import * as text from './text.js';
import * as schedule from './schedule.js';
import * as test from './test.js';
import * as send from './send.js';

const STEPS = {list, text, schedule, test, send};
const SAVE_AFTER_MS = 700;

export async function show(main, id, campaign) {
    const path = `/drafts/${encodeURIComponent(id)}`;
    const context = {
        id, path, draft: await api.get(path), plan: null, planning: null,
        editable: may('township'),
        save, refresh, loadPlan, go, changed: {}, onPlan: null, onSaved: null,
    };
    let step = firstStep(context), timer = null, saving = Promise.resolve(), leaveStep = null;

    const problem = h('div', {'aria-live': 'polite'});
    const saved = h('span', {class: 'small text-body-secondary', role: 'status', id: 'draft-saved'});
    const steps = h('ol', {class: 'steps list-unstyled d-flex flex-wrap gap-2 my-3'});
    const body = h('section', {id: 'draft-step', 'aria-live': 'off', tabindex: '-1'});
    const heading = h('h1', {class: 'h3 mb-0 text-break'});
    const trial = session().trial && h('div', {class: 'alert alert-warning'}, t('draft.trial'));

    /* Fields are gathered and saved together. Gives when they are saved. */
    function save(fields, {now = false, pledge} = {}) {
        Object.assign(context.changed, fields);
        if (pledge !== undefined) {
            context.changedPledge = pledge;
        }
        clearTimeout(timer);
        saved.textContent = t('draft.saving');
        if (now) {
            return flush();
        }
        timer = setTimeout(flush, SAVE_AFTER_MS);
        return saving;
    }

    function flush() {
        clearTimeout(timer);
        timer = null;
        saving = saving.then(async () => {
            const fields = context.changed, pledge = context.changedPledge;
            if (Object.keys(fields).length === 0 && pledge === undefined) {
                return;
            }
            context.changed = {};
            context.changedPledge = undefined;
            try {
                context.draft = await api.post(path, {version: context.draft.version, fields, ...(pledge !== undefined ? {pledge} : {})});
                fill(problem);
                context.plan = null;
                drawHead();
                context.onSaved?.();
            } catch (error) {
                context.changed = {...fields, ...context.changed}; // what was typed since counts
                fill(problem, error.code === 'stale' ? stale() : errorBox(error));
                saved.textContent = t('draft.not_saved');
            }
        });
        return saving;
    }

    function stale() {
        return h('div', {class: 'alert alert-warning', role: 'alert'}, h('p', {}, t('draft.stale')),
            h('button', {type: 'button', class: 'btn btn-warning btn-sm', onclick: async () => {
                context.changed = {};
                await refresh();
                fill(problem);
                drawStep();
            }}, t('draft.load_theirs')));
    }

    async function refresh(draft) {
        context.draft = draft ?? await api.get(path);
        context.plan = null;
        drawHead();
    }

    /* The plan of what is saved; one at a time, kept until something changes. */
    async function loadPlan() {
        await flush();
        if (context.plan === null) {
            context.planning ??= api.get(`${path}/plan`).finally(() => { context.planning = null; });
            context.plan = await context.planning;
            drawHead();
        }
        return context.plan;
    }

    function drawHead() {
        const draft = context.draft;
        heading.textContent = draft.fields.title || draft.id;
        saved.textContent = draft.updated_at ? t('draft.saved', {who: draft.updated_by ?? draft.author ?? '', time: time(draft.updated_at)}) : ''; // a file nobody saved here
        fill(steps, ...Object.keys(STEPS).map((name, i) => {
            const sign = stepSign(context, name);
            return h('li', {}, h('button', {type: 'button', class: `btn btn-sm ${name === step ? 'btn-primary' : 'btn-outline-primary'}`,
                'aria-current': name === step ? 'step' : null, 'data-step': name, onclick: () => go(name)},
            `${i + 1} ${t(`draft.step_${name}`)}`, sign && h('span', {'aria-hidden': 'true'}, sign === 'ok' ? ' ✓' : ' !'),
            sign && h('span', {class: 'visually-hidden'}, t(`draft.sign_${sign}`))));
        }));
    }

    function drawStep() {
        leaveStep?.();
        context.onSaved = null;
        leaveStep = STEPS[step].render(body, context) ?? null;
    }

    async function go(name) {
        await flush();
        step = name;
        drawHead();
        drawStep();
        body.focus({preventScroll: true});
    }

    async function remove() {
        if (await ask({title: t('draft.delete_ask', {title: heading.textContent}), agree: t('draft.delete'), danger: true})) {
            await api.del(path).then(() => { location.hash = '#/campaigns'; }, (error) => showError(main, error));
        }
    }

    drawHead();
    fill(main,
        h('p', {class: 'mb-2'}, h('a', {href: '#/campaigns'}, t('draft.back'))),
        h('div', {class: 'd-flex flex-wrap justify-content-between align-items-center gap-2'}, heading, stateBadge('draft')),
        h('div', {class: 'small text-body-secondary text-break'}, id), saved, trial,
        campaign.import?.phase === 'failed' && failedBox(campaign.import),
        h('nav', {'aria-label': t('draft.steps')}, steps), problem, body,
        context.editable && h('p', {class: 'mt-5'}, h('button', {type: 'button', class: 'btn btn-sm btn-outline-danger', onclick: remove}, t('draft.delete'))));
    drawStep();
    return () => {
        flush();
        leaveStep?.();
    };
}

/* A launch that ended in the import leaves a draft: without these words it looks as if nobody had pressed the button. */
function failedBox(job) {
    return h('div', {class: 'alert alert-danger', role: 'alert', id: 'draft-failed'}, h('strong', {}, t('draft.failed')), h('div', {}, t('draft.failed_next')),
        h('div', {class: 'text-break'}, parts('draft.failed_raw', {reason: words(job.reason)})));
}

function stepSign(context, step) {
    const {draft, plan} = context;
    if (step === 'list') {
        return !draft.recipients ? null : draft.recipients.fault || (plan && ['file', 'columns'].includes(plan.stage)) ? 'todo' : 'ok';
    }
    if (step === 'text' || step === 'schedule') {
        return mistakesOf(draft, step).length > 0 ? 'todo' : draft.fields.text || step === 'schedule' ? 'ok' : null;
    }
    return step === 'send' && draft.approval?.state === 'returned' ? 'todo' : null;
}

function firstStep(context) {
    const {draft} = context;
    if (!context.editable || ['asked', 'approved', 'returned'].includes(draft.approval?.state)) {
        return 'send';
    }
    return !draft.recipients ? 'list' : !draft.fields.text ? 'text' : draft.launchable ? 'send' : 'text';
}
