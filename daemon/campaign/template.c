/* A compiled message is a list of parts, each a run of literal bytes or a column. The signature is
 * the first part, so that "as sent" and "as shown" differ in where they begin.
 *
 * Stored values: for each column in the order of first use a length as a little-endian base-128
 * varint and the bytes. 王小明 and 高山村 are 09 e7 8e 8b … 09 e9 ab 98 … */
#include "campaign/template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "campaign/column.h"
#include "sms/text.h"

#define PARTS_MAX 512
#define LITERAL (-1)

#define OPEN "\xef\xbc\x88"  /* （ */
#define CLOSE "\xef\xbc\x89" /* ） */

struct part {
    int column;     /* or LITERAL: */
    size_t at, len; /* in `literals` */
};

struct template
{
    struct buf literals;
    struct part parts[PARTS_MAX];
    size_t n_parts;
    bool signature_is_counted_only; /* the first part is left out of what is sent */
    char *names[TEMPLATE_COLUMNS_MAX];
    char *folded[TEMPLATE_COLUMNS_MAX];
    uint32_t uses[TEMPLATE_COLUMNS_MAX];
    size_t n_columns;
    uint32_t literal_units;
};

/* ---- finding the columns ---- */

static bool has_at(const char *s, const char *end, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(end - s) >= len && memcmp(s, what, len) == 0;
}

/* Bytes of `narrow` or `wide` at `s`, 0 when neither stands there. */
static size_t length_at(const char *s, const char *end, const char *narrow, const char *wide)
{
    if (has_at(s, end, narrow))
        return strlen(narrow);
    return has_at(s, end, wide) ? strlen(wide) : 0;
}

static size_t opening_pair(const char *s, const char *end)
{
    return length_at(s, end, "((", OPEN OPEN);
}

struct reference {
    const char *name;
    size_t name_len;
    const char *after; /* what follows the closing pair */
};

/* Reads a reference whose opening pair ends at `name`. With `pairing`, parentheses in the name that
 * pair up belong to it: ((金额(元))). */
static bool find_closing(const char *name, const char *end, bool pairing,
                         struct reference *reference)
{
    unsigned depth = 0;
    for (const char *s = name; s < end && *s != '\n'; s++) {
        if (opening_pair(s, end) > 0)
            return false; /* of several openings the last one counts */
        size_t close = length_at(s, end, ")", CLOSE);
        size_t pair = length_at(s, end, "))", CLOSE CLOSE);
        if (close > 0 && depth > 0) {
            depth--;
        } else if (pair > 0) {
            *reference = (struct reference){name, (size_t)(s - name), s + pair};
            return true;
        } else if (pairing && length_at(s, end, "(", OPEN) > 0) {
            depth++;
        }
    }
    return false;
}

/* Is there a reference at `s`? */
static bool read_reference(const char *s, const char *end, struct reference *reference)
{
    size_t pair = opening_pair(s, end);
    if (pair == 0 || opening_pair(s + pair / 2, end) > 0) /* "(((": the first one is literal */
        return false;
    return find_closing(s + pair, end, true, reference) ||
           find_closing(s + pair, end, false, reference);
}

/* ---- compiling ---- */

struct compiling {
    struct template *tmpl;
    struct buf *problem;
};

static enum err refuse(const struct compiling *compiling, const char *sentence)
{
    buf_add_text(compiling->problem, sentence);
    return ERR_INVALID;
}

static enum err add_part(const struct compiling *compiling, struct part part)
{
    struct template *tmpl = compiling->tmpl;
    if (tmpl->n_parts == PARTS_MAX)
        return refuse(compiling, "the text uses columns too often; the limit is 250 places");
    tmpl->parts[tmpl->n_parts++] = part;
    return ERR_OK;
}

static enum err add_literal(const struct compiling *compiling, const char *text, size_t len)
{
    struct template *tmpl = compiling->tmpl;
    if (len == 0)
        return ERR_OK;
    struct part part = {.column = LITERAL, .at = tmpl->literals.len, .len = len};
    buf_add(&tmpl->literals, text, len);
    tmpl->literal_units += text_units(text, len);
    return add_part(compiling, part);
}

