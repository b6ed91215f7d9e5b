/* See hours.h. */
#include "campaign/hours.h"

#include <string.h>

/* "HH:MM" at `text`; -1 when it is not that. 24:00 is allowed. */
static int parse_minute(const char *text)
{
    for (int i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
            return -1;
    }
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    int sum = hour * 60 + minute;
    return minute > 59 || sum > HOURS_DAY_MIN ? -1 : sum;
}

static enum err parse_hours(const struct schema_context *context, const struct schema_row *row,
                            const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    if (strlen(text) != 11 || text[5] != '-')
        return ERR_INVALID;
    int minutes[2] = {parse_minute(text), parse_minute(text + 6)};
    if (minutes[0] < 0 || minutes[1] < 0 || minutes[0] == HOURS_DAY_MIN)
        return ERR_INVALID;
    if (minutes[0] == minutes[1]) {
        buf_add_text(why, "opens and closes at the same minute; the whole day is 00:00-24:00");
        return ERR_RANGE;
    }
    minutes[1] %= HOURS_DAY_MIN;
    memcpy(field, minutes, sizeof minutes);
    return ERR_OK;
}

const struct schema_type hours_type = {"hours such as 08:00-21:00", parse_hours, NULL, NULL, false};
