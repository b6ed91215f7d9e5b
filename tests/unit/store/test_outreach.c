/* The function library under a model: long random sequences of everything that may happen to a
 * queue, with repeated calls, stale tokens, crashed owners, reports at any time. After every step
 * the counters add up and agree with the records, and nobody gets a second intent unless a definite
 * refusal, a person's resend or, once, that of the policy stands between. OUTREACH_TEST_SEED=n
 * plays one sequence again. */
#include "rig_one.h"

#include "base/digest.h"
#include "store/layouts.h"

#define CAMPAIGNS 4
#define OPEN (CAMPAIGNS - 1) /* an open campaign, which is appended to */
#define POOL 160             /* numbers; campaigns overlap in them */
#define STEPS 1500
#define REQUESTS 64
#define CLAIMS 24
#define LEASE_MS 30000
#define SILENCE_MS 20000 /* within a lease, so that it begins and ends while chunks are claimed */

static struct rig_answer answer;
static uint64_t seed, random_state;
static int64_t now_ms;
static unsigned step_no;

static uint32_t dice(uint32_t sides)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(digest_mix64(random_state) % sides);
}

struct request { /* one POST whose answer is still open, be its daemon alive or not */
    bool used;
    bool told; /* "ambiguous" was told of it already */
    unsigned campaign, claim_chunk;
    uint64_t token;
    uint32_t from, count;
    uint64_t mine[CHUNK_MAX / 8]; /* numbers */
    size_t n;
    bool accepted; /* what the carrier did */
    char batch[24];
};
struct held { /* a claim in the hands of an owner */
    bool used;
    unsigned campaign, owner;
    uint32_t chunk;
    uint64_t token;
    size_t n;
    uint8_t numbers[5 * CHUNK_MAX];
};
static struct {
    uint32_t seq;
    unsigned attempts[POOL];
    bool sent[POOL];   /* an intent stands, without refusal or resend since */
    uint64_t by[POOL]; /* the token of the latest intent */
    bool member[POOL];
    unsigned taken[POOL]; /* by the carrier */
    bool ambiguous[POOL]; /* as step_silent found it */
    bool again[POOL];     /* the policy has queued it once more */
} camps[CAMPAIGNS];
static struct request requests[REQUESTS];
static struct held claims[CLAIMS];
static unsigned batch_no;
static uint64_t n_again; /* how often the policy queued somebody */

static bool resends(unsigned campaign) /* its on_ambiguous; the others hold */
{
    return campaign < 2;
}

static uint64_t number_at(const uint8_t *numbers, size_t at)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 5; i++)
        value = value << 8 | numbers[5 * at + i];
    return value;
}
static unsigned place_of(uint64_t number)
{
    return (unsigned)(number - RIG_FIRST);
}
static const char *owner_name(unsigned owner)
{
    static const char *const names[] = {"d1", "d2"};
    return names[owner];
}

/* ---- the steps ---- */

static void step_claim(void)
{
    struct held *held = NULL;
    for (size_t i = 0; i < CLAIMS && held == NULL; i++)
        held = claims[i].used ? NULL : &claims[i];
    if (held == NULL)
        return;
    unsigned campaign = dice(CAMPAIGNS), owner = dice(2);
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", camps[campaign].seq, owner_name(owner), LEASE_MS, now_ms,
                         rig_on_claim, &answer));
    assert_int_equal(answer.error, ERR_OK);
    if (answer.result != CLAIM_CHUNK)
        return;
    for (size_t i = 0; i < CLAIMS;
         i++) /* nobody else holds it, unless he has lost it without knowing */
        if (claims[i].used && claims[i].campaign == campaign && claims[i].chunk == answer.chunk)
            assert_true(claims[i].token < answer.token);
    *held = (struct held){true, campaign, owner, answer.chunk, answer.token, answer.n, {0}};
    memcpy(held->numbers, answer.numbers, 5 * answer.n);
}

