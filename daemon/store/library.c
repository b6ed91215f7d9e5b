/* The bytes of outreach.lua, ledger.lua, people.lua, drafts.lua, backup.lua and retention.lua,
 * one text, taken in by the assembler, so that the text in the tree is the text that runs. */
#include "store/library.h"

#include <stddef.h>

__asm__(".section .rodata\n"
        ".balign 8\n"
        "outreach_lua_begin:\n"
        ".incbin \"" OUTREACH_LUA_FILE "\"\n"
        ".incbin \"" LEDGER_LUA_FILE "\"\n"
        ".incbin \"" PEOPLE_LUA_FILE "\"\n"
        ".incbin \"" DRAFTS_LUA_FILE "\"\n"
        ".incbin \"" BACKUP_LUA_FILE "\"\n"
        ".incbin \"" RETENTION_LUA_FILE "\"\n"
        "outreach_lua_end:\n"
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
