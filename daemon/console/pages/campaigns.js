/* All campaigns and drafts of the reader's area, newest first: state, progress, what one waits for and until when. */
import * as api from '../lib/api.js';
import {openPeople, progressBar, progressPercent, progressText, stateBadge, waitingWords} from '../lib/campaign_words.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {subscribe} from '../lib/events.js';
import {count, time} from '../lib/format.js';
import {parts, t} from '../lib/i18n.js';
import {may} from '../lib/session.js';
import {keepList} from '../lib/campaign_list.js';
import {showError} from '../lib/notice.js';

const FILTERS = {
    all: () => true,
    drafts: (campaign) => campaign.state === 'draft',
    asked: (campaign) => campaign.approval === 'asked',
    running: (campaign) => ['importing', 'scheduled', 'sending', 'paused', 'missed'].includes(campaign.state),
    over: (campaign) => ['done', 'cancelled'].includes(campaign.state),
};
const GATHER_MS = 1000; // a running campaign tells of itself each second
const AT_ONCE = 20; // campaigns looked at again in that time: those that are seen first
const SHOWN = 100; // rows, until more are asked for
const ASKED_MS = 60000; // who approves is told by nobody: she looks

export async function show(main, {query}) {
    let campaigns = [], filter = query.get('show') in FILTERS ? query.get('show') : 'all', text = '', timer = null, most = SHOWN;
    const changed = new Set();
    const rows = h('div', {class: 'list-group', id: 'campaigns'});
    const more = h('button', {type: 'button', class: 'btn btn-outline-primary mt-2', id: 'campaigns-more', hidden: true,
        onclick: () => { most += SHOWN; draw(); }}, t('campaigns.more'));
    const status = h('p', {class: 'text-body-secondary small', role: 'status'});
    const search = h('input', {type: 'search', class: 'form-control', id: 'campaign-search', autocomplete: 'off',
        value: query.get('text') ?? '', oninput: look});
    const tabs = h('div', {class: 'btn-group flex-wrap', role: 'group', 'aria-label': t('campaigns.filter')},
        Object.keys(FILTERS).map((name) => h('button', {type: 'button', class: 'btn btn-outline-primary', 'data-filter': name,
            onclick: () => { filter = name; look(); }}, t(`campaigns.filter_${name}`))));

    /* What waits for the reader stands first. */
    const isMine = (campaign) => (campaign.approval === 'asked' && may('approver')) || (campaign.approval === 'returned' && may('township'));

    function matching() {
        const found = campaigns.filter((campaign) => FILTERS[filter](campaign) &&
            (text === '' || `${campaign.title} ${campaign.id} ${campaign.region ?? ''}`.toLowerCase().includes(text)));
        return [...found.filter(isMine), ...found.filter((campaign) => !isMine(campaign))];
    }

    /* Who comes back from a campaign finds the list as it was. */
    function look() {
        text = search.value.trim().toLowerCase();
        most = SHOWN;
        const asked = new URLSearchParams({...(filter === 'all' ? {} : {show: filter}), ...(text === '' ? {} : {text: search.value.trim()})});
        keepList(asked);
        draw();
    }

    function draw() {
        const shown = matching();
        for (const tab of tabs.children) {
            tab.setAttribute('aria-pressed', String(tab.dataset.filter === filter));
            tab.classList.toggle('active', tab.dataset.filter === filter);
            tab.querySelector('.badge')?.remove();
        }
        const asked = campaigns.filter(FILTERS.asked).length;
        if (asked > 0) {
            tabs.querySelector('[data-filter=asked]').append(h('span', {class: 'badge text-bg-warning ms-1'}, count(asked)));
        }
        fill(rows, ...shown.slice(0, most).map(row));
        more.hidden = shown.length <= most;
        status.textContent = shown.length > 0 ? t('campaigns.shown', {n: shown.length, all: campaigns.length}) : t('campaigns.none');
    }

    async function load() {
        try {
            const found = [];
            await api.all('/campaigns', 'campaigns', (page) => {
                found.push(...page);
                if (found.length > campaigns.length) { // all that is known already stays in sight
                    campaigns = found;
                    draw();
                }
            });
            campaigns = found;
            draw();
        } catch (error) {
            showError(main, error);
        }
    }

    /* Only what changed is looked at again, what is on the page first; the rest waits for its turn. */
    async function refresh() {
        timer = null;
        const seen = matching().slice(0, most).map((campaign) => campaign.id).filter((id) => changed.has(id));
        const turn = [...new Set([...seen, ...changed])].slice(0, AT_ONCE);
        turn.forEach((id) => changed.delete(id));
        const fresh = await Promise.all(turn.map((id) => api.get(`/campaigns/${encodeURIComponent(id)}`).catch(() => null)));
        for (const campaign of fresh.filter(Boolean)) {
            const at = campaigns.findIndex((one) => one.id === campaign.id);
            const stays = at >= 0 && campaigns[at].launched_at === campaign.launched_at; // else it was just launched: the newest
            campaigns = stays ? campaigns.map((one, i) => (i === at ? {approval: one.approval, ...campaign} : one)) : [campaign, ...campaigns.filter((one) => one.id !== campaign.id)];
        }
        draw();
        later();
    }

    function later() {
        if (changed.size > 0) {
            timer ??= setTimeout(refresh, GATHER_MS);
        }
    }

    fill(main,
        h('div', {class: 'd-flex flex-wrap justify-content-between align-items-center gap-2 mb-3'},
            h('h1', {class: 'h3 mb-0'}, t('campaigns.title')),
            may('township') && h('a', {class: 'btn btn-primary', href: '#/campaigns/new'}, t('campaigns.new'))),
        h('div', {class: 'row g-2 mb-3 align-items-end'},
            h('div', {class: 'col-12 col-md-auto'}, tabs),
            h('div', {class: 'col-12 col-md'}, h('label', {class: 'visually-hidden', for: 'campaign-search'}, t('campaigns.search')), search)),
        status, rows, more);
    search.placeholder = t('campaigns.search');
    look();
    await load();
    const looking = setInterval(() => { if (!document.hidden) { load(); } }, ASKED_MS);
    const unsubscribe = subscribe('campaign', ({id, missed}) => {
        if (missed) {
            load();
        } else if (id) {
            changed.add(id);
            later();
        }
    });
    return () => {
        changed.clear();
        unsubscribe();
        clearInterval(looking);
        clearTimeout(timer);
    };
}

