/* Digests and base64, over OpenSSL's EVP. Hex is lower case. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DIGEST_MD5_HEX 33
#define DIGEST_SHA1_HEX 41
#define DIGEST_SHA256_BYTES 32
#define DIGEST_SHA256_HEX 65

/* 2*n hex digits and a zero. */
void digest_to_hex(const uint8_t *bytes, size_t n, char *out);

struct digest_part {
    const void *bytes;
    size_t len;
};
/* The digest of the parts one after the other, with nothing between them. A failure of the crypto
 * library is a broken invariant and ends the process. MD5 is what Cloud MAS asks for, not a choice
 * of ours. */
void digest_md5_hex(const struct digest_part *parts, size_t n, char out[DIGEST_MD5_HEX]);
void digest_sha1_hex(const struct digest_part *parts, size_t n, char out[DIGEST_SHA1_HEX]);
void digest_sha256(const struct digest_part *parts, size_t n, uint8_t out[DIGEST_SHA256_BYTES]);
void digest_sha256_hex(const struct digest_part *parts, size_t n, char out[DIGEST_SHA256_HEX]);
/* Of all that can be read from `fd`; it may take long. *len: how many bytes that were. errors:
 * ERR_IO (errno) */
MUST_CHECK enum err digest_sha256_fd(int fd, char out[DIGEST_SHA256_HEX], uint64_t *len);

/* SHA-256 of bytes that come in pieces. _end gives the digest and may be called once. */
struct digest_running;
struct digest_running *digest_sha256_begin(void);
void digest_running_add(struct digest_running *running, const void *bytes, size_t len);
void digest_running_end(struct digest_running *running, uint8_t out[DIGEST_SHA256_BYTES]);
void digest_running_free(struct digest_running *running); /* NULL is fine */

/* Standard alphabet, padded, one line. Appends to `out`. */
void digest_base64(const void *bytes, size_t len, struct buf *out);
/* Strict: standard alphabet, right padding, no white space. Appends to `out`. errors: ERR_INVALID,
 * ERR_NOMEM */
MUST_CHECK enum err digest_base64_decode(const char *text, size_t len, struct buf *out);

/* A well-mixed 64-bit value of a 64-bit value (splitmix64 finaliser): for order-free fingerprints
 * of number lists. */
uint64_t digest_mix64(uint64_t value);
