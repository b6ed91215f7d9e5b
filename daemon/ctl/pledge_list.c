/* See pledge_list.h.
 *
 * The id of a row's request is the digest of the file's bytes and of the row's cells: the same file
 * again books nothing. A row that stands twice in one file would have one id, so it is a problem
 * that a person decides about. */
#include "ctl/pledge_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "campaign/column.h"
#include "campaign/recipients.h"
#include "pledge/area.h"
#include "pledge/names.h"
#include "pledge/parse.h"
#include "pledge/typed.h"
#include "sms/mobile.h"

#define READ_BYTES 65536
#define TEXT_MAX 256 /* bytes of a text in an entry */
#define NOTE_MAX 2000
#define ID_HEX 40

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
/* Folded as campaign/column.h folds. The first is the member of the body. */
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
    const char *typed, *means;
};
static const struct word kind_words[] = {{"cash", "cash"},         {"现金", "cash"},
                                         {"goods", "goods"},       {"物资", "goods"},
                                         {"purchase", "purchase"}, {"以购代捐", "purchase"},
                                         {"service", "service"},   {"服务", "service"}};
static const struct word public_words[] = {
    {"name", "name"},   {"实名", "name"},           {"公开", "name"},     {"masked", "masked"},
    {"隐名", "masked"}, {"anonymous", "anonymous"}, {"匿名", "anonymous"}};
static const struct word yes_words[] = {{"是", "yes"},   {"yes", "yes"}, {"1", "yes"},
                                        {"单位", "yes"}, {"否", "no"},   {"no", "no"},
                                        {"0", "no"},     {"个人", "no"}};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct reader {
    const struct pledge_list_options *options;
    struct pledge_list *list;
    size_t place[CELLS]; /* among the chosen; COLUMN_NONE: not in the table */
    char file_hash[DIGEST_SHA256_HEX];
    json_t *seen; /* request id -> row */
};

/* The row that is read. */
struct row {
    uint64_t n;
    char texts[CELLS][NOTE_MAX + 1];
    const char *value; /* what is wrong, as it stands in the table */
    char reason[320];
    const char *word;
};

/* ---- the file ---- */

static enum err hash_file(const char *path, char out[DIGEST_SHA256_HEX], struct buf *problem)
{
    char block[READ_BYTES];
    uint8_t chain[DIGEST_SHA256_BYTES] = {0};
    size_t n;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        buf_addf(problem, "%s", strerror(errno));
        return ERR_IO;
    }
    /* A digest of digests: the helper takes whole texts only. */
    while ((n = fread(block, 1, sizeof block, file)) > 0) {
        struct digest_part parts[] = {{chain, sizeof chain}, {block, n}};
        digest_sha256(parts, 2, chain);
    }
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) {
        buf_addf(problem, "it cannot be read");
        return ERR_IO;
    }
    for (size_t i = 0; i < sizeof chain; i++) {
        snprintf(out + 2 * i, 3, "%02x", chain[i]);
    }
    return ERR_OK;
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

static enum err find_columns(struct reader *reader, struct recipients *table, struct buf *problem)
{
    const char *const *names, *const *folded;
    size_t chosen[CELLS], n_chosen = 0, n = recipients_columns(table, &names, &folded);
    for (int cell = 0; cell < CELLS; cell++) {
        reader->place[cell] = COLUMN_NONE;
    }
    for (size_t i = 0; i < n; i++) {
        int cell = cell_called(folded[i]);
        if (cell < 0) {
            continue;
        }
        if (reader->place[cell] != COLUMN_NONE) {
            buf_addf(problem, "two columns hold the %s: column %zu and another; rename one",
                     column_names[cell][0], i + 1);
            return ERR_INVALID;
        }
        reader->place[cell] = n_chosen;
        chosen[n_chosen++] = i;
    }
    if (reader->place[C_NAME] == COLUMN_NONE && reader->place[C_MOBILE] == COLUMN_NONE) {
        buf_add_text(problem, "no column names the donors; call it 姓名 (name) or 手机 (mobile)");
        return ERR_INVALID;
    }
    if (reader->place[C_AMOUNT] == COLUMN_NONE && reader->place[C_QUANTITY] == COLUMN_NONE) {
        buf_add_text(
            problem,
            "no column says how much; call it 金额 (amount), or 数量 (quantity) for goods");
        return ERR_INVALID;
    }
    return recipients_choose(table, chosen, n_chosen);
}

/* ---- one row: false with what is wrong ---- */

