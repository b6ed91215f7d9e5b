#include "api/routes.h"

#include <string.h>

#include "api/handlers.h"

const struct route routes_rows[] = {
    {"GET", "/api/v1/status", handle_status,
     "the daemon, Redis, carriers, live campaigns, and what needs a person"},
    {"GET", "/metrics", handle_metrics, "the same figures in Prometheus' text format"},
    {"POST", "/api/v1/reload", handle_reload,
     "reads the configuration again, all of it or nothing"},
    {"GET", "/api/v1/campaigns", handle_campaign_list, "all campaigns, drafts too, newest first"},
    {"POST", "/api/v1/campaigns/launch", handle_campaign_launch,
     "starts an import; it goes on in the background"},
    {"POST", "/api/v1/campaigns/test", handle_campaign_test, "one real message to one number"},
    {"GET", "/api/v1/campaigns/{id}", handle_campaign_show, "one campaign"},
    {"POST", "/api/v1/campaigns/{id}/pause", handle_campaign_pause, "stops it at once"},
    {"POST", "/api/v1/campaigns/{id}/resume", handle_campaign_resume,
     "goes on with a paused or missed campaign"},
    {"POST", "/api/v1/campaigns/{id}/cancel", handle_campaign_cancel, "ends it for good"},
    {"POST", "/api/v1/campaigns/{id}/resolve", handle_campaign_resolve,
     "decides about ambiguous recipients"},
    {"POST", "/api/v1/campaigns/{id}/resend", handle_campaign_resend,
     "a child campaign of those provably not reached"},
    {"GET", "/api/v1/campaigns/{id}/report", handle_campaign_report,
     "one line a recipient, streamed"},
    {"POST", "/api/v1/recipients/lookup", handle_recipients_lookup,
     "who has opted out or is in the dedup group"},
    {"GET", "/api/v1/optouts", handle_optout_page, "opt-outs in order of number, a page a call"},
    {"POST", "/api/v1/optouts", handle_optout_add, "adds opt-outs"},
    {"POST", "/api/v1/optouts/remove", handle_optout_remove, "the owner of the number came back"},
    {"POST", "/api/v1/optouts/check", handle_optout_check, "has this number opted out"},
    {"GET", "/api/v1/carriers", handle_carrier_list, "the carrier accounts and their figures"},
    {"POST", "/api/v1/carriers/{name}/pause", handle_carrier_pause,
     "nothing is sent over it until resumed"},
    {"POST", "/api/v1/carriers/{name}/resume", handle_carrier_resume,
     "tries a paused or stopped account again"},
    {"GET", "/api/v1/pledges", handle_pledge_list, "pledges, newest first, a page a call"},
    {"POST", "/api/v1/pledges", handle_pledge_add, "a new pledge"},
    {"POST", "/api/v1/pledges/search", handle_pledge_search,
     "pledges by number, mobile or a part of the donor's name"},
    {"POST", "/api/v1/pledges/import", handle_pledge_import,
     "a paper list as CSV: checked, then booked"},
    {"GET", "/api/v1/pledges/{number}", handle_pledge_show,
     "one pledge with its entries, by its number or a receipt's"},
    {"POST", "/api/v1/pledges/{number}/confirm", handle_pledge_confirm,
     "an unconfirmed pledge counts from now on"},
    {"POST", "/api/v1/pledges/{number}/arrive", handle_pledge_arrive,
     "all or a part of it arrived; gives a receipt number"},
    {"POST", "/api/v1/pledges/{number}/deliver", handle_pledge_deliver,
     "what arrived was handed out"},
    {"POST", "/api/v1/pledges/{number}/void", handle_pledge_void,
     "entered wrong, or the donor takes it back; its number stays"},
    {"POST", "/api/v1/pledges/{number}/waive", handle_pledge_waive,
     "what is open will not come any more"},
    {"POST", "/api/v1/pledges/{number}/transfer", handle_pledge_transfer,
     "another donor takes over what is open"},
    {"POST", "/api/v1/pledges/{number}/ticket", handle_pledge_ticket,
     "the official ticket of an arrival"},
    {"GET", "/api/v1/totals", handle_totals, "what an area pledged, received and delivered"},
    {"POST", "/api/v1/ledger/reverse", handle_ledger_reverse, "takes back any one entry, once"},
    {"POST", "/api/v1/ledger/pass", handle_ledger_pass,
     "money or goods go from one area to another"},
    {"POST", "/api/v1/ledger/close", handle_ledger_close, "closes a period that was reported"},
    {"GET", "/api/v1/ledger/entries", handle_ledger_entries, "the entries, as a page or streamed"},
    {"GET", "/api/v1/ledger/audit", handle_ledger_audit,
     "numbers given, periods closed, entries sealed"},
    {"GET", "/api/v1/ledger/publish", handle_ledger_publish, "the public notice of an area"},
    {"POST", "/api/v1/ledger/verify", handle_ledger_verify,
     "recomputes everything from the entries"},
    {"POST", "/api/v1/ledger/seal", handle_ledger_seal, "seals the entries since the last seal"},
};
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
