/* The carrier's side of a submit: reads a body as the platform does, checks account, MAC, signature
 * and every limit, and says who would be accepted or with which word it is refused. Written from
 * the interface's description (carrier-apis.md 1.3 to 1.7) and sharing nothing with the daemon's
 * driver, so that one mistake cannot hide in both. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sim/flat.h"

#define SUBMIT_MOBILES_MAX 5000  /* one text, many numbers */
#define SUBMIT_PERSONAL_MAX 1000 /* a text each */

struct submit_account {
    const char *ec_name, *ap_id, *secret, *sign_code;
    uint32_t content_max; /* characters of a text; 0: any */
};

struct submit; /* memory that is used again by every request */
MUST_CHECK enum err submit_new(const struct submit_account *account, struct submit **submit);
void submit_free(struct submit *submit);

struct submit_verdict {
    const char *word;        /* "success", or the rspcod of the refusal */
    const uint64_t *mobiles; /* of a success; lives until the next call */
    size_t n;
    const struct flat_text *texts; /* one for all, or one each; the same life */
    size_t n_texts;                /* 1 or n */
    struct flat_text add_serial;   /* the extension digits; the same life */
};
/* `body` is the request body as it came: base64 of a JSON object. errors: ERR_NOMEM */
MUST_CHECK enum err submit_read(struct submit *submit, const char *body, size_t len,
                                struct submit_verdict *verdict);
