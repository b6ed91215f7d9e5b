/* See pledge_list.h.
 *
 * The id of a row's request is the digest of the file's bytes and of the row's cells: the same file
 * again books nothing. A row that stands twice in one file would have one id, so it is a problem
 * that a person decides about. */
#include "api/pledge_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/digest.h"
#include "campaign/column.h"
#include "campaign/problems.h"
#include "campaign/recipients.h"
#include "pledge/area.h"
#include "pledge/names.h"
#include "pledge/parse.h"
#include "pledge/typed.h"
#include "sms/mobile.h"
#include "sms/text.h"

#define HASH_BLOCK_BYTES 65536
#define ID_HEX 40
#define ID_SIZE (ID_HEX + 5)

enum cell {
    C_NAME,
    C_MOBILE,
    C_AMOUNT,
    C_ITEM,
    C_QUANTITY,
    C_UNIT,
    C_KIND,
    C_VALUE,
    C_REGION,
    C_ORGANISATION,
    C_PUBLIC,
    C_DATE,
    C_PURPOSE,
    C_NOTE,
    CELLS
};
/* Folded as campaign/column.h folds. The first is what problems call it. */
static const char *const column_names[CELLS][7] = {
    [C_NAME] = {"name", "姓名", "捐赠人", "名称", "donor"},
    [C_MOBILE] = {"mobile", "手机", "手机号", "手机号码", "电话", "phone"},
    [C_AMOUNT] = {"amount", "金额", "认捐金额", "金额(元)", "捐款"},
    [C_ITEM] = {"item", "物品", "品名", "物资"},
    [C_QUANTITY] = {"quantity", "数量"},
    [C_UNIT] = {"unit", "单位", "计量单位"},
    [C_KIND] = {"kind", "类别"},
    [C_VALUE] = {"value", "折价", "估价", "折价(元)"},
    [C_REGION] = {"region", "地区", "地区代码"},
    [C_ORGANISATION] = {"organisation", "捐赠单位", "是否单位"},
    [C_PUBLIC] = {"public", "公开", "公示"},
    [C_DATE] = {"on", "日期", "date"},
    [C_PURPOSE] = {"purpose", "用途"},
    [C_NOTE] = {"note", "备注"},
};

struct word {
    const char *typed;
    int means;
};
static const struct word kind_words[] = {
    {"cash", PLEDGE_CASH},       {"现金", PLEDGE_CASH},         {"goods", PLEDGE_GOODS},
    {"物资", PLEDGE_GOODS},      {"purchase", PLEDGE_PURCHASE}, {"以购代捐", PLEDGE_PURCHASE},
    {"service", PLEDGE_SERVICE}, {"服务", PLEDGE_SERVICE}};
static const struct word public_words[] = {{"name", NAME_FULL},     {"实名", NAME_FULL},
                                           {"公开", NAME_FULL},     {"masked", NAME_MASKED},
                                           {"隐名", NAME_MASKED},   {"anonymous", NAME_ANONYMOUS},
                                           {"匿名", NAME_ANONYMOUS}};
static const struct word yes_words[] = {{"是", true},   {"yes", true},  {"1", true},
                                        {"单位", true}, {"否", false},  {"no", false},
                                        {"0", false},   {"个人", false}};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct pledge_list {
    struct pledge_list_options options;
    struct recipients *table;
    size_t place[CELLS]; /* among the chosen; COLUMN_NONE: not in the table */
    char file_hash[DIGEST_SHA256_HEX];
    json_t *seen; /* request id -> row */
    uint64_t rows;

    /* The row that is read. */
    struct ledger_entry entry;
    char texts[CELLS][LEDGER_NOTE_MAX + 1], id[ID_SIZE];
    uint64_t row;
    const char *wrong; /* the cell, as it stands in the table */
    char value[PROBLEM_VALUE_MAX_BYTES], reason[320];
    const char *word;
};

/* A digest of digests: it was once taken from a file, block by block, and ids must not change. */
static void hash_bytes(const char *bytes, size_t len, char out[DIGEST_SHA256_HEX])
{
    uint8_t chain[DIGEST_SHA256_BYTES] = {0};
    while (len > 0) {
        size_t n = len < HASH_BLOCK_BYTES ? len : HASH_BLOCK_BYTES;
        struct digest_part parts[] = {{chain, sizeof chain}, {bytes, n}};
        digest_sha256(parts, 2, chain);
        bytes += n;
        len -= n;
    }
    digest_to_hex(chain, sizeof chain, out);
}

/* ---- columns ---- */