static struct held *any_claim(void)
{
    size_t from = dice(CLAIMS);
    for (size_t i = 0; i < CLAIMS; i++)
        if (claims[(from + i) % CLAIMS].used)
            return &claims[(from + i) % CLAIMS];
    return NULL;
}
static struct request *free_request(void)
{
    for (size_t i = 0; i < REQUESTS; i++)
        if (!requests[i].used)
            return &requests[i];
    return NULL;
}

static void call_intent(const struct held *held, uint32_t from, uint32_t count)
{
    struct chunk_ref ref = {"mas", camps[held->campaign].seq, held->chunk};
    RIG_CALL(answer, &rig,
             queue_intent(rig.store, ref, held->token, from, count, count, 50, 40, LEASE_MS, now_ms,
                          rig_on_intent, &answer));
}

/* Open requests of one claim do not overlap: that is the caller's part (queue.h). */
static bool overlaps(const struct held *held, uint32_t from, uint32_t count)
{
    for (size_t i = 0; i < REQUESTS; i++) {
        const struct request *r = &requests[i];
        if (r->used && r->token == held->token && r->from < from + count &&
            from < r->from + r->count)
            return true;
    }
    return false;
}

static void step_intent(void)
{
    struct held *held = any_claim();
    struct request *request = free_request();
    if (held == NULL || request == NULL)
        return;
    uint32_t from = dice((uint32_t)held->n),
             count = 1 + dice(dice(2) ? 2 : (uint32_t)held->n - from);
    if (count > held->n - from)
        count = (uint32_t)held->n - from;
    uint8_t mine[CHUNK_MAX];
    if (overlaps(held, from, count))
        return;
    call_intent(held, from, count);
    if (answer.error != ERR_OK) {
        assert_true(answer.error == ERR_STALE || answer.error == ERR_REFUSED ||
                    answer.error == ERR_BUSY);
        if (answer.error == ERR_BUSY)
            rig_age(&rig, answer.wait_ms);
        if (answer.error == ERR_STALE)
            held->used = false;
        return;
    }
    assert_int_equal(answer.n, count);
    memcpy(mine, answer.mine, count);
    if (dice(3) ==
        0) { /* the answer was lost: the same call again, even if somebody pauses meanwhile */
        call_intent(held, from, count);
        assert_int_equal(answer.error, ERR_OK);
        assert_memory_equal(mine, answer.mine, count);
    }
    *request = (struct request){.campaign = held->campaign,
                                .claim_chunk = held->chunk,
                                .token = held->token,
                                .from = from,
                                .count = count,
                                .accepted = dice(4) != 0};
    snprintf(request->batch, sizeof request->batch, "b%u", ++batch_no);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(mine[i] <= 1);
        if (mine[i] == 0)
            continue;
        uint64_t number = number_at(held->numbers, from + i);
        unsigned place = place_of(number);
        assert_true(camps[held->campaign].member[place]);
        if (camps[held->campaign].sent[place])
            fail_msg("seed %llu step %u: a second intent for campaign %u number %u",
                     (unsigned long long)seed, step_no, held->campaign, place);
        camps[held->campaign].sent[place] = true;
        camps[held->campaign].by[place] = held->token;
        camps[held->campaign].attempts[place]++;
        request->mine[request->n++] = number;
    }
    request->used = request->n > 0;
    for (size_t i = 0; request->used && request->accepted && i < request->n; i++)
        camps[held->campaign].taken[place_of(request->mine[i])]++;
}

static struct request *any_request(void)
{
    size_t from = dice(REQUESTS);
    for (size_t i = 0; i < REQUESTS; i++)
        if (requests[(from + i) % REQUESTS].used)
            return &requests[(from + i) % REQUESTS];
    return NULL;
}

