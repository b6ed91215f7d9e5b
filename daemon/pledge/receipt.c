/* See receipt.h. One walk over the text serves checking and filling: pieces of it, and columns
 * between doubled parentheses. As in a campaign's text, of several "((" before a "))" the last one
 * counts, and "((" that nothing closes on its line is text. */
#include "pledge/receipt.h"

#include <assert.h>
#include <string.h>

#include "pledge/money.h"

static const char *const column_names[RECEIPT_COLUMNS] = {"姓名", "金额", "编号", "日期", "热线"};

/* ---- the walk ---- */

struct piece {
    const char *at;
    size_t len;
    bool is_column; /* then `at` and `len` are the name between the parentheses, trimmed */
};

static size_t doubled(const char *p, const char *half, const char *full)
{
    if (strncmp(p, half, strlen(half)) == 0)
        return strlen(half);
    return strncmp(p, full, strlen(full)) == 0 ? strlen(full) : 0;
}

static size_t opening(const char *p)
{
    return doubled(p, "((", "（（");
}

static size_t closing(const char *p)
{
    return doubled(p, "))", "））");
}

/* The column that opens at `p`: what stands between, and how long all of it is. false: text. */
static bool column_at(const char *p, struct piece *name, size_t *used)
{
    size_t from = opening(p);
    if (from == 0 || opening(p + from / 2) > 0) /* "(((姓名)))": the first one is text */
        return false;
    for (size_t at = from; p[at] != '\0' && p[at] != '\n'; at++) {
        size_t end = closing(p + at);
        if (opening(p + at) > 0)
            return false;
        if (end == 0)
            continue;
        const char *inner = p + from;
        size_t len = at - from;
        while (len > 0 && *inner == ' ') {
            inner++;
            len--;
        }
        while (len > 0 && inner[len - 1] == ' ')
            len--;
        *name = (struct piece){inner, len, true};
        *used = at + end;
        return true;
    }
    return false;
}

/* Takes the next piece off *text. false: the end. */
static bool next_piece(const char **text, struct piece *piece)
{
    const char *p = *text;
    size_t used = 0;
    if (*p == '\0')
        return false;
    if (column_at(p, piece, &used)) {
        *text = p + used;
        return true;
    }
    size_t len = 1;
    struct piece ignored;
    while (p[len] != '\0' && !column_at(p + len, &ignored, &used))
        len++;
    *piece = (struct piece){p, len, false};
    *text = p + len;
    return true;
}

static bool find_column(const struct piece *piece, enum receipt_column *column)
{
    for (size_t i = 0; i < RECEIPT_COLUMNS; i++) {
        if (strlen(column_names[i]) == piece->len &&
            memcmp(column_names[i], piece->at, piece->len) == 0) {
            *column = (enum receipt_column)i;
            return true;
        }
    }
    return false;
}

enum err receipt_check(const char *text, unsigned *columns, struct buf *problem)
{
    struct piece piece;
    *columns = 0;
    if (strlen(text) > RECEIPT_TEXT_MAX_BYTES) {
        buf_addf(problem, "has more than %d bytes", RECEIPT_TEXT_MAX_BYTES);
        return ERR_INVALID;
    }
    while (next_piece(&text, &piece)) {
        enum receipt_column column;
        if (!piece.is_column)
            continue;
        if (!find_column(&piece, &column)) {
            int shown = piece.len < 60 ? (int)piece.len : 60;
            buf_addf(problem, "((%.*s)) is unknown here; possible:", shown, piece.at);
            for (size_t i = 0; i < RECEIPT_COLUMNS; i++)
                buf_addf(problem, " ((%s))", column_names[i]);
            return ERR_INVALID;
        }
        *columns |= 1u << column;
    }
    return ERR_OK;
}

/* ---- filling ---- */

static const char *value_of(const struct receipt_values *values, enum receipt_column column)
{
    const char *const all[RECEIPT_COLUMNS] = {
        [RECEIPT_NAME] = values->name,       [RECEIPT_AMOUNT] = values->amount,
        [RECEIPT_NUMBER] = values->number,   [RECEIPT_DATE] = values->date,
        [RECEIPT_HOTLINE] = values->hotline,
    };
    return all[column] == NULL ? "" : all[column];
}

