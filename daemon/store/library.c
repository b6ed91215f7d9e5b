/* The bytes of the parts of the function library (LIBRARY_PARTS, from the list in CMakeLists.txt),
 * one text, taken in by the assembler, so that the text in the tree is the text that runs. */
#include "store/library.h"

#include <stddef.h>

__asm__(".section .rodata\n"
        ".balign 8\n"
        "outreach_lua_begin:\n" LIBRARY_PARTS "outreach_lua_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char outreach_lua_begin[] __attribute__((visibility("hidden")));
extern const char outreach_lua_end[] __attribute__((visibility("hidden")));

enum err library_text(struct buf *out, char digest[DIGEST_SHA1_HEX])
{
    size_t len = (size_t)(outreach_lua_end - outreach_lua_begin);
    struct digest_part part = {outreach_lua_begin, len};
    digest_sha1_hex(&part, 1, digest);
    buf_add(out, outreach_lua_begin, len);
    buf_addf(out,
             "\nredis.register_function{function_name = 'or1_version', flags = {'no-writes'},\n"
             "    callback = function() return '%s' end}\n",
             digest);
    return buf_check(out);
}
