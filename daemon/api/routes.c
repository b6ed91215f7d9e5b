#include "api/routes.h"

#include <stdio.h>
#include <string.h>

#include "api/handlers.h"

/* Short names for the table. */
#define TOWNSHIP ROLE_BIT(ROLE_TOWNSHIP)
#define APPROVER ROLE_BIT(ROLE_APPROVER)
#define FINANCE ROLE_BIT(ROLE_FINANCE)
#define VIEWER ROLE_BIT(ROLE_VIEWER)
#define OPERATOR ROLE_BIT(ROLE_OPERATOR)
#define ADMIN ROLE_BIT(ROLE_ADMIN)
#define AUDITOR ROLE_BIT(ROLE_AUDITOR)
#define ALL ROLES_ALL
#define STAFF (TOWNSHIP | APPROVER | VIEWER | OPERATOR | ADMIN | AUDITOR)
#define NOBODY 0 /* the control socket only */

/* clang-format off */
const struct route routes_rows[] = {
    {"GET", "/api/v1/status", handle_status, OPERATOR | ADMIN, ROUTE_AREA_ANY, 0, "", "the daemon, Redis, carriers, live campaigns, and what needs a person"},
    {"GET", "/metrics", handle_metrics, NOBODY, ROUTE_AREA_ANY, 0, "", "the same figures in Prometheus' text format"},
    {"POST", "/api/v1/reload", handle_reload, OPERATOR | ADMIN, ROUTE_AREA_NATION, 0, "", "reads the configuration again, all of it or nothing"},
    {"GET", "/api/v1/campaigns", handle_campaign_list, STAFF, ROUTE_AREA_LIST, 0, "limit cursor", "all campaigns, drafts too, newest first"},
    {"POST", "/api/v1/campaigns/launch", handle_campaign_launch, TOWNSHIP | OPERATOR, ROUTE_AREA_CAMPAIGN_BODY, ROUTE_CONFIRM, "", "starts an import; it goes on in the background"},
    {"POST", "/api/v1/campaigns/test", handle_campaign_test, TOWNSHIP | OPERATOR, ROUTE_AREA_CAMPAIGN_BODY, 0, "", "one real message to one number"},
    {"GET", "/api/v1/campaigns/{id}", handle_campaign_show, STAFF, ROUTE_AREA_CAMPAIGN, 0, "", "one campaign"},
    {"POST", "/api/v1/campaigns/{id}/pause", handle_campaign_pause, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "", "stops it at once"},
    {"POST", "/api/v1/campaigns/{id}/resume", handle_campaign_resume, TOWNSHIP | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "", "goes on with a paused or missed campaign"},
    {"POST", "/api/v1/campaigns/{id}/cancel", handle_campaign_cancel, TOWNSHIP | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "", "ends it for good"},
    {"POST", "/api/v1/campaigns/{id}/resolve", handle_campaign_resolve, OPERATOR, ROUTE_AREA_CAMPAIGN, ROUTE_CONFIRM, "", "decides about ambiguous recipients"},
    {"GET", "/api/v1/campaigns/{id}/resend", handle_campaign_resend_count, TOWNSHIP | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "only", "who would get it again: how many, and what it costs"},
    {"POST", "/api/v1/campaigns/{id}/resend", handle_campaign_resend, TOWNSHIP | OPERATOR, ROUTE_AREA_CAMPAIGN, ROUTE_CONFIRM, "", "a child campaign of those provably not reached"},
    {"GET", "/api/v1/campaigns/{id}/report", handle_campaign_report, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "format states lang with masked reason", "one line a recipient, streamed"},
    {"POST", "/api/v1/drafts", handle_draft_create, TOWNSHIP, ROUTE_AREA_READ, 0, "", "a new campaign, or a copy of one"},
    {"GET", "/api/v1/drafts/{id}", handle_draft_show, TOWNSHIP | APPROVER | OPERATOR | ADMIN | AUDITOR, ROUTE_AREA_CAMPAIGN, 0, "", "one draft with its mistakes and its approval"},
    {"POST", "/api/v1/drafts/{id}", handle_draft_change, TOWNSHIP, ROUTE_AREA_CAMPAIGN, ROUTE_QUIET, "", "changes fields of it"},
    {"DELETE", "/api/v1/drafts/{id}", handle_draft_delete, TOWNSHIP, ROUTE_AREA_CAMPAIGN, 0, "version actor", "removes it with its list"},
    {"PUT", "/api/v1/drafts/{id}/recipients", handle_draft_recipients, TOWNSHIP, ROUTE_AREA_CAMPAIGN, ROUTE_QUIET, "at last name mended actor", "a part of its list; the last one puts the list in place"},
    {"GET", "/api/v1/drafts/{id}/plan", handle_draft_plan, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "", "what would be sent to whom, and which rows are left out"},
    {"GET", "/api/v1/drafts/{id}/preview", handle_draft_preview, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "at", "the finished text of one row of its list"},
    {"GET", "/api/v1/drafts/{id}/rejected", handle_draft_rejected, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "lang", "all rows left out, as CSV, streamed"},
    {"GET", "/api/v1/drafts/{id}/sample", handle_draft_sample, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_CAMPAIGN, 0, "", "an empty list with the columns its text needs"},
    {"POST", "/api/v1/drafts/{id}/ask", handle_draft_ask, TOWNSHIP, ROUTE_AREA_CAMPAIGN, 0, "", "asks for an approval"},
    {"POST", "/api/v1/drafts/{id}/approve", handle_draft_approve, APPROVER, ROUTE_AREA_CAMPAIGN, 0, "", "approves what another wrote"},
    {"POST", "/api/v1/drafts/{id}/return", handle_draft_return, APPROVER, ROUTE_AREA_CAMPAIGN, 0, "", "gives it back, or takes an approval back, with a reason"},
    {"POST", "/api/v1/text/count", handle_text_count, TOWNSHIP | APPROVER | OPERATOR, ROUTE_AREA_ANY, ROUTE_QUIET | ROUTE_LOOKS, "", "what a text weighs, and its columns"},
    {"GET", "/api/v1/areas", handle_area_list, ADMIN | OPERATOR | AUDITOR, ROUTE_AREA_LIST, 0, "limit cursor", "areas with a record: live or in trial"},
    {"GET", "/api/v1/areas/{region}", handle_area_show, TOWNSHIP | APPROVER | ADMIN | OPERATOR | AUDITOR, ROUTE_AREA_READ, 0, "", "is it live, and what are its own numbers"},
    {"POST", "/api/v1/areas/{region}", handle_area_numbers, ADMIN, ROUTE_AREA_READ, ROUTE_CONFIRM, "", "other own numbers"},
    {"POST", "/api/v1/areas/{region}/live", handle_area_live, ADMIN, ROUTE_AREA_READ, ROUTE_CONFIRM, "", "its trial is over: it sends for real"},
    {"POST", "/api/v1/areas/{region}/trial", handle_area_trial, ADMIN, ROUTE_AREA_READ, ROUTE_CONFIRM, "", "it is in trial again"},
    {"POST", "/api/v1/recipients/lookup", handle_recipients_lookup, NOBODY, ROUTE_AREA_ANY, ROUTE_QUIET | ROUTE_LOOKS, "", "who has opted out or is in the dedup group"},
    {"GET", "/api/v1/optouts", handle_optout_page, OPERATOR, ROUTE_AREA_NATION, ROUTE_CONFIRM, "cursor limit", "opt-outs in order of number, a page a call"},
    {"POST", "/api/v1/optouts", handle_optout_add, TOWNSHIP | OPERATOR, ROUTE_AREA_ANY, 0, "", "adds opt-outs"},
    {"POST", "/api/v1/optouts/remove", handle_optout_remove, OPERATOR, ROUTE_AREA_ANY, 0, "", "the owner of the number came back"},
    {"POST", "/api/v1/optouts/check", handle_optout_check, TOWNSHIP | OPERATOR, ROUTE_AREA_ANY, ROUTE_QUIET | ROUTE_LOOKS, "", "has this number opted out"},
    {"GET", "/api/v1/carriers", handle_carrier_list, TOWNSHIP | APPROVER | OPERATOR | ADMIN, ROUTE_AREA_ANY, 0, "", "the carrier accounts and their figures"},
    {"POST", "/api/v1/carriers/{name}/pause", handle_carrier_pause, OPERATOR, ROUTE_AREA_NATION, 0, "", "nothing is sent over it until resumed"},
    {"POST", "/api/v1/carriers/{name}/resume", handle_carrier_resume, OPERATOR, ROUTE_AREA_NATION, 0, "", "tries a paused or stopped account again"},
    {"GET", "/api/v1/pledges", handle_pledge_list, FINANCE | AUDITOR, ROUTE_AREA_READ, 0, "region campaign year state mobile limit cursor masked reason", "pledges, newest first, a page a call"},
    {"POST", "/api/v1/pledges", handle_pledge_add, FINANCE, ROUTE_AREA_READ, 0, "", "a new pledge"},
    {"POST", "/api/v1/pledges/search", handle_pledge_search, FINANCE | AUDITOR, ROUTE_AREA_READ, ROUTE_QUIET | ROUTE_LOOKS, "masked reason", "pledges by number, mobile or a part of the donor's name"},
    {"POST", "/api/v1/pledges/import", handle_pledge_import, FINANCE, ROUTE_AREA_READ, 0, "region campaign on check partial actor", "a paper list as CSV: checked, then booked"},
    {"GET", "/api/v1/pledges/{number}", handle_pledge_show, FINANCE | AUDITOR, ROUTE_AREA_PLEDGE, 0, "masked", "one pledge with its entries, by its number or a receipt's"},
    {"POST", "/api/v1/pledges/{number}/confirm", handle_pledge_confirm, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "an unconfirmed pledge counts from now on"},
    {"POST", "/api/v1/pledges/{number}/arrive", handle_pledge_arrive, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "all or a part of it arrived; gives a receipt number"},
    {"POST", "/api/v1/pledges/{number}/deliver", handle_pledge_deliver, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "what arrived was handed out"},
    {"POST", "/api/v1/pledges/{number}/void", handle_pledge_void, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "entered wrong, or the donor takes it back; its number stays"},
    {"POST", "/api/v1/pledges/{number}/waive", handle_pledge_waive, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "what is open will not come any more"},
    {"POST", "/api/v1/pledges/{number}/transfer", handle_pledge_transfer, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "another donor takes over what is open"},
    {"POST", "/api/v1/pledges/{number}/ticket", handle_pledge_ticket, FINANCE, ROUTE_AREA_PLEDGE, 0, "", "the official ticket of an arrival"},
    {"POST", "/api/v1/pledges/{number}/reverse", handle_pledge_reverse, FINANCE, ROUTE_AREA_PLEDGE, ROUTE_CONFIRM, "", "takes back one entry of it, once"},
    {"GET", "/api/v1/pledges/{number}/messages", handle_pledge_messages, FINANCE | OPERATOR | AUDITOR, ROUTE_AREA_PLEDGE, 0, "masked", "what its donor was told, and what became of each message"},
    {"POST", "/api/v1/pledges/{number}/messages", handle_pledge_message_again, FINANCE | OPERATOR, ROUTE_AREA_PLEDGE, 0, "", "one of these messages once more, with the same number in it"},
    {"GET", "/api/v1/totals", handle_totals, ALL, ROUTE_AREA_READ, 0, "region children campaign year basis level", "what an area pledged, received and delivered"},
    {"GET", "/api/v1/totals/day", handle_totals_day, ALL, ROUTE_AREA_READ, 0, "region day step", "how the totals of an area grew over a day"},
    {"GET", "/api/v1/totals/messages", handle_totals_messages, ALL, ROUTE_AREA_READ, 0, "region year", "recipients of an area's campaigns by state"},
    {"GET", "/api/v1/events", handle_events, ALL, ROUTE_AREA_ANY, 0, "", "what changed, as it happens: a stream of markers"},
    {"POST", "/api/v1/ledger/reverse", handle_ledger_reverse, FINANCE, ROUTE_AREA_NATION, ROUTE_CONFIRM, "", "takes back any one entry, once"},
    {"POST", "/api/v1/ledger/pass", handle_ledger_pass, FINANCE, ROUTE_AREA_READ, 0, "", "money or goods go from one area to another"},
    {"POST", "/api/v1/ledger/close", handle_ledger_close, FINANCE, ROUTE_AREA_READ, ROUTE_CONFIRM, "", "closes a period that was reported"},
    {"GET", "/api/v1/ledger/entries", handle_ledger_entries, FINANCE | AUDITOR, ROUTE_AREA_NATION, 0, "from to limit format masked reason", "the entries, as a page or streamed"},
    {"GET", "/api/v1/ledger/audit", handle_ledger_audit, FINANCE | AUDITOR, ROUTE_AREA_NATION, 0, "", "numbers given, periods closed, entries sealed"},
    {"GET", "/api/v1/ledger/publish", handle_ledger_publish, FINANCE | AUDITOR | VIEWER, ROUTE_AREA_READ, 0, "region from to campaign hotline days", "the public notice of an area"},
    {"POST", "/api/v1/ledger/verify", handle_ledger_verify, FINANCE | AUDITOR | OPERATOR, ROUTE_AREA_NATION, ROUTE_QUIET | ROUTE_LOOKS, "", "recomputes everything from the entries"},
    {"POST", "/api/v1/ledger/seal", handle_ledger_seal, AUDITOR | OPERATOR, ROUTE_AREA_NATION, 0, "", "seals the entries since the last seal"},
    {"GET", "/public/", handle_public_page, NOBODY, ROUTE_AREA_ANY, ROUTE_OPEN, "lang page", "the public page: totals and the masked list of donors, as HTML"},
    {"GET", "/public/page.css", handle_public_style, NOBODY, ROUTE_AREA_ANY, ROUTE_OPEN, "", "how the public page looks"},
    {"GET", "/public/totals.json", handle_public_totals, NOBODY, ROUTE_AREA_ANY, ROUTE_OPEN, "", "the totals of the public page"},
    {"GET", "/public/donors.json", handle_public_donors, NOBODY, ROUTE_AREA_ANY, ROUTE_OPEN, "page", "the list of the public page, a page a call"},
    {"GET", "/api/v1/backup", handle_backup, NOBODY, ROUTE_AREA_ANY, 0, "actor", "all that lies in Redis, of one instant, streamed"},
    {"PUT", "/api/v1/restore", handle_restore, NOBODY, ROUTE_AREA_ANY, ROUTE_QUIET, "at replace actor", "a part of a backup; the last one puts it in place"},
    {"POST", "/api/v1/purge", handle_purge, NOBODY, ROUTE_AREA_ANY, 0, "", "deletes numbers and texts of campaigns that are older than retention"},
    {"GET", "/api/v1/session", handle_session_show, ALL, ROUTE_AREA_ANY, 0, "", "who is logged in here, and what she may do"},
    {"POST", "/api/v1/session", handle_session_open, NOBODY, ROUTE_AREA_ANY, ROUTE_OPEN | ROUTE_SECRET, "", "logs in: name and password for a cookie"},
    {"DELETE", "/api/v1/session", handle_session_close, ALL, ROUTE_AREA_ANY, 0, "", "logs out"},
    {"POST", "/api/v1/session/confirm", handle_session_confirm, ALL, ROUTE_AREA_ANY, ROUTE_SECRET, "", "the password again, for acts that ask for it"},
    {"POST", "/api/v1/session/password", handle_session_password, ALL, ROUTE_AREA_ANY, ROUTE_SECRET, "", "a new password of one's own"},
    {"GET", "/api/v1/audit", handle_audit_page, AUDITOR | ADMIN, ROUTE_AREA_NATION, 0, "before to limit by about", "who did what, from where, newest first"},
    {"POST", "/api/v1/audit/verify", handle_audit_verify, AUDITOR | ADMIN, ROUTE_AREA_NATION, ROUTE_QUIET | ROUTE_LOOKS, "", "does each line fit the one before"},
    {"GET", "/api/v1/tokens", handle_token_list, ALL, ROUTE_AREA_ANY, 0, "limit cursor", "tokens of programs: one's own, an admin sees all"},
    {"POST", "/api/v1/tokens", handle_token_add, ALL, ROUTE_AREA_ANY, ROUTE_CONFIRM | ROUTE_SECRET, "", "a new token, shown this once"},
    {"DELETE", "/api/v1/tokens/{id}", handle_token_drop, ALL, ROUTE_AREA_ANY, 0, "", "the token is worth nothing any more"},
    {"GET", "/api/v1/users", handle_user_list, ADMIN | AUDITOR, ROUTE_AREA_NATION, 0, "limit cursor", "users with their roles and areas"},
    {"POST", "/api/v1/users", handle_user_add, ADMIN, ROUTE_AREA_NATION, ROUTE_CONFIRM | ROUTE_SECRET, "", "a new user"},
    {"POST", "/api/v1/users/{name}", handle_user_change, ADMIN, ROUTE_AREA_NATION, ROUTE_CONFIRM, "", "other roles, another area, disabled or not"},
    {"POST", "/api/v1/users/{name}/password", handle_user_password, ADMIN, ROUTE_AREA_NATION, ROUTE_CONFIRM | ROUTE_SECRET, "", "a new password; the user's sessions end"},
};
/* clang-format on */
const size_t routes_count = sizeof routes_rows / sizeof *routes_rows;