static struct settle_item settlement(const struct request *request)
{
    static const enum outcome refusals[] = {
        OUTCOME_REJECT_RECIPIENT, OUTCOME_REJECT_RECIPIENT, OUTCOME_REJECT_TEXT,   OUTCOME_SPLIT,
        OUTCOME_THROTTLED,        OUTCOME_NOT_SENT,         OUTCOME_ACCOUNT_FAULT, OUTCOME_QUOTA};
    static const char *const words[] = {"", "code1", "code2"};
    if (dice(6) == 0)
        return (struct settle_item){
            request->from, request->count, OUTCOME_AMBIGUOUS, request->count, "", ""};
    return (struct settle_item){request->from,
                                request->count,
                                request->accepted ? OUTCOME_ACCEPTED : refusals[dice(8)],
                                request->count,
                                request->accepted ? request->batch : "",
                                words[dice(3)]};
}

static void settled(struct request *request, enum outcome outcome)
{
    bool again = outcome == OUTCOME_SPLIT || outcome == OUTCOME_THROTTLED ||
                 outcome == OUTCOME_NOT_SENT || outcome == OUTCOME_ACCOUNT_FAULT ||
                 outcome == OUTCOME_QUOTA;
    /* A refusal is true of its own attempt, however late it comes, unless "ambiguous" was told of
     * it first: then it waits for a report or a person. */
    for (size_t i = 0; again && !request->told && i < request->n; i++) {
        unsigned place = place_of(request->mine[i]);
        if (camps[request->campaign].by[place] == request->token)
            camps[request->campaign].sent[place] = false;
    }
    request->told = outcome == OUTCOME_AMBIGUOUS;
    request->used = request->told && dice(2) == 0; /* the verdict may still come, late */
}

/* Settles one request, or several of one claim at once; the outcomes fit what the carrier did, or
 * are "ambiguous". */
static void step_settle(void)
{
    struct request *first = any_request(), *together[8];
    struct settle_item items[8];
    size_t n = 0;
    if (first == NULL)
        return;
    together[n++] = first;
    for (size_t i = 0; i < REQUESTS && n < 8 && dice(4) != 0; i++)
        if (requests[i].used && &requests[i] != first && requests[i].token == first->token)
            together[n++] = &requests[i];
    for (size_t i = 0; i < n; i++)
        items[i] = settlement(together[i]);
    struct chunk_ref ref = {"mas", camps[first->campaign].seq, first->claim_chunk};
    for (unsigned i = 0; i < 1 + (dice(3) == 0); i++) { /* sometimes the answer is lost */
        RIG_CALL(answer, &rig,
                 queue_settle(rig.store, ref, first->token, items, n, LEASE_MS, now_ms, rig_on_done,
                              &answer));
        assert_true(answer.error == ERR_OK || answer.error == ERR_STALE);
    }
    for (size_t i = 0; i < n; i++)
        settled(together[i], items[i].outcome);
}

static void step_release(void)
{
    struct held *held = any_claim();
    if (held == NULL)
        return;
    struct chunk_ref ref = {"mas", camps[held->campaign].seq, held->chunk};
    RIG_CALL(
        answer, &rig,
        queue_release(rig.store, ref, held->token, dice(3) * 1000, dice(2), rig_on_done, &answer));
    if (answer.error == ERR_OK || answer.error == ERR_STALE)
        held->used = false;
    else
        assert_int_equal(answer.error, ERR_REFUSED); /* somebody is in flight */
}

static void step_suppress(void)
{
    struct held *held = any_claim();
    if (held == NULL || dice(3) != 0)
        return;
    uint32_t position = dice((uint32_t)held->n);
    struct chunk_ref ref = {"mas", camps[held->campaign].seq, held->chunk};
    RIG_CALL(answer, &rig,
             queue_suppress(rig.store, ref, held->token, &position, 1, rig_on_suppress, &answer));
    assert_true(answer.error == ERR_OK || answer.error == ERR_STALE);
}

/* Leases run out, or a daemon crashed and starts again; the answers to its requests may still come.
 */
