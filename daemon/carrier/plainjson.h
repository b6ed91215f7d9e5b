/* The plainest JSON there is, read where it stands: one object of text members, printable ASCII without escapes. Status reports
 * of one recipient look like this, and they come by the thousand a second: a reader that builds a tree of them costs more than
 * everything else the daemon does for one. Not a reader of JSON: whatever is not plain is left to a real one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PLAINJSON_MEMBERS_MAX 16
#define PLAINJSON_MAX_BYTES 4096

struct plainjson_member {
    const char *name, *text; /* neither ends with NUL */
    size_t name_len, text_len;
};

struct plainjson {
    size_t n;
    struct plainjson_member members[PLAINJSON_MEMBERS_MAX];
};

/* false: not plain, which says nothing about whether it is JSON: other values than texts, escapes, bytes beyond ASCII, nothing
 * in it, two members of one name, more than PLAINJSON_MEMBERS_MAX of them or PLAINJSON_MAX_BYTES. What is plain is JSON
 * (RFC 8259), and means the same to every reader. `out` points into `json`. */
bool plainjson_read(const char *json, size_t len, struct plainjson *out);
/* NULL: there is no such member. */
const struct plainjson_member *plainjson_find(const struct plainjson *object, const char *name);
