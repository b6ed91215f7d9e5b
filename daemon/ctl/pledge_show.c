/* pledge show, pledge list. */
#include "ctl/commands.h"

#include <inttypes.h>
#include <string.h>

#include "base/csvcell.h"
#include "ctl/pledges.h"
#include "ctl/table.h"
#include "pledge/money.h"

#define PAGE_MAX 500
#define LIST_DEFAULT 100
#define LINE_MAX_BYTES 16384
#define REGION_CELL_SIZE 256

/* ---- paths and amounts ---- */

static void add_encoded(char *out, size_t size, const char *text)
{
    size_t at = strlen(out);
    for (; *text != '\0' && at + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     strchr("-._~", c) != NULL;
        at += (size_t)snprintf(out + at, size - at, plain ? "%c" : "%%%02X", c);
    }
}

void pledges_path(const struct ctl *ctl, const char *path, const struct pledges_query *queries,
                  size_t n, char out[PLEDGES_PATH_MAX])
{
    char between = '?';
    snprintf(out, PLEDGES_PATH_MAX, "%s", path);
    for (size_t i = 0; i < n; i++) {
        const char *value = ctl_option(ctl, queries[i].option);
        if (value == NULL) {
            continue;
        }
        size_t at = strlen(out);
        snprintf(out + at, PLEDGES_PATH_MAX - at, "%c%s=", between, queries[i].name);
        add_encoded(out, PLEDGES_PATH_MAX, value[0] != '\0' ? value : "1");
        between = '&';
    }
}

static const char *amount_text(int64_t fen, const char *quantity, const char *unit,
                               char out[PLEDGES_AMOUNT_SIZE])
{
    char money[MONEY_TEXT_SIZE];
    if (quantity[0] != '\0') {
        snprintf(out, PLEDGES_AMOUNT_SIZE, "%s %s", quantity, unit);
    } else {
        snprintf(out, PLEDGES_AMOUNT_SIZE, "%s", money_format(fen, money));
    }
    return out;
}

const char *pledges_entry_amount(const json_t *entry, char out[PLEDGES_AMOUNT_SIZE])
{
    out[0] = '\0';
    if (json_object_get(entry, "fen") == NULL && json_object_get(entry, "quantity") == NULL) {
        return out;
    }
    return amount_text(ctl_number(entry, "fen"), ctl_text(entry, "quantity"),
                       ctl_text(entry, "unit"), out);
}

const char *pledges_amount(const json_t *pledge, const char *which, char out[PLEDGES_AMOUNT_SIZE])
{
    const json_t *fen = json_object_get(pledge, "fen");
    return amount_text(ctl_number(fen, which), ctl_text(json_object_get(pledge, "quantity"), which),
                       ctl_text(pledge, "unit"), out);
}

/* ---- one ---- */

static void print_line(const char *label, const char *value)
{
    char clean[1024];
    if (value[0] != '\0') {
        table_clean(value, clean, sizeof clean);
        printf("  %-10s %s\n", label, clean);
    }
}

static void print_amounts(const json_t *pledge)
{
    static const char *const which[] = {"pledged", "arrived", "delivered",
                                        "waived",  "moved",   "rest"};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        char text[PLEDGES_AMOUNT_SIZE];
        pledges_amount(pledge, which[i], text);
        bool is_zero = strcmp(text, "0.00") == 0 || strncmp(text, "0 ", 2) == 0;
        if (i < 2 || !is_zero) {
            print_line(which[i], text);
        }
    }
}

