/* Step 1: the recipients. One class of fault at a time: the file, then its columns, then rows; the mended list is given on the same page. */
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {dropZone, uploadBar} from '../lib/drop.js';
import {count, time} from '../lib/format.js';
import {currentLanguage, t} from '../lib/i18n.js';
import {session} from '../lib/session.js';
import {errorBox} from '../lib/notice.js';
import {faultWords, problemTable} from '../lib/problems.js';
import {upload} from '../lib/upload.js';
import {trialBox} from './trial.js';

export const FAULTS = ['definition', 'file', 'columns', 'text'];
const PART_BYTES = 1048576;

export function render(body, context) {
    const megabytes = count(Math.floor((session().limits?.upload_bytes ?? 0) / 1048576));
    const result = h('div', {class: 'mt-3', id: 'list-result', 'aria-live': 'polite'});
    const sample = h('a', {href: `/api/v1${context.path}/sample`, download: `${context.id}.csv`}, t('list.sample'));
    let running = false;

    /* `mended`: rows of this list that were left out. */
    async function give(file, mended = false) {
        if (running) {
            return;
        }
        running = true;
        const before = context.plan?.problems_total ?? 0;
        const bar = uploadBar();
        fill(result, bar.element);
        try {
            const draft = await upload(file, session().limits?.part_bytes ?? PART_BYTES, ({at, last}) =>
                `${context.path}/recipients?at=${at}&last=${last ? 1 : 0}&name=${encodeURIComponent(file.name)}${mended ? '&mended=1' : ''}`, bar.set);
            bar.say(t('list.checking'));
            await context.refresh(draft);
            await check();
            if (mended) {
                const left = context.plan?.problems_total ?? 0;
                result.prepend(h('div', {class: 'alert alert-success', role: 'status', id: 'list-mended'}, t('list.mended', {n: count(Math.max(0, before - left)), left: count(left)})));
            }
        } catch (error) {
            if (mended) { // the list is as it was
                await check();
                result.prepend(errorBox(error));
            } else {
                fill(result, errorBox(error));
            }
        } finally {
            running = false;
        }
    }

    async function check() {
        const {recipients} = context.draft;
        if (!recipients) {
            fill(result);
            return;
        }
        result.setAttribute('aria-busy', 'true');
        try {
            const plan = await context.loadPlan();
            fill(result, fileFacts(recipients), ...verdict(plan, context, (file) => give(file, true)));
        } catch (error) {
            fill(result, fileFacts(recipients), errorBox(error));
        } finally {
            result.removeAttribute('aria-busy');
        }
    }

    fill(body,
        h('h2', {class: 'h5'}, t('list.title')),
        context.editable ? dropZone({id: 'list-file', label: t(context.draft.recipients ? 'list.again' : 'list.drop'), hint: t('list.hint', {mb: megabytes}),
            accept: '.csv,.tsv,.txt,text/csv', onFile: give}) : h('p', {}, t('draft.read_only')),
        h('p', {class: 'small mt-2'}, sample), result);
    check();
}

function fileFacts(recipients) {
    return h('p', {class: 'mb-2'}, t(recipients.uploaded_by ? 'list.file' : 'list.file_put', {file: recipients.file, who: recipients.uploaded_by ?? '', time: time(recipients.uploaded_at),
        encoding: recipients.encoding ?? ''}), ' ', h('span', {class: 'text-body-secondary'},
        t('list.columns', {columns: (recipients.columns ?? []).join('、')})));
}

function verdict(plan, context, giveMended) {
    if (FAULTS.includes(plan.stage)) {
        return [h('div', {class: 'alert alert-danger', role: 'alert', id: 'list-fault'},
            h('strong', {}, t(`list.fault_${plan.stage}`)), faultWords(plan.fault), h('div', {class: 'mt-1'}, t('list.fault_do')))];
    }
    const next = context.editable && !plan.fault && plan.accepted > 0 && h('button', {type: 'button', class: 'btn btn-primary', onclick: () => context.go('text')}, t('list.next'));
    const told = plan.problems_total + (plan.warnings_total ?? 0);
    const box = h('div', {class: `alert ${plan.fault ? 'alert-danger' : told > 0 || plan.accepted === 0 ? 'alert-warning' : 'alert-success'}`, id: 'list-verdict'},
        h('strong', {}, t('list.accepted', {n: count(plan.accepted), rows: count(plan.rows)})),
        plan.fault && faultWords(plan.fault),
        plan.problems_total > 0 && h('div', {}, t('list.left_out', {n: count(plan.problems_total)})),
        plan.warnings_total > 0 && h('div', {id: 'list-warned'}, t('list.warned', {n: count(plan.warnings_total)})));
    if (told === 0) {
        return [box, trialBox(plan), next];
    }
    return [box, trialBox(plan), ...problemTable(plan.problems, told, plan.by_word),
        h('div', {class: 'd-flex flex-wrap gap-2'},
            plan.problems_total > 0 && h('a', {class: 'btn btn-outline-primary', href: `/api/v1${context.path}/rejected?lang=${currentLanguage()}`,
                download: `${context.id}-rejected.csv`, id: 'list-rejected'}, t('list.rejected')),
            next),
        plan.problems_total > 0 && h('p', {class: 'small mt-2'}, t('list.rejected_hint')),
        plan.problems_total > 0 && context.editable && dropZone({id: 'list-mended-file', label: t('list.mended_drop'), hint: t('list.mended_hint'), accept: '.csv,.tsv,.txt,text/csv', onFile: giveMended})];
}
