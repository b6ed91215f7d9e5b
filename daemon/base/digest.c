/* Digests over OpenSSL's EVP, with the algorithm fetched once: an EVP_MD_fetch a call costs more
 * than the MD5 of a whole request. The context is per thread and reused. */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#define FILE_BLOCK_BYTES 65536
#define BASE64_CHUNK_BYTES 49152 /* a multiple of 3, and its text fits an int */

enum algorithm { ALG_MD5, ALG_SHA1, ALG_SHA256, ALG_COUNT };

static struct {
    const char *name;
    size_t bytes;
    EVP_MD *md;
} algorithms[ALG_COUNT] = {
    [ALG_MD5] = {"MD5", 16, NULL},
    [ALG_SHA1] = {"SHA1", 20, NULL},
    [ALG_SHA256] = {"SHA256", DIGEST_SHA256_BYTES, NULL},
};
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "outreach: the crypto library failed: %s\n", what);
    abort();
}

static void free_context(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

/* Runs at exit, before OpenSSL's own handler (registered earlier), so that leak checkers see
 * nothing of ours. */
static void release(void)
{
    EVP_MD_CTX_free(pthread_getspecific(context_key));
    pthread_setspecific(context_key, NULL);
    for (int i = 0; i < ALG_COUNT; i++)
        EVP_MD_free(algorithms[i].md);
}

static void fetch(void)
{
    for (int i = 0; i < ALG_COUNT; i++) {
        algorithms[i].md = EVP_MD_fetch(NULL, algorithms[i].name, NULL);
        if (algorithms[i].md == NULL)
            die(algorithms[i].name); /* e.g. MD5 under a FIPS-only policy */
    }
    if (pthread_key_create(&context_key, free_context) != 0 || atexit(release) != 0)
        die("no room for a thread key");
}

static EVP_MD_CTX *context(void)
{
    if (pthread_once(&fetched, fetch) != 0)
        die("pthread_once");
    EVP_MD_CTX *ctx = pthread_getspecific(context_key);
    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();
        if (ctx == NULL || pthread_setspecific(context_key, ctx) != 0)
            die("no memory");
    }
    return ctx;
}

static size_t digest(enum algorithm alg, const struct digest_part *parts, size_t n, uint8_t *out)
{
    EVP_MD_CTX *ctx = context();
    if (EVP_DigestInit_ex2(ctx, algorithms[alg].md, NULL) != 1)
        die("init");
    for (size_t i = 0; i < n; i++) {
        if (EVP_DigestUpdate(ctx, parts[i].bytes, parts[i].len) != 1)
            die("update");
    }
    unsigned len = 0;
    if (EVP_DigestFinal_ex(ctx, out, &len) != 1)
        die("final");
    assert(len == algorithms[alg].bytes);
    return len;
}

void digest_to_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static void digest_hex(enum algorithm alg, const struct digest_part *parts, size_t n, char *out)
{
    uint8_t raw[EVP_MAX_MD_SIZE];
    digest_to_hex(raw, digest(alg, parts, n, raw), out);
}

void digest_md5_hex(const struct digest_part *parts, size_t n, char out[DIGEST_MD5_HEX])
{
    digest_hex(ALG_MD5, parts, n, out);
}

void digest_sha1_hex(const struct digest_part *parts, size_t n, char out[DIGEST_SHA1_HEX])
{
    digest_hex(ALG_SHA1, parts, n, out);
}

void digest_sha256(const struct digest_part *parts, size_t n, uint8_t out[DIGEST_SHA256_BYTES])
{
    digest(ALG_SHA256, parts, n, out);
}

void digest_sha256_hex(const struct digest_part *parts, size_t n, char out[DIGEST_SHA256_HEX])
{
    digest_hex(ALG_SHA256, parts, n, out);
}

