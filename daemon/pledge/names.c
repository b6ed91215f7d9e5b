/* How much of a name a public notice shows. The compound surnames are those of the common lists
 * (百家姓 and present-day usage). */
#include "pledge/names.h"

#include <string.h>

#include <utf8proc.h>

static const char *const compound_surnames[] = {
    "欧阳", "歐陽", "上官", "司马", "司馬", "诸葛", "諸葛", "皇甫", "尉迟", "公孙", "公孫",
    "慕容", "令狐", "司徒", "司空", "夏侯", "东方", "東方", "南宫", "独孤", "长孙", "宇文",
    "端木", "百里", "呼延", "东郭", "西门", "轩辕", "鲜于", "申屠", "钟离", "闾丘", "太叔",
    "澹台", "公冶", "宗政", "濮阳", "淳于", "单于", "万俟", "闻人", "赫连", "拓跋", "第五",
};

const char *name_shown_word(enum name_shown shown)
{
    static const char *const words[] = {"name", "masked", "anonymous"};
    return words[shown];
}

bool name_shown_parse(const char *word, enum name_shown *shown)
{
    for (int i = NAME_FULL; i <= NAME_ANONYMOUS; i++) {
        if (strcmp(word, name_shown_word((enum name_shown)i)) == 0) {
            *shown = (enum name_shown)i;
            return true;
        }
    }
    return false;
}

static size_t surname_bytes(const char *name)
{
    for (size_t i = 0; i < sizeof compound_surnames / sizeof *compound_surnames; i++) {
        size_t n = strlen(compound_surnames[i]);
        if (strncmp(name, compound_surnames[i], n) == 0 && name[n])
            return n;
    }
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)name, -1, &c);
    return n > 0 ? (size_t)n : 0;
}

void name_public(const char *name, bool is_organisation, enum name_shown shown, struct buf *out)
{
    if (shown == NAME_ANONYMOUS || !*name) {
        buf_add_text(out, "爱心人士");
        return;
    }
    if (is_organisation || shown == NAME_FULL) {
        buf_add_text(out, name);
        return;
    }
    size_t kept = surname_bytes(name);
    if (kept == 0 || !name[kept]) {
        buf_add_char(out, '*');
        return;
    }
    buf_add(out, name, kept);
    utf8proc_int32_t c;
    for (const char *rest = name + kept; *rest;) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)rest, -1, &c);
        if (n <= 0)
            break;
        if (c != ' ')
            buf_add_char(out, '*');
        rest += n;
    }
}