static bool refuse(struct row *row, enum cell cell, const char *word, const char *reason)
{
    row->value = row->texts[cell];
    row->word = word;
    snprintf(row->reason, sizeof row->reason, "%s", reason);
    return false;
}

static bool take_texts(const struct reader *reader, const struct recipients_row *from,
                       struct row *row)
{
    for (int cell = 0; cell < CELLS; cell++) {
        size_t place = reader->place[cell], most = cell == C_NOTE ? NOTE_MAX : TEXT_MAX;
        const char *text = place != COLUMN_NONE ? from->cells[place].text : NULL;
        size_t len = text != NULL ? from->cells[place].len : 0;
        row->texts[cell][0] = '\0';
        if (len == 0) {
            continue;
        }
        column_trim(&text, &len);
        if (len > most) {
            snprintf(row->texts[cell], sizeof row->texts[cell], "%.60s", text);
            return refuse(row, (enum cell)cell, "too_long", "the cell is too long");
        }
        memcpy(row->texts[cell], text, len);
        row->texts[cell][len] = '\0';
        for (const char *at = row->texts[cell]; *at != '\0'; at++) {
            if ((unsigned char)*at < 0x20 || *at == 0x7f) {
                return refuse(row, (enum cell)cell, "control",
                              "the cell holds a line end or another control character");
            }
        }
    }
    return true;
}

static bool put(json_t *body, const char *member, const char *text)
{
    return text[0] == '\0' || json_object_set_new(body, member, json_string(text)) == 0;
}

static bool put_word(struct row *row, enum cell cell, const struct word *words, size_t n,
                     const char **means)
{
    *means = "";
    if (row->texts[cell][0] == '\0') {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i].typed, row->texts[cell]) == 0) {
            *means = words[i].means;
            return true;
        }
    }
    char reason[256] = "possible: ";
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(reason);
        snprintf(reason + at, sizeof reason - at, "%s%s", i > 0 ? ", " : "", words[i].typed);
    }
    return refuse(row, cell, column_names[cell][0], reason);
}

static bool check_amount(struct row *row)
{
    int64_t value;
    bool has_amount = row->texts[C_AMOUNT][0] != '\0',
         has_thing = row->texts[C_QUANTITY][0] != '\0';
    if (has_amount == has_thing) {
        return refuse(row, C_AMOUNT, "amount",
                      has_amount ? "an amount and a quantity; a row has one of them"
                                 : "neither an amount nor a quantity");
    }
    if (has_amount && typed_amount(row->texts[C_AMOUNT], &value) != ERR_OK) {
        return refuse(row, C_AMOUNT, "amount",
                      "no exact amount; write it such as 100, 12.50, 1.5万 or 一百元");
    }
    if (has_thing && typed_quantity(row->texts[C_QUANTITY], &value) != ERR_OK) {
        return refuse(row, C_QUANTITY, "quantity",
                      "no exact number; write it such as 20 or 2.5, without the unit");
    }
    if (has_thing && row->texts[C_UNIT][0] == '\0') {
        return refuse(row, C_UNIT, "unit", "a quantity needs its unit: 袋, 吨, 小时 …");
    }
    if (strlen(row->texts[C_ITEM]) >= PLEDGE_ITEM_SIZE ||
        strpbrk(row->texts[C_ITEM], "|") != NULL) {
        return refuse(row, C_ITEM, "item", "the name of a thing is too long, or contains |");
    }
    if (strlen(row->texts[C_UNIT]) >= PLEDGE_UNIT_SIZE ||
        strpbrk(row->texts[C_UNIT], "|") != NULL) {
        return refuse(row, C_UNIT, "unit", "a unit is too long, or contains |");
    }
    if (row->texts[C_VALUE][0] != '\0' &&
        (has_amount || typed_amount(row->texts[C_VALUE], &value) != ERR_OK)) {
        return refuse(row, C_VALUE, "value",
                      has_amount ? "an estimated value is for goods and service"
                                 : "no exact amount; write it such as 100 or 1.5万");
    }
    return true;
}

/* What kind and amount must say together. */
static bool check_kind(struct row *row, const char *kind)
{
    bool is_thing = row->texts[C_QUANTITY][0] != '\0';
    bool wants_thing = strcmp(kind, "goods") == 0 || strcmp(kind, "service") == 0;
    if (kind[0] != '\0' && wants_thing != is_thing) {
        return refuse(row, C_KIND, "kind",
                      wants_thing ? "goods and service have a quantity, not an amount"
                                  : "cash and purchases have an amount, not a quantity");
    }
    bool is_goods = is_thing && strcmp(kind, "service") != 0;
    if (is_goods && row->texts[C_ITEM][0] == '\0') {
        return refuse(row, C_ITEM, "item", "goods have a name: 大米 …");
    }
    return is_thing || row->texts[C_ITEM][0] == '\0' ||
           refuse(row, C_ITEM, "item", "a thing with an amount of money; give its quantity");
}

