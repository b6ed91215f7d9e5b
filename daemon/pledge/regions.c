/* Names by binary search. Three arrays: codes, ascending; where each name begins; and the names
 * themselves, each ended by a zero. The tree is in the codes: all areas within an area are
 * neighbours, right behind it. */
#include "pledge/regions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utf8proc.h>

struct region {
    uint64_t area;
    uint32_t name; /* offset into the names */
    uint32_t line; /* only while reading: for the sentence on a code that stands there twice */
};

struct regions {
    uint64_t *areas;
    uint32_t *offsets;
    char *names;
    size_t n, names_bytes;
};

/* ---- one line ---- */

struct reading {
    struct region *list;
    size_t n, room;
    char *names;
    size_t names_bytes;
    uint32_t line;
    struct buf *problem;
};

static enum err refuse(const struct reading *reading, const char *sentence)
{
    buf_addf(reading->problem, "line %u: %s", reading->line, sentence);
    return ERR_INVALID;
}

static bool is_clean(const char *name, size_t len)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n;
    for (size_t at = 0; at < len; at += (size_t)n) {
        n = utf8proc_iterate((const utf8proc_uint8_t *)name + at, (utf8proc_ssize_t)(len - at), &c);
        if (n <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '"' || c == ',')
            return false;
    }
    return true;
}

static enum err read_line(struct reading *reading, const char *line, size_t len)
{
    const char *comma = memchr(line, ',', len);
    if (comma == NULL)
        return refuse(reading, "a line is code,name");
    size_t code_len = (size_t)(comma - line), name_len = len - code_len - 1;
    uint64_t area = 0;
    enum err error = area_parse(line, code_len, &area);
    if (error != ERR_OK || area == 0 || area == AREA_UNASSIGNED)
        return refuse(reading, "a code has 2, 4, 6, 9 or 12 digits");
    if (name_len == 0 || name_len > REGIONS_NAME_MAX_BYTES)
        return refuse(reading, "a name has 1 to 120 bytes");
    if (!is_clean(comma + 1, name_len))
        return refuse(reading, "the name is not UTF-8, or holds a comma, a quotation mark or a "
                               "control character");
    if (reading->n == REGIONS_MAX)
        return refuse(reading, "there are too many areas");
    reading->list[reading->n++] =
        (struct region){area, (uint32_t)reading->names_bytes, reading->line};
    memcpy(reading->names + reading->names_bytes, comma + 1, name_len);
    reading->names[reading->names_bytes + name_len] = '\0';
    reading->names_bytes += name_len + 1;
    return ERR_OK;
}

static enum err read_lines(struct reading *reading, const char *bytes, size_t len)
{
    static const char bom[] = "\xEF\xBB\xBF", header[] = "code,name";
    if (len >= 3 && memcmp(bytes, bom, 3) == 0) {
        bytes += 3;
        len -= 3;
    }
    enum err error = ERR_OK;
    while (error == ERR_OK && len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t whole = end == NULL ? len : (size_t)(end - bytes) + 1;
        size_t used = end == NULL ? len : whole - 1;
        if (used > 0 && bytes[used - 1] == '\r')
            used--;
        reading->line++;
        bool is_header = reading->line == 1 && used == strlen(header) &&
                         memcmp(bytes, header, strlen(header)) == 0;
        if (used > 0 && bytes[0] != '#' && !is_header)
            error = read_line(reading, bytes, used);
        bytes += whole;
        len -= whole;
    }
    return error;
}

/* ---- the whole ---- */

