/* Names that must not collide or be guessed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills `out` with `bytes` random bytes as 2*bytes hex digits and a zero. Ends the process if the system has none. */
void ids_random_hex(char *out, size_t bytes);
uint64_t ids_random_u64(void);
/* Equal, in a time that depends on the length of `given` only. */
bool ids_equal_secret(const char *secret, const char *given);
/* A campaign id, carrier name or daemon id: 1 to 64 of A-Z a-z 0-9 - _ . and not starting with '.' or '-'. */
bool ids_valid_name(const char *name);