/* What a donor wrote must not look like a line of ours or like a signature. */
static void add_value(struct buf *out, const char *value)
{
    static const struct {
        const char *sign, *instead;
    } signs[] = {{"【", "（"}, {"】", "）"}};
    for (bool blank = false; *value != '\0';) {
        size_t used = 1;
        const char *instead = NULL;
        for (size_t i = 0; i < sizeof signs / sizeof *signs && instead == NULL; i++) {
            if (strncmp(value, signs[i].sign, strlen(signs[i].sign)) == 0) {
                instead = signs[i].instead;
                used = strlen(signs[i].sign);
            }
        }
        bool is_blank = (unsigned char)*value <= 0x20 || *value == 0x7f;
        if (instead != NULL)
            buf_add_text(out, instead);
        else if (!is_blank)
            buf_add_char(out, *value);
        else if (!blank)
            buf_add_char(out, ' ');
        blank = is_blank;
        value += used;
    }
}

enum err receipt_fill(const char *text, const struct receipt_values *values, struct buf *out)
{
    size_t before = out->len;
    struct piece piece;
    enum err error = ERR_OK;
    while (error == ERR_OK && next_piece(&text, &piece)) {
        enum receipt_column column;
        if (!piece.is_column)
            buf_add(out, piece.at, piece.len);
        else if (find_column(&piece, &column))
            add_value(out, value_of(values, column));
        else
            error = ERR_INVALID;
    }
    if (error == ERR_OK)
        error = buf_check(out);
    if (error != ERR_OK && out->data != NULL) {
        out->len = before;
        out->data[before] = '\0';
    }
    return error;
}

/* ---- values ---- */

static void add_yuan(struct buf *out, int64_t fen)
{
    char text[MONEY_TEXT_SIZE];
    size_t len = strlen(money_format(fen, text));
    assert(len > 3);
    if (fen % 100 == 0)
        len -= 3; /* 100, not 100.00 */
    buf_add(out, text, len);
    buf_add_text(out, "元");
}

void receipt_amount(const struct pledge_text *pledge, struct buf *out)
{
    char quantity[MONEY_TEXT_SIZE];
    switch (pledge->kind) {
    case PLEDGE_PURCHASE:
        buf_add_text(out, "以购代捐");
        add_yuan(out, pledge->fen);
        break;
    case PLEDGE_CASH:
        add_yuan(out, pledge->fen);
        break;
    case PLEDGE_GOODS:
    case PLEDGE_SERVICE:
        buf_addf(out, "%s%s%s", pledge->item, money_format_quantity(pledge->thousandths, quantity),
                 pledge->unit);
        break;
    }
}

void receipt_date(uint32_t day, struct buf *out)
{
    buf_addf(out, "%u年%u月%u日", day / 10000, day / 100 % 100, day % 100);
}

/* ---- defaults ---- */

void receipt_default_text(enum receipt_default which, const char *keyword, bool hotline,
                          struct buf *out)
{
    static const char *const texts[] = {
        [RECEIPT_ACKNOWLEDGEMENT] =
            "((姓名))您好，((日期))您认捐((金额))，编号((编号))，感谢您的爱心。"
            "本短信为认捐确认，不作为捐赠票据。",
        [RECEIPT_ARRIVAL] = "((姓名))您好，((日期))收到您捐助的((金额))，编号((编号))，衷心感谢。"
                            "本短信为到账确认，不作为捐赠票据。",
        [RECEIPT_QUESTION] =
            "((姓名))您好，您认捐((金额))，编号((编号))。请回复Y确认，未确认的不计入。",
    };
    if (which == RECEIPT_HELP)
        buf_addf(out, "未能识别您的认捐。请回复“%s”加数额，如：%s100元，或：%s大米20袋。", keyword,
                 keyword, keyword);
    else
        buf_add_text(out, texts[which]);
    if (hotline)
        buf_add_text(out, "咨询：((热线))");
}
