/* The bytes of layouts.lua and migrate.lua, one text, taken in by the assembler as in library.c. */
#include "store/layouts.h"

#include <stddef.h>

__asm__(".section .rodata\n"
        ".balign 8\n"
        "layouts_lua_begin:\n"
        ".incbin \"" LAYOUTS_LUA_FILE "\"\n"
#ifdef MORE_LAYOUTS_LUA_FILE /* the build of the upgrade's test */
        ".incbin \"" MORE_LAYOUTS_LUA_FILE "\"\n"
#endif
        ".incbin \"" MIGRATE_LUA_FILE "\"\n"
        "layouts_lua_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char layouts_lua_begin[] __attribute__((visibility("hidden")));
extern const char layouts_lua_end[] __attribute__((visibility("hidden")));

#ifndef MORE_LAYOUTS
#define MORE_LAYOUTS 0
#endif
const int layout_newest = LAYOUT_NEWEST + MORE_LAYOUTS;

enum err layouts_text(struct buf *out)
{
    buf_addf(out, "#!lua flags=allow-oom\n");
    buf_add(out, layouts_lua_begin, (size_t)(layouts_lua_end - layouts_lua_begin));
    return buf_check(out);
}