static void step_sweep(void)
{
    unsigned owner = dice(2);
    bool crash = dice(2) == 0;
    uint64_t held[CLAIMS];
    size_t n_held = 0;
    if (!crash && dice(2) == 0) {
        now_ms += LEASE_MS + 1;
        rig_age(&rig, LEASE_MS);
    }
    for (size_t i = 0; !crash && i < CLAIMS; i++)
        if (claims[i].used && claims[i].owner == owner)
            held[n_held++] = claims[i].token;
    RIG_CALL(answer, &rig,
             queue_sweep(rig.store, "mas", crash ? owner_name(owner) : NULL, held, n_held, now_ms,
                         rig_on_swept, &answer));
    assert_int_equal(answer.error, ERR_OK);
    for (size_t i = 0; crash && i < CLAIMS; i++) {
        if (!claims[i].used || claims[i].owner != owner)
            continue;
        claims[i].used =
            dice(4) == 0; /* or it was only stopped, and comes back with an old token */
    }
}

static void step_report(void)
{
    static const enum recipient_state finals[] = {STATE_DELIVERED, STATE_DELIVERED,
                                                  STATE_UNDELIVERED, STATE_EXPIRED, 0};
    struct status_report reports[12];
    size_t n = 1 + dice(12);
    char batches[12][24];
    for (size_t i = 0; i < n; i++) {
        struct request *request = any_request();
        snprintf(batches[i], sizeof batches[i], "b%u",
                 1 + dice(batch_no + 3)); /* mostly old, some from the future */
        reports[i] = (struct status_report){.batch = batches[i],
                                            .number = RIG_FIRST + dice(POOL),
                                            .to = finals[dice(5)],
                                            .code = "DELIVRD",
                                            .submitted_ms = dice(2) ? now_ms : 0};
        if (request != NULL && dice(4) != 0) { /* of a real request, its answer known or not */
            if (!request->accepted)
                continue;
            snprintf(batches[i], sizeof batches[i], "%s", request->batch);
            reports[i].number = request->mine[dice((uint32_t)request->n)];
        } else if (dice(4) != 0) {
            reports[i].number = 13900000000 + dice(1000); /* of somebody else's traffic */
        }
    }
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", reports, n, dice(8) ? 100000 : 0, now_ms,
                           rig_on_stored, &answer));
    assert_true(answer.error == ERR_OK || answer.error == ERR_BUSY);
    const struct status_stored *s = &answer.stored;
    if (answer.error == ERR_OK)
        assert_int_equal(s->changed + s->repeated + s->parked + s->noted + s->contradictions, n);
}

static void step_people(void)
{
    unsigned campaign = dice(CAMPAIGNS), kind = dice(12);
    uint32_t seq = camps[campaign].seq;
    if (kind < 4) {
        RIG_CALL(answer, &rig,
                 queue_act(rig.store, "mas", seq, ACT_PAUSE, "uid:a", "r", 0, now_ms,
                           rig_on_changed, &answer));
    } else if (kind < 10) {
        RIG_CALL(answer, &rig,
                 queue_act(rig.store, "mas", seq, ACT_RESUME, "uid:a", "r", 0, now_ms,
                           rig_on_changed, &answer));
    } else if (kind == 10 && dice(8) == 0) {
        RIG_CALL(answer, &rig,
                 queue_act(rig.store, "mas", seq, ACT_CANCEL, "uid:a", "r", 0, now_ms,
                           rig_on_changed, &answer));
    } else {
        RIG_CALL(answer, &rig,
                 queue_act(rig.store, "mas", seq, ACT_MISS, "scheduler", "late", 0, now_ms,
                           rig_on_changed, &answer));
    }
    assert_true(answer.error == ERR_OK || answer.error == ERR_REFUSED);
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_RESUME, "uid:a", "r", "", 0, now_ms,
                                rig_on_done, &answer));
}

/* What a chunk says, before a resend takes it: the ambiguous ones may be sent once more. */
static void on_chunk_before_resend(void *arg, enum err error, const struct chunk_view *chunk)
{
    unsigned campaign = *(unsigned *)arg;
    answer.calls++;
    answer.error = error;
    for (size_t i = 0; error == ERR_OK && i < chunk->n; i++)
        if (chunk->states[i] == STATE_AMBIGUOUS)
            camps[campaign].sent[place_of(number_at(chunk->numbers, i))] = false;
}

