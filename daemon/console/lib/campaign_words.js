/* What a campaign and its messages are called on screen: a word, a sign (colour alone says nothing), who pays, what to do. */
import {h} from './dom.js';
import {count, time} from './format.js';
import {parts, t} from './i18n.js';
import {find, words} from './sentences.js';

const STATES = {
    draft: ['✎', 'secondary'], importing: ['…', 'info'], scheduled: ['◷', 'primary'], sending: ['▶', 'primary'],
    paused: ['‖', 'warning'], missed: ['!', 'danger'], done: ['✓', 'success'], cancelled: ['✕', 'secondary'],
};

export function stateBadge(state) {
    const [sign, tone] = STATES[state] ?? ['?', 'secondary'];
    return h('span', {class: `badge state text-bg-${tone}`}, h('span', {'aria-hidden': 'true'}, `${sign} `), t(`state.${state}`));
}

/* The ten states of a recipient in the order of their way; each stands in exactly one row, so the rows add up.
 * open: more will be heard of it. */
export const BUCKETS = [
    {name: 'queued', tone: 'secondary', open: true},
    {name: 'inflight', tone: 'info', open: true},
    {name: 'ambiguous', tone: 'warning', open: true},
    {name: 'accepted', tone: 'primary', open: false},
    {name: 'delivered', tone: 'success', open: false},
    {name: 'undelivered', tone: 'danger', open: false},
    {name: 'expired', tone: 'danger', open: false},
    {name: 'rejected', tone: 'danger', open: false},
    {name: 'suppressed', tone: 'dark', open: false},
    {name: 'cancelled', tone: 'dark', open: false},
];
export const NOT_REACHED = ['undelivered', 'expired', 'rejected'];

export function openPeople(counts) {
    return BUCKETS.filter((bucket) => bucket.open).reduce((sum, bucket) => sum + (counts?.[bucket.name] ?? 0), 0);
}

/* Rounded down, and never 100 % while somebody is still open. */
export function progressPercent(campaign) {
    const all = campaign.accepted ?? 0;
    if (!all) {
        return campaign.state === 'done' ? 100 : 0;
    }
    const open = openPeople(campaign.counts);
    const whole = Math.floor((100 * (all - open)) / all);
    return open > 0 || !['done', 'cancelled'].includes(campaign.state) ? Math.min(whole, 99) : 100;
}

export function progressBar(campaign) {
    const share = progressPercent(campaign);
    return h('div', {
        class: 'progress', role: 'progressbar', 'aria-valuenow': String(share), 'aria-valuemin': '0', 'aria-valuemax': '100',
        'aria-label': t('campaign.progress'),
    }, BUCKETS.filter((bucket) => !bucket.open && campaign.counts[bucket.name] > 0).map((bucket) => {
        const part = h('div', {class: `progress-bar bg-${bucket.tone}`});
        part.style.width = `${(100 * campaign.counts[bucket.name]) / campaign.accepted}%`;
        return part;
    }));
}

export function progressText(campaign) {
    const all = campaign.accepted ?? 0;
    return t('campaign.progress_text', {done: count(all - openPeople(campaign.counts)), all: count(all)});
}

/* Why it waits and until when, to be put among the children of an element; null: it does not. */
export function waitingWords(waiting) {
    if (!waiting) {
        return null;
    }
    const text = words(waiting.reason);
    const tellsWhen = find(waiting.reason)?.values.when !== undefined;
    return waiting.until && !tellsWhen ? parts('waits.until', {text, until: time(waiting.until)}) : text;
}
