#include "base/numbers.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void numbers_sort(uint64_t *numbers, size_t n)
{
    if (n > 1) {
        qsort(numbers, n, sizeof *numbers, compare);
    }
}

bool numbers_have(const uint64_t *sorted, size_t n, uint64_t number)
{
    return n > 0 && bsearch(&number, sorted, n, sizeof number, compare) != NULL;
}