static bool check_donor(struct row *row, char mobile[MOBILE_TEXT_SIZE])
{
    uint64_t number;
    mobile[0] = '\0';
    if (row->texts[C_NAME][0] == '\0' && row->texts[C_MOBILE][0] == '\0') {
        return refuse(row, C_NAME, "donor", "neither a name nor a mobile number");
    }
    if (row->texts[C_MOBILE][0] == '\0') {
        return true;
    }
    enum mobile_verdict verdict =
        mobile_parse(row->texts[C_MOBILE], strlen(row->texts[C_MOBILE]), &number);
    if (verdict != MOBILE_OK) {
        return refuse(row, C_MOBILE, mobile_verdict_word(verdict),
                      mobile_verdict_sentence(verdict));
    }
    mobile_format(number, mobile);
    return true;
}

static bool check_place(const struct reader *reader, struct row *row, const char **region,
                        uint32_t *day)
{
    uint64_t area;
    *region = row->texts[C_REGION];
    *day = 0;
    if ((*region)[0] == '\0') {
        *region = reader->options->region;
        if (*region == NULL) {
            return refuse(row, C_REGION, "region",
                          "no region; fill the column 地区, or give --region CODE for all");
        }
    } else if (area_parse(*region, strlen(*region), &area) != ERR_OK) {
        return refuse(row, C_REGION, "region",
                      "no area code; write 2, 4, 6, 9 or 12 digits such as 513327205");
    }
    if (row->texts[C_DATE][0] == '\0') {
        return true;
    }
    if (typed_day(row->texts[C_DATE], day) != ERR_OK) {
        return refuse(row, C_DATE, "date", "no day; write it such as 2026-10-17");
    }
    return *day <= reader->options->today ||
           refuse(row, C_DATE, "date", "the day lies in the future");
}

static void request_id(const struct reader *reader, const struct row *row, char out[ID_HEX + 5])
{
    char hex[DIGEST_SHA256_HEX];
    struct digest_part parts[CELLS + 1] = {{reader->file_hash, sizeof reader->file_hash}};
    for (int cell = 0; cell < CELLS; cell++) {
        parts[cell + 1] =
            (struct digest_part){row->texts[cell], strlen(row->texts[cell]) + 1}; /* with its end */
    }
    digest_sha256_hex(parts, CELLS + 1, hex);
    snprintf(out, ID_HEX + 5, "csv-%.*s", ID_HEX, hex);
}

/* Notes the id; false when another row has it. */
static bool is_first(struct reader *reader, struct row *row, const char *id)
{
    const json_t *before = json_object_get(reader->seen, id);
    if (before == NULL) {
        json_object_set_new(reader->seen, id, json_integer((json_int_t)row->n));
        return true;
    }
    row->value = row->texts[row->texts[C_NAME][0] != '\0' ? C_NAME : C_AMOUNT];
    row->word = "duplicate";
    snprintf(row->reason, sizeof row->reason,
             "row %lld is the same in every cell; if both are meant, tell them apart in 备注",
             (long long)json_integer_value(before));
    return false;
}