enum err digest_sha256_fd(int fd, char out[DIGEST_SHA256_HEX], uint64_t *len)
{
    char block[FILE_BLOCK_BYTES];
    uint8_t raw[EVP_MAX_MD_SIZE];
    unsigned raw_len = 0;
    EVP_MD_CTX *ctx = context();
    *len = 0;
    if (EVP_DigestInit_ex2(ctx, algorithms[ALG_SHA256].md, NULL) != 1)
        die("init");
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            break;
        if (EVP_DigestUpdate(ctx, block, (size_t)n) != 1)
            die("update");
        *len += (uint64_t)n;
    }
    if (EVP_DigestFinal_ex(ctx, raw, &raw_len) != 1)
        die("final");
    digest_to_hex(raw, raw_len, out);
    return ERR_OK;
}

/* Each has a context of its own: others may be computed between two pieces. */
struct digest_running {
    EVP_MD_CTX *ctx;
};

struct digest_running *digest_sha256_begin(void)
{
    (void)context(); /* the algorithms are fetched */
    struct digest_running *running = malloc(sizeof *running);
    if (running == NULL || (running->ctx = EVP_MD_CTX_new()) == NULL)
        die("no memory");
    if (EVP_DigestInit_ex2(running->ctx, algorithms[ALG_SHA256].md, NULL) != 1)
        die("init");
    return running;
}

void digest_running_add(struct digest_running *running, const void *bytes, size_t len)
{
    if (EVP_DigestUpdate(running->ctx, bytes, len) != 1)
        die("update");
}

void digest_running_end(struct digest_running *running, uint8_t out[DIGEST_SHA256_BYTES])
{
    unsigned len = 0;
    if (EVP_DigestFinal_ex(running->ctx, out, &len) != 1)
        die("final");
}

void digest_running_free(struct digest_running *running)
{
    if (running != NULL)
        EVP_MD_CTX_free(running->ctx);
    free(running);
}

void digest_base64(const void *bytes, size_t len, struct buf *out)
{
    if (len > out->max) { /* also keeps the size below from wrapping */
        out->failed = true;
        return;
    }
    /* EVP_EncodeBlock ends with a zero, which falls on the buffer's own spare byte. */
    size_t text_len = (len + 2) / 3 * 4;
    char *room = buf_room(out, text_len);
    if (room == NULL)
        return;
    const uint8_t *from = bytes;
    for (size_t done = 0; done < len; done += BASE64_CHUNK_BYTES) {
        size_t n = len - done < BASE64_CHUNK_BYTES ? len - done : BASE64_CHUNK_BYTES;
        room += EVP_EncodeBlock((unsigned char *)room, from + done, (int)n);
    }
    out->len += text_len;
    out->data[out->len] = '\0';
}

/* The value of each base64 character plus one; 0 for any other byte. */
static const uint8_t base64_value[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* Not EVP_DecodeBlock: it skips white space and does not tell how much padding there was. */
enum err digest_base64_decode(const char *text, size_t len, struct buf *out)
{
    if (len % 4 != 0)
        return ERR_INVALID;
    if (len == 0)
        return ERR_OK;
    size_t pad = (text[len - 1] == '=') + (text[len - 1] == '=' && text[len - 2] == '=');
    size_t bytes = len / 4 * 3 - pad;
    uint8_t *to = (uint8_t *)buf_room(out, bytes);
    if (to == NULL)
        return ERR_NOMEM;

    uint32_t bits = 0;
    unsigned held = 0; /* how many of the low bits of `bits` wait to be written */
    for (size_t i = 0; i < len - pad; i++) {
        uint8_t value = base64_value[(uint8_t)text[i]];
        if (value == 0) {
            out->data[out->len] = '\0';
            return ERR_INVALID;
        }
        bits = bits << 6 | (value - 1u);
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0) { /* bits that belong to no byte must be zero */
        out->data[out->len] = '\0';
        return ERR_INVALID;
    }
    out->len += bytes;
    out->data[out->len] = '\0';
    return ERR_OK;
}

uint64_t digest_mix64(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}
