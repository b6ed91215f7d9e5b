/* Cells of a spreadsheet: whatever stands in them, the verdict is one of the known ones, and what
 * is accepted is a mainland mobile number that is read back the same from each of its written
 * forms. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/mobile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_reads_back(uint64_t number, const char *form)
{
    uint64_t again = 0;
    check(mobile_parse(form, strlen(form), &again) == MOBILE_OK && again == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t number = 0;
    enum mobile_verdict verdict = mobile_parse((const char *)data, size, &number);
    check((unsigned)verdict < MOBILE_VERDICTS);
    check(mobile_verdict_word(verdict) != NULL && mobile_verdict_sentence(verdict) != NULL);
    if (verdict != MOBILE_OK) {
        check(number == 0);
        return 0;
    }
    check(number >= UINT64_C(13000000000) && number < UINT64_C(20000000000));

    char plain[MOBILE_TEXT_SIZE], form[64];
    mobile_format(number, plain);
    check_reads_back(number, plain);
    static const char *const forms[] = {"+86%s", "0086 %s", "86%s", "'%s", "\t%s ", "17951%s"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const char *slot = strchr(forms[i], '%');
        snprintf(form, sizeof form, "%.*s%s%s", (int)(slot - forms[i]), forms[i], plain, slot + 2);
        check_reads_back(number, form);
    }
    uint8_t packed[MOBILE_PACKED_BYTES];
    mobile_pack(number, packed);
    check(mobile_unpack(packed) == number);
    mobile_mask(number, form);
    check(memcmp(form + 3, "****", 4) == 0 && form[MOBILE_DIGITS] == '\0');
    return 0;
}