/* The number of the column of this folded name, added if it is new. COLUMN_NONE: no memory or no
 * room. */
static size_t find_column(struct template *tmpl, const char *name, size_t len, const char *folded)
{
    for (size_t i = 0; i < tmpl->n_columns; i++) {
        if (strcmp(tmpl->folded[i], folded) == 0)
            return i;
    }
    if (tmpl->n_columns == TEMPLATE_COLUMNS_MAX)
        return COLUMN_NONE;
    size_t i = tmpl->n_columns++;
    tmpl->names[i] = strndup(name, len);
    tmpl->folded[i] = strdup(folded);
    if (tmpl->names[i] == NULL || tmpl->folded[i] == NULL)
        tmpl->literals.failed = true; /* looked at once, at the end */
    return i;
}

static enum err add_reference(const struct compiling *compiling, struct reference reference)
{
    struct template *tmpl = compiling->tmpl;
    struct buf folded;
    buf_init(&folded, (size_t)4 * TEMPLATE_TEXT_MAX_BYTES);
    column_trim(&reference.name, &reference.name_len);
    column_fold(reference.name, reference.name_len, &folded);
    enum err error = buf_check(&folded);
    if (error == ERR_OK && folded.len == 0)
        error = refuse(compiling, "there is no column name between (( and )) in the text");
    if (error == ERR_OK) {
        size_t column = find_column(tmpl, reference.name, reference.name_len, buf_text(&folded));
        if (column == COLUMN_NONE) {
            error = refuse(compiling, "the text uses more than 64 columns");
        } else {
            tmpl->uses[column]++;
            error = add_part(compiling, (struct part){.column = (int)column});
        }
    }
    buf_fini(&folded);
    return error;
}

static enum err compile_text(const struct compiling *compiling, const char *text, size_t len)
{
    const char *end = text + len, *literal = text;
    enum err error = ERR_OK;
    for (const char *s = text; s < end && error == ERR_OK;) {
        struct reference reference;
        if (!read_reference(s, end, &reference)) {
            s++;
            continue;
        }
        error = add_literal(compiling, literal, (size_t)(s - literal));
        if (error == ERR_OK)
            error = add_reference(compiling, reference);
        s = literal = reference.after;
    }
    return error == ERR_OK ? add_literal(compiling, literal, (size_t)(end - literal)) : error;
}

/* `what` is the setting, for the sentence. */
static enum err check_text(const struct compiling *compiling, const char *what, const char *text)
{
    size_t len = strlen(text), at;
    if (len > TEMPLATE_TEXT_MAX_BYTES) {
        buf_addf(compiling->problem, "%s is longer than %d bytes", what, TEMPLATE_TEXT_MAX_BYTES);
        return ERR_INVALID;
    }
    enum text_fault fault = text_check(text, len, &at);
    if (fault == TEXT_FINE)
        return ERR_OK;
    buf_addf(compiling->problem, "%s, character %u: %s", what, (unsigned)text_units(text, at) + 1,
             text_fault_sentence(fault));
    return ERR_INVALID;
}

static enum err compile_signature(const struct compiling *compiling, const char *signature)
{
    struct buf bracketed;
    if (signature[0] == '\0')
        return ERR_OK;
    buf_init(&bracketed, TEMPLATE_TEXT_MAX_BYTES + sizeof "【】");
    enum err error = check_text(compiling, "signature", signature);
    if (error == ERR_OK) {
        buf_addf(&bracketed, "【%s】", signature);
        error = buf_check(&bracketed);
    }
    if (error == ERR_OK)
        error = add_literal(compiling, bracketed.data, bracketed.len);
    buf_fini(&bracketed);
    return error;
}

static enum err compile_body(const struct compiling *compiling, const char *text,
                             const char *optout)
{
    enum err error = check_text(compiling, "text", text);
    if (error == ERR_OK && text[0] == '\0')
        error = refuse(compiling, "the text is empty");
    if (error == ERR_OK)
        error = compile_text(compiling, text, strlen(text));
    if (error == ERR_OK)
        error = check_text(compiling, "optout", optout);
    return error == ERR_OK ? add_literal(compiling, optout, strlen(optout)) : error;
}

