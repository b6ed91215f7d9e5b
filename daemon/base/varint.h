/* Lengths as they stand in front of stored values: base 128, little end first, the eighth bit says
 * that another byte follows.    300 -> ac 02 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX_BYTES 10

/* gives: bytes written, 1 to 10 */
size_t varint_write(uint64_t value, uint8_t out[VARINT_MAX_BYTES]);
/* Reads the one at bytes[*at]; *at moves behind it. errors: false when it breaks off before `len`
 * or holds more than 63 bits */
bool varint_read(const uint8_t *bytes, size_t len, size_t *at, uint64_t *value);