static int cell_called(const char *folded)
{
    for (int cell = 0; cell < CELLS; cell++) {
        for (size_t i = 0; i < COUNT(column_names[cell]) && column_names[cell][i] != NULL; i++) {
            if (strcmp(column_names[cell][i], folded) == 0) {
                return cell;
            }
        }
    }
    return -1;
}

static enum err find_columns(struct pledge_list *list, struct buf *problem)
{
    const char *const *names, *const *folded;
    size_t chosen[CELLS], n_chosen = 0, n = recipients_columns(list->table, &names, &folded);
    for (int cell = 0; cell < CELLS; cell++) {
        list->place[cell] = COLUMN_NONE;
    }
    for (size_t i = 0; i < n; i++) {
        int cell = cell_called(folded[i]);
        if (cell < 0) {
            continue;
        }
        if (list->place[cell] != COLUMN_NONE) {
            buf_addf(problem, "two columns hold the %s: column %zu and another; rename one",
                     column_names[cell][0], i + 1);
            return ERR_INVALID;
        }
        list->place[cell] = n_chosen;
        chosen[n_chosen++] = i;
    }
    if (list->place[C_NAME] == COLUMN_NONE && list->place[C_MOBILE] == COLUMN_NONE) {
        buf_add_text(problem, "no column names the donors; call it 姓名 (name) or 手机 (mobile)");
        return ERR_INVALID;
    }
    if (list->place[C_AMOUNT] == COLUMN_NONE && list->place[C_QUANTITY] == COLUMN_NONE) {
        buf_add_text(
            problem,
            "no column says how much; call it 金额 (amount), or 数量 (quantity) for goods");
        return ERR_INVALID;
    }
    return recipients_choose(list->table, chosen, n_chosen);
}

/* ---- one row: false with what is wrong ---- */

static bool refuse(struct pledge_list *list, enum cell cell, const char *word, const char *reason)
{
    list->wrong = list->texts[cell];
    list->word = word;
    snprintf(list->reason, sizeof list->reason, "%s", reason);
    return false;
}

static bool has(const struct pledge_list *list, enum cell cell)
{
    return list->texts[cell][0] != '\0';
}

static bool take_text(struct pledge_list *list, enum cell cell, const char *text, size_t len)
{
    size_t at, most = cell == C_NOTE ? LEDGER_NOTE_MAX : LEDGER_TEXT_MAX;
    char *out = list->texts[cell];
    column_trim(&text, &len);
    size_t kept = len <= most ? len : most;
    memcpy(out, text, kept);
    out[kept] = '\0';
    if (len > most) {
        return refuse(list, cell, "too_long", "the cell is too long");
    }
    for (const char *byte = out; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            return refuse(list, cell, "control",
                          "the cell holds a line end or another control character");
        }
    }
    enum text_fault fault = text_check(out, len, &at);
    return (fault != TEXT_BAD_UTF8 && fault != TEXT_SURROGATE) ||
           refuse(list, cell, "encoding", "the cell is not UTF-8");
}

static bool take_texts(struct pledge_list *list, const struct recipients_row *from)
{
    for (int cell = 0; cell < CELLS; cell++) {
        list->texts[cell][0] = '\0';
    }
    for (int cell = 0; cell < CELLS; cell++) {
        size_t place = list->place[cell];
        if (place != COLUMN_NONE && from->cells[place].len > 0 &&
            !take_text(list, (enum cell)cell, from->cells[place].text, from->cells[place].len)) {
            return false;
        }
    }
    return true;
}

/* `*means` keeps its value when the cell is empty. */
static bool read_word(struct pledge_list *list, enum cell cell, const struct word *words, size_t n,
                      int *means)
{
    char reason[256] = "possible: ";
    if (!has(list, cell)) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(reason);
        if (strcmp(words[i].typed, list->texts[cell]) == 0) {
            *means = words[i].means;
            return true;
        }
        snprintf(reason + at, sizeof reason - at, "%s%s", i > 0 ? ", " : "", words[i].typed);
    }
    return refuse(list, cell, column_names[cell][0], reason);
}

static bool read_thing(struct pledge_list *list)
{
    struct ledger_entry *entry = &list->entry;
    if (typed_quantity(list->texts[C_QUANTITY], &entry->thousandths) != ERR_OK) {
        return refuse(list, C_QUANTITY, "quantity",
                      "no exact number; write it such as 20 or 2.5, without the unit");
    }
    if (!has(list, C_UNIT)) {
        return refuse(list, C_UNIT, "unit", "a quantity needs its unit: 袋, 吨, 小时 …");
    }
    if (strlen(list->texts[C_UNIT]) >= PLEDGE_UNIT_SIZE || strchr(list->texts[C_UNIT], '|')) {
        return refuse(list, C_UNIT, "unit", "a unit is too long, or contains |");
    }
    entry->unit = list->texts[C_UNIT];
    return true;
}