enum err template_compile(const char *signature, bool signature_added_by_carrier, const char *text,
                          const char *optout, struct template **tmpl, struct buf *problem)
{
    struct compiling compiling = {.tmpl = calloc(1, sizeof *compiling.tmpl), .problem = problem};
    if (compiling.tmpl == NULL)
        return ERR_NOMEM;
    buf_init(&compiling.tmpl->literals, (size_t)4 * TEMPLATE_TEXT_MAX_BYTES);
    enum err error = compile_signature(&compiling, signature);
    compiling.tmpl->signature_is_counted_only =
        signature_added_by_carrier && compiling.tmpl->n_parts > 0;
    if (error == ERR_OK)
        error = compile_body(&compiling, text, optout);
    if (error == ERR_OK)
        error = buf_check(&compiling.tmpl->literals);
    if (error != ERR_OK) {
        template_free(compiling.tmpl);
        return error;
    }
    *tmpl = compiling.tmpl;
    return ERR_OK;
}

void template_free(struct template *tmpl)
{
    if (tmpl == NULL)
        return;
    for (size_t i = 0; i < tmpl->n_columns; i++) {
        free(tmpl->names[i]);
        free(tmpl->folded[i]);
    }
    buf_fini(&tmpl->literals);
    free(tmpl);
}

/* ---- using ---- */

size_t template_columns(const struct template *tmpl, const char *const **names)
{
    *names = (const char *const *)tmpl->names;
    return tmpl->n_columns;
}

bool template_is_personal(const struct template *tmpl)
{
    return tmpl->n_columns > 0;
}

uint32_t template_units(const struct template *tmpl, const uint32_t *value_units)
{
    uint32_t units = tmpl->literal_units;
    for (size_t i = 0; i < tmpl->n_columns; i++)
        units += tmpl->uses[i] * value_units[i];
    return units;
}

void template_store_value(struct buf *values, const char *value, size_t len)
{
    uint8_t length[VARINT_MAX_BYTES];
    buf_add(values, length, varint_write(len, length));
    buf_add(values, value, len);
}

struct value {
    const char *text;
    size_t len;
};

static bool read_values(const struct template *tmpl, const uint8_t *stored, size_t len,
                        struct value values[TEMPLATE_COLUMNS_MAX])
{
    if (len == 0)
        return tmpl->n_columns == 0;
    size_t at = 0;
    for (size_t i = 0; i < tmpl->n_columns; i++) {
        uint64_t value_len;
        if (!varint_read(stored, len, &at, &value_len) || value_len > len - at)
            return false;
        values[i] = (struct value){(const char *)stored + at, (size_t)value_len};
        at += (size_t)value_len;
    }
    return at == len;
}

static enum err expand(const struct template *tmpl, size_t first_part, const uint8_t *stored,
                       size_t len, struct buf *out)
{
    struct value values[TEMPLATE_COLUMNS_MAX];
    if (!read_values(tmpl, stored, len, values))
        return ERR_INVALID;
    size_t before = out->len;
    for (size_t i = first_part; i < tmpl->n_parts; i++) {
        const struct part *part = &tmpl->parts[i];
        if (part->column == LITERAL)
            buf_add(out, tmpl->literals.data + part->at, part->len);
        else
            buf_add(out, values[part->column].text, values[part->column].len);
    }
    if (!out->failed)
        return ERR_OK;
    out->len = before;
    if (out->data != NULL)
        out->data[before] = '\0';
    return ERR_NOMEM;
}

enum err template_expand(const struct template *tmpl, const uint8_t *values, size_t len,
                         struct buf *out)
{
    return expand(tmpl, tmpl->signature_is_counted_only ? 1 : 0, values, len, out);
}

enum err template_expand_shown(const struct template *tmpl, const uint8_t *values, size_t len,
                               struct buf *out)
{
    return expand(tmpl, 0, values, len, out);
}
