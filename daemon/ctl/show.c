#include "ctl/show.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/table.h"
#include "sms/state.h"

#define BAR_CELLS 24
#define LINE_MAX_BYTES 1024
#define MIB INT64_C(1048576)

static int64_t count_of(const json_t *campaign, const char *word)
{
    return ctl_number(json_object_get(campaign, "counts"), word);
}

static const char *state_of(const json_t *campaign)
{
    return ctl_text(campaign, "state");
}

bool show_is_over(const json_t *campaign)
{
    const char *state = state_of(campaign);
    return strcmp(state, "done") == 0 || strcmp(state, "cancelled") == 0 ||
           strcmp(state, "draft") == 0;
}

void show_counts(const json_t *campaign, struct buf *out)
{
    const char *between = "";
    for (size_t i = 0; i < STATE_COUNT; i++) {
        const char *word = state_word(state_all[i]);
        int64_t count = count_of(campaign, word);
        if (count != 0) {
            buf_addf(out, "%s%s %" PRId64, between, word, count);
            between = ", ";
        }
    }
    buf_addf(out, "%s %" PRId64, between[0] != '\0' ? " of" : "nobody of",
             ctl_number(campaign, "accepted"));
}

/* "waiting: window opens 08:00 (until 2026-10-17 08:00:00)" */
static void add_waiting(const json_t *campaign, struct buf *out)
{
    char reason[512], time[40];
    const json_t *waiting = json_object_get(campaign, "waiting");
    if (!json_is_object(waiting)) {
        return;
    }
    table_clean(ctl_text(waiting, "reason"), reason, sizeof reason);
    buf_addf(out, "%s", reason);
    const char *until = ctl_text(waiting, "until");
    if (until[0] != '\0') {
        buf_addf(out, " (until %s)", ctl_time(until, time));
    }
}

/* Cuts at a character, so that the line fills at most `columns` of the terminal. */
static void cut_line(struct buf *line, size_t columns)
{
    while (columns > 0 && line->len > 0 && table_width(buf_text(line)) > columns) {
        do {
            line->len--;
        } while (line->len > 0 && ((unsigned char)line->data[line->len] & 0xc0) == 0x80);
        line->data[line->len] = '\0';
    }
}

static void add_import(const json_t *campaign, struct buf *out)
{
    const json_t *import = json_object_get(campaign, "import");
    int64_t all = ctl_number(import, "all_bytes"), read = ctl_number(import, "read_bytes");
    int64_t percent = all > 0 ? read * 100 / all : 0;
    buf_addf(out, "importing %3" PRId64 " %%  %" PRId64 " rows read, %" PRId64 " accepted", percent,
             ctl_number(import, "rows"), ctl_number(import, "accepted"));
}

void show_progress(const json_t *campaign, size_t columns, struct buf *out)
{
    char time[CLOCK_TEXT_SIZE];
    int64_t accepted = ctl_number(campaign, "accepted");
    int64_t open = count_of(campaign, "queued") + count_of(campaign, "inflight");
    int64_t handled = accepted > open ? accepted - open : 0;
    int64_t permille = accepted > 0 ? handled * 1000 / accepted : 0;
    if (strcmp(state_of(campaign), "importing") == 0) {
        add_import(campaign, out);
        cut_line(out, columns);
        return;
    }
    buf_add_char(out, '[');
    for (int64_t i = 0; i < BAR_CELLS; i++) {
        buf_add_char(out, i < permille * BAR_CELLS / 1000 ? '#' : '-');
    }
    /* 99.9 % is not done: the share is rounded down. */
    buf_addf(out, "] %3" PRId64 " %%  %" PRId64 "/%" PRId64 "  %s", permille / 10, handled,
             accepted, state_of(campaign));
    if (json_is_object(json_object_get(campaign, "waiting"))) {
        buf_add_text(out, "  waiting: ");
        add_waiting(campaign, out);
    }
    double rate = json_number_value(json_object_get(campaign, "rate_now"));
    if (rate > 0 && open > 0) {
        buf_addf(out, "  %.0f/s", rate);
    }
    if (json_is_number(json_object_get(campaign, "eta_s")) && open > 0) {
        buf_addf(out, "  %s left",
                 clock_format_duration(ctl_number(campaign, "eta_s") * 1000, time));
    }
    int64_t delivered = count_of(campaign, "delivered"),
            ambiguous = count_of(campaign, "ambiguous");
    if (ambiguous > 0) {
        buf_addf(out, "  AMBIGUOUS %" PRId64, ambiguous);
        if (ctl_number(campaign, "ambiguous_s") > 0) {
            buf_addf(out, " for %s",
                     clock_format_duration(ctl_number(campaign, "ambiguous_s") * 1000, time));
        }
    }
    if (delivered > 0) {
        buf_addf(out, "  delivered %" PRId64, delivered);
    }
    cut_line(out, columns);
}

