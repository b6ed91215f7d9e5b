/* totals: a table of areas, what the total means, and goods by item. */
#include "ctl/commands.h"

#include <inttypes.h>
#include <string.h>

#include "base/csvcell.h"
#include "ctl/pledges.h"
#include "ctl/table.h"
#include "pledge/money.h"

#define LINE_MAX_BYTES 16384
#define FIGURE_SIZE 48

/* Measures of money that have a column, in its order. */
static const char *const measures[] = {"pledged", "unconfirmed", "arrived",  "delivered",
                                       "waived",  "void",        "withdrawn"};
#define MEASURES (sizeof measures / sizeof *measures)

static const char *const kinds[] = {"cash", "purchase", "goods", "service"};
#define KINDS (sizeof kinds / sizeof *kinds)
#define KINDS_OF_MONEY 2 /* of the others the money is an estimate, and in no sum */

static int64_t kind_of(const json_t *row, const char *kind, const char *measure, const char *which)
{
    const json_t *sums = json_object_get(json_object_get(row, "tree"), kind);
    return ctl_number(json_object_get(sums, measure), which);
}

/* Cash and purchases. */
static int64_t money_of(const json_t *row, const char *measure, const char *which)
{
    int64_t sum = 0;
    for (size_t i = 0; i < KINDS_OF_MONEY; i++) {
        sum += kind_of(row, kinds[i], measure, which);
    }
    return sum;
}

static void row_name(const json_t *row, char *out, size_t size)
{
    const char *name = ctl_text(row, "name");
    if (ctl_flag(row, "is_direct")) {
        snprintf(out, size, "%s (itself)", name[0] != '\0' ? name : ctl_text(row, "level"));
    } else {
        snprintf(out, size, "%s", name[0] != '\0' ? name : ctl_text(row, "level"));
    }
}

/* "" when it is not known. */
static const char *donors_text(const json_t *row, char out[FIGURE_SIZE])
{
    const json_t *donors = json_object_get(row, "donors");
    out[0] = '\0';
    if (json_is_integer(donors)) {
        snprintf(out, FIGURE_SIZE, "%" PRId64, (int64_t)json_integer_value(donors));
    }
    return out;
}

static void add_row(struct table *table, const json_t *row)
{
    char name[256], count[FIGURE_SIZE], donors[FIGURE_SIZE], figures[MEASURES][MONEY_TEXT_SIZE];
    const char *cells[4 + MEASURES];
    row_name(row, name, sizeof name);
    snprintf(count, sizeof count, "%" PRId64, ctl_number(json_object_get(row, "total"), "count"));
    cells[0] = ctl_text(row, "region");
    cells[1] = name;
    cells[2] = count;
    for (size_t i = 0; i < MEASURES; i++) {
        cells[3 + i] = money_format(money_of(row, measures[i], "fen"), figures[i]);
    }
    cells[3 + MEASURES] = donors_text(row, donors);
    table_row(table, cells);
}

