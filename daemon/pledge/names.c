/* How much of a name a public notice shows. The compound surnames are those of the common lists
 * (百家姓 and present-day usage), in both scripts; pairs of the 百家姓 that are two surnames (年爱,
 * 岳帅) are not among them, nor are the joined ones of two families (张简), which as often are one
 * surname and the beginning of a given name. */
#include "pledge/names.h"

#include <string.h>

#include <utf8proc.h>

static const char *const compound_surnames[] = {
    "欧阳",     "司马", "上官",     "诸葛", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "司空",
    "司寇",     "夏侯", "东方",     "南宫", "独孤", "长孙", "宇文", "端木", "百里", "呼延", "东郭",
    "西门",     "轩辕", "鲜于",     "申屠", "钟离", "闾丘", "太叔", "澹台", "公冶", "宗政", "濮阳",
    "淳于",     "单于", "万俟",     "闻人", "赫连", "拓跋", "第五", "公羊", "公西", "公良", "公户",
    "公仪",     "仲孙", "叔孙",     "季孙", "孟孙", "王孙", "颛孙", "巫马", "漆雕", "乐正", "谷梁",
    "穀梁",     "榖梁", "左丘",     "梁丘", "段干", "东门", "南门", "东里", "南郭", "北宫", "西陵",
    "壤驷",     "夹谷", "宰父",     "羊舌", "微生", "亓官", "子车", "伯赏", "太史", "仲长", "即墨",
    "达奚",     "褚师", "主父",     "新垣", "高堂", "哥舒", "贺兰", "纳兰", "完颜", "耶律", "叶赫",
    "爱新觉罗", "陆费", "歐陽",     "司馬", "諸葛", "尉遲", "公孫", "東方", "南宮", "獨孤", "長孫",
    "東郭",     "西門", "軒轅",     "鮮于", "鍾離", "閭丘", "澹臺", "濮陽", "單于", "萬俟", "聞人",
    "赫連",     "仲孫", "叔孫",     "季孫", "孟孫", "王孫", "顓孫", "巫馬", "樂正", "東門", "南門",
    "東里",     "北宮", "壤駟",     "夾谷", "子車", "伯賞", "仲長", "達奚", "褚師", "賀蘭", "納蘭",
    "完顏",     "葉赫", "愛新覺羅", "陸費",
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
