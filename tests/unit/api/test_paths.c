/* What is cut off before names of files, and what is left alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/paths.h"

static void test_folders_are_cut_off_wherever_they_stand(void **state)
{
    (void)state;
    static struct settings settings = {.file = "/etc/outreach/outreachd.ini"};
    settings.daemon.campaigns_dir = "/etc/outreach/campaigns.d";
    json_t *json =
        json_pack("{s:s, s:[{s:s}, s, i], s:n}", "a",
                  "there is no [carrier x] in /etc/outreach/outreachd.ini", "b", "reason",
                  "/etc/outreach/campaigns.d/x.csv and /etc/outreach/campaigns.d/y.txt",
                  "GET /api/v1/campaigns", 3, "c");
    paths_hide(&settings, json);
    assert_string_equal(json_string_value(json_object_get(json, "a")),
                        "there is no [carrier x] in outreachd.ini");
    const json_t *list = json_object_get(json, "b");
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "reason")),
                        "x.csv and y.txt");
    assert_string_equal(json_string_value(json_array_get(list, 1)), "GET /api/v1/campaigns");
    json_decref(json);
}

static void test_a_slash_at_the_end_of_a_folder_is_its_own(void **state)
{
    (void)state;
    static struct settings settings = {.file = "/etc/outreach/outreachd.ini"};
    settings.daemon.campaigns_dir = "/srv/campaigns/";
    json_t *json = json_pack("[s]", "/srv/campaigns/x.csv");
    paths_hide(&settings, json);
    assert_string_equal(json_string_value(json_array_get(json, 0)), "x.csv");
    json_decref(json);
}

static void test_no_folder_cuts_nothing(void **state)
{
    (void)state;
    struct settings settings = {.file = "/outreachd.ini"};
    json_t *json = json_pack("[s]", "/x/y");
    paths_hide(&settings, json);
    assert_string_equal(json_string_value(json_array_get(json, 0)), "/x/y");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders_are_cut_off_wherever_they_stand),
        cmocka_unit_test(test_a_slash_at_the_end_of_a_folder_is_its_own),
        cmocka_unit_test(test_no_folder_cuts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
