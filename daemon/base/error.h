/* What can go wrong, as a value: 0 is fine, every other has one sentence. Context (which file, which chunk) is added
 * once, by whoever logs it. */
#pragma once

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum err {
    ERR_OK = 0,
    ERR_NOMEM,     /* no memory, or a capped buffer reached its cap */
    ERR_INVALID,   /* the input is not of the form asked for */
    ERR_RANGE,     /* of the form, but outside the allowed values */
    ERR_TOO_BIG,   /* longer than a named limit */
    ERR_IO,        /* the system refused: see errno at the place */
    ERR_NOT_FOUND, /* no such thing */
    ERR_EXISTS,    /* it is there already */
    ERR_REFUSED,   /* understood, and not allowed now */
    ERR_TIMEOUT,   /* no answer in time: what happened is unknown */
    ERR_CLOSED,    /* the peer went away: what happened is unknown */
    ERR_PROTOCOL,  /* the peer answered something that cannot be */
    ERR_STALE,     /* a newer token or a newer state has overtaken this */
    ERR_BUSY,      /* a queue is full, try later */
    ERR_COUNT
};

/* gives: a static sentence without a full stop, for a log line or an answer. Never NULL. */
const char *err_sentence(enum err error);
