#include "people/rights.h"

#include <string.h>

#include "pledge/area.h"

static const char *const words[ROLE_COUNT] = {
    [ROLE_TOWNSHIP] = "township", [ROLE_APPROVER] = "approver", [ROLE_FINANCE] = "finance",
    [ROLE_VIEWER] = "viewer",     [ROLE_OPERATOR] = "operator", [ROLE_ADMIN] = "admin",
    [ROLE_AUDITOR] = "auditor",
};

const char *role_word(enum role role)
{
    return words[role];
}

static bool find_role(const char *text, size_t len, enum role *role)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0) {
            *role = (enum role)i;
            return true;
        }
    }
    return false;
}

enum err roles_parse(const char *text, uint32_t *roles)
{
    static const char between[] = " ,";
    uint32_t found = 0;
    for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
        enum role role;
        size_t len = strcspn(text, between);
        if (!find_role(text, len, &role)) {
            return ERR_INVALID;
        }
        found |= ROLE_BIT(role);
        text += len;
    }
    *roles = found;
    return found != 0 ? ERR_OK : ERR_INVALID;
}

const char *roles_format(uint32_t roles, char out[ROLES_TEXT_SIZE])
{
    size_t len = 0;
    for (int i = 0; i < ROLE_COUNT; i++) {
        if ((roles & ROLE_BIT(i)) == 0) {
            continue;
        }
        if (len > 0) {
            out[len++] = ' ';
        }
        memcpy(out + len, words[i], strlen(words[i]));
        len += strlen(words[i]);
    }
    out[len] = '\0';
    return out;
}

const char *via_word(enum via via)
{
    static const char *const ways[] = {
        [VIA_CONTROL] = "control", [VIA_SESSION] = "session", [VIA_TOKEN] = "token"};
    return ways[via];
}

bool who_has_role(const struct who *who, uint32_t roles)
{
    return who->via == VIA_CONTROL || (who->roles & roles) != 0;
}

bool who_covers(const struct who *who, uint64_t area)
{
    if (who->via == VIA_CONTROL || who->area == 0) {
        return true;
    }
    return area != 0 && area != AREA_UNASSIGNED && area_within(area, who->area);
}
