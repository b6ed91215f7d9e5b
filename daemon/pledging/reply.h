/* Inside of pledging/ only: is a text the answer to a confirmation request? Pure. */
#pragma once

#include <stddef.h>

#include "pledge/number.h"

enum reply {
    REPLY_NONE,      /* it is something else */
    REPLY_YES,       /* Y, YES, 是, 是的, 确认 */
    REPLY_NUMBER,    /* one of them and the number of a pledge, or the number alone */
    REPLY_BAD_NUMBER /* a number whose check digits are wrong */
};
/* `text` as it came in; *number is set with REPLY_NUMBER. */
enum reply reply_read(const char *text, size_t len, struct number *number);