static void show_pair(FILE *out, const char *label, const char *value)
{
    char clean[512];
    table_clean(value, clean, sizeof clean);
    if (clean[0] != '\0') {
        fprintf(out, "  %-14s %s\n", label, clean);
    }
}

static void show_count_table(const json_t *campaign, FILE *out)
{
    static const char *const headers[] = {"state", ">recipients", "meaning"};
    struct table *table;
    if (table_new(headers, 3, &table) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < STATE_COUNT; i++) {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, count_of(campaign, state_word(state_all[i])));
        table_row(table, (const char *const[]){state_word(state_all[i]), number,
                                               state_word_zh(state_all[i])});
    }
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, ctl_number(campaign, "accepted"));
    table_row(table, (const char *const[]){"total", number, ""});
    table_print(table, out);
    table_free(table);
}

void show_campaign(const json_t *campaign, FILE *out)
{
    char time[40], money[40], line[LINE_MAX_BYTES];
    struct buf text;
    buf_init(&text, LINE_MAX_BYTES);
    table_clean(ctl_text(campaign, "title"), line, sizeof line);
    fprintf(out, "%s  %s\n", ctl_text(campaign, "id"), line);
    show_progress(campaign, 0, &text);
    fprintf(out, "%s\n\n", buf_text(&text));
    buf_reset(&text);
    show_pair(out, "state", state_of(campaign));
    add_waiting(campaign, &text);
    show_pair(out, "waiting", buf_text(&text));
    show_pair(out, "not launched", ctl_text(json_object_get(campaign, "import"), "reason"));
    show_pair(out, "carrier", ctl_text(campaign, "carrier"));
    show_pair(out, "class", ctl_text(campaign, "class"));
    show_pair(out, "launched by", ctl_text(campaign, "actor"));
    show_pair(out, "child of", ctl_text(campaign, "parent"));
    static const char *const times[][2] = {{"starts", "start"},
                                           {"ends", "end"},
                                           {"started", "started_at"},
                                           {"finished", "finished_at"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const char *value = ctl_text(campaign, times[i][1]);
        show_pair(out, times[i][0], value[0] != '\0' ? ctl_time(value, time) : "");
    }
    fprintf(out,
            "  %-14s %" PRId64 " rows, %" PRId64 " duplicate, %" PRId64 " invalid, %" PRId64
            " opted out\n",
            "list", ctl_number(campaign, "rows"), ctl_number(campaign, "duplicate"),
            ctl_number(campaign, "invalid"), ctl_number(campaign, "opted_out"));
    fprintf(out, "  %-14s %" PRId64 " of %" PRId64 " segments, %s\n\n", "sent",
            ctl_number(campaign, "segments_sent"), ctl_number(campaign, "segments_total"),
            ctl_money(ctl_number(campaign, "cost_fen"), money));
    show_count_table(campaign, out);
    buf_fini(&text);
}

enum err show_list(const json_t *campaigns, FILE *out)
{
    static const char *const headers[] = {"id",         "title",    "state",
                                          ">accepted",  ">handled", ">delivered",
                                          ">ambiguous", "carrier",  "waiting"};
    struct table *table;
    enum err error = table_new(headers, sizeof headers / sizeof *headers, &table);
    if (error != ERR_OK) {
        return error;
    }
    size_t i;
    const json_t *campaign;
    json_array_foreach(campaigns, i, campaign)
    {
        char accepted[24], handled[24], delivered[24], ambiguous[24];
        int64_t open = count_of(campaign, "queued") + count_of(campaign, "inflight");
        struct buf waiting;
        buf_init(&waiting, LINE_MAX_BYTES);
        add_waiting(campaign, &waiting);
        snprintf(accepted, sizeof accepted, "%" PRId64, ctl_number(campaign, "accepted"));
        snprintf(handled, sizeof handled, "%" PRId64, ctl_number(campaign, "accepted") - open);
        snprintf(delivered, sizeof delivered, "%" PRId64, count_of(campaign, "delivered"));
        snprintf(ambiguous, sizeof ambiguous, "%" PRId64, count_of(campaign, "ambiguous"));
        table_row(table,
                  (const char *const[]){ctl_text(campaign, "id"), ctl_text(campaign, "title"),
                                        state_of(campaign), accepted, handled, delivered, ambiguous,
                                        ctl_text(campaign, "carrier"), buf_text(&waiting)});
        buf_fini(&waiting);
    }
    table_print(table, out);
    table_free(table);
    return ERR_OK;
}

static void carrier_cells(const json_t *carrier, struct table *table)
{
    char cells[6][24], why[LINE_MAX_BYTES], time[40];
    static const char *const keys[6] = {"requests",  "accepted", "rejected",
                                        "ambiguous", "reports",  "parked"};
    for (size_t i = 0; i < 6; i++) {
        snprintf(cells[i], sizeof cells[i], "%" PRId64, ctl_number(carrier, keys[i]));
    }
    const char *route = ctl_text(carrier, "route_fault");
    if (strcmp(ctl_text(carrier, "state"), "running") != 0) {
        char until[40], held[64] = "";
        const char *again = ctl_text(carrier, "resume_at");
        if (ctl_number(carrier, "held") > 0) {
            snprintf(held, sizeof held, "%" PRId64 " recipients wait, ",
                     ctl_number(carrier, "held"));
        }
        snprintf(why, sizeof why, "%ssince %s%s%s%s%s: %s", held,
                 ctl_time(ctl_text(carrier, "since"), time), again[0] != '\0' ? " until " : "",
                 again[0] != '\0' ? ctl_time(again, until) : "",
                 ctl_text(carrier, "actor")[0] != '\0' ? " by " : "", ctl_text(carrier, "actor"),
                 ctl_text(carrier, "reason"));
    } else {
        snprintf(why, sizeof why, "%s%s", route[0] != '\0' ? "unreachable: " : "", route);
    }
    table_row(table, (const char *const[]){ctl_text(carrier, "name"), ctl_text(carrier, "driver"),
                                           ctl_text(carrier, "state"), cells[0], cells[1], cells[2],
                                           cells[3], cells[4], cells[5], why});
}

enum err show_carriers(const json_t *carriers, FILE *out)
{
    static const char *const headers[] = {"name",      "driver",    "state",      ">requests",
                                          ">accepted", ">rejected", ">ambiguous", ">reports",
                                          ">parked",   "why"};
    struct table *table;
    enum err error = table_new(headers, sizeof headers / sizeof *headers, &table);
    if (error != ERR_OK) {
        return error;
    }
    size_t i;
    const json_t *carrier;
    json_array_foreach(carriers, i, carrier)
    {
        carrier_cells(carrier, table);
    }
    table_print(table, out);
    table_free(table);
    return ERR_OK;
}

static void show_redis(const json_t *redis, FILE *out)
{
    fprintf(out, "redis      %s", ctl_text(redis, "health"));
    if (strcmp(ctl_text(redis, "health"), "ready") == 0) {
        fprintf(out, ", version %s, appendfsync %s, %" PRId64 " MiB used, round trip %.1f ms",
                ctl_text(redis, "version"), ctl_text(redis, "appendfsync"),
                ctl_number(redis, "used_memory") / MIB,
                (double)ctl_number(redis, "round_trip_us") / 1000.0);
    } else {
        char clean[LINE_MAX_BYTES];
        table_clean(ctl_text(redis, "sentence"), clean, sizeof clean);
        fprintf(out, ": %s", clean);
    }
    fputc('\n', out);
}

static void show_attention(const json_t *attention, FILE *out)
{
    size_t i;
    const json_t *line;
    fputs(json_array_size(attention) == 0 ? "\nNothing needs a person.\n" : "\nNeeds attention:\n",
          out);
    json_array_foreach(attention, i, line)
    {
        char clean[LINE_MAX_BYTES];
        table_clean(json_string_value(line) != NULL ? json_string_value(line) : "", clean,
                    sizeof clean);
        fprintf(out, "  ! %s\n", clean);
    }
}

void show_status(const json_t *status, FILE *out)
{
    char time[40];
    fprintf(out, "outreachd  %s, daemon %s, running since %s, loop lag %" PRId64 " ms\n",
            ctl_text(status, "version"), ctl_text(status, "daemon"),
            ctl_time(ctl_text(status, "started_at"), time), ctl_number(status, "loop_lag_ms"));
    show_redis(json_object_get(status, "redis"), out);
    fprintf(out, "imports    %" PRId64 " running\n", ctl_number(status, "imports_running"));
    const json_t *daemons = json_object_get(status, "daemons");
    size_t i;
    const json_t *one;
    json_array_foreach(daemons, i, one)
    {
        fprintf(out, "daemon     %s on %s, seen %s\n", ctl_text(one, "id"), ctl_text(one, "host"),
                ctl_time(ctl_text(one, "seen_at"), time));
    }
    const json_t *reload = json_object_get(status, "last_reload");
    if (json_is_object(reload)) {
        fprintf(out, "reload     %s at %s\n", ctl_flag(reload, "ok") ? "done" : "REFUSED",
                ctl_time(ctl_text(reload, "at"), time));
    }
    const json_t *carriers = json_object_get(status, "carriers"),
                 *campaigns = json_object_get(status, "campaigns");
    if (json_array_size(carriers) > 0) {
        fputc('\n', out);
        (void)!show_carriers(carriers, out);
    }
    if (json_array_size(campaigns) > 0) {
        fputc('\n', out);
        (void)!show_list(campaigns, out);
    }
    show_attention(json_object_get(status, "attention"), out);
}
