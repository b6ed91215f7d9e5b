/* The route table, and docs/api.md against it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"

static char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE];

static const struct route *find(const char *method, const char *path)
{
    const struct route *route = NULL;
    return routes_find(method, path, &route, params) == ROUTE_FOUND ? route : NULL;
}

static enum routes_match match(const char *method, const char *path)
{
    const struct route *route = NULL;
    return routes_find(method, path, &route, params);
}

static void test_names_are_taken_from_the_path(void **state)
{
    (void)state;
    const struct route *route = find("POST", "/api/v1/campaigns/2026-10-17-gaoshan/pause");
    assert_non_null(route);
    assert_string_equal(route->path, "/api/v1/campaigns/{id}/pause");
    assert_string_equal(params[0], "2026-10-17-gaoshan");
    assert_non_null(find("POST", "/api/v1/carriers/mas/resume"));
    assert_string_equal(params[0], "mas");
}

/* A fixed word goes before a name, by method: GET …/launch is a campaign of that id, POST …/launch
 * is the act. */
static void test_words_before_names(void **state)
{
    (void)state;
    assert_string_equal(find("POST", "/api/v1/campaigns/launch")->path, "/api/v1/campaigns/launch");
    assert_string_equal(find("GET", "/api/v1/campaigns/launch")->path, "/api/v1/campaigns/{id}");
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    char path[300];
    assert_int_equal(match("GET", "/"), ROUTE_NO_PATH);
    assert_int_equal(match("GET", ""), ROUTE_NO_PATH);
    assert_int_equal(match("GET", "/api/v1/campaigns/"), ROUTE_NO_PATH);
    assert_int_equal(match("GET", "/api/v1/campaigns/x/"), ROUTE_NO_PATH);
    assert_int_equal(match("GET", "/api/v1/campaigns/x/pause/y"), ROUTE_NO_PATH);
    assert_int_equal(match("GET", "/api/v1/campaign"), ROUTE_NO_PATH);
    assert_int_equal(match("DELETE", "/api/v1/campaigns"), ROUTE_NO_METHOD);
    assert_int_equal(match("GET", "/api/v1/campaigns/x/pause"), ROUTE_NO_METHOD);
    snprintf(path, sizeof path, "/api/v1/campaigns/%0*d", ROUTE_PARAM_SIZE, 0);
    assert_int_equal(match("GET", path), ROUTE_NO_PATH);
    path[strlen(path) - 1] = '\0';
    assert_int_equal(match("GET", path), ROUTE_FOUND);
}

static void test_every_row_is_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        char path[256], *open;
        snprintf(path, sizeof path, "%s", routes_rows[i].path);
        while ((open = strchr(path, '{')) != NULL) {
            char *close = strchr(open, '}');
            assert_non_null(close);
            memmove(open + 1, close + 1, strlen(close));
            *open = 'x';
        }
        assert_ptr_equal(find(routes_rows[i].method, path), &routes_rows[i]);
        assert_non_null(routes_rows[i].handle);
    }
}

/* docs/api.md lists exactly these rows, in this order: | `GET` | `/api/v1/status` | what |. */
static void test_the_page_shows_the_table(void **state)
{
    (void)state;
    char line[1024], wanted[1024];
    size_t row = 0;
    FILE *page = fopen(SOURCE_DIR "/docs/api.md", "r");
    assert_non_null(page);
    while (fgets(line, sizeof line, page) != NULL) {
        if (strncmp(line, "| `GET`", 7) != 0 && strncmp(line, "| `POST`", 8) != 0 &&
            strncmp(line, "| `PUT`", 7) != 0 && strncmp(line, "| `DELETE`", 10) != 0) {
            continue;
        }
        assert_true(row < routes_count);
        snprintf(wanted, sizeof wanted, "| `%s` | `%s` | %s |\n", routes_rows[row].method,
                 routes_rows[row].path, routes_rows[row].doc);
        assert_string_equal(line, wanted);
        row++;
    }
    fclose(page);
    assert_int_equal(row, routes_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_taken_from_the_path),
        cmocka_unit_test(test_words_before_names),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_every_row_is_reached),
        cmocka_unit_test(test_the_page_shows_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
