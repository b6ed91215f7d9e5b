/* Any bytes as a pushed status report. An error means that nothing was called; what is called is in
 * order. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "carrier/carrier.h"
#include "carrier/codes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char table[] = "[DELIVRD]\nclass = delivered\nmeaning = a\n"
                            "[CM:0000]\nclass = intermediate\nmeaning = a\n"
                            "[MK:0001]\nclass = permanent\nmeaning = a\n";

static struct codes *load_table(void)
{
    struct mistakes mistakes;
    struct codes *codes = NULL;
    mistakes_init(&mistakes);
    enum err err = codes_load_bytes("fuzz.ini", table, sizeof table - 1, &codes, &mistakes);
    assert(err == ERR_OK);
    (void)err;
    mistakes_fini(&mistakes);
    return codes;
}

struct seen {
    const struct codes *codes;
    size_t n, n_bad;
};

static void on_report(void *arg, const struct carrier_report *report)
{
    struct seen *seen = arg;
    seen->n++;
    assert(report->number >= 10000000000 && report->number <= 19999999999);
    assert(strnlen(report->batch, 64) > 0 && strnlen(report->batch, 64) < 64);
    assert(strnlen(report->code, 64) < 64);
    assert(report->class_ ==
           codes_class(seen->codes, report->code)); /* never a class the code does not have */
}

static void on_bad(void *arg, uint64_t number)
{
    struct seen *seen = arg;
    seen->n_bad++;
    assert(number == 0 || (number >= 10000000000 && number <= 19999999999));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct codes *codes; /* once: it is read only */
    if (codes == NULL)
        codes = load_table();
    struct seen seen = {.codes = codes};
    enum err err =
        carrier_driver("cloudmas")
            ->parse_reports(codes, 480, (const char *)bytes, len, on_report, on_bad, &seen);
    assert(err == ERR_OK ? seen.n > 0 && seen.n <= CARRIER_REPORTS_MAX
                         : seen.n == 0 && seen.n_bad == 0);
    return 0;
}
