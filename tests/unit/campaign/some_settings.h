/* Settings with one carrier, "mas", and a folder campaigns.d in a scratch directory; and a list of
 * recipients beside them. */
#pragma once

#include <sys/stat.h>

#include "../conf/scratch.h"
#include "conf/mistake.h"
#include "conf/settings.h"

static struct settings *settings;
static struct mistakes mistakes;

/* gives: what a setup of cmocka gives */
static inline int some_settings_make(const char *list, const char *rows)
{
    scratch_make();
    mistakes_init(&mistakes);
    mkdir(scratch_path("campaigns.d"), 0700);
    scratch_file(list, 0644, rows);
    scratch_file("outreachd.ini", 0644,
                 "[carrier mas]\nbase_url = http://h\nec_name = e\nap_id = a\nsign_code = "
                 "s\nsecret_key = x\n");
    return settings_load(scratch_path("outreachd.ini"), true, &settings, &mistakes) == ERR_OK ? 0
                                                                                              : -1;
}

static inline int some_settings_remove(void **state)
{
    (void)state;
    settings_free(settings);
    mistakes_fini(&mistakes);
    scratch_remove();
    return 0;
}
