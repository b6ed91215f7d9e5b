/* See failpoint.h. One point at a time is enough: a test runs the daemon once a point. */
#include "base/failpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE 64
#define EXIT_AS_KILLED 137 /* what a shell shows for SIGKILL */

bool failpoint_armed;

static char armed_name[NAME_SIZE];
static unsigned long passes_left;

enum err failpoint_arm(const char *spec)
{
    failpoint_armed = false;
    if (!spec || !*spec)
        return ERR_OK;
    size_t len = strcspn(spec, ":");
    if (len == 0 || len >= NAME_SIZE)
        return ERR_INVALID;
    unsigned long k = 1;
    if (spec[len] == ':') {
        char *end;
        k = strtoul(spec + len + 1, &end, 10);
        if (end == spec + len + 1 || *end || k == 0)
            return ERR_INVALID;
    }
    memcpy(armed_name, spec, len);
    armed_name[len] = '\0';
    passes_left = k;
    failpoint_armed = true;
    return ERR_OK;
}

void failpoint_pass(const char *name)
{
    if (!failpoint_armed || strcmp(name, armed_name) != 0 || --passes_left > 0)
        return;
    _exit(EXIT_AS_KILLED);
}

/* Before main(), so that no program has to know of it. A spec that cannot be read ends the process:
 * a crash test that silently crashes nowhere would pass. */
__attribute__((constructor)) static void arm_from_environment(void)
{
    if (failpoint_arm(getenv("OUTREACH_FAILPOINT")) == ERR_OK)
        return;
    fputs("OUTREACH_FAILPOINT: want name or name:k with k from 1\n", stderr);
    _exit(2);
}