static void step_resolve(void)
{
    if (dice(3) != 0)
        return;
    unsigned campaign = dice(CAMPAIGNS);
    enum resolve_as as = (enum resolve_as)dice(3);
    uint32_t seq = camps[campaign].seq;
    rig_view(&rig, seq, &answer);
    bool cancelled = strcmp(answer.state, "cancelled") == 0;
    uint32_t n_chunks = answer.view.n_chunks;
    for (uint32_t chunk = 0; as == RESOLVE_RESEND && !cancelled && chunk < n_chunks; chunk++) {
        struct chunk_ref ref = {"mas", seq, chunk};
        RIG_CALL(answer, &rig, queue_chunk(rig.store, ref, on_chunk_before_resend, &campaign));
        assert_int_equal(answer.error, ERR_OK);
    }
    RIG_CALL(
        answer, &rig,
        queue_resolve(rig.store, "mas", seq, as, "uid:a", "r", now_ms, rig_on_changed, &answer));
    if (cancelled && as == RESOLVE_RESEND) {
        assert_int_equal(answer.error, ERR_REFUSED);
    } else {
        assert_int_equal(answer.error, ERR_OK);
        assert_int_equal(rig_count(&answer.counts, STATE_AMBIGUOUS), 0);
    }
}

static void on_chunk_before_silent(void *arg, enum err error, const struct chunk_view *chunk)
{
    unsigned campaign = *(unsigned *)arg;
    answer.calls++;
    answer.error = error;
    for (size_t i = 0; error == ERR_OK && i < chunk->n; i++)
        camps[campaign].ambiguous[place_of(number_at(chunk->numbers, i))] =
            chunk->states[i] == STATE_AMBIGUOUS;
}

static void on_chunk_after_silent(void *arg, enum err error, const struct chunk_view *chunk)
{
    unsigned campaign = *(unsigned *)arg;
    answer.calls++;
    answer.error = error;
    for (size_t i = 0; error == ERR_OK && i < chunk->n; i++) {
        unsigned place = place_of(number_at(chunk->numbers, i));
        if (!camps[campaign].ambiguous[place] || chunk->states[i] == STATE_AMBIGUOUS)
            continue;
        assert_int_equal(chunk->states[i], STATE_QUEUED);
        if (!resends(campaign) || camps[campaign].again[place])
            fail_msg("seed %llu step %u: campaign %u number %u is sent again by itself",
                     (unsigned long long)seed, step_no, campaign, place);
        camps[campaign].again[place] = true;
        camps[campaign].sent[place] = false;
        n_again++;
    }
}

static void look_at_chunks(queue_chunk_fn *look)
{
    for (unsigned i = 0; i < CAMPAIGNS; i++) {
        rig_view(&rig, camps[i].seq, &answer);
        uint32_t n_chunks = answer.view.n_chunks;
        for (uint32_t chunk = 0; chunk < n_chunks; chunk++) {
            struct chunk_ref ref = {"mas", camps[i].seq, chunk};
            RIG_CALL(answer, &rig, queue_chunk(rig.store, ref, look, &i));
            assert_int_equal(answer.error, ERR_OK);
        }
    }
}

/* The policy looks for chunks that were silent for a while; often somebody has resumed what
 * stopped, or it would have nothing to do. */
