/* The sentences of the errors: a table, because every error has exactly one. */
#include "base/error.h"

#include <stddef.h>

static const char *const sentences[ERR_COUNT] = {
    [ERR_OK] = "no error",
    [ERR_NOMEM] = "out of memory, or a limited buffer is full",
    [ERR_INVALID] = "not of the form that is asked for",
    [ERR_RANGE] = "outside the allowed values",
    [ERR_TOO_BIG] = "longer than the limit",
    [ERR_IO] = "the system refused the operation",
    [ERR_NOT_FOUND] = "there is no such thing",
    [ERR_EXISTS] = "it exists already",
    [ERR_REFUSED] = "not allowed in the present state",
    [ERR_TIMEOUT] = "no answer in time, what happened is unknown",
    [ERR_CLOSED] = "the peer went away, what happened is unknown",
    [ERR_PROTOCOL] = "the peer answered something that cannot be",
    [ERR_STALE] = "overtaken by a newer token or state",
    [ERR_BUSY] = "a queue is full, try again later",
};

const char *err_sentence(enum err error)
{
    if ((unsigned)error >= ERR_COUNT || sentences[error] == NULL)
        return "an error without a name";
    return sentences[error];
}