static bool fill_body(struct reader *reader, struct row *row, json_t *body)
{
    const char *kind, *shown, *organisation, *region;
    char mobile[MOBILE_TEXT_SIZE], day_text[16] = "", id[ID_HEX + 5];
    uint32_t day;
    if (!check_donor(row, mobile) || !check_amount(row) ||
        !put_word(row, C_KIND, kind_words, COUNT(kind_words), &kind) || !check_kind(row, kind) ||
        !put_word(row, C_PUBLIC, public_words, COUNT(public_words), &shown) ||
        !put_word(row, C_ORGANISATION, yes_words, COUNT(yes_words), &organisation) ||
        !check_place(reader, row, &region, &day)) {
        return false;
    }
    request_id(reader, row, id);
    if (!is_first(reader, row, id)) {
        return false;
    }
    if (day != 0) {
        snprintf(day_text, sizeof day_text, "%" PRIu32, day);
    }
    static const enum cell plain[] = {C_NAME,  C_AMOUNT,  C_QUANTITY, C_UNIT,
                                      C_VALUE, C_PURPOSE, C_NOTE,     C_ITEM};
    const struct pledge_list_options *options = reader->options;
    bool fine = put(body, "actor", options->actor) && put(body, "source", "csv") &&
                put(body, "request", id) && put(body, "mobile", mobile) &&
                put(body, "kind", kind) && put(body, "public", shown) &&
                put(body, "region", region) &&
                put(body, "campaign", options->campaign != NULL ? options->campaign : "") &&
                put(body, "on",
                    day_text[0] != '\0'   ? day_text
                    : options->on != NULL ? options->on
                                          : "");
    for (size_t i = 0; fine && i < COUNT(plain); i++) {
        /* A unit of a table with goods stands in money's rows too: 元. */
        bool is_idle = plain[i] == C_UNIT && row->texts[C_QUANTITY][0] == '\0';
        fine = is_idle || put(body, column_names[plain[i]][0], row->texts[plain[i]]);
    }
    if (fine && strcmp(organisation, "yes") == 0) {
        json_object_set_new(body, "organisation", json_true());
    }
    return fine || refuse(row, C_NAME, "encoding", "a cell is not UTF-8");
}

/* ---- all rows ---- */

static void add_problem(struct reader *reader, const struct row *row)
{
    char shown[PROBLEM_VALUE_MAX_BYTES];
    problems_show(row->value, strlen(row->value), shown, sizeof shown);
    struct plan_problem problem = {row->n, shown, row->reason, row->word};
    problems_add(&reader->list->problems, &problem);
}

static enum err take_row(struct reader *reader, const struct recipients_row *from, struct row *row)
{
    row->n = from->row;
    row->texts[C_NAME][0] = '\0';
    if (++reader->list->rows > PLEDGE_LIST_ROWS_MAX) {
        return ERR_TOO_BIG;
    }
    json_t *body = json_object();
    bool fine = from->fault == ROW_FINE
                    ? take_texts(reader, from, row) && fill_body(reader, row, body)
                    : refuse(row, C_NAME, "table",
                             from->fault == ROW_ENCODING
                                 ? "a cell is not in the file's encoding"
                                 : "something stands to the right of the last column");
    if (fine) {
        json_object_set_new(body, "row", json_integer((json_int_t)row->n));
        json_array_append_new(reader->list->bodies, body);
    } else {
        add_problem(reader, row);
        json_decref(body);
    }
    return ERR_OK;
}

static enum err read_rows(struct reader *reader, struct recipients *table, struct buf *problem)
{
    enum recipients_step step = RECIPIENTS_NOTHING;
    enum err error = ERR_OK;
    struct row *row = malloc(sizeof *row);
    if (row == NULL) {
        return ERR_NOMEM;
    }
    while (error == ERR_OK && step != RECIPIENTS_END) {
        struct recipients_row from;
        error = recipients_next(table, &from, &step);
        if (error != ERR_OK) {
            buf_add_text(problem, recipients_fault_text(table));
        } else if (step == RECIPIENTS_ROW) {
            error = take_row(reader, &from, row);
        }
    }
    if (error == ERR_TOO_BIG) {
        buf_addf(problem, "more than %d rows; divide the list", PLEDGE_LIST_ROWS_MAX);
    }
    free(row);
    return error;
}

enum err pledge_list_read(const char *path, const struct pledge_list_options *options,
                          struct pledge_list *list, struct buf *problem)
{
    struct recipients *table = NULL;
    struct reader reader = {.options = options, .list = list, .seen = json_object()};
    char again[DIGEST_SHA256_HEX];
    *list = (struct pledge_list){.bodies = json_array()};
    problems_init(&list->problems);
    list->problems.on_problem = options->on_problem;
    list->problems.arg = options->arg;
    enum err error = hash_file(path, reader.file_hash, problem);
    if (error == ERR_OK) {
        error = recipients_open(path, &table, problem);
    }
    if (error == ERR_OK) {
        error = find_columns(&reader, table, problem);
    }
    if (error == ERR_OK) {
        error = read_rows(&reader, table, problem);
    }
    recipients_free(table);
    json_decref(reader.seen);
    if (error == ERR_OK) {
        error = hash_file(path, again, problem);
    }
    if (error == ERR_OK && strcmp(again, reader.file_hash) != 0) {
        buf_add_text(problem, "the file was changed while it was read; do it again");
        error = ERR_IO;
    }
    return error;
}

void pledge_list_fini(struct pledge_list *list)
{
    json_decref(list->bodies);
    problems_fini(&list->problems);
    list->bodies = NULL;
}
