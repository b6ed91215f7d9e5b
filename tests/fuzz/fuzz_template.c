/* A text and stored values, divided by zero bytes: signature, text, opt-out wording, values. The
 * weight must be that of the finished text, and values of any bytes must not crash. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/template.h"
#include "sms/text.h"

#define VALUES_MAX_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *at, *end;
};

/* The next piece as a string of its own. */
static char *take(struct input *input)
{
    const char *zero = memchr(input->at, '\0', (size_t)(input->end - input->at));
    const char *stop = zero != NULL ? zero : input->end;
    char *piece = strndup(input->at, (size_t)(stop - input->at));
    assert(piece != NULL);
    input->at = zero != NULL ? zero + 1 : input->end;
    return piece;
}

/* Bytes of a checked template and values that are well-formed add up. */
static void check_weight(const struct template *tmpl, struct input input)
{
    const char *const *names;
    struct buf stored, out;
    uint32_t units[TEMPLATE_COLUMNS_MAX];
    size_t n = template_columns(tmpl, &names), at;
    buf_init(&stored, VALUES_MAX_BYTES);
    buf_init(&out, 64u << 20);
    for (size_t i = 0; i < n; i++) {
        char *value = take(&input);
        bool fine = text_check(value, strlen(value), &at) == TEXT_FINE;
        template_store_value(&stored, value, fine ? strlen(value) : 0);
        units[i] = text_units(value, fine ? strlen(value) : 0);
        free(value);
    }
    if (!stored.failed) {
        assert(template_expand_shown(tmpl, (const uint8_t *)stored.data, stored.len, &out) ==
               ERR_OK);
        assert(text_units(buf_text(&out), out.len) == template_units(tmpl, units));
    }
    buf_fini(&stored);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {(const char *)data, (const char *)data + size};
    char *signature = take(&input), *text = take(&input), *optout = take(&input);
    struct template *tmpl;
    struct buf problem, out;
    buf_init(&problem, 4096);
    buf_init(&out, 64u << 20);
    if (template_compile(signature, size % 2, text, optout, &tmpl, &problem) == ERR_OK) {
        enum err error =
            template_expand(tmpl, (const uint8_t *)input.at, (size_t)(input.end - input.at), &out);
        assert(error == ERR_OK || error == ERR_INVALID);
        check_weight(tmpl, input);
        template_free(tmpl);
    } else {
        assert(problem.len > 0);
    }
    buf_fini(&problem);
    buf_fini(&out);
    free(signature);
    free(text);
    free(optout);
    return 0;
}
