/* See caller.h. */
#include "inbound/caller.h"

#define FORWARDED_MAX_BYTES 1024 /* of its end: nobody goes through so many proxies */

const char *caller_address(const struct settings_daemon *daemon, struct http_request *request,
                           char out[ADDRESS_TEXT_SIZE])
{
    char forwarded[FORWARDED_MAX_BYTES];
    bool has_proxies = daemon->behind_tls &&
                       http_request_list(request, "X-Forwarded-For", forwarded, sizeof forwarded);
    return address_of_client(daemon->trusted_proxies, daemon->n_trusted_proxies,
                             http_request_peer(request), has_proxies ? forwarded : NULL, out);
}
