/* What the handlers of drafts share: a draft of params[0] with its digest and its record, and the
 * document of it. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "api/trial.h"
#include "drafting/plans.h"
#include "store/drafts.h"

/* As GET /api/v1/campaigns/{id} shows a draft; NULL: there is none that can be read. */
json_t *draft_json(struct apicall *call, const char *id);
struct headline;
json_t *headline_json(const struct apicall *call, const struct headline *headline);

struct draft_work {
    struct draft *draft;
    struct draft_digest digest;
    bool is_launched; /* a campaign of this id is in the queue: its files are a record */
    const char *who;  /* who does it, "" for reading; lives as long as the call */
    int status;       /* of the answer: 200 or 201 */
    void (*then)(struct apicall *call, struct draft_work *work);
    /* the handler's own */
    bool is_for_change, is_last, is_mended, approve;
    uint64_t at;
    uint64_t launched; /* by who asks, to so many people, without an approval, in 24 hours */
    struct trial trial;
    const char *text;
    char detail[512]; /* what was changed, for the audit; "": the request says enough */
};

/* The call's, made at the first call of this; NULL: it was answered. */
struct draft_work *drafts_work(struct apicall *call);

/* Loads params[0], reads its digest and looks for a launched campaign of the id, then calls `then`;
 * answers 404 and 503 itself. */
void drafts_open(struct apicall *call, const char *who,
                 void (*then)(struct apicall *call, struct draft_work *work));
/* The same, but answers 409 when it is launched. */
void drafts_open_for_change(struct apicall *call, const char *who,
                            void (*then)(struct apicall *call, struct draft_work *work));
/* Loads it anew and answers with its document. */
void drafts_answer(struct apicall *call, int status);
/* The same as a drafting_done_fn: answers the error, or drafts_answer. */
void drafts_on_done(void *arg, enum err error, const char *reason);
/* Of a download of rejected rows: the number of the row, which a mended one brings back. */
#define DRAFTS_ROW_COLUMN "row"
/* A line of this act, and when it is written `then`; else the answer is that it could not be. */
void drafts_audit(struct apicall *call, const char *who, const char *act, const char *object,
                  const char *detail, void (*then)(struct apicall *call));
/* The answer is to be kept as ID-WHAT.csv. */
void drafts_name_file(struct apicall *call, const char *what);
/* All that is known of a draft, for who asks. */
struct draft_facts {
    const struct draft *draft;
    const struct draft_digest *digest;
    const struct draft_record *record;
    bool is_launched;
    const struct draft_plan *plan;  /* NULL: not counted yet */
    uint32_t four_eyes_over;        /* what is left of it for who asks */
    const struct trial_view *trial; /* NULL: nobody looked */
    int64_t now_ms;
    int utc_offset_min;
};
/* Pure: the document. */
json_t *encode_draft_document(const struct draft_facts *facts);
/* Why it cannot be launched as it is: what the console shows beside the button. Both "" when it
 * can. */
struct draft_blocked {
    const char *code, *sentence; /* the code is stable: "no_list", "approval" … */
};
const struct draft_blocked *drafts_blocked(const struct draft_facts *facts);
