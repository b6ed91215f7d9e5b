/* One rig for all tests of a program, emptied between them: rig_one_start and rig_one_stop go
 * around the group, rig_one_empty goes before each test. */
#pragma once

#include "rig.h"

static struct rig rig;

RIG_UNUSED static int rig_one_start(void **state)
{
    (void)state;
    rig_start(&rig);
    return 0;
}

RIG_UNUSED static int rig_one_stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

RIG_UNUSED static int rig_one_empty(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    return 0;
}