static void step_silent(void)
{
    for (unsigned i = 0; i < CAMPAIGNS; i++) {
        if (!resends(i) || dice(4) == 0)
            continue;
        RIG_CALL(answer, &rig,
                 queue_act(rig.store, "mas", camps[i].seq, ACT_RESUME, "uid:a", "r", 0, now_ms,
                           rig_on_changed, &answer));
        assert_true(answer.error == ERR_OK || answer.error == ERR_REFUSED);
    }
    look_at_chunks(on_chunk_before_silent);
    uint64_t before = n_again;
    if (dice(2) == 0)
        rig_age(&rig, SILENCE_MS);
    RIG_CALL(answer, &rig,
             queue_resend_silent(rig.store, "mas", SILENCE_MS, now_ms, rig_on_resent, &answer));
    assert_int_equal(answer.error, ERR_OK);
    uint64_t told = answer.resent.recipients;
    look_at_chunks(on_chunk_after_silent);
    assert_int_equal(told, n_again - before);
}

static void on_append(void *arg, enum err error, const char *reason,
                      const struct queue_appended *appended)
{
    struct rig_answer *got = arg;
    rig_got(got, error, reason);
    got->seq = appended->seq;
    got->chunk = appended->chunk;
    got->fresh = appended->fresh;
}

