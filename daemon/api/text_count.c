/* POST /api/v1/text/count: what a text weighs while somebody types it. The values of its columns
 * are not known yet and count as empty. */
#include <string.h>

#include "api/apicall.h"
#include "api/handlers.h"
#include "campaign/template.h"
#include "sms/text.h"

#define PROBLEM_MAX_BYTES 4096

/* A text of the body, which may have line breaks; "" when absent. */
static bool read_text(struct apicall *call, const char *field, const char **out)
{
    const json_t *value = json_object_get(call->body, field);
    *out = json_string_value(value);
    if (value == NULL || json_is_null(value)) {
        *out = "";
    } else if (*out == NULL || strlen(*out) != json_string_length(value) ||
               strlen(*out) > TEMPLATE_TEXT_MAX_BYTES) {
        apicall_error(call, 400, "invalid", field, "%s must be a text of at most %d bytes", field,
                      TEMPLATE_TEXT_MAX_BYTES);
        return false;
    }
    return true;
}

static void add_fault(json_t *problems, const char *text)
{
    size_t at;
    enum text_fault fault = text_check(text, strlen(text), &at);
    if (fault != TEXT_FINE) {
        json_array_append_new(problems, json_string(text_fault_sentence(fault)));
    }
}

/* Units until the next segment begins. */
static uint32_t units_left(uint32_t units)
{
    if (units <= TEXT_SINGLE_UNITS) {
        return TEXT_SINGLE_UNITS - units;
    }
    return text_segments(units) * TEXT_PART_UNITS - units;
}

static json_t *encode_columns(const struct template *tmpl)
{
    const char *const *names;
    json_t *columns = json_array();
    size_t n = template_columns(tmpl, &names);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(columns, json_string(names[i]));
    }
    return columns;
}

void handle_text_count(struct apicall *call)
{
    static const uint32_t nothing[TEMPLATE_COLUMNS_MAX];
    const char *signature, *text, *optout, *name;
    if (!read_text(call, "signature", &signature) || !read_text(call, "text", &text) ||
        !read_text(call, "optout", &optout) || !apicall_text(call, "carrier", false, 64, &name)) {
        return;
    }
    const struct settings_carrier *carrier = settings_carrier(call->api->settings, name);
    json_t *problems = json_array(), *columns = json_array();
    struct template *tmpl = NULL;
    struct buf problem;
    uint32_t units = 0;
    buf_init(&problem, PROBLEM_MAX_BYTES);
    add_fault(problems, signature);
    add_fault(problems, text);
    add_fault(problems, optout);
    enum err error = template_compile(signature, false, text, optout, &tmpl, &problem);
    if (error == ERR_OK) {
        units = template_units(tmpl, nothing);
        json_decref(columns);
        columns = encode_columns(tmpl);
    } else if (json_array_size(problems) == 0 && problem.len > 0) {
        json_array_append_new(problems, json_string(buf_text(&problem)));
    }
    bool personal = error == ERR_OK && template_is_personal(tmpl);
    apicall_answer(call, 200,
                   json_pack("{s:i, s:i, s:i, s:o, s:b, s:o, s:o}", "units", (int)units, "segments",
                             (int)text_segments(units), "left", (int)units_left(units), "columns",
                             columns, "personal", (int)personal, "price_fen",
                             carrier != NULL ? json_integer(carrier->price_fen) : json_null(),
                             "problems", problems));
    template_free(tmpl);
    buf_fini(&problem);
}
