/* Any bytes as a pushed uplink. An error means that nothing was called; the same bytes give the
 * same ids. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "carrier/carrier.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct seen {
    size_t n, n_bad;
    uint64_t sum; /* over ids, in order */
};

static void on_uplink(void *arg, const struct carrier_uplink *uplink)
{
    struct seen *seen = arg;
    seen->n++;
    assert(uplink->number >= 10000000000 && uplink->number <= 19999999999);
    assert(strnlen(uplink->service_code, 32) < 32);
    assert(strlen(uplink->id) == 40);
    assert(uplink->text[uplink->text_len] == '\0');
    for (size_t i = 0; i < 40; i++)
        seen->sum = seen->sum * 31 + (unsigned char)uplink->id[i];
    for (size_t i = 0; i < uplink->text_len; i++)
        seen->sum += (unsigned char)uplink->text[i];
}

static void on_bad(void *arg, uint64_t number)
{
    struct seen *seen = arg;
    seen->n_bad++;
    assert(number == 0 || (number >= 10000000000 && number <= 19999999999));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct carrier_driver *driver = carrier_driver("cloudmas");
    struct seen one = {0}, two = {0};
    enum err err = driver->parse_uplinks(480, (const char *)bytes, len, on_uplink, on_bad, &one);
    assert(err == ERR_OK ? one.n > 0 && one.n <= CARRIER_REPORTS_MAX
                         : one.n == 0 && one.n_bad == 0);
    enum err again = driver->parse_uplinks(480, (const char *)bytes, len, on_uplink, on_bad, &two);
    assert(err == again && one.n == two.n && one.n_bad == two.n_bad && one.sum == two.sum);
    (void)again;
    return 0;
}
