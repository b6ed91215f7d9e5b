/* The document of a draft. Pure but for a look at the head of its list. */
#include <string.h>

#include "api/drafts.h"
#include "api/encode.h"
#include "api/trial.h"
#include "campaign/recipients.h"

#define NO_LIST "there is no list yet: upload one"

static void set_text(json_t *json, const char *key, const char *value)
{
    json_t *text = value != NULL ? json_string(value) : NULL;
    json_object_set_new(json, key, text != NULL ? text : json_null());
}

static void set_text_or_null(json_t *json, const char *key, const char *value)
{
    set_text(json, key, value[0] != '\0' ? value : NULL);
}

static void set_number(json_t *json, const char *key, uint64_t value)
{
    json_object_set_new(json, key, json_integer((json_int_t)value));
}

/* As the INI has them; null for what is not there. */
static json_t *encode_fields(const struct draft *draft)
{
    json_t *fields = json_object();
    const char *key;
    for (size_t i = 0; (key = draft_key(i)) != NULL; i++) {
        set_text(fields, key, draft_value(draft, draft_section_of(key), key));
    }
    set_text_or_null(fields, "text", draft->text);
    return fields;
}

static json_t *encode_pledge(const struct draft *draft)
{
    if (draft->ini == NULL || ini_section(draft->ini, "pledge") == NULL) {
        return json_null();
    }
    json_t *pledge = json_object();
    for (size_t i = 0; i < draft->ini->n; i++) {
        const struct ini_entry *entry = &draft->ini->entries[i];
        if (strcmp(entry->section, "pledge") == 0) {
            set_text(pledge, entry->key, entry->value);
        }
    }
    return pledge;
}

static json_t *encode_columns(const struct recipients *recipients)
{
    const char *const *names, *const *folded;
    size_t n = recipients_columns(recipients, &names, &folded);
    json_t *columns = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *name = json_string(names[i]);
        json_array_append_new(columns, name != NULL ? name : json_string(""));
    }
    return columns;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static json_t *encode_list(const struct draft *draft, const struct draft_digest *digest,
                           const struct draft_record *record, int offset_min)
{
    struct recipients *recipients = NULL;
    struct buf problem;
    if (digest->list[0] == '\0') {
        return json_null();
    }
    /* Somebody may have put another one there by hand. */
    bool is_uploaded = strcmp(record->sha256, digest->list) == 0;
    buf_init(&problem, 4096);
    enum err error = recipients_open(draft->list, &recipients, &problem);
    json_t *list = json_object();
    set_text(list, "file",
             is_uploaded && record->file[0] != '\0' ? record->file : name_of(draft->list));
    set_number(list, "bytes", digest->list_bytes);
    set_text(list, "encoding", error == ERR_OK ? recipients_encoding(recipients) : NULL);
    json_object_set_new(list, "columns",
                        error == ERR_OK ? encode_columns(recipients) : json_array());
    set_text(list, "fault", error == ERR_OK ? NULL : buf_text(&problem));
    set_text_or_null(list, "uploaded_by", is_uploaded ? record->uploaded_by : "");
    json_object_set_new(list, "uploaded_at",
                        encode_time(is_uploaded ? record->uploaded_ms : 0, offset_min));
    set_text(list, "sha256", digest->list);
    recipients_free(recipients);
    buf_fini(&problem);
    return list;
}

static json_t *encode_mistakes(const struct draft *draft, const struct draft_digest *digest,
                               bool warnings)
{
    char field[DRAFT_FIELD_SIZE];
    json_t *array = json_array();
    for (size_t i = 0; i < draft->mistakes.n; i++) {
        const struct mistake *mistake = &draft->mistakes.items[i];
        if (mistake->warning != warnings) {
            continue;
        }
        draft_field_of(mistake, field);
        bool no_list = strcmp(field, "recipients") == 0 && digest->list[0] == '\0';
        json_array_append_new(array, json_pack("{s:s, s:i, s:s}", "field", field, "line",
                                               (int)mistake->line, "reason",
                                               no_list ? NO_LIST : mistake->reason));
    }
    return array;
}

static bool is_of_these_files(const struct draft_digest *digest, const struct draft_record *record)
{
    return record->state[0] != '\0' && strcmp(record->digest, digest->whole) == 0;
}