static bool read_amount(struct pledge_list *list)
{
    struct ledger_entry *entry = &list->entry;
    bool has_amount = has(list, C_AMOUNT), has_thing = has(list, C_QUANTITY);
    if (has_amount == has_thing) {
        return refuse(list, C_AMOUNT, "amount",
                      has_amount ? "an amount and a quantity; a row has one of them"
                                 : "neither an amount nor a quantity");
    }
    if (has_amount && typed_amount(list->texts[C_AMOUNT], &entry->fen) != ERR_OK) {
        return refuse(list, C_AMOUNT, "amount",
                      "no exact amount; write it such as 100, 12.50, 1.5万 or 一百元");
    }
    /* A unit of a table with goods stands in money's rows too: 元. */
    if (has_thing && !read_thing(list)) {
        return false;
    }
    if (strlen(list->texts[C_ITEM]) >= PLEDGE_ITEM_SIZE || strchr(list->texts[C_ITEM], '|')) {
        return refuse(list, C_ITEM, "item", "the name of a thing is too long, or contains |");
    }
    entry->item = list->texts[C_ITEM];
    if (has(list, C_VALUE) &&
        (has_amount || typed_amount(list->texts[C_VALUE], &entry->value_fen) != ERR_OK)) {
        return refuse(list, C_VALUE, "value",
                      has_amount ? "an estimated value is for goods and service"
                                 : "no exact amount; write it such as 100 or 1.5万");
    }
    return true;
}

/* What kind and amount must say together. */
static bool read_kind(struct pledge_list *list)
{
    bool is_thing = has(list, C_QUANTITY);
    int kind = is_thing ? PLEDGE_GOODS : PLEDGE_CASH;
    if (!read_word(list, C_KIND, kind_words, COUNT(kind_words), &kind)) {
        return false;
    }
    bool wants_thing = kind == PLEDGE_GOODS || kind == PLEDGE_SERVICE;
    if (wants_thing != is_thing) {
        return refuse(list, C_KIND, "kind",
                      wants_thing ? "goods and service have a quantity, not an amount"
                                  : "cash and purchases have an amount, not a quantity");
    }
    if (kind == PLEDGE_GOODS && !has(list, C_ITEM)) {
        return refuse(list, C_ITEM, "item", "goods have a name: 大米 …");
    }
    list->entry.kind = (enum pledge_kind)kind;
    return is_thing || !has(list, C_ITEM) ||
           refuse(list, C_ITEM, "item", "a thing with an amount of money; give its quantity");
}

static bool read_donor(struct pledge_list *list)
{
    struct ledger_entry *entry = &list->entry;
    const char *mobile = list->texts[C_MOBILE];
    int shown = NAME_MASKED, organisation = false;
    if (!has(list, C_NAME) && !has(list, C_MOBILE)) {
        return refuse(list, C_NAME, "donor", "neither a name nor a mobile number");
    }
    if (has(list, C_MOBILE)) {
        enum mobile_verdict verdict = mobile_parse(mobile, strlen(mobile), &entry->mobile);
        if (verdict != MOBILE_OK) {
            return refuse(list, C_MOBILE, mobile_verdict_word(verdict),
                          mobile_verdict_sentence(verdict));
        }
    }
    if (!read_word(list, C_PUBLIC, public_words, COUNT(public_words), &shown) ||
        !read_word(list, C_ORGANISATION, yes_words, COUNT(yes_words), &organisation)) {
        return false;
    }
    entry->name = list->texts[C_NAME];
    entry->shown = (enum name_shown)shown;
    entry->is_organisation = organisation;
    return true;
}

static bool read_region(struct pledge_list *list)
{
    const struct pledge_list_options *options = &list->options;
    const char *text = list->texts[C_REGION];
    list->entry.area = options->region;
    if (!has(list, C_REGION) && !options->has_region) {
        return refuse(list, C_REGION, "region",
                      "no region; fill the column 地区, or give one region for all rows");
    }
    if (has(list, C_REGION) && area_parse(text, strlen(text), &list->entry.area) != ERR_OK) {
        return refuse(list, C_REGION, "region",
                      "no area code; write 2, 4, 6, 9 or 12 digits such as 513327205");
    }
    return true;
}

