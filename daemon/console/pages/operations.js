/* For who keeps it running: what waits for a person, carriers and why one stands still, what is under way, what nobody knows,
 * Redis, the daemons, the ledger's proof. */
import * as api from '../lib/api.js';
import {ageSeconds, attention} from '../lib/attention.js';
import {stateBadge, waitingWords} from '../lib/campaign_words.js';
import {ask} from '../lib/dialog.js';
import {h} from '../lib/dom.js';
import {fill} from '../lib/fill.js';
import {subscribe} from '../lib/events.js';
import {count, duration, time, timeExact} from '../lib/format.js';
import {t} from '../lib/i18n.js';
import {errorBox} from '../lib/notice.js';
import {words} from '../lib/sentences.js';
import {may, ownArea} from '../lib/session.js';

const GAP_MS = 500, EVERY_MS = 5000;
const SIGNS = {running: ['▶', 'success'], paused: ['‖', 'warning'], stopped: ['✕', 'danger']};

function badge(state) {
    const [sign, tone] = SIGNS[state] ?? ['?', 'secondary'];
    return h('span', {class: `badge text-bg-${tone}`}, h('span', {'aria-hidden': 'true'}, `${sign} `), t(`carrier.${state}`));
}

function facts(rows) {
    return h('dl', {class: 'row mb-0 fact-list'}, rows.filter(Boolean).flatMap(([name, value]) => [
        h('dt', {class: 'col-6 fw-normal text-muted'}, t(name)), h('dd', {class: 'col-6 mb-1 text-break'}, value)]));
}