static void print_things(const json_t *things)
{
    static const char *const headers[] = {"kind",     "thing",    "unit",
                                          ">pledged", ">arrived", ">delivered"};
    struct table *table;
    size_t i;
    const json_t *thing;
    if (json_array_size(things) == 0 || table_new(headers, 6, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(things, i, thing)
    {
        const json_t *tree = json_object_get(thing, "tree");
        table_row(table,
                  (const char *const[]){ctl_text(thing, "kind"), ctl_text(thing, "item"),
                                        ctl_text(thing, "unit"), ctl_text(tree, "pledged"),
                                        ctl_text(tree, "arrived"), ctl_text(tree, "delivered")});
    }
    putchar('\n');
    table_print(table, stdout);
    table_free(table);
}

static void scope_text(const json_t *totals, char *out, size_t size)
{
    const json_t *scope = json_object_get(totals, "scope");
    char year[FIGURE_SIZE] = "all years";
    if (ctl_number(scope, "year") != 0) {
        snprintf(year, sizeof year, "year %" PRId64, ctl_number(scope, "year"));
    }
    const char *campaign = ctl_text(scope, "campaign");
    snprintf(out, size, "%s (%s), %s%s, %s", ctl_text(totals, "path"), ctl_text(scope, "region"),
             campaign[0] != '\0' ? "campaign " : "all campaigns", campaign, year);
}

static enum ctl_exit print_table(const struct ctl *ctl, const json_t *totals)
{
    bool arrived = strcmp(ctl_text(totals, "basis"), "arrived") == 0;
    const char *const headers[] = {
        "region",     "name",         arrived ? ">arrivals" : ">pledges", /* what is counted */
        ">pledged",   ">unconfirmed", ">arrived",
        ">delivered", ">waived",      ">voided",
        ">withdrawn", ">donors"};
    struct table *table;
    char scope[512], clean[512], time[40], money[MONEY_TEXT_SIZE];
    size_t i;
    const json_t *child;
    if (table_new(headers, 4 + MEASURES, &table) != ERR_OK) {
        return ctl_fail(ctl, CTL_FAILED, "memory", "no memory for the table");
    }
    json_array_foreach(json_object_get(totals, "children"), i, child)
    {
        add_row(table, child);
    }
    add_row(table, totals);
    scope_text(totals, scope, sizeof scope);
    table_clean(scope, clean, sizeof clean);
    const json_t *total = json_object_get(totals, "total");
    int64_t count = ctl_number(total, "count");
    printf("%s: %s yuan in %" PRId64 " %s%s\n", ctl_text(totals, "basis"),
           money_format(ctl_number(total, "fen"), money), count, arrived ? "arrival" : "pledge",
           count == 1 ? "" : "s");
    printf("of %s\n", clean);
    printf("as of %s, after entry %" PRId64 "\n", ctl_time(ctl_text(totals, "as_of"), time),
           ctl_number(totals, "as_of_entry"));
    printf("%s\n\n", ctl_text(totals, "definition"));
    table_print(table, stdout);
    table_free(table);
    print_things(json_object_get(totals, "things"));
    return CTL_DONE;
}

/* ---- CSV: every line says what it is ---- */

static const char *const quantities[] = {"pledged", "arrived", "delivered"};
#define QUANTITIES (sizeof quantities / sizeof *quantities)
#define CSV_THING_COLUMNS (3 + QUANTITIES) /* kind, item, unit before them */

static void csv_cell(struct buf *line, const char *text)
{
    if (line->len > 0) {
        buf_add_char(line, ',');
    }
    csvcell_add(line, text);
}

static void csv_number(struct buf *line, int64_t value)
{
    buf_addf(line, ",%" PRId64, value);
}

static void csv_money(struct buf *line, int64_t fen)
{
    char text[MONEY_TEXT_SIZE];
    buf_addf(line, ",%s", money_format(fen, text));
}

static void csv_skip(struct buf *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_char(line, ',');
    }
}

static void csv_begin(struct buf *line, const json_t *row, const json_t *totals, const char *what)
{
    buf_init(line, LINE_MAX_BYTES);
    csv_cell(line, ctl_text(row, "region"));
    csv_cell(line, ctl_text(row, "name"));
    csv_cell(line, ctl_text(row, "level"));
    csv_cell(line, what);
    csv_cell(line, ctl_text(totals, "basis"));
}

/* What the figures are of: the same in each line. */
static void csv_scope(struct buf *line, const json_t *totals)
{
    const json_t *scope = json_object_get(totals, "scope");
    buf_addf(line, ",%s,",
             ctl_text(scope, "campaign")); /* an id, or a dash: nothing of an outsider */
    if (ctl_number(scope, "year") != 0) {
        buf_addf(line, "%" PRId64, ctl_number(scope, "year"));
    }
    csv_cell(line, ctl_text(totals, "as_of"));
    csv_number(line, ctl_number(totals, "as_of_entry"));
    csv_cell(line, ctl_text(totals, "definition"));
}

static void csv_end(struct buf *line)
{
    puts(buf_text(line));
    buf_fini(line);
}

static void print_csv_row(const json_t *row, const json_t *totals)
{
    struct buf line;
    char donors[FIGURE_SIZE];
    const json_t *total = json_object_get(row, "total");
    csv_begin(&line, row, totals,
              ctl_flag(row, "is_direct") ? "itself"
              : row == totals            ? "all"
                                         : "part");
    csv_number(&line, ctl_number(total, "count"));
    csv_money(&line, ctl_number(total, "fen"));
    for (size_t i = 0; i < MEASURES; i++) {
        csv_number(&line, money_of(row, measures[i], "count"));
        csv_money(&line, money_of(row, measures[i], "fen"));
    }
    csv_scope(&line, totals);
    csv_cell(&line, donors_text(row, donors));
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t j = 0; j < MEASURES; j++) {
            csv_number(&line, kind_of(row, kinds[i], measures[j], "count"));
            csv_money(&line, kind_of(row, kinds[i], measures[j], "fen"));
        }
    }
    csv_skip(&line, CSV_THING_COLUMNS); /* a thing has a row of its own */
    csv_end(&line);
}

