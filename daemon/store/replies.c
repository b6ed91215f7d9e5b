/* An answer is a chain of blocks, the newest first. The root stands at the beginning of the oldest
 * one, so that the pointer hiredis knows leads to the chain; every other part is found through it,
 * by going up from the task that hiredis works on. Blocks grow from one to the next, up to
 * BLOCK_MAX_BYTES. */
#include "store/replies.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#define BLOCK_FIRST_BYTES ((size_t)1024)
#define BLOCK_MAX_BYTES ((size_t)65536)
/* Blocks of the largest size that are kept: an answer of 1000 entries of the ledger takes 5 MiB.
 * With AddressSanitizer none is, so that the use of an answer after its end is seen. */
#ifdef __SANITIZE_ADDRESS__
#define SPARE_MAX 0
#else
#define SPARE_MAX 96
#endif

struct block {
    struct block *next;
    size_t used, room;
    max_align_t bytes[];
};

struct replies {
    struct block *spare;
    size_t n_spare;
};

struct answer_root {
    redisReply reply; /* the first member: hiredis and callbacks see this */
    struct replies *replies;
    struct block *newest;
    unsigned holders;
};

static struct block *take_block(struct replies *replies, size_t room)
{
    if (room == BLOCK_MAX_BYTES && replies->spare != NULL) {
        struct block *block = replies->spare;
        replies->spare = block->next;
        replies->n_spare--;
        block->used = 0;
        return block;
    }
    struct block *block = malloc(sizeof *block + room);
    if (block != NULL) {
        block->used = 0;
        block->room = room;
    }
    return block;
}

static void give_block(struct replies *replies, struct block *block)
{
    if (block->room != BLOCK_MAX_BYTES || replies->n_spare == SPARE_MAX) {
        free(block);
        return;
    }
    block->next = replies->spare;
    replies->spare = block;
    replies->n_spare++;
}

static size_t aligned(size_t bytes)
{
    return (bytes + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
}

static void *take_bytes(struct block *block, size_t bytes)
{
    void *at = (char *)block->bytes + block->used;
    block->used += aligned(bytes);
    return at;
}

static void *more_bytes(struct answer_root *root, size_t bytes)
{
    struct block *block = root->newest;
    if (block->room - block->used < aligned(bytes)) {
        size_t room = block->room * 4 < BLOCK_MAX_BYTES ? block->room * 4 : BLOCK_MAX_BYTES;
        if (room < aligned(bytes))
            room = aligned(bytes);
        block = take_block(root->replies, room);
        if (block == NULL)
            return NULL;
        block->next = root->newest;
        root->newest = block;
    }
    return take_bytes(block, bytes);
}

/* The beginning of a new answer with room for `extra` bytes more. */
static struct answer_root *begin(struct replies *replies, size_t extra)
{
    size_t bytes = aligned(sizeof(struct answer_root)) + aligned(extra);
    struct block *block =
        take_block(replies, bytes < BLOCK_FIRST_BYTES ? BLOCK_FIRST_BYTES : bytes);
    if (block == NULL)
        return NULL;
    block->next = NULL;
    struct answer_root *root = take_bytes(block, sizeof *root);
    *root = (struct answer_root){.replies = replies, .newest = block, .holders = 1};
    return root;
}

/* A part for the task, with `extra` bytes of its own behind it, in the place its parent has for it.
 */
static redisReply *make(const redisReadTask *task, int type, size_t extra, void **bytes)
{
    const redisReadTask *top = task;
    while (top->parent != NULL)
        top = top->parent;
    struct answer_root *root = top == task ? begin(task->privdata, extra) : top->obj;
    if (root == NULL)
        return NULL;
    redisReply *reply = top == task ? &root->reply : more_bytes(root, sizeof *reply);
    if (reply == NULL)
        return NULL;
    *bytes = more_bytes(root, extra);
    if (*bytes == NULL) {
        if (top == task) /* nobody has seen it */
            replies_release(reply);
        return NULL;
    }
    memset(reply, 0, sizeof *reply);
    reply->type = type;
    if (top != task)
        ((redisReply *)task->parent->obj)->element[task->idx] = reply;
    return reply;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    void *bytes;
    redisReply *reply = make(task, task->type, len + 1, &bytes);
    if (reply == NULL)
        return NULL;
    reply->str = bytes;
    reply->len = len;
    memcpy(reply->str, text, len);
    reply->str[len] = '\0';
    return reply;
}

static void *make_array(const redisReadTask *task, int elements)
{
    void *bytes;
    size_t n = elements > 0 ? (size_t)elements : 0;
    redisReply *reply = make(task, REDIS_REPLY_ARRAY, n * sizeof *reply->element, &bytes);
    if (reply == NULL)
        return NULL;
    reply->elements = n;
    reply->element = bytes;
    memset(bytes, 0, n * sizeof *reply->element);
    return reply;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    void *bytes;
    redisReply *reply = make(task, REDIS_REPLY_INTEGER, 0, &bytes);
    if (reply != NULL)
        reply->integer = value;
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    void *bytes;
    return make(task, REDIS_REPLY_NIL, 0, &bytes);
}

static void end_answer(void *answer)
{
    replies_release(answer);
}

static struct answer_root *root_of(const struct redisReply *answer)
{
    void *root; /* ours, const for everybody else */
    memcpy(&root, &answer, sizeof root);
    return root;
}

void replies_hold(const struct redisReply *answer)
{
    root_of(answer)->holders++;
}

void replies_release(const struct redisReply *answer)
{
    struct answer_root *root = root_of(answer);
    assert(root->holders > 0);
    if (--root->holders > 0)
        return;
    struct replies *replies = root->replies;
    for (struct block *block = root->newest, *next; block != NULL; block = next) {
        next = block->next; /* the oldest holds the root, and is the last */
        give_block(replies, block);
    }
}

enum err replies_new(struct replies **replies)
{
    *replies = calloc(1, sizeof **replies);
    return *replies != NULL ? ERR_OK : ERR_NOMEM;
}

void replies_free(struct replies *replies)
{
    if (replies == NULL)
        return;
    for (struct block *block = replies->spare, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(replies);
}

void replies_serve(struct replies *replies, struct redisReader *reader)
{
    static redisReplyObjectFunctions functions = {make_string, make_array, make_integer, make_nil,
                                                  end_answer};
    reader->fn = &functions;
    reader->privdata = replies;
}
