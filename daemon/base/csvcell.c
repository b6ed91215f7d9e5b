/* See csvcell.h. */
#include "base/csvcell.h"

#include <string.h>

bool csvcell_is_formula(const char *cell)
{
    static const char *const wide[] = {"＝", "＋", "－", "＠"};
    if (cell[0] == '\0') {
        return false;
    }
    if (strchr("=+-@\t\r\n", cell[0]) != NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (strncmp(cell, wide[i], strlen(wide[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool csvcell_is_defused(const char *cell, size_t len)
{
    char beginning[sizeof "＝"] = "";
    if (len < 2 || cell[0] != '\'') {
        return false;
    }
    memcpy(beginning, cell + 1, len - 1 < sizeof beginning - 1 ? len - 1 : sizeof beginning - 1);
    return csvcell_is_formula(beginning);
}

void csvcell_add(struct buf *out, const char *cell)
{
    bool formula = csvcell_is_formula(cell);
    if (!formula && strpbrk(cell, ",\"\r\n") == NULL) {
        buf_add_text(out, cell);
        return;
    }
    buf_add_char(out, '"');
    if (formula) {
        buf_add_char(out, '\'');
    }
    for (const char *at = cell; *at != '\0'; at++) {
        if (*at == '"') {
            buf_add_char(out, '"');
        }
        buf_add_char(out, *at);
    }
    buf_add_char(out, '"');
}
