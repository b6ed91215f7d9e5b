/* The function library (store/outreach.lua and its parts) as it travels inside the daemon.
 * Redis keeps it in its AOF and gives it to replicas; it is loaded when the digest that Redis
 * answers differs from ours. */
#pragma once

#include "base/buf.h"
#include "base/digest.h"

#define LIBRARY_TEXT_MAX ((size_t)256 * 1024)

/* The text for FUNCTION LOAD: the file, and one function more, or1_version, that answers the digest
 * of the file. `out` must have LIBRARY_TEXT_MAX as its ceiling. errors: ERR_NOMEM */
MUST_CHECK enum err library_text(struct buf *out, char digest[DIGEST_SHA1_HEX]);