/* Goods and hours, an item and unit a row: what a row of an area has no column for. */
static void print_csv_thing(const json_t *thing, const json_t *totals)
{
    struct buf line;
    csv_begin(&line, totals, totals, "thing");
    csv_skip(&line, 2 + 2 * MEASURES);
    csv_scope(&line, totals);
    csv_skip(&line, 1 + 2 * KINDS * MEASURES);
    csv_cell(&line, ctl_text(thing, "kind"));
    csv_cell(&line, ctl_text(thing, "item"));
    csv_cell(&line, ctl_text(thing, "unit"));
    for (size_t i = 0; i < QUANTITIES; i++) {
        csv_cell(&line, ctl_text(json_object_get(thing, "tree"), quantities[i]));
    }
    csv_end(&line);
}

static void print_csv(const json_t *totals)
{
    size_t i;
    const json_t *child;
    printf("region,name,level,row,basis,count,yuan");
    for (i = 0; i < MEASURES; i++) {
        printf(",%s_count,%s_yuan", measures[i], measures[i]);
    }
    printf(",campaign,year,as_of,as_of_entry,definition,donors");
    for (i = 0; i < KINDS * MEASURES; i++) {
        const char *kind = kinds[i / MEASURES], *measure = measures[i % MEASURES];
        printf(",%s_%s_count,%s_%s_yuan", kind, measure, kind, measure);
    }
    printf(",kind,item,unit");
    for (i = 0; i < QUANTITIES; i++) {
        printf(",%s_quantity", quantities[i]);
    }
    putchar('\n');
    json_array_foreach(json_object_get(totals, "children"), i, child)
    {
        print_csv_row(child, totals);
    }
    print_csv_row(totals, totals);
    json_array_foreach(json_object_get(totals, "things"), i, child)
    {
        print_csv_thing(child, totals);
    }
}

enum ctl_exit cmd_totals(struct ctl *ctl)
{
    static const struct pledges_query queries[] = {{OPT_REGION, "region"},
                                                   {OPT_CHILDREN, "children"},
                                                   {OPT_CAMPAIGN, "campaign"},
                                                   {OPT_YEAR, "year"},
                                                   {OPT_BASIS, "basis"}};
    char path[PLEDGES_PATH_MAX];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    pledges_path(ctl, "/api/v1/totals", queries, sizeof queries / sizeof *queries, path);
    if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (ctl_option(ctl, OPT_CSV) != NULL) {
        print_csv(reply.json);
    } else {
        exit = print_table(ctl, reply.json);
    }
    reply_fini(&reply);
    return exit;
}
