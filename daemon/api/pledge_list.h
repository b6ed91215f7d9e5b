/* A paper list of pledges as a spreadsheet: its columns by name, its rows checked one by one, each
 * an entry of the ledger. Pure. Internal to api/.
 *
 * Columns (any order, others are left alone): 姓名 手机 金额 | 物品 数量 单位, and 类别 折价 地区
 * 捐赠单位 公开 日期 用途 备注. The English names are name mobile amount item quantity unit kind
 * value region organisation public date purpose note. */
#pragma once

#include "base/buf.h"
#include "store/ledger.h"

#define PLEDGE_LIST_ROWS_MAX 100000

struct pledge_list;
struct pledge_list_options { /* texts are borrowed as long as the list */
    const char *actor, *campaign;
    uint64_t region; /* for rows that do not say; */
    bool has_region; /* else each must */
    uint32_t on;     /* the same, yyyymmdd; 0: the day of the booking */
    uint32_t today;  /* no row may lie after it */
};
struct pledge_list_row {               /* borrowed until the next call */
    uint64_t row;                      /* as the spreadsheet counts */
    const struct ledger_entry *entry;  /* NULL: the row has a problem, */
    const char *value, *reason, *word; /* and this is it (see struct plan_problem) */
};
enum pledge_list_step {
    PLEDGE_LIST_ROW,
    PLEDGE_LIST_NOTHING, /* a part was read that ended no row: call again */
    PLEDGE_LIST_END
};

/* Copies the bytes. `problem` gets a sentence when the list is refused as a whole.
 * errors: ERR_INVALID, ERR_IO, ERR_NOMEM */
MUST_CHECK enum err pledge_list_open(const char *bytes, size_t len,
                                     const struct pledge_list_options *options,
                                     struct pledge_list **list, struct buf *problem);
/* A step, short whatever the list holds. errors: the same, and ERR_TOO_BIG */
MUST_CHECK enum err pledge_list_next(struct pledge_list *list, struct pledge_list_row *row,
                                     enum pledge_list_step *step, struct buf *problem);
void pledge_list_free(struct pledge_list *list); /* NULL is fine */
