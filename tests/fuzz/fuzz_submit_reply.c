/* Any bytes as the answer to a submit. The first byte chooses the HTTP status.
 *
 * Besides "no crash": code and batch are terminated, printable and well-formed; "accepted" needs a
 * 2xx, the words for it and an id; and what is cut short is never a verdict that the whole was not.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "carrier/carrier.h"
#include "sms/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_word(const char word[64])
{
    size_t at, len = strnlen(word, 64);
    assert(len < 64);
    enum text_fault fault = text_check(word, len, &at);
    assert(fault == TEXT_FINE || fault == TEXT_BRACKETS || fault == TEXT_CONTROL);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)word[i] >= 0x20 && word[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    int status = bytes[0] * 100;
    const char *body = (const char *)bytes + 1;
    const struct carrier_driver *driver = carrier_driver("cloudmas");
    struct carrier_verdict verdict;
    driver->parse_submit(status, body, len - 1, &verdict);
    assert((unsigned)verdict.outcome < OUTCOME_COUNT);
    assert(verdict.outcome != OUTCOME_NOT_SENT); /* something was answered */
    check_word(verdict.code);
    check_word(verdict.batch);
    if (verdict.outcome == OUTCOME_ACCEPTED) {
        assert(status == 200 && verdict.batch[0] != '\0');
        assert(strcmp(verdict.code, "success") == 0 || strcmp(verdict.code, "0000") == 0);
        struct carrier_verdict cut;
        for (size_t n = 0; n + 1 < len && n < 512; n++) {
            driver->parse_submit(status, body, n, &cut);
            assert(cut.outcome == OUTCOME_ACCEPTED || cut.outcome == OUTCOME_AMBIGUOUS);
        }
    }
    return 0;
}
