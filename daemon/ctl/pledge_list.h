/* A paper list of pledges as a spreadsheet: its columns by name, its rows checked, each the body of
 * one POST. Pure but for reading the file.
 *
 * Columns (any order, others are left alone): 姓名 手机 金额 | 物品 数量 单位, and 类别 折价 地区
 * 捐赠单位 公开 日期 用途 备注. The English names are name mobile amount item quantity unit kind
 * value region organisation public date purpose note. */
#pragma once

#include <jansson.h>

#include "campaign/problems.h"

#define PLEDGE_LIST_ROWS_MAX 100000

struct pledge_list_options {
    const char *actor;
    const char *region, *campaign, *on; /* for rows that do not say; NULL: none */
    uint32_t today;                     /* yyyymmdd: no row may lie after it */
    void (*on_problem)(void *arg, const struct plan_problem *problem); /* NULL: nobody listens */
    void *arg;
};
struct pledge_list {
    uint64_t rows;  /* that are not blank */
    json_t *bodies; /* of the good rows, with "row" besides what is posted */
    struct problems problems;
};
/* Reads all of it. `problem` gets a sentence when the list is refused as a whole.
 * errors: ERR_INVALID, ERR_IO, ERR_NOMEM, ERR_TOO_BIG. *list is released in every case. */
MUST_CHECK enum err pledge_list_read(const char *path, const struct pledge_list_options *options,
                                     struct pledge_list *list, struct buf *problem);
void pledge_list_fini(struct pledge_list *list);
