#include "api/mask.h"

#include <string.h>

#include "api/drafts.h"

bool mask_read(struct apicall *call, bool *is_to_be_told)
{
    const char *masked = http_request_query(call->request, "masked");
    bool is_trusted = call->who.via == VIA_CONTROL;
    *is_to_be_told = false;
    call->is_masked = masked != NULL ? strcmp(masked, "0") != 0 : !is_trusted;
    if (call->is_masked || is_trusted) {
        return true;
    }
    if (call->who.via == VIA_SESSION && !call->who.is_confirmed) {
        apicall_error(call, 403, "confirm", NULL,
                      "give your password once more to see whole numbers");
        return false;
    }
    *is_to_be_told = true;
    return true;
}

void mask_settle(struct apicall *call, const char *act, const char *object,
                 void (*then)(struct apicall *call))
{
    bool is_to_be_told;
    if (!mask_read(call, &is_to_be_told)) {
        return;
    }
    if (is_to_be_told) {
        drafts_audit(call, call->who.name, act, object, "", then);
    } else {
        then(call);
    }
}
