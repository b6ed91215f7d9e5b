/* See say.h. */
#include "pledging/say.h"

#include <stdio.h>
#include <string.h>

#include "campaign/template.h"
#include "sms/text.h"

#define ID_SIZE 96
#define TITLE_SIZE 512
#define VALUES_MAX_BYTES 8192
#define BRACKET_UNITS 2 /* 【】 around the signature */

static uint32_t segments_of(const struct definition *definition, const char *text)
{
    uint32_t units = text_units(text, strlen(text));
    if (definition->signature[0])
        units += text_units(definition->signature, strlen(definition->signature)) + BRACKET_UNITS;
    return text_segments(units);
}

enum err say(struct store *store, const struct book_page *page, const struct said *said,
             int64_t now_ms, queue_append_fn *done, void *arg)
{
    const struct definition *definition = page->definition;
    char id[ID_SIZE], title[TITLE_SIZE];
    snprintf(id, sizeof id, "%s" SAY_ID_SUFFIX, definition->id);
    snprintf(title, sizeof title, "%s（回执）", definition->title);
    const struct campaign_fields fields = {
        .id = id,
        .title = title,
        .carrier = definition->carrier,
        .dedup_group = "",
        .region = definition->region,
        .class_word = campaign_class_word(CLASS_RECEIPT),
        .on_ambiguous = "hold",
        .signature = definition->signature,
        .text = "((正文))",
        .optout = "",
        .add_serial = definition->pledge.add_serial,
        .parent = "",
        .actor = "outreachd",
        .source_file = "",
        .signature_added_by_carrier = page->carrier->signature_added_by_carrier,
        .personal = true,
        .window_from_min = definition->pledge.receipt_from_min,
        .window_to_min = definition->pledge.receipt_to_min,
        .price_fen = page->carrier->price_fen,
    };
    struct buf values;
    buf_init(&values, VALUES_MAX_BYTES);
    template_store_value(&values, said->text, strlen(said->text));
    enum err error = buf_check(&values);
    if (!error) {
        const struct queue_message message = {.request = said->request,
                                              .number = said->mobile,
                                              .values = (const uint8_t *)values.data,
                                              .values_len = (uint32_t)values.len,
                                              .segments = segments_of(definition, said->text),
                                              .question_of = said->question_of};
        error = queue_append(store, &fields, &message, now_ms, done, arg);
    }
    buf_fini(&values);
    return error;
}