static size_t segment_len(const char *path)
{
    return strcspn(path, "/");
}

/* Walks both segment by segment. */
static int matches(const char *pattern, const char *path,
                   char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE])
{
    size_t n = 0;
    while (*pattern == '/' && *path == '/') {
        size_t want = segment_len(++pattern), have = segment_len(++path);
        if (*pattern == '{') {
            if (have == 0 || have >= ROUTE_PARAM_SIZE || n == ROUTE_PARAMS_MAX) {
                return 0;
            }
            memcpy(params[n], path, have);
            params[n++][have] = '\0';
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return 0;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

enum routes_match routes_find(const char *method, const char *path, const struct route **route,
                              char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE])
{
    enum routes_match result = ROUTE_NO_PATH;
    for (size_t i = 0; i < routes_count; i++) {
        if (!matches(routes_rows[i].path, path, params)) {
            continue;
        }
        if (strcmp(routes_rows[i].method, method) == 0) {
            *route = &routes_rows[i];
            return ROUTE_FOUND;
        }
        result = ROUTE_NO_METHOD;
    }
    return result;
}

const char *routes_methods(const char *path, char out[ROUTE_METHODS_SIZE])
{
    char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE];
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < routes_count; i++) {
        const char *method = routes_rows[i].method;
        if (matches(routes_rows[i].path, path, params) && strstr(out, method) == NULL) {
            len +=
                (size_t)snprintf(out + len, ROUTE_METHODS_SIZE - len, "%s%s%s", len > 0 ? ", " : "",
                                 method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
        }
    }
    return out;
}
