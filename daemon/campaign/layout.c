/* See layout.h. */
#include "campaign/layout.h"

#include <string.h>

#include "campaign/column.h"
#include "campaign/problems.h"
#include "sms/mobile.h"

#define NAMES_LISTED 40
#define NAME_SHOWN_BYTES 64

struct header {
    const char *const *names, *const *folded;
    size_t n;
};

static const char *const number_names[] = {"手机", "手机号", "手机号码", "电话", "mobile", "phone"};
static const char *const region_names[] = {"地区", "region"};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void add_name(struct buf *out, const char *name)
{
    char shown[NAME_SHOWN_BYTES];
    problems_show(name, strlen(name), shown, sizeof shown);
    buf_add_text(out, shown);
}

static void list_names(const struct header *header, struct buf *out)
{
    size_t listed = 0;
    buf_add_text(out, "the columns of the table are: ");
    for (size_t i = 0; i < header->n && listed < NAMES_LISTED; i++) {
        if (header->folded[i][0] == '\0')
            continue;
        if (listed++ > 0)
            buf_add_text(out, ", ");
        add_name(out, header->names[i]);
    }
    if (listed == NAMES_LISTED)
        buf_add_text(out, " …");
}

static bool is_one_of(const char *folded, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(folded, names[i]) == 0)
            return true;
    }
    return false;
}

/* Columns called by one of the names. */
struct matches {
    size_t first, second, n;
};

static struct matches find(const struct header *header, const char *const *names, size_t n_names)
{
    struct matches matches = {0};
    for (size_t i = 0; i < header->n; i++) {
        if (!is_one_of(header->folded[i], names, n_names))
            continue;
        if (matches.n == 0)
            matches.first = i;
        else if (matches.n == 1)
            matches.second = i;
        matches.n++;
    }
    return matches;
}

static enum err refuse_two(const struct header *header, const struct matches *matches,
                           const char *what, struct buf *problem)
{
    buf_addf(problem, "two columns hold %s: ", what);
    add_name(problem, header->names[matches->first]);
    buf_addf(problem, " (column %zu) and ", matches->first + 1);
    add_name(problem, header->names[matches->second]);
    buf_addf(problem, " (column %zu); rename the one that is not meant", matches->second + 1);
    return ERR_INVALID;
}

/* A table without a header: its first row is a person. The sentence must not show who. */
static bool has_number(const struct header *header)
{
    uint64_t number;
    for (size_t i = 0; i < header->n; i++) {
        if (mobile_parse(header->names[i], strlen(header->names[i]), &number) == MOBILE_OK)
            return true;
    }
    return false;
}

static enum err refuse_no_number(const struct header *header, struct buf *problem)
{
    if (has_number(header)) {
        buf_add_text(problem, "the first row holds a number; put a row above it that names the "
                              "columns, the one with the numbers 手机");
        return ERR_INVALID;
    }
    buf_add_text(problem, "no column holds the numbers; call it 手机 (or 手机号, 手机号码, 电话, "
                          "mobile, phone)");
    /* A whole row in one cell: the columns are divided by something else. */
    if (header->n == 1 && strpbrk(header->names[0], ";\t") != NULL)
        buf_add_text(problem, " and divide the columns with commas");
    buf_add_text(problem, "; ");
    list_names(header, problem);
    return ERR_INVALID;
}

/* The place of a header column among the chosen, added if it is new. */
static size_t choose(struct layout *layout, size_t column)
{
    for (size_t i = 0; i < layout->n_chosen; i++) {
        if (layout->chosen[i] == column)
            return i;
    }
    layout->chosen[layout->n_chosen] = column;
    return layout->n_chosen++;
}

static void tell_unknown(const struct header *header, const char *name, const char *folded,
                         struct buf *problem)
{
    buf_add_text(problem, "the text uses ((");
    add_name(problem, name);
    buf_add_text(problem, ")) and the table has no such column");
    size_t nearest = column_nearest(folded, header->folded, header->n);
    if (nearest != COLUMN_NONE) {
        buf_add_text(problem, " (is ((");
        add_name(problem, header->names[nearest]);
        buf_add_text(problem, ")) meant?)");
    }
    buf_add_text(problem, "; ");
}

static enum err find_value(const struct header *header, const char *name, struct layout *layout,
                           size_t i, struct buf *problem)
{
    struct buf folded;
    buf_init(&folded, (size_t)4 * TEMPLATE_TEXT_MAX_BYTES);
    column_fold(name, strlen(name), &folded);
    enum err error = buf_check(&folded);
    if (error == ERR_OK) {
        const char *const names[] = {buf_text(&folded)};
        struct matches matches = find(header, names, 1);
        if (matches.n == 1)
            layout->values[i] = choose(layout, matches.first);
        else if (matches.n == 0)
            tell_unknown(header, name, names[0], problem);
        else
            error = refuse_two(header, &matches, "a value that the text uses", problem);
    }
    buf_fini(&folded);
    return error;
}

/* All unknown columns are named at once. */
static enum err find_values(const struct header *header, const struct template *tmpl,
                            struct layout *layout, struct buf *problem)
{
    const char *const *names;
    size_t n = template_columns(tmpl, &names);
    for (size_t i = 0; i < n; i++) {
        enum err error = find_value(header, names[i], layout, i, problem);
        if (error != ERR_OK)
            return error;
    }
    if (problem->len == 0)
        return ERR_OK;
    list_names(header, problem);
    return ERR_INVALID;
}

enum err layout_find(const struct recipients *recipients, const struct template *tmpl,
                     struct layout *layout, struct buf *problem)
{
    struct header header;
    struct buf sentence;
    header.n = recipients_columns(recipients, &header.names, &header.folded);
    *layout = (struct layout){.region = LAYOUT_NONE};
    struct matches number = find(&header, number_names, COUNT(number_names));
    struct matches region = find(&header, region_names, COUNT(region_names));
    if (number.n == 0)
        return refuse_no_number(&header, problem);
    if (number.n > 1)
        return refuse_two(&header, &number, "numbers", problem);
    if (region.n > 1)
        return refuse_two(&header, &region, "regions", problem);
    layout->number = choose(layout, number.first);
    if (region.n == 1)
        layout->region = choose(layout, region.first);
    buf_init(&sentence, problem->max);
    enum err error = find_values(&header, tmpl, layout, &sentence);
    buf_add(problem, buf_text(&sentence), sentence.len);
    buf_fini(&sentence);
    return error;
}
