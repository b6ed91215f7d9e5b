/* A draft in five steps: list, text, time, test, send. Each step shows what is still to do in it; the order is free. What is typed is
 * saved by itself, see keeper.js. */
import * as api from '../lib/api.js';
import {listAddress} from '../lib/campaign_list.js';
import {stateBadge} from '../lib/campaign_words.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {time} from '../lib/format.js';
import {parts, t} from '../lib/i18n.js';
import {fieldName, words} from '../lib/sentences.js';
import {may, session} from '../lib/session.js';
import {ask} from '../lib/dialog.js';
import {errorBox, showError} from '../lib/notice.js';
import {openKeeper} from './keeper.js';
import {missingColumns, mistakesOf, stepOf} from './mistakes.js';
import * as list from './list.js';
import * as text from './text.js';
import * as schedule from './schedule.js';
import * as test from './test.js';
import * as send from './send.js';

const STEPS = {list, text, schedule, test, send};

export async function show(main, id, campaign, query) {
    const path = `/drafts/${encodeURIComponent(id)}`;
    let step = null, leaveStep = null, knownVersion = null, shownTroubles = '[]';
    const context = {
        id, path, plan: null, planning: null, editable: may('township'),
        failed: campaign.import?.phase === 'failed' ? campaign.import : null, // its last launch
        get draft() { return keeper.draft(); },
        fields: () => keeper.fields(), pledge: () => keeper.pledge(), isUnsaved: () => keeper.isUnsaved(), flush: () => keeper.flush(),
        save: (fields) => keeper.save(fields), refresh, loadPlan, go, onSaved: null, unsavedBox,
    };

    const problem = h('div', {'aria-live': 'polite', id: 'draft-problem'});
    const saved = h('span', {class: 'small text-body-secondary', role: 'status', id: 'draft-saved'});
    const steps = h('ol', {class: 'steps list-unstyled d-flex flex-wrap gap-2 my-3'});
    const body = h('section', {id: 'draft-step', 'aria-live': 'off', tabindex: '-1'});
    const heading = h('h1', {class: 'h3 mb-0 text-break'});
    const trial = session().trial && h('div', {class: 'alert alert-warning'}, t('draft.trial'));
    const keeper = await openKeeper(path, await api.get(path), () => onKept());
    step = query?.get('step') in STEPS ? query.get('step') : firstStep(context);

    function onKept() {
        if (step === null) {
            return; // not shown yet
        }
        const isNew = context.draft.version !== knownVersion, isStale = keeper.troubles().some(({error}) => error.code === 'stale');
        knownVersion = context.draft.version;
        if (isNew || isStale) {
            context.plan = null; // of other files
        }
        drawTroubles();
        drawHead();
        if (isNew) {
            context.onSaved?.();
        }
    }

    /* A box that stands is not drawn anew with each key: it would be read out again. */
    function drawTroubles() {
        const now = JSON.stringify(keeper.troubles().map(({field, error}) => [field, error.code, error.message]));
        if (now !== shownTroubles) {
            shownTroubles = now;
            showTroubles();
        }
        markRefused();
    }

    function showTroubles() {
        fill(problem, keeper.troubles().map(({field, error}) => (field === null ? (error.code === 'stale' ? staleBox() : errorBox(error)) : refusedBox(field, error))));
    }

    function markRefused() {
        for (const input of body.querySelectorAll('[data-field]')) {
            const isRefused = keeper.troubles().some(({field}) => field === input.dataset.field);
            input.classList.toggle('is-invalid', isRefused);
            input.toggleAttribute('aria-invalid', isRefused);
        }
    }

    function refusedBox(field, error) {
        return h('div', {class: 'alert alert-danger', role: 'alert', 'data-refused': field}, h('strong', {}, t('draft.refused', {field: fieldName(field)})),
            h('div', {}, words(error.message)));
    }

    function staleBox() {
        const settle = (key, tone, isMine) => h('button', {type: 'button', class: `btn ${tone} btn-sm`, onclick: async () => {
            try {
                await keeper.settle(await api.get(path), isMine);
                drawStep();
            } catch (error) {
                fill(problem, errorBox(error), staleBox());
            }
        }}, t(key));
        return h('div', {class: 'alert alert-warning', role: 'alert', id: 'draft-stale'}, h('p', {}, t('draft.stale')),
            h('div', {class: 'd-flex flex-wrap gap-2'}, settle('draft.load_theirs', 'btn-warning', false), settle('draft.keep_mine', 'btn-outline-dark', true)));
    }

    /* In place of what would leave: what the reader sees is not what the daemon has. */
    function unsavedBox() {
        return h('div', {class: 'alert alert-danger', role: 'alert', id: 'draft-unsaved'}, t('draft.unsaved'));
    }

    /* As the daemon has it now. `keepsPlan`: the plan is of just these files. */
    function refresh(draft, {keepsPlan = false} = {}) {
        const {plan} = context;
        keeper.replace(draft);
        context.plan = keepsPlan ? plan : null;
        drawHead();
    }

    /* The plan of what is saved; one at a time, kept until something changes. */
    async function loadPlan() {
        await keeper.flush();
        if (context.plan === null) {
            context.planning ??= api.get(`${path}/plan`).finally(() => { context.planning = null; });
            context.plan = await context.planning;
            drawHead();
        }
        return context.plan;
    }

    function drawHead() {
        const draft = context.draft;
        heading.textContent = context.fields().title || draft.id;
        saved.textContent = !keeper.isUnsaved() ? (draft.updated_at ? t('draft.saved', {who: draft.updated_by ?? draft.author ?? '', time: time(draft.updated_at)}) : '') // a file nobody saved here
            : t(keeper.troubles().length > 0 ? 'draft.not_saved' : 'draft.saving');
        saved.classList.toggle('text-danger', keeper.troubles().length > 0);
        fill(steps, ...Object.keys(STEPS).map((name, i) => {
            const sign = keeper.troubles().some(({field}) => field !== null && stepOf(field) === name) ? 'todo' : stepSign(context, name);
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
        drawTroubles();
    }

    async function go(name) {
        await keeper.flush();
        if (step !== name) {
            history.pushState(null, '', `#/campaigns/${encodeURIComponent(id)}?step=${name}`); // Back leads to the step before
        }
        step = name;
        drawHead();
        drawStep();
        body.focus({preventScroll: true});
    }

    async function remove() {
        const {approval} = context.draft;
        const waits = approval?.state === 'asked' && h('p', {class: 'alert alert-warning'}, t('draft.delete_asked', {who: approval.asked_by ?? '', time: time(approval.asked_at)}));
        if (await ask({title: t('draft.delete_ask', {title: heading.textContent}), body: [waits], agree: t('draft.delete'), danger: true})) {
            await api.del(path).then(() => { keeper.forget(); location.hash = '#/campaigns'; }, (error) => showError(main, error));
        }
    }

    knownVersion = context.draft.version;
    drawHead();
    fill(main,
        h('p', {class: 'mb-2'}, h('a', {href: listAddress()}, t('draft.back'))),
        h('div', {class: 'd-flex flex-wrap justify-content-between align-items-center gap-2'}, heading, stateBadge('draft')),
        h('div', {class: 'small text-body-secondary text-break'}, id), saved, trial,
        context.failed && failedBox(context.failed),
        h('nav', {'aria-label': t('draft.steps')}, steps), problem, body,
        context.editable && h('p', {class: 'mt-5'}, h('button', {type: 'button', class: 'btn btn-sm btn-outline-danger', onclick: remove}, t('draft.delete'))));
    drawStep();
    return () => {
        leaveStep?.();
        return keeper.close();
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
        return !draft.recipients ? null : draft.recipients.fault || (plan && ['file', 'columns'].includes(plan.stage) && missingColumns(draft, draft.fields.text).length === 0) ? 'todo' : 'ok';
    }
    if (step === 'text' || step === 'schedule') {
        const lacks = step === 'text' && missingColumns(draft, draft.fields.text).length > 0;
        return lacks || mistakesOf(draft, step).length > 0 ? 'todo' : draft.fields.text || step === 'schedule' ? 'ok' : null;
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
