/* Words and properties of the carrier's verdicts, one table row each. */
#include "sms/outcome.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const outcome_words[OUTCOME_COUNT] = {
    [OUTCOME_ACCEPTED] = "accepted",           [OUTCOME_REJECT_RECIPIENT] = "reject_recipient",
    [OUTCOME_REJECT_TEXT] = "reject_text",     [OUTCOME_SPLIT] = "split",
    [OUTCOME_ACCOUNT_FAULT] = "account_fault", [OUTCOME_QUOTA] = "quota",
    [OUTCOME_THROTTLED] = "throttled",         [OUTCOME_NOT_SENT] = "not_sent",
    [OUTCOME_AMBIGUOUS] = "ambiguous",
};

const char *outcome_word(enum outcome outcome)
{
    assert((unsigned)outcome < OUTCOME_COUNT);
    return outcome_words[outcome];
}

bool outcome_is_refusal(enum outcome outcome)
{
    assert((unsigned)outcome < OUTCOME_COUNT);
    return outcome != OUTCOME_ACCEPTED && outcome != OUTCOME_AMBIGUOUS;
}

static const struct {
    const char *word;
    bool temporary;
} classes[REPORT_CLASSES] = {
    [REPORT_UNKNOWN] = {"unknown", false},         [REPORT_INTERMEDIATE] = {"intermediate", false},
    [REPORT_DELIVERED] = {"delivered", false},     [REPORT_EXPIRED] = {"expired", true},
    [REPORT_TEMPORARY] = {"temporary", true},      [REPORT_PERMANENT] = {"permanent", false},
    [REPORT_BLACKLISTED] = {"blacklisted", false}, [REPORT_CONTENT] = {"content", false},
    [REPORT_CONFIG] = {"config", false},           [REPORT_QUOTA] = {"quota", true},
    [REPORT_NO_RECEIPT] = {"no_receipt", false},
};

const char *report_class_word(enum report_class class_)
{
    assert((unsigned)class_ < REPORT_CLASSES);
    return classes[class_].word;
}

bool report_class_parse(const char *word, enum report_class *class_)
{
    for (size_t i = 0; i < REPORT_CLASSES; i++) {
        if (strcmp(word, classes[i].word) == 0) {
            *class_ = (enum report_class)i;
            return true;
        }
    }
    return false;
}

bool report_class_is_temporary(enum report_class class_)
{
    assert((unsigned)class_ < REPORT_CLASSES);
    return classes[class_].temporary;
}
