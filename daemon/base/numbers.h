/* Lists of whole numbers in ascending order: mobile numbers, rows, whatever 64 bits hold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `numbers` may be NULL when n is 0; the same number may stand several times. */
void numbers_sort(uint64_t *numbers, size_t n);
/* Does it stand in a list that is in order? */
bool numbers_have(const uint64_t *sorted, size_t n, uint64_t number);
