/* See plainjson.h. One pass without memory of its own. */
#include "carrier/plainjson.h"

#include <string.h>

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

/* The sign, with blanks around it. */
static bool take(struct cursor *c, char sign)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != sign)
        return false;
    c->at++;
    skip_blanks(c);
    return true;
}

static bool take_text(struct cursor *c, const char **text, size_t *len)
{
    if (c->at == c->end || *c->at != '"')
        return false;
    const char *begin = ++c->at;
    while (c->at < c->end && *c->at >= 0x20 && *c->at < 0x7f && *c->at != '"' && *c->at != '\\')
        c->at++;
    if (c->at == c->end || *c->at != '"')
        return false;
    *text = begin;
    *len = (size_t)(c->at++ - begin);
    return true;
}

static const struct plainjson_member *find(const struct plainjson *object, const char *name,
                                           size_t len)
{
    for (size_t i = 0; i < object->n; i++) {
        const struct plainjson_member *member = &object->members[i];
        if (member->name_len == len && memcmp(member->name, name, len) == 0)
            return member;
    }
    return NULL;
}

static bool take_member(struct cursor *c, struct plainjson *out)
{
    if (out->n == PLAINJSON_MEMBERS_MAX)
        return false;
    struct plainjson_member *member = &out->members[out->n];
    if (!take_text(c, &member->name, &member->name_len) || !take(c, ':') ||
        !take_text(c, &member->text, &member->text_len) ||
        find(out, member->name, member->name_len))
        return false;
    out->n++;
    return true;
}

bool plainjson_read(const char *json, size_t len, struct plainjson *out)
{
    out->n = 0;
    struct cursor c = {json, json + len};
    if (len > PLAINJSON_MAX_BYTES || !take(&c, '{'))
        return false;
    do {
        if (!take_member(&c, out))
            return false;
    } while (take(&c, ','));
    return take(&c, '}') && c.at == c.end;
}

const struct plainjson_member *plainjson_find(const struct plainjson *object, const char *name)
{
    return find(object, name, strlen(name));
}