static void print_entries(const json_t *entries)
{
    static const char *const headers[] = {">entry", "on", "step", ">amount", "by", "detail"};
    struct table *table;
    size_t i;
    const json_t *entry;
    if (table_new(headers, 6, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(entries, i, entry)
    {
        char n[24], amount[PLEDGES_AMOUNT_SIZE], detail[1024] = "", ref[32] = "";
        static const char *const keys[] = {"was", "why", "receipt", "document", "peer",
                                           "to",  "via", "purpose", "note"};
        snprintf(n, sizeof n, "%" PRId64, ctl_number(entry, "entry"));
        if (ctl_number(entry, "ref") != 0) {
            snprintf(ref, sizeof ref, "of entry %" PRId64, ctl_number(entry, "ref"));
            snprintf(detail, sizeof detail, "%s", ref);
        }
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const char *text = ctl_text(entry, keys[k]);
            size_t at = strlen(detail);
            if (text[0] != '\0') {
                snprintf(detail + at, sizeof detail - at, "%s%s", at > 0 ? " · " : "", text);
            }
        }
        bool unsound = ctl_flag(entry, "unsound");
        table_row(table, (const char *const[]){n, ctl_text(entry, "on"),
                                               unsound ? "CHANGED" : ctl_text(entry, "type"),
                                               pledges_entry_amount(entry, amount),
                                               ctl_text(entry, "actor"), detail});
    }
    putchar('\n');
    table_print(table, stdout);
    table_free(table);
}

static void print_pledge(const json_t *pledge)
{
    char region[REGION_CELL_SIZE], value[PLEDGES_AMOUNT_SIZE];
    printf("%s  %s\n", ctl_text(pledge, "number"), ctl_text(pledge, "state"));
    snprintf(region, sizeof region, "%s %s", ctl_text(pledge, "region"),
             ctl_text(pledge, "region_name"));
    print_line("donor", ctl_text(pledge, "name"));
    print_line("mobile", ctl_text(pledge, "mobile"));
    print_line("public as",
               ctl_flag(pledge, "organisation") ? "organisation" : ctl_text(pledge, "public"));
    print_line("region", region);
    print_line("campaign", ctl_text(pledge, "campaign"));
    print_line("kind", ctl_text(pledge, "kind"));
    print_line("thing", ctl_text(pledge, "item"));
    print_amounts(pledge);
    if (ctl_number(pledge, "value_fen") != 0) {
        char money[40];
        snprintf(value, sizeof value, "%s", ctl_money(ctl_number(pledge, "value_fen"), money));
        print_line("worth", value);
    }
    print_line("due", ctl_text(pledge, "due"));
    print_line("purpose", ctl_text(pledge, "purpose"));
    print_line("took over", ctl_text(pledge, "peer"));
    print_entries(json_object_get(pledge, "entries"));
}

enum ctl_exit cmd_pledge_show(struct ctl *ctl)
{
    char number[NUMBER_TEXT_SIZE], path[128];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!pledges_number(ctl, ctl->operands[0], number)) {
        return CTL_USAGE;
    }
    snprintf(path, sizeof path, "/api/v1/pledges/%s", number);
    if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
        exit = strcmp(reply.code, "no_pledge") == 0 ? CTL_NOT_FOUND : exit;
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_pledge(reply.json);
    }
    reply_fini(&reply);
    return exit;
}

/* ---- a list ---- */

static const char *const columns[] = {"number",   "state",      "on",     "donor",   ">pledged",
                                      ">arrived", ">delivered", "region", "campaign"};
#define COLUMNS (sizeof columns / sizeof *columns)

static void list_cells(const json_t *pledge, char amounts[3][PLEDGES_AMOUNT_SIZE],
                       const char *cells[COLUMNS])
{
    const char *thing = ctl_text(pledge, "item");
    cells[0] = ctl_text(pledge, "number");
    cells[1] = ctl_text(pledge, "state");
    cells[2] = ctl_text(pledge, "on");
    cells[3] = ctl_text(pledge, "name");
    static const char *const which[] = {"pledged", "arrived", "delivered"};
    for (size_t i = 0; i < 3; i++) {
        pledges_amount(pledge, which[i], amounts[i]);
        if (i == 0 && thing[0] != '\0') {
            size_t at = strlen(amounts[0]);
            snprintf(amounts[0] + at, PLEDGES_AMOUNT_SIZE - at, "%s", thing);
        }
        cells[4 + i] = amounts[i];
    }
    cells[7] = ctl_text(pledge, "region");
    cells[8] = ctl_text(pledge, "campaign");
}

