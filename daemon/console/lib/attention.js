/* What waits for a person, from the status document, in the reader's language and for who has buttons, not commands. The
 * daemon's own sentences (for the command line) stay available below it. */
import {count, duration, time} from './format.js';
import {parts, t} from './i18n.js';
import {words} from './sentences.js';

const OLD_S = 600;      // something ambiguous or unmatched for so long does not settle by itself
const FULL_PERCENT = 80;
const SILENT_S = 30, SLOW_MS = 500; // as the daemon's own sentences

export function ageSeconds(text, now) {
    return text ? Math.max(0, (Date.parse(now) - Date.parse(text)) / 1000) : null;
}

function* ofRedis({redis}) {
    if (redis.health !== 'ready') {
        yield ['danger', t('attention.redis', {health: t(`redis.${redis.health}`)})];
    } else if (redis.maxmemory > 0 && redis.used_memory * 100 > redis.maxmemory * FULL_PERCENT) {
        yield ['danger', t('attention.full', {share: Math.floor((redis.used_memory * 100) / redis.maxmemory)})];
    }
}

function* ofCarrier(carrier, now) {
    const {name} = carrier;
    const age = duration(ageSeconds(carrier.since, now));
    if (carrier.state === 'stopped') {
        yield ['danger', carrier.resume_at ? parts('attention.rests', {name, age, until: time(carrier.resume_at), reason: words(carrier.reason)}) :
            parts('attention.stopped', {name, age, reason: words(carrier.reason)})];
    } else if (carrier.state === 'paused') {
        yield ['warning', carrier.resume_at ?
            parts('attention.paused_until', {name, age, who: carrier.actor, until: time(carrier.resume_at), reason: words(carrier.reason)}) :
            parts('attention.paused', {name, age, who: carrier.actor, reason: words(carrier.reason)})];
    }
    if (carrier.route_fault) {
        yield ['danger', parts('attention.route', {name, reason: words(carrier.route_fault)})];
    }
    if (carrier.unknown_codes > 0) {
        yield ['warning', t('attention.codes', {name, n: count(carrier.unknown_codes), code: carrier.last_unknown_code})];
    }
    if (carrier.parked > 0 && ageSeconds(carrier.parked_oldest, now) > OLD_S) {
        yield ['warning', t('attention.parked', {name, n: count(carrier.parked), age: duration(ageSeconds(carrier.parked_oldest, now))})];
    }
    if (carrier.contradictions > 0) {
        yield ['warning', t('attention.contradictions', {name, n: count(carrier.contradictions)})];
    }
}

function* ofCampaign(campaign, now) {
    const title = campaign.title || campaign.id;
    if (campaign.not_configured) {
        yield ['danger', t('attention.not_configured', {title, carrier: campaign.carrier})];
        return;
    }
    if (campaign.state === 'missed') {
        yield ['danger', t('attention.missed', {title})];
    } else if (campaign.state === 'paused') {
        yield ['warning', t('attention.campaign_paused', {title})];
    } else if (campaign.state === 'importing' && !campaign.import) {
        yield ['danger', t('attention.import', {title})];
    }
    if (campaign.counts.ambiguous > 0 && campaign.ambiguous_s > OLD_S) {
        yield ['danger', t('attention.ambiguous', {title, n: count(campaign.counts.ambiguous), age: duration(campaign.ambiguous_s)})];
    }
}

function* ofImport(job) {
    if (job.phase === 'failed' && !job.refused) { // what a rule refused was told to the person who tried
        yield ['warning', parts('attention.not_launched', {id: job.id, reason: words(job.reason)})];
    }
}

function* ofDaemon(daemon, now) {
    const age = ageSeconds(daemon.seen_at, now);
    if (age > SILENT_S) {
        yield ['danger', t('attention.silent', {id: daemon.id, host: daemon.host, age: duration(age)})];
    }
}

function* ofThis({last_reload: reload, loop_lag_ms: lag}) {
    if (reload && !reload.ok) {
        yield ['warning', t('attention.reload')];
    }
    if (lag > SLOW_MS) {
        yield ['warning', t('attention.slow', {ms: count(lag)})];
    }
}

function* ofAudit({audit_lost: lost}) {
    if (lost > 0) {
        yield ['danger', t('attention.audit', {n: count(lost)})];
    }
}

function* ofReceipts({receipts_waiting: waiting}, now) {
    if (waiting?.n > 0) {
        yield ['danger', t('attention.receipts', {n: count(waiting.n), campaign: waiting.campaign, age: duration(ageSeconds(waiting.since, now))})];
    }
}

function* ofReplies({replies_waiting: waiting}, now) {
    if (waiting?.n > 0) {
        yield ['danger', t('attention.replies', {n: count(waiting.n), campaign: waiting.campaign, age: duration(ageSeconds(waiting.since, now))})];
    }
}

/* [[tone, sentence], …], the most urgent first; a sentence is what is put among the children of an element. */
export function attention(status) {
    const all = [...ofRedis(status), ...ofAudit(status), ...ofReceipts(status, status.now), ...ofReplies(status, status.now),
        ...(status.carriers ?? []).flatMap((one) => [...ofCarrier(one, status.now)]),
        ...(status.campaigns ?? []).flatMap((one) => [...ofCampaign(one, status.now)]),
        ...(status.imports ?? []).flatMap((one) => [...ofImport(one)]), ...(status.daemons ?? []).flatMap((one) => [...ofDaemon(one, status.now)]), ...ofThis(status)];
    return [...all.filter(([tone]) => tone === 'danger'), ...all.filter(([tone]) => tone !== 'danger')];
}
