/* The route table: the one list of what the API can do. docs/api.md shows the same rows;
 * tests/unit/api/test_routes.c compares. */
#pragma once

#include <stddef.h>

#include "people/rights.h"

#define ROUTE_PARAMS_MAX 2
#define ROUTE_PARAM_SIZE 128

struct apicall;

/* Where the area comes from that a route is about. A user whose own area does not hold it is
 * refused. */
enum route_area {
    ROUTE_AREA_ANY,           /* it is about no area */
    ROUTE_AREA_NATION,        /* about all of them: only for users of no single area */
    ROUTE_AREA_LIST,          /* the handler leaves out what apicall_covers does not */
    ROUTE_AREA_READ,          /* the handler reads a region with query_area or apicall_area, which
                                 refuse others; without one it is the user's own */
    ROUTE_AREA_CAMPAIGN,      /* the campaign or draft {id} */
    ROUTE_AREA_CAMPAIGN_BODY, /* the campaign or draft that `file` of the body names by its id */
    ROUTE_AREA_PLEDGE,        /* the pledge {number} */
};
#define ROUTE_OPEN 1U /* no login is needed */
#define ROUTE_QUIET                                                                                \
    4U /* no line in the audit of its own: it only looks, or its handler tells more */
#define ROUTE_CONFIRM                                                                              \
    2U /* a session must have given its password again a short time ago; a token, which has none   \
          to give, may not do it at all */
#define ROUTE_SECRET                                                                               \
    8U /* a password or a token is in its body or its answer: no Idempotency-Key, because nothing  \
          of it may be kept, not as a quick digest either */
#define ROUTE_LOOKS                                                                                \
    16U /* a POST that changes nothing, so that what is looked for stands in no log of a proxy: an \
           Idempotency-Key would only keep what was found */

struct route {
    const char *method, *path; /* path with {name} for one segment */
    void (*handle)(struct apicall *call);
    uint32_t roles; /* bits of those that may, by the listening port; 0: none */
    enum route_area area;
    unsigned flags;
    const char *query; /* the names of its query parameters, split by blanks */
    const char *doc;
};
extern const struct route routes_rows[];
extern const size_t routes_count;

enum routes_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
/* The methods of the routes that a path fits, "GET, POST"; "" when there is none. */
#define ROUTE_METHODS_SIZE 40
const char *routes_methods(const char *path, char out[ROUTE_METHODS_SIZE]);
/* The values of {…} are copied to `params` in their order. A value that is empty or too long
 * matches nothing. */
enum routes_match routes_find(const char *method, const char *path, const struct route **route,
                              char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE]);
