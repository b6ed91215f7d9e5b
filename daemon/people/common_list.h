/* Well-known long passwords, in order of bytes, in small letters. */
#pragma once

#include <stddef.h>

extern const char *const common_list[];
extern const size_t common_list_count;