const struct draft_blocked *drafts_blocked(const struct draft_facts *facts)
{
    static const struct draft_blocked
        nothing = {"", ""},
        launched = {"launched", "it is launched already; copy it for another campaign"},
        no_list = {"no_list", NO_LIST},
        mistakes = {"mistakes", "something is missing or wrong: see the mistakes"},
        uncounted = {"uncounted", "its people were not counted yet: look at the check of the list"},
        list = {"list", "the list cannot be sent to: see the check of the list"},
        nobody = {"nobody", "nobody is left to send to: see the check of the list"},
        over = {"over", "its end has passed, or its window does not open again before it"},
        late = {"late", "its start is longer ago than late_after: set another, or begin at once"},
        approval = {"approval", "it must be approved by a second person"};
    const struct draft_plan *plan = facts->plan;
    if (facts->is_launched) {
        return &launched;
    }
    if (facts->digest->list[0] == '\0') {
        return &no_list;
    }
    if (facts->draft->definition == NULL) {
        return &mistakes;
    }
    switch (
        definition_time(facts->draft->definition, false, facts->now_ms, facts->utc_offset_min)) {
    case DEFINITION_OVER:
        return &over;
    case DEFINITION_LATE:
        return &late;
    default:
        break;
    }
    if (plan == NULL) {
        return &uncounted;
    }
    if (plan->fault[0] != '\0') {
        return &list;
    }
    if (plan->totals.accepted == 0) {
        return &nobody;
    }
    if (facts->trial != NULL && trial_blocks(facts->trial) != NULL) {
        return trial_blocks(facts->trial);
    }
    if (plan->totals.accepted > facts->four_eyes_over &&
        !(is_of_these_files(facts->digest, facts->record) &&
          strcmp(facts->record->state, "approved") == 0)) {
        return &approval;
    }
    return &nothing;
}

static json_t *encode_approval(const struct draft_facts *facts, int offset)
{
    const struct draft_digest *digest = facts->digest;
    const struct draft_record *record = facts->record;
    const struct draft_plan *plan = facts->plan;
    bool is_current = is_of_these_files(digest, record);
    json_t *json = json_object();
    json_object_set_new(json, "needed",
                        plan == NULL ? json_null()
                                     : json_boolean(plan->totals.accepted > facts->four_eyes_over));
    set_text(json, "state", is_current ? record->state : "none");
    json_object_set_new(json, "void", json_boolean(record->state[0] != '\0' && !is_current));
    set_text_or_null(json, "asked_by", record->asked_by);
    json_object_set_new(json, "asked_at", encode_time(record->asked_ms, offset));
    set_text_or_null(json, "decided_by", record->decided_by);
    json_object_set_new(json, "decided_at", encode_time(record->decided_ms, offset));
    set_text_or_null(json, "reason", record->reason);
    json_object_set_new(json, "people",
                        record->state[0] != '\0' ? json_integer((json_int_t)record->people)
                                                 : json_null());
    set_text(json, "digest", digest->whole);
    return json;
}

json_t *encode_draft_document(const struct draft_facts *facts)
{
    int offset = facts->utc_offset_min;
    const struct draft *draft = facts->draft;
    const struct draft_digest *digest = facts->digest;
    const struct draft_record *record = facts->record;
    const struct draft_plan *plan = facts->plan;
    const struct draft_blocked *blocked = drafts_blocked(facts);
    json_t *json = json_object();
    set_text(json, "id", draft->id);
    set_text(json, "version", draft->version);
    set_text_or_null(json, "author", record->author);
    set_text_or_null(json, "updated_by", record->updated_by);
    json_object_set_new(json, "updated_at", encode_time(record->updated_ms, offset));
    json_object_set_new(json, "fields", encode_fields(draft));
    json_object_set_new(json, "pledge", encode_pledge(draft));
    json_object_set_new(json, "recipients", encode_list(draft, digest, record, offset));
    json_object_set_new(json, "mistakes", encode_mistakes(draft, digest, false));
    json_object_set_new(json, "warnings", encode_mistakes(draft, digest, true));
    json_object_set_new(json, "approval", encode_approval(facts, offset));
    json_object_set_new(json, "people",
                        plan != NULL ? json_integer((json_int_t)plan->totals.accepted)
                                     : json_null());
    json_object_set_new(json, "launched", json_boolean(facts->is_launched));
    json_object_set_new(json, "launchable", json_boolean(blocked->code[0] == '\0'));
    set_text(json, "blocked", blocked->sentence);
    set_text(json, "blocked_code", blocked->code);
    json_object_set_new(json, "trial", encode_trial(facts->trial));
    return json;
}