static void print_csv_row(const char *const *cells)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i > 0) {
            buf_add_char(&line, ',');
        }
        csvcell_add(&line, cells[i][0] == '>' ? cells[i] + 1 : cells[i]);
    }
    puts(buf_text(&line));
    buf_fini(&line);
}

static enum ctl_exit print_list(const struct ctl *ctl, const json_t *pledges)
{
    struct table *table = NULL;
    size_t i;
    const json_t *pledge;
    bool csv = ctl_option(ctl, OPT_CSV) != NULL;
    if (csv) {
        print_csv_row(columns);
    } else if (table_new(columns, COLUMNS, &table) != ERR_OK) {
        return ctl_fail(ctl, CTL_FAILED, "memory", "no memory for the table");
    }
    json_array_foreach(pledges, i, pledge)
    {
        char amounts[3][PLEDGES_AMOUNT_SIZE], region[REGION_CELL_SIZE];
        const char *cells[COLUMNS], *name = ctl_text(pledge, "region_name");
        list_cells(pledge, amounts, cells);
        if (csv) {
            print_csv_row(cells);
        } else {
            snprintf(region, sizeof region, "%s%s%s", cells[7], name[0] != '\0' ? " " : "", name);
            cells[7] = region;
            table_row(table, cells);
        }
    }
    if (table != NULL) {
        table_print(table, stdout);
        table_free(table);
    }
    return CTL_DONE;
}

/* Pages are put together up to the limit. *more: there would be more. */
static enum ctl_exit collect(struct ctl *ctl, int64_t limit, json_t *all, bool *more)
{
    static const struct pledges_query queries[] = {{OPT_REGION, "region"},
                                                   {OPT_CAMPAIGN, "campaign"},
                                                   {OPT_YEAR, "year"},
                                                   {OPT_STATE, "state"},
                                                   {OPT_MOBILE, "mobile"}};
    char base[PLEDGES_PATH_MAX], path[PLEDGES_PATH_MAX + 128], cursor[64] = "";
    pledges_path(ctl, "/api/v1/pledges", queries, sizeof queries / sizeof *queries, base);
    do {
        struct reply reply;
        int64_t left = limit - (int64_t)json_array_size(all);
        snprintf(path, sizeof path, "%s%climit=%" PRId64 "&cursor=%s", base,
                 strchr(base, '?') != NULL ? '&' : '?', left < PAGE_MAX ? left : PAGE_MAX, cursor);
        if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
            enum ctl_exit exit = ctl_fail_reply(ctl, &reply);
            reply_fini(&reply);
            return exit;
        }
        json_array_extend(all, json_object_get(reply.json, "pledges"));
        snprintf(cursor, sizeof cursor, "%s", ctl_text(reply.json, "cursor"));
        reply_fini(&reply);
    } while (cursor[0] != '\0' && (int64_t)json_array_size(all) < limit);
    *more = cursor[0] != '\0';
    return CTL_DONE;
}

enum ctl_exit cmd_pledge_list(struct ctl *ctl)
{
    int64_t limit = LIST_DEFAULT;
    const char *given = ctl_option(ctl, OPT_LIMIT);
    bool more = false;
    if (given != NULL && (!pledges_whole_number(given, &limit) || limit == 0)) {
        return ctl_fail(ctl, CTL_USAGE, "usage", "--limit is \"%s\", not a number from 1", given);
    }
    json_t *all = json_array();
    enum ctl_exit exit = collect(ctl, limit, all, &more);
    if (exit == CTL_DONE && ctl_json(ctl)) {
        json_t *json = json_pack("{s:O, s:b}", "pledges", all, "more", more);
        ctl_print_json(json);
        json_decref(json);
    } else if (exit == CTL_DONE) {
        exit = print_list(ctl, all);
        if (more) {
            fprintf(stderr, "outreachctl: there are more; --limit N shows them\n");
        }
    }
    json_decref(all);
    return exit;
}
