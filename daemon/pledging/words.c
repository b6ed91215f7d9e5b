/* See words.h. */
#include "pledging/words.h"

#include <stdio.h>
#include <string.h>

#include "pledge/receipt.h"

#define COLUMN_MAX_BYTES 512

/* ---- what is owed ---- */

static enum owed owed_for_pledge(const struct terms *terms, const struct ledger_owing *owing,
                                 int64_t now_ms)
{
    if (owing->entry.confirmed)
        return OWED_ACKNOWLEDGEMENT;
    bool is_asked = strcmp(owing->entry.source, "sms") == 0 && terms->confirm == CONFIRM_REPLY;
    bool is_answered = owing->state != LEDGER_UNCONFIRMED; /* the confirmation is an entry itself */
    bool is_late = now_ms - owing->entry.at_ms > terms->confirm_within_ms;
    return is_asked && !is_answered && !is_late ? OWED_QUESTION : OWED_NOTHING;
}

enum owed words_owed(const struct book_page *page, const struct ledger_owing *owing, int64_t now_ms)
{
    if (owing->is_reversed || owing->state == LEDGER_VOIDED || owing->state == LEDGER_WITHDRAWN)
        return OWED_NOTHING;
    switch (owing->entry.type) {
    case LEDGER_PLEDGE:
        return owed_for_pledge(&page->definition->pledge, owing, now_ms);
    case LEDGER_CONFIRM:
        return OWED_ACKNOWLEDGEMENT;
    case LEDGER_ARRIVE:
        return OWED_RECEIPT;
    case LEDGER_TICKET:
        return OWED_TICKET;
    default:
        return OWED_NOTHING;
    }
}

/* ---- writing ---- */

static void fill(const struct terms *terms, const char *text, struct receipt_values values,
                 struct buf *out)
{
    values.hotline = terms->hotline;
    if (receipt_fill(text, &values, out))
        out->failed = true; /* its columns were checked with the definition: memory is short */
}

/* Not in the middle of a character. */
static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size)
        for (len = size - 1; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* Of a receipt what arrived, else what was pledged. */
static void write_amount(const struct ledger_owing *owing, enum owed what, struct buf *out)
{
    const struct ledger_entry *entry = what == OWED_RECEIPT ? &owing->entry : &owing->pledge;
    struct pledge_text amount = {
        .kind = owing->pledge.kind, .fen = entry->fen, .thousandths = entry->thousandths};
    copy_cut(amount.item, sizeof amount.item, owing->pledge.item);
    copy_cut(amount.unit, sizeof amount.unit, owing->pledge.unit);
    receipt_amount(&amount, out);
}

/* A definition has no text for it: tells the donor the number of the official ticket, which stands
 * in the place of the amount. */
static const char *const ticket_text =
    "((姓名))您好，收据((编号))的捐赠票据已开具，票据号((金额))。";

void words_write(const struct book_page *page, const struct ledger_owing *owing, enum owed what,
                 struct buf *out)
{
    const struct terms *terms = &page->definition->pledge;
    struct buf amount, date;
    buf_init(&amount, COLUMN_MAX_BYTES);
    buf_init(&date, COLUMN_MAX_BYTES);
    write_amount(owing, what, &amount);
    receipt_date(owing->entry.on, &date);
    struct receipt_values values = {.name = owing->pledge.name,
                                    .amount = buf_text(&amount),
                                    .number = owing->entry.pledge,
                                    .date = buf_text(&date)};
    if (buf_check(&amount) || buf_check(&date))
        out->failed = true;
    switch (what) {
    case OWED_NOTHING:
        break;
    case OWED_QUESTION:
        fill(terms, terms->confirm_text, values, out);
        break;
    case OWED_ACKNOWLEDGEMENT:
        fill(terms, terms->acknowledgement_text, values, out);
        break;
    case OWED_RECEIPT:
        values.number = owing->entry.receipt;
        fill(terms, terms->receipt_text, values, out);
        break;
    case OWED_TICKET:
        values.number = owing->entry.receipt;
        values.amount = owing->entry.document;
        fill(terms, ticket_text, values, out);
        break;
    }
    buf_fini(&amount);
    buf_fini(&date);
}

void words_help(const struct book_page *page, struct buf *out)
{
    const struct terms *terms = &page->definition->pledge;
    fill(terms, terms->help_text, (struct receipt_values){.name = ""}, out);
}

void words_cap(const struct book_page *page, struct buf *out)
{
    const char *hotline = page->definition->pledge.hotline;
    buf_addf(out, "您今天的认捐次数已到上限，这一条没有记录，请明天再来。%s%s",
             *hotline ? "咨询：" : "", hotline);
}
