/* See varint.h. */
#include "base/varint.h"

size_t varint_write(uint64_t value, uint8_t out[VARINT_MAX_BYTES])
{
    size_t n = 0;
    do {
        uint8_t low = value & 0x7f;
        value >>= 7;
        out[n++] = (uint8_t)(value != 0 ? low | 0x80 : low);
    } while (value != 0);
    return n;
}

bool varint_read(const uint8_t *bytes, size_t len, size_t *at, uint64_t *value)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 63 && *at < len; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        result |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = result;
            return true;
        }
    }
    return false;
}
