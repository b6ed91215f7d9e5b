/* See reply.h. */
#include "pledging/reply.h"

#include <string.h>

#include "base/buf.h"
#include "sms/keyword.h"

#define FOLDED_MAX_BYTES 256

/* Longer words before those they begin with. */
static const char *const yes[] = {"yes", "y", "是的", "是", "确认"};

static const char *after_yes(const char *text)
{
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        size_t len = strlen(yes[i]);
        if (strncmp(text, yes[i], len) == 0)
            return text + len;
    }
    return NULL;
}

enum reply reply_read(const char *text, size_t len, struct number *number)
{
    struct buf folded;
    enum reply reply = REPLY_NONE;
    buf_init(&folded, FOLDED_MAX_BYTES);
    keyword_fold(text, len, &folded);
    const char *said = buf_text(&folded), *rest = after_yes(said);
    if (buf_check(&folded) || !said[0]) {
        rest = NULL;
    } else if (rest && !*rest) {
        reply = REPLY_YES;
    } else {
        const char *digits = rest ? rest : said;
        digits += strspn(digits, " ,:;");
        enum err error = number_parse(digits, strlen(digits), number);
        if (error == ERR_RANGE)
            reply = REPLY_BAD_NUMBER;
        else if (!error && !number->is_receipt)
            reply = REPLY_NUMBER;
    }
    buf_fini(&folded);
    return reply;
}