function row(campaign) {
    const launched = campaign.counts !== undefined && campaign.accepted !== undefined && campaign.state !== 'draft';
    const waiting = waitingWords(campaign.waiting);
    return h('a', {class: 'list-group-item list-group-item-action', href: `#/campaigns/${encodeURIComponent(campaign.id)}`},
        h('div', {class: 'd-flex flex-wrap justify-content-between gap-2'},
            h('span', {class: 'fw-semibold text-break'}, campaign.title || campaign.id),
            h('span', {class: 'd-flex gap-1'}, campaign.approval && h('span', {class: `badge ${campaign.approval === 'asked' ? 'text-bg-warning' : 'text-bg-danger'}`}, t(`campaigns.${campaign.approval}`)),
                stateBadge(campaign.state))),
        h('div', {class: 'small text-body-secondary text-break'}, campaign.id,
            campaign.launched_at ? ` · ${t('campaigns.launched', {time: time(campaign.launched_at)})}` : ''),
        launched && h('div', {class: 'mt-2'}, progressBar(campaign),
            h('div', {class: 'small'}, `${progressText(campaign)} · ${progressPercent(campaign)}%`)),
        waiting && (!launched || openPeople(campaign.counts) > 0 || campaign.state === 'missed') &&
            h('div', {class: 'small mt-1'}, parts('campaigns.waits', {text: waiting})));
}
