/* The route table: the one list of what the API can do. docs/api.md shows the same rows;
 * tests/unit/api/test_route.c compares. */
#pragma once

#include <stddef.h>

#define ROUTE_PARAMS_MAX 2
#define ROUTE_PARAM_SIZE 128

struct call;
struct route {
    const char *method, *path; /* path with {name} for one segment */
    void (*handle)(struct call *call);
    const char *doc;
};
extern const struct route route_rows[];
extern const size_t route_count;

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
/* The values of {…} are copied to `params` in their order. A value that is empty or too long
 * matches nothing. */
enum route_match route_find(const char *method, const char *path, const struct route **route,
                            char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE]);