static void call_append(unsigned place)
{
    struct campaign_fields fields = rig_fields("open");
    char request[32];
    fields.class_word = "receipt";
    fields.start_ms = fields.end_ms = fields.late_after_ms = 0;
    snprintf(request, sizeof request, "entry:%u", place);
    struct queue_message message = {.request = request,
                                    .number = RIG_FIRST + place,
                                    .values = (const uint8_t *)"\x03\xe5\xbc\xa0",
                                    .values_len = 4,
                                    .segments = 1 + place % 3};
    RIG_CALL(answer, &rig, queue_append(rig.store, &fields, &message, now_ms, on_append, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

/* A new message, or one that was appended before and is asked for again. */
static void step_append(void)
{
    if (camps[OPEN].seq != 0) {
        rig_view(&rig, camps[OPEN].seq, &answer);
        if (strcmp(answer.state, "cancelled") == 0)
            return; /* the next one would open another campaign */
        assert_string_not_equal(answer.state, "done");
    }
    unsigned place = dice(POOL);
    bool is_new = !camps[OPEN].member[place];
    call_append(place);
    assert_int_equal(answer.fresh, is_new);
    if (camps[OPEN].seq != 0)
        assert_int_equal(answer.seq, camps[OPEN].seq);
    camps[OPEN].seq = answer.seq;
    camps[OPEN].member[place] = true;
}

/* With "everysec" Redis may answer before it writes, while an fsync is under way on a busy disk;
 * what these tests say about a killed Redis holds for "always". */
static void write_always(void)
{
    rig_do(&rig, "CONFIG SET appendfsync always");
}

/* Redis is killed and comes back from its AOF: what it had acknowledged is there, the functions
 * too. */
static void step_restart(void)
{
    if (dice(40) != 0)
        return;
    redisFree(rig.admin);
    rig_server_kill(&rig.server);
    rig_until(&rig, REDIS_UNREACHABLE);
    rig_server_run(&rig.server, NULL);
    rig.admin = rig_connect(&rig.server);
    write_always();
    rig_until(&rig, REDIS_READY);
}

/* ---- what must hold after every step ---- */

static void check_counters(void)
{
    for (unsigned i = 0; i < CAMPAIGNS; i++) {
        rig_view(&rig, camps[i].seq, &answer);
        assert_int_equal(answer.error, ERR_OK);
        uint64_t sum = 0;
        for (size_t k = 0; k < STATE_COUNT; k++)
            sum += answer.view.counts.of[k];
        if (sum != answer.view.accepted)
            fail_msg("seed %llu step %u: the counters add up to %llu", (unsigned long long)seed,
                     step_no, (unsigned long long)sum);
        RIG_CALL(answer, &rig, queue_verify(rig.store, "mas", camps[i].seq, rig_on_done, &answer));
        if (answer.error != ERR_OK)
            fail_msg("seed %llu step %u: %s", (unsigned long long)seed, step_no, answer.reason);
    }
}

/* Nobody is queued while an intent stands, and whoever the carrier took at the only attempt is not
 * shown as refused or unsent. */
static void on_chunk_truth(void *arg, enum err error, const struct chunk_view *chunk)
{
    unsigned campaign = *(unsigned *)arg;
    answer.calls++;
    answer.error = error;
    for (size_t i = 0; error == ERR_OK && i < chunk->n; i++) {
        unsigned place = place_of(number_at(chunk->numbers, i));
        uint8_t is = chunk->states[i];
        bool unsent = is == STATE_QUEUED || is == STATE_CANCELLED || is == STATE_SUPPRESSED;
        bool known = is == STATE_REJECTED || unsent;
        if ((is == STATE_QUEUED && camps[campaign].sent[place]) ||
            (known && camps[campaign].attempts[place] == 1 && camps[campaign].taken[place] == 1 &&
             camps[campaign].sent[place]))
            fail_msg("seed %llu step %u: campaign %u number %u is %s although the carrier has it",
                     (unsigned long long)seed, step_no, campaign, place,
                     state_word((enum recipient_state)is));
    }
}

/* The tables beside the chunks hold what the chunks say, and nothing more. */
static void check_tables(void)
{
    long long parked = 0, indexed = 0, ambiguous = 0;
    redisReply *keys = rig_admin(&rig, "KEYS t:{mas}:pk:*");
    for (size_t i = 0; i < keys->elements; i++)
        parked += rig_number(&rig, "HLEN %s", keys->element[i]->str);
    assert_int_equal((long long)keys->elements, rig_number(&rig, "ZCARD t:{mas}:pkz"));
    freeReplyObject(keys);
    long long told = rig_number(&rig, "HGET t:{mas}:carrier parked");
    assert_int_equal(told < 0 ? 0 : told, parked);
    redisReply *index = rig_admin(&rig, "HVALS t:{mas}:amb");
    for (size_t i = 0; i < index->elements; i++) {
        indexed++;
        for (const char *at = index->element[i]->str; (at = strchr(at, ';')) != NULL; at++)
            indexed++;
    }
    freeReplyObject(index);
    for (unsigned i = 0; i < CAMPAIGNS; i++) {
        rig_view(&rig, camps[i].seq, &answer);
        ambiguous += (long long)rig_count(&answer.view.counts, STATE_AMBIGUOUS);
        uint32_t n_chunks = answer.view.n_chunks;
        for (uint32_t chunk = 0; chunk < n_chunks; chunk++) {
            struct chunk_ref ref = {"mas", camps[i].seq, chunk};
            RIG_CALL(answer, &rig, queue_chunk(rig.store, ref, on_chunk_truth, &i));
            assert_int_equal(answer.error, ERR_OK);
        }
    }
    assert_int_equal(indexed, ambiguous);
}

/* After the faults stop everything comes to an end. */
static void drain(void)
{
    memset(claims, 0, sizeof claims);
    memset(requests, 0, sizeof requests);
    now_ms += 10 * LEASE_MS;
    rig_age(&rig, 10 * LEASE_MS);
    RIG_CALL(answer, &rig,
             queue_sweep(rig.store, "mas", NULL, NULL, 0, now_ms, rig_on_swept, &answer));
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_RESUME, "uid:a", "r", "", 0, now_ms,
                                rig_on_done, &answer));
    for (unsigned i = 0; i < CAMPAIGNS; i++) {
        uint32_t seq = camps[i].seq;
        for (unsigned rounds = 0;; rounds++) {
            assert_true(rounds < 1000);
            rig_view(&rig, seq, &answer);
            if (strcmp(answer.state, "done") == 0 || strcmp(answer.state, "cancelled") == 0)
                break;
            if (i == OPEN && rig_count(&answer.view.counts, STATE_QUEUED) == 0) {
                check_counters(); /* it never ends by itself */
                RIG_CALL(answer, &rig,
                         queue_act(rig.store, "mas", seq, ACT_CANCEL, "uid:b", "r", 0, now_ms,
                                   rig_on_changed, &answer));
                continue;
            }
            RIG_CALL(answer, &rig,
                     queue_act(rig.store, "mas", seq, ACT_RESUME, "uid:b", "r", 0, now_ms,
                               rig_on_changed, &answer));
            RIG_CALL(
                answer, &rig,
                queue_claim(rig.store, "mas", seq, "d1", LEASE_MS, now_ms, rig_on_claim, &answer));
            if (answer.result != CLAIM_CHUNK) {
                rig_age(&rig, 1000);
                continue;
            }
            struct chunk_ref ref = {"mas", seq, answer.chunk};
            uint64_t token = answer.token;
            uint32_t n = (uint32_t)answer.n;
            RIG_CALL(answer, &rig,
                     queue_intent(rig.store, ref, token, 0, n, n, 0, 0, LEASE_MS, now_ms,
                                  rig_on_intent, &answer));
            assert_int_equal(answer.error, ERR_OK);
            struct settle_item item = {0, n, OUTCOME_ACCEPTED, n, "last", "success"};
            RIG_CALL(answer, &rig,
                     queue_settle(rig.store, ref, token, &item, 1, LEASE_MS, now_ms, rig_on_done,
                                  &answer));
            assert_int_equal(answer.error, ERR_OK);
        }
        rig_view(&rig, seq, &answer);
        assert_int_equal(rig_count(&answer.view.counts, STATE_QUEUED), 0);
        assert_int_equal(rig_count(&answer.view.counts, STATE_INFLIGHT), 0);
    }
    assert_int_equal(rig_number(&rig, "SCARD t:{mas}:live"), 0);
    check_counters();
    check_tables();
}

static void play(uint64_t with)
{
    static void (*const steps[])(void) = {step_claim,   step_claim,  step_intent,   step_intent,
                                          step_intent,  step_settle, step_settle,   step_settle,
                                          step_release, step_sweep,  step_suppress, step_report,
                                          step_report,  step_people, step_resolve,  step_restart,
                                          step_append,  step_silent, step_silent};
    seed = with;
    random_state = with * 7919;
    now_ms = RIG_NOW;
    batch_no = 0;
    memset(camps, 0, sizeof camps);
    memset(claims, 0, sizeof claims);
    memset(requests, 0, sizeof requests);
    rig_do(&rig, "FLUSHALL");
    /* Redis dies below, and data needs its number when it is back. */
    char number[32];
    snprintf(number, sizeof number, "SET t:schema %d", layout_newest);
    rig_do(&rig, number);
    store_set_ambiguous_limit(rig.store, 2 + dice(4));
    step_append();
    for (unsigned i = 0; i < OPEN; i++) {
        char id[8];
        snprintf(id, sizeof id, "c%u", i);
        size_t n = 12 + dice(POOL / 2 - 12), first = dice(POOL / 2);
        struct campaign_fields fields = rig_fields(id);
        if (resends(i))
            fields.on_ambiguous = "resend";
        fields.personal = i == 1; /* and its texts weigh 1 to 3 segments */
        camps[i].seq = rig_launch(&rig, fields, RIG_FIRST + first, 1, n, 1 + dice(25));
        for (size_t k = 0; k < n; k++)
            camps[i].member[first + k] = true;
    }
    for (step_no = 0; step_no < STEPS; step_no++) {
        now_ms += dice(50);
        steps[dice(sizeof steps / sizeof steps[0])]();
        check_counters();
        if (step_no % 50 == 0)
            check_tables();
    }
    check_tables();
    drain();
}

static void test_random_sequences(void **state)
{
    (void)state;
    const char *one = getenv("OUTREACH_TEST_SEED");
    uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1, last = one != NULL ? first : 4;
    for (uint64_t with = first; with <= last; with++) {
        print_message("seed %llu\n", (unsigned long long)with);
        play(with);
    }
    assert_true(one != NULL || n_again > 0);
}

static int setup(void **state)
{
    (void)state;
    rig_start(&rig);
    write_always();
    return 0;
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_sequences)};
    return cmocka_run_group_tests(tests, setup, rig_one_stop);
}
