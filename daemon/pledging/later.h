/* Inside of pledging/ only: offers uplinks again that could not be read when they came, because
 * their campaign had no definition (store/waiting.h). */
#pragma once

#include "pledging/pledging.h"

#define LATER_LOOK_MS 5000

struct later;
MUST_CHECK enum err later_new(struct pledging *pledging, struct later **later);
void later_free(struct later *later); /* NULL is fine */
/* Somebody waits just now: why, and in which campaign. */
void later_note(struct later *later, const char *campaign);
const struct pledging_waiting *later_waiting(const struct later *later);