static int by_area(const void *a, const void *b)
{
    const struct region *x = a, *y = b;
    if (x->area != y->area)
        return x->area < y->area ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

/* Two codes are one area also when one of them only has zeros more: 4419 and 441900. */
static enum err sort(struct reading *reading)
{
    if (reading->n > 0)
        qsort(reading->list, reading->n, sizeof *reading->list, by_area);
    for (size_t i = 1; i < reading->n; i++) {
        if (reading->list[i].area != reading->list[i - 1].area)
            continue;
        char text[AREA_TEXT_SIZE];
        reading->line = reading->list[i].line;
        buf_addf(reading->problem, "line %u: %s stands in line %u already", reading->line,
                 area_format(reading->list[i].area, text), reading->list[i - 1].line);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static size_t count_lines(const char *bytes, size_t len)
{
    size_t n = 1;
    for (size_t i = 0; i < len; i++)
        n += bytes[i] == '\n';
    return n < REGIONS_MAX ? n : REGIONS_MAX;
}

/* Room for so many areas and names. NULL: no memory. */
static struct regions *regions_room(size_t n, size_t names_bytes)
{
    struct regions *regions = calloc(1, sizeof *regions);
    if (regions == NULL)
        return NULL;
    regions->areas = malloc((n + 1) * sizeof *regions->areas);
    regions->offsets = malloc((n + 1) * sizeof *regions->offsets);
    regions->names = malloc(names_bytes + 1);
    if (regions->areas == NULL || regions->offsets == NULL || regions->names == NULL) {
        regions_free(regions);
        return NULL;
    }
    return regions;
}

/* Takes over what was read, in as little memory as it needs. */
static enum err pack(struct reading *reading, struct regions **out)
{
    struct regions *regions = regions_room(reading->n, reading->names_bytes);
    if (regions == NULL)
        return ERR_NOMEM;
    regions->n = reading->n;
    regions->names_bytes = reading->names_bytes;
    for (size_t i = 0; i < reading->n; i++) {
        regions->areas[i] = reading->list[i].area;
        regions->offsets[i] = reading->list[i].name;
    }
    memcpy(regions->names, reading->names, reading->names_bytes);
    *out = regions;
    return ERR_OK;
}

enum err regions_parse(const char *bytes, size_t len, struct regions **regions, struct buf *problem)
{
    *regions = NULL;
    if (len > REGIONS_FILE_MAX_BYTES) {
        buf_addf(problem, "more than %zu bytes", REGIONS_FILE_MAX_BYTES);
        return ERR_TOO_BIG;
    }
    struct reading reading = {.problem = problem};
    reading.list = malloc(count_lines(bytes, len) * sizeof *reading.list);
    reading.names = malloc(len + 1); /* a name is shorter than its line by two bytes at least */
    enum err error = reading.list == NULL || reading.names == NULL ? ERR_NOMEM : ERR_OK;
    if (error == ERR_OK)
        error = read_lines(&reading, bytes, len);
    if (error == ERR_OK)
        error = sort(&reading);
    if (error == ERR_OK)
        error = pack(&reading, regions);
    free(reading.list);
    free(reading.names);
    return error;
}

static void take_over(struct regions *regions, const struct regions *from, size_t at)
{
    const char *name = from->names + from->offsets[at];
    size_t bytes = strlen(name) + 1;
    regions->areas[regions->n] = from->areas[at];
    regions->offsets[regions->n++] = (uint32_t)regions->names_bytes;
    memcpy(regions->names + regions->names_bytes, name, bytes);
    regions->names_bytes += bytes;
}

enum err regions_add(struct regions **regions, struct regions *extra)
{
    static const struct regions none;
    const struct regions *base = *regions != NULL ? *regions : &none;
    bool is_too_many = base->n + extra->n > REGIONS_MAX;
    struct regions *both =
        is_too_many ? NULL
                    : regions_room(base->n + extra->n, base->names_bytes + extra->names_bytes);
    if (both != NULL) {
        size_t at = 0;
        for (size_t i = 0; i < extra->n; i++) {
            while (at < base->n && base->areas[at] < extra->areas[i])
                take_over(both, base, at++);
            at += at < base->n && base->areas[at] == extra->areas[i];
            take_over(both, extra, i);
        }
        while (at < base->n)
            take_over(both, base, at++);
        regions_free(*regions);
        *regions = both;
    }
    regions_free(extra);
    return both != NULL ? ERR_OK : is_too_many ? ERR_TOO_BIG : ERR_NOMEM;
}

void regions_free(struct regions *regions)
{
    if (regions == NULL)
        return;
    free(regions->areas);
    free(regions->offsets);
    free(regions->names);
    free(regions);
}

/* ---- the file ---- */

static enum err read_all(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_room(out, 65536);
        if (room == NULL)
            return out->len + 65536 > out->max ? ERR_TOO_BIG : ERR_NOMEM;
        ssize_t n = read(fd, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return ERR_OK;
        out->len += (size_t)n;
    }
}

enum err regions_load(const char *path, struct regions **regions, struct buf *problem)
{
    *regions = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        buf_add_text(problem, strerror(errno));
        return ERR_IO;
    }
    struct buf bytes;
    buf_init(&bytes, REGIONS_FILE_MAX_BYTES + 65536);
    enum err error = read_all(fd, &bytes);
    if (error == ERR_IO)
        buf_add_text(problem, strerror(errno));
    else if (error == ERR_TOO_BIG)
        buf_addf(problem, "more than %zu bytes", REGIONS_FILE_MAX_BYTES);
    close(fd);
    if (error == ERR_OK)
        error = regions_parse(buf_text(&bytes), bytes.len, regions, problem);
    buf_fini(&bytes);
    return error;
}

/* ---- looking up ---- */

size_t regions_count(const struct regions *regions)
{
    return regions == NULL ? 0 : regions->n;
}

size_t regions_bytes(const struct regions *regions)
{
    if (regions == NULL)
        return 0;
    return sizeof *regions +
           (regions->n + 1) * (sizeof *regions->areas + sizeof *regions->offsets) +
           regions->names_bytes + 1;
}

/* The first whose code is not below `area`; n when there is none. */
static size_t find_from(const struct regions *regions, uint64_t area)
{
    size_t from = 0, to = regions_count(regions);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (regions->areas[middle] < area)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const char *regions_name(const struct regions *regions, uint64_t area)
{
    if (area == 0)
        return "全国";
    if (area == AREA_UNASSIGNED)
        return "未分配";
    size_t at = find_from(regions, area);
    if (at == regions_count(regions) || regions->areas[at] != area)
        return NULL;
    return regions->names + regions->offsets[at];
}

void regions_path(const struct regions *regions, uint64_t area, struct buf *out)
{
    uint64_t line[AREA_LEVELS];
    size_t n = area_ancestors(area, line);
    if (n == 1) {
        buf_add_text(out, regions_name(regions, area));
        return;
    }
    for (size_t i = 1; i < n; i++) {
        const char *name = regions_name(regions, line[i]);
        char code[AREA_TEXT_SIZE];
        if (name != NULL && (!area_is_pseudo(line[i]) || i == n - 1))
            buf_add_text(out, name);
        else if (name == NULL && i == n - 1)
            buf_add_text(out, area_format(area, code));
    }
}

/* The first code behind all that lie in `area`. */
static uint64_t end_of(uint64_t area)
{
    uint64_t step = 1;
    for (unsigned digits = area_level_digits(area_level(area)); digits < AREA_DIGITS; digits++)
        step *= 10;
    return area + step;
}

size_t regions_children(const struct regions *regions, uint64_t area, size_t skip, uint64_t *out,
                        size_t max)
{
    size_t seen = 0, at = find_from(regions, area), n = regions_count(regions);
    if (area == AREA_UNASSIGNED)
        return 0;
    uint64_t end = area == 0 ? AREA_UNASSIGNED : end_of(area);
    while (at < n && regions->areas[at] < end) {
        uint64_t child = regions->areas[at];
        if (child == area || area_is_pseudo(child)) {
            at++; /* what lies in it comes next */
            continue;
        }
        if (seen >= skip && seen - skip < max)
            out[seen - skip] = child;
        seen++;
        at = find_from(regions, end_of(child));
    }
    return seen < skip ? 0 : seen - skip;
}
