/* area live, trial, numbers, list: which areas send for real from the console. */
#include "ctl/commands.h"

#include <string.h>

#include "ctl/common.h"
#include "ctl/table.h"

static void print_area(const json_t *area)
{
    size_t n = json_array_size(json_object_get(area, "own_numbers"));
    printf("%s is %s; %zu own number%s\n", ctl_text(area, "region"),
           strcmp(ctl_text(area, "state"), "live") == 0 ? "live" : "in trial", n,
           n == 1 ? "" : "s");
}

/* Takes `body`. */
static enum ctl_exit post(struct ctl *ctl, const char *verb, json_t *body)
{
    struct reply reply;
    char path[256];
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_path(ctl, path, sizeof path, "areas", ctl->operands[0], verb, &exit)) {
        json_decref(body);
        return exit;
    }
    json_object_set_new(body, "actor", json_string(ctl_actor(ctl)));
    if (!ctl_call(ctl, "POST", path, body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_area(reply.json);
    }
    reply_fini(&reply);
    json_decref(body);
    return exit;
}

enum ctl_exit cmd_area_live(struct ctl *ctl)
{
    return post(ctl, "live", json_pack("{s:s}", "reason", ctl_option(ctl, OPT_REASON)));
}

enum ctl_exit cmd_area_trial(struct ctl *ctl)
{
    return post(ctl, "trial", json_pack("{s:s}", "reason", ctl_option(ctl, OPT_REASON)));
}

enum ctl_exit cmd_area_numbers(struct ctl *ctl)
{
    json_t *numbers = json_array();
    for (size_t i = 1; i < ctl->n_operands; i++) {
        json_array_append_new(numbers, json_string(ctl->operands[i]));
    }
    return post(ctl, "", json_pack("{s:o}", "own_numbers", numbers));
}

static void print_areas(const json_t *areas)
{
    static const char *const headers[] = {"area", "name", "state", "since", "by", ">own", "reason"};
    struct table *table;
    size_t i;
    const json_t *area;
    if (table_new(headers, sizeof headers / sizeof *headers, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(areas, i, area)
    {
        char when[40], own[24];
        snprintf(own, sizeof own, "%lld", (long long)ctl_number(area, "own_numbers"));
        table_row(table, (const char *const[]){
                             ctl_text(area, "region"), ctl_text(area, "name"),
                             ctl_text(area, "state"), ctl_time(ctl_text(area, "since"), when),
                             ctl_text(area, "by"), own, ctl_text(area, "reason")});
    }
    table_print(table, stdout);
    table_free(table);
}

enum ctl_exit cmd_area_list(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call_list(ctl, "/api/v1/areas", "areas", &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_areas(json_object_get(reply.json, "areas"));
    }
    reply_fini(&reply);
    return exit;
}