export async function show(main) {
    const steers = may('operator') && ownArea() === '';
    const problem = h('div', {'aria-live': 'assertive'}), done = h('div', {role: 'status'});
    const waits = h('div', {id: 'attention', 'aria-live': 'polite'});
    const carriers = h('div', {class: 'row g-3', id: 'carriers'}), campaigns = h('div', {id: 'live'});
    const redis = h('div', {}), daemons = h('div', {}), ledger = h('div', {}), asOf = h('p', {class: 'text-muted small'});
    const proof = h('div', {role: 'status', id: 'proof'});
    let over = false, timer = null;

    async function act(path, body, said) {
        try {
            await api.post(path, body);
            problem.replaceChildren();
            done.replaceChildren(h('div', {class: 'alert alert-success'}, said));
            await load();
        } catch (error) {
            problem.replaceChildren(errorBox(error));
        }
    }

    const reason = {name: 'reason', label: t('operations.reason'), type: 'textarea', required: true};

    async function steerCarrier(name, verb) {
        const given = await ask({title: t(`operations.${verb}_title`, {name}), fields: verb === 'pause' ? [reason] : [], agree: t(`operations.${verb}`)});
        if (given) {
            await act(`/carriers/${encodeURIComponent(name)}/${verb}`, verb === 'pause' ? given : {}, t(`operations.${verb}_done`, {name}));
        }
    }

    async function decide(campaign, as) {
        const given = await ask({title: t(`operations.${as}_title`, {n: count(campaign.counts.ambiguous), title: campaign.title || campaign.id}),
            body: [h('p', {}, t(`operations.${as}_means`))], fields: [reason], agree: t(`operations.${as}`), danger: as === 'resend'});
        if (given) {
            await act(`/campaigns/${encodeURIComponent(campaign.id)}/resolve`, {as, ...given}, t('operations.decided'));
            if (document.activeElement === document.body) { // nothing is left to decide about it
                (main.querySelector(`#${CSS.escape(`live-${campaign.id}`)}`) ?? main.querySelector('h1')).focus();
            }
        }
    }

    function carrierCard(carrier, live, now) {
        const toggle = (verb, tone) => h('button', {type: 'button', class: `btn ${tone}`, id: `carrier-toggle-${carrier.name}`, 'data-act': verb,
            onclick: () => steerCarrier(carrier.name, verb)}, t(`operations.${verb}`)); // one id: whoever pressed it stays there
        const unknown = live.filter((one) => one.carrier === carrier.name).reduce((sum, one) => sum + one.counts.ambiguous, 0);
        const waitsFor = carrier.state !== 'running' && h('p', {class: 'mb-2'}, t('operations.since', {time: time(carrier.since)}), carrier.actor ? ` · ${carrier.actor}` : '',
            h('br', {}), h('span', {class: 'text-break'}, words(carrier.reason)),
            carrier.resume_at && h('span', {}, h('br', {}), t('operations.again', {time: time(carrier.resume_at)})));
        return h('div', {class: 'col-12 col-lg-6 col-xxl-4'}, h('section', {class: 'border rounded p-3 h-100', 'data-carrier': carrier.name},
            h('div', {class: 'd-flex justify-content-between align-items-center mb-2'}, h('h3', {class: 'h6 mb-0'}, carrier.name), badge(carrier.state)),
            waitsFor, carrier.route_fault && h('p', {class: 'mb-2'}, t('operations.unreachable'), ' ', words(carrier.route_fault)),
            facts([['operations.rate', carrier.rate > 0 ? t('operations.rate_value', {n: count(carrier.rate)}) : t('operations.no_limit')],
                ['operations.inflight', count(carrier.inflight_requests)], ['operations.accepted', count(carrier.accepted)], ['operations.rejected', count(carrier.rejected)],
                ['operations.ambiguous', count(unknown)], ['operations.reports', count(carrier.reports)],
                ['operations.parked', carrier.parked > 0 ? t('operations.parked_value', {n: count(carrier.parked), age: duration(ageSeconds(carrier.parked_oldest, now))}) : '0'],
                ['operations.unknown_codes', carrier.unknown_codes > 0 ? `${count(carrier.unknown_codes)} (${carrier.last_unknown_code})` : '0']]),
            steers && h('div', {class: 'mt-2'}, carrier.state === 'running' ?
                toggle('pause', 'btn-warning') : toggle('resume', 'btn-primary'))));
    }

    function campaignRow(campaign, now) {
        const {ambiguous, queued, inflight} = campaign.counts;
        return h('tr', {'data-campaign': campaign.id},
            h('th', {scope: 'row', class: 'fw-normal'}, h('a', {href: `#/campaigns/${encodeURIComponent(campaign.id)}`, id: `live-${campaign.id}`}, campaign.title || campaign.id),
                h('div', {class: 'small text-muted'}, waitingWords(campaign.waiting))),
            h('td', {}, stateBadge(campaign.state)),
            h('td', {class: 'num'}, count(queued), campaign.queued_s > 0 && h('div', {class: 'small text-muted'}, t('operations.for', {age: duration(campaign.queued_s)}))),
            h('td', {class: 'num'}, count(inflight)), h('td', {class: 'num'}, t('operations.per_second', {n: count(Math.round(campaign.rate_now * 10) / 10)})),
            h('td', {class: 'num'}, count(ambiguous), ambiguous > 0 && h('div', {class: 'small text-muted'},
                t('operations.chunks', {n: count(campaign.ambiguous_chunks), age: duration(campaign.ambiguous_s ?? 0)})),
            ambiguous > 0 && may('operator') && h('div', {class: 'd-flex flex-wrap gap-1 justify-content-end mt-1'}, ['accept', 'fail', 'resend'].map((as) =>
                h('button', {type: 'button', class: `btn btn-sm ${as === 'resend' ? 'btn-outline-danger' : 'btn-outline-primary'}`, id: `${as}-${campaign.id}`, 'data-as': as, onclick: () => decide(campaign, as)},
                    t(`operations.${as}`))))));
    }

    function draw(status) {
        const sentences = attention(status), raw = status.attention ?? [];
        waits.replaceChildren(...(sentences.length === 0 && raw.length === 0 ? [h('div', {class: 'alert alert-success mb-0'}, t('operations.calm'))] : [
            h('ul', {class: 'list-unstyled mb-1'}, sentences.map(([tone, text]) => h('li', {class: `alert alert-${tone} py-2 mb-2`},
                h('strong', {}, tone === 'danger' ? t('operations.now') : t('operations.note')), ' ', text))),
            raw.length > 0 && h('details', {class: 'small', open: sentences.length === 0}, h('summary', {}, t('operations.raw')), h('ul', {lang: 'en'}, raw.map((line) => h('li', {}, line))))].filter(Boolean)));
        const rows = status.campaigns ?? [];
        fill(carriers, (status.carriers ?? []).map((one) => carrierCard(one, rows, status.now)));
        fill(campaigns, rows.length === 0 ? h('p', {class: 'text-muted'}, t('operations.no_campaigns')) :
            h('div', {class: 'table-responsive'}, h('table', {class: 'table align-middle'}, h('caption', {class: 'visually-hidden'}, t('operations.live')),
                h('thead', {}, h('tr', {}, ['campaign', 'state', 'queued', 'inflight', 'speed', 'ambiguous'].map((name, i) =>
                    h('th', {scope: 'col', class: i > 1 ? 'num' : ''}, t(`operations.${name}`))))),
                h('tbody', {}, rows.map((one) => campaignRow(one, status.now))))));
        redis.replaceChildren(facts([['operations.health', t(`redis.${status.redis.health}`)], ['operations.version', status.redis.version || '–'],
            ['operations.fsync', status.redis.aof_enabled ? status.redis.appendfsync : t('operations.no_aof')],
            ['operations.memory', `${count(Math.round(status.redis.used_memory / 1048576))} MB${status.redis.maxmemory > 0 ? ` / ${count(Math.round(status.redis.maxmemory / 1048576))} MB` : ''}`],
            ['operations.round_trip', `${count(Math.round(status.redis.round_trip_us / 100) / 10)} ms`], ['operations.pending', count(status.redis.pending)]]));
        daemons.replaceChildren(...(status.daemons ?? []).map((one) => h('div', {class: 'mb-2'}, h('strong', {}, one.id), facts([['operations.version', one.version], ['operations.host', one.host],
            ['operations.started', time(one.started_at)], ['operations.seen', timeExact(one.seen_at)]]))),
        facts([['operations.lag', `${count(status.loop_lag_ms)} ms`], ['operations.webhooks', count(status.webhooks.stored)],
            ['operations.webhooks_refused', count(status.webhooks.refused_key + status.webhooks.refused_address + status.webhooks.refused_body)],
            ['operations.webhooks_failed', count(status.webhooks.failed)],
            status.last_reload && ['operations.reload', `${time(status.last_reload.at)} ${status.last_reload.ok ? t('operations.good') : t('operations.refused')}`]]));
        ledger.replaceChildren(facts([['operations.entries', count(status.ledger?.entries)]]));
        asOf.textContent = t('operations.as_of', {time: timeExact(status.now)});
    }

    async function load() {
        timer = null;
        try {
            const status = await api.get('/status');
            if (!over) {
                draw(status);
                problem.querySelector('[data-poll]')?.remove();
            }
        } catch (error) {
            if (!over) {
                const box = errorBox(error);
                box.dataset.poll = '1';
                problem.replaceChildren(box);
            }
        }
    }

    const verify = h('button', {type: 'button', class: 'btn btn-outline-primary', id: 'verify', onclick: async () => {
        verify.disabled = true;
        proof.textContent = t('operations.verifying');
        try {
            const found = await api.post('/ledger/verify', {});
            proof.replaceChildren(h('div', {class: `alert alert-${found.ok ? 'success' : 'danger'} mt-2 mb-0`},
                found.ok ? t('operations.verified', {entries: count(found.entries), pledges: count(found.pledges), seals: count(found.seals)}) : t('operations.wrong', {n: count(found.found)}),
                !found.ok && h('ul', {class: 'small mb-0', lang: 'en'}, found.problems.slice(0, 20).map((one) => h('li', {}, one.sentence)))));
        } catch (error) {
            proof.replaceChildren(errorBox(error));
        }
        verify.disabled = false;
    }}, t('operations.verify'));

    const box = (title, ...inside) => h('div', {class: 'col-12 col-md-6 col-xl-4'}, h('section', {class: 'border rounded p-3 h-100'}, h('h2', {class: 'h6'}, title), inside));
    main.replaceChildren(h('h1', {class: 'h3 mb-1', tabindex: '-1'}, t('nav.operations')), asOf, problem, done,
        h('section', {class: 'mb-4'}, h('h2', {class: 'h5'}, t('operations.attention')), waits),
        h('section', {class: 'mb-4'}, h('h2', {class: 'h5'}, t('operations.carriers')), carriers),
        h('section', {class: 'mb-4'}, h('h2', {class: 'h5'}, t('operations.live')), campaigns),
        h('div', {class: 'row g-3'}, box(t('operations.redis'), redis), box(t('operations.daemons'), daemons),
            box(t('operations.ledger'), ledger, steers && verify, proof)));
    await load();
    const soon = () => { timer ??= setTimeout(load, GAP_MS); };
    const ends = [subscribe('status', soon), subscribe('campaign', soon), subscribe('ledger', soon)];
    const every = setInterval(soon, EVERY_MS);
    return () => {
        over = true;
        ends.forEach((end) => end());
        clearTimeout(timer);
        clearInterval(every);
    };
}
