/* The route table: the one list of what the API can do. docs/api.md shows the same rows;
 * tests/unit/api/test_routes.c compares. */
#pragma once

#include <stddef.h>

#define ROUTE_PARAMS_MAX 2
#define ROUTE_PARAM_SIZE 128

struct apicall;
struct route {
    const char *method, *path; /* path with {name} for one segment */
    void (*handle)(struct apicall *call);
    const char *doc;
};
extern const struct route routes_rows[];
extern const size_t routes_count;

enum routes_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
/* The values of {…} are copied to `params` in their order. A value that is empty or too long
 * matches nothing. */
enum routes_match routes_find(const char *method, const char *path, const struct route **route,
                              char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE]);