static bool read_day(struct pledge_list *list)
{
    list->entry.on = list->options.on;
    if (!has(list, C_DATE)) {
        return true;
    }
    if (typed_day(list->texts[C_DATE], &list->entry.on) != ERR_OK) {
        return refuse(list, C_DATE, "date", "no day; write it such as 2026-10-17");
    }
    return list->entry.on <= list->options.today ||
           refuse(list, C_DATE, "date", "the day lies in the future");
}

/* The digest of the file's bytes and of the row's cells: the same file again books nothing. */
static void make_id(struct pledge_list *list)
{
    char hex[DIGEST_SHA256_HEX];
    struct digest_part parts[CELLS + 1] = {{list->file_hash, sizeof list->file_hash}};
    for (int cell = 0; cell < CELLS; cell++) {
        parts[cell + 1] = (struct digest_part){list->texts[cell],
                                               strlen(list->texts[cell]) + 1}; /* with its end */
    }
    digest_sha256_hex(parts, CELLS + 1, hex);
    snprintf(list->id, sizeof list->id, "csv-%.*s", ID_HEX, hex);
}

/* A row that stands twice would have one id: a person decides about it. */
static bool is_first(struct pledge_list *list)
{
    const json_t *before = json_object_get(list->seen, list->id);
    char reason[160];
    if (before == NULL) {
        json_object_set_new(list->seen, list->id, json_integer((json_int_t)list->row));
        return true;
    }
    snprintf(reason, sizeof reason,
             "row %lld is the same in every cell; if both are meant, tell them apart in 备注",
             (long long)json_integer_value(before));
    return refuse(list, has(list, C_NAME) ? C_NAME : C_AMOUNT, "duplicate", reason);
}

static bool read_row(struct pledge_list *list, const struct recipients_row *from)
{
    list->texts[C_NAME][0] = '\0';
    if (from->fault != ROW_FINE) {
        return refuse(list, C_NAME, "table",
                      from->fault == ROW_ENCODING
                          ? "a cell is not in the file's encoding"
                          : "something stands to the right of the last column");
    }
    list->entry = (struct ledger_entry){.type = LEDGER_PLEDGE,
                                        .actor = list->options.actor,
                                        .source = "csv",
                                        .request = list->id,
                                        .campaign = list->options.campaign,
                                        .purpose = list->texts[C_PURPOSE],
                                        .note = list->texts[C_NOTE],
                                        .confirmed = true};
    if (!take_texts(list, from) || !read_donor(list) || !read_amount(list) || !read_kind(list) ||
        !read_region(list) || !read_day(list)) {
        return false;
    }
    make_id(list);
    return is_first(list);
}

/* ---- all rows ---- */

enum err pledge_list_next(struct pledge_list *list, struct pledge_list_row *row,
                          enum pledge_list_step *step, struct buf *problem)
{
    struct recipients_row from;
    enum recipients_step read;
    enum err error = recipients_next(list->table, &from, &read);
    *row = (struct pledge_list_row){0};
    *step = read == RECIPIENTS_END ? PLEDGE_LIST_END : PLEDGE_LIST_NOTHING;
    if (error != ERR_OK) {
        buf_add_text(problem, recipients_fault_text(list->table));
        return error;
    }
    if (read != RECIPIENTS_ROW) {
        return ERR_OK;
    }
    if (++list->rows > PLEDGE_LIST_ROWS_MAX) {
        buf_addf(problem, "more than %d rows; divide the list", PLEDGE_LIST_ROWS_MAX);
        return ERR_TOO_BIG;
    }
    *step = PLEDGE_LIST_ROW;
    row->row = list->row = from.row;
    if (read_row(list, &from)) {
        row->entry = &list->entry;
        return ERR_OK;
    }
    problems_show(list->wrong, strlen(list->wrong), list->value, sizeof list->value);
    row->value = list->value;
    row->reason = list->reason;
    row->word = list->word;
    return ERR_OK;
}

enum err pledge_list_open(const char *bytes, size_t len, const struct pledge_list_options *options,
                          struct pledge_list **out, struct buf *problem)
{
    struct pledge_list *list = calloc(1, sizeof *list);
    *out = NULL;
    if (list == NULL) {
        return ERR_NOMEM;
    }
    list->options = *options;
    list->seen = json_object();
    hash_bytes(bytes, len, list->file_hash);
    enum err error = recipients_open_bytes(bytes, len, &list->table, problem);
    if (error == ERR_OK) {
        error = find_columns(list, problem);
    }
    if (error != ERR_OK) {
        pledge_list_free(list);
        return error;
    }
    *out = list;
    return ERR_OK;
}

void pledge_list_free(struct pledge_list *list)
{
    if (list == NULL) {
        return;
    }
    recipients_free(list->table);
    json_decref(list->seen);
    free(list);
}
