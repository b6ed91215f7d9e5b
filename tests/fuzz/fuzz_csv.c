/* A table of recipients, through the whole plan: whatever stands in the file, no crash, bounded
 * turns, and every row read is in one bucket. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "campaign/plan.h"
#include "campaign/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings settings = {
    .n_carriers = 1,
    .daemon.utc_offset_min = 480,
    .carriers[0] = {.name = "mas", .batch_max = 1000, .rate = 500, .price_fen = 5}};

/* Half of the numbers have opted out, some of the others are in the group. */
static void answer(const struct plan_block *block, uint8_t *flags)
{
    for (size_t i = 0; i < block->n; i++)
        flags[i] = (uint8_t)(block->rows[i].number % 4);
}

static void check_block(const struct plan *plan, const struct plan_block *block)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < block->n; i++) {
        const struct plan_row *row = &block->rows[i];
        assert(row->number >= 13000000000 && row->number <= 19999999999);
        assert(row->segments >= 1 && row->segments <= 3);
        assert(template_expand(plan_template(plan),
                               (const uint8_t *)buf_text(&block->values) + row->value_at,
                               row->value_len, &text) == ERR_OK);
        buf_reset(&text);
    }
    buf_fini(&text);
}

static void read_all(struct plan *plan)
{
    static struct plan_block block;
    static uint8_t flags[PLAN_BLOCK_ROWS];
    bool done = false;
    enum err error = ERR_OK;
    plan_block_init(&block);
    while (!done && error == ERR_OK) {
        block.n = 0;
        buf_reset(&block.values);
        error = plan_read(plan, PLAN_BLOCK_ROWS, 100, &block, &done);
        answer(&block, flags);
        plan_settle(plan, &block, flags);
        const struct plan_totals *totals = plan_totals(plan);
        assert(totals->rows ==
               totals->accepted + totals->duplicate + totals->invalid + totals->opted_out);
        assert(totals->problems == totals->rows - totals->accepted);
        check_block(plan, &block);
    }
    if (error == ERR_OK)
        plan_finish(plan, 1000);
    else
        assert(plan_fault(plan)[0] != '\0');
    plan_block_fini(&block);
}

/* The first byte chooses the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = {"通知", "((a))", "((姓名))：((b))((姓名))", "((手机))"};
    char path[64];
    if (size == 0)
        return 0;
    int fd = memfd_create("csv", MFD_CLOEXEC);
    assert(fd >= 0);
    assert(write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct definition definition = {.id = "fuzz",
                                          .carrier = "mas",
                                          .recipients = path,
                                          .window_from_min = 480,
                                          .window_to_min = 1260,
                                          .signature = "乡",
                                          .text = (char *)(uintptr_t)texts[data[0] % 4],
                                          .optout = "拒收请回复R",
                                          .on_empty = data[0] / 4 % 3,
                                          .empty_default = "乡亲",
                                          .max_segments = 3};
    struct plan *plan;
    struct buf problem;
    buf_init(&problem, 4096);
    if (plan_open(&definition, &settings, &plan, &problem) == ERR_OK) {
        read_all(plan);
        plan_free(plan);
    } else {
        assert(problem.len > 0);
    }
    buf_fini(&problem);
    close(fd);
    return 0;
}
