#include "ctl/vault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define MORE crypto_secretstream_xchacha20poly1305_ABYTES
#define HEADER_BYTES crypto_secretstream_xchacha20poly1305_HEADERBYTES
/* What a file may ask of us; ours ask for a quarter of it. */
#define MEMORY_MAX_BYTES ((uint64_t)1024 * 1024 * 1024)
#define OPERATIONS_MAX 20

static const char magic[] = "outreachd backup locked 1\n";
#define MAGIC_BYTES (sizeof magic - 1)

struct head { /* as it lies in the file, behind the magic */
    unsigned char salt[crypto_pwhash_SALTBYTES], operations[8], memory[8], stream[HEADER_BYTES];
};

struct vault {
    FILE *file;
    bool is_locked, is_over;
    crypto_secretstream_xchacha20poly1305_state state;
    size_t used; /* bytes of `plain` that wait for their block to be full */
    unsigned char plain[VAULT_BLOCK_BYTES], locked[VAULT_BLOCK_BYTES + MORE];
};

static void put_number(uint64_t value, unsigned char at[8])
{
    for (int i = 8; i-- > 0; value >>= 8)
        at[i] = (unsigned char)value;
}

static uint64_t get_number(const unsigned char at[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static bool derive(const struct head *head, const char *passphrase,
                   unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES])
{
    return crypto_pwhash(key, crypto_secretstream_xchacha20poly1305_KEYBYTES, passphrase,
                         strlen(passphrase), head->salt, get_number(head->operations),
                         (size_t)get_number(head->memory), crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static struct vault *vault_new(FILE *file)
{
    struct vault *vault = sodium_init() >= 0 ? calloc(1, sizeof *vault) : NULL;
    if (vault != NULL)
        vault->file = file;
    return vault;
}

void vault_free(struct vault *vault)
{
    if (vault != NULL)
        sodium_memzero(vault, sizeof *vault);
    free(vault);
}

bool vault_is_locked(const struct vault *vault)
{
    return vault->is_locked;
}

/* ---- writing ---- */

static enum err begin_locked(struct vault *vault, const char *passphrase)
{
    struct head head;
    unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    vault->is_locked = true;
    randombytes_buf(head.salt, sizeof head.salt);
    put_number(crypto_pwhash_OPSLIMIT_MODERATE, head.operations);
    put_number(crypto_pwhash_MEMLIMIT_MODERATE, head.memory);
    if (!derive(&head, passphrase, key))
        return ERR_NOMEM;
    crypto_secretstream_xchacha20poly1305_init_push(&vault->state, head.stream, key);
    sodium_memzero(key, sizeof key);
    bool fine = fwrite(magic, MAGIC_BYTES, 1, vault->file) == 1 &&
                fwrite(&head, sizeof head, 1, vault->file) == 1;
    return fine ? ERR_OK : ERR_IO;
}

enum err vault_create(FILE *file, const char *passphrase, struct vault **out)
{
    struct vault *vault = vault_new(file);
    if (vault == NULL)
        return ERR_NOMEM;
    enum err error = passphrase != NULL ? begin_locked(vault, passphrase) : ERR_OK;
    if (error != ERR_OK) {
        vault_free(vault);
        return error;
    }
    *out = vault;
    return ERR_OK;
}

static enum err push_block(struct vault *vault, unsigned char tag)
{
    crypto_secretstream_xchacha20poly1305_push(&vault->state, vault->locked, NULL, vault->plain,
                                               vault->used, NULL, 0, tag);
    size_t len = vault->used + MORE;
    vault->used = 0;
    return fwrite(vault->locked, 1, len, vault->file) == len ? ERR_OK : ERR_IO;
}

enum err vault_write(struct vault *vault, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    if (!vault->is_locked)
        return fwrite(bytes, 1, len, vault->file) == len ? ERR_OK : ERR_IO;
    while (len > 0) {
        enum err error = vault->used == VAULT_BLOCK_BYTES ? push_block(vault, 0) : ERR_OK;
        if (error != ERR_OK)
            return error;
        size_t room = VAULT_BLOCK_BYTES - vault->used, n = len < room ? len : room;
        memcpy(vault->plain + vault->used, at, n);
        vault->used += n;
        at += n;
        len -= n;
    }
    return ERR_OK;
}

enum err vault_finish(struct vault *vault)
{
    enum err error = vault->is_locked
                         ? push_block(vault, crypto_secretstream_xchacha20poly1305_TAG_FINAL)
                         : ERR_OK;
    return error == ERR_OK && fflush(vault->file) != 0 ? ERR_IO : error;
}

/* ---- reading ---- */

static enum err open_locked(struct vault *vault, const char *passphrase)
{
    struct head head;
    unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    vault->is_locked = true;
    if (passphrase == NULL)
        return ERR_REFUSED;
    if (fread(&head, sizeof head, 1, vault->file) != 1 ||
        get_number(head.memory) > MEMORY_MAX_BYTES ||
        get_number(head.memory) < crypto_pwhash_MEMLIMIT_MIN ||
        get_number(head.operations) > OPERATIONS_MAX ||
        get_number(head.operations) < crypto_pwhash_OPSLIMIT_MIN)
        return ERR_INVALID;
    if (!derive(&head, passphrase, key))
        return ERR_NOMEM;
    int rc = crypto_secretstream_xchacha20poly1305_init_pull(&vault->state, head.stream, key);
    sodium_memzero(key, sizeof key);
    return rc == 0 ? ERR_OK : ERR_INVALID;
}

enum err vault_open(FILE *file, const char *(*passphrase)(void *arg), void *arg, struct vault **out)
{
    char start[MAGIC_BYTES];
    enum err error = ERR_OK;
    struct vault *vault = vault_new(file);
    if (vault == NULL)
        return ERR_NOMEM;
    rewind(file);
    if (fread(start, sizeof start, 1, file) == 1 && memcmp(start, magic, sizeof start) == 0)
        error = open_locked(vault, passphrase(arg));
    else
        rewind(file);
    if (error != ERR_OK) {
        vault_free(vault);
        return error;
    }
    *out = vault;
    return ERR_OK;
}

enum err vault_read(struct vault *vault, void *bytes, size_t size, size_t *len)
{
    unsigned long long plain_len = 0;
    unsigned char tag = 0;
    *len = 0;
    if (!vault->is_locked) {
        *len = fread(bytes, 1, size, vault->file);
        return ferror(vault->file) ? ERR_IO : ERR_OK;
    }
    if (vault->is_over)
        return ERR_OK;
    size_t n = fread(vault->locked, 1, sizeof vault->locked, vault->file);
    if (ferror(vault->file))
        return ERR_IO;
    if (n < MORE || n - MORE > size ||
        crypto_secretstream_xchacha20poly1305_pull(&vault->state, bytes, &plain_len, &tag,
                                                   vault->locked, n, NULL, 0) != 0)
        return ERR_INVALID;
    vault->is_over = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (vault->is_over && fgetc(vault->file) != EOF)
        return ERR_INVALID; /* something was put behind it */
    *len = (size_t)plain_len;
    return ERR_OK;
}
