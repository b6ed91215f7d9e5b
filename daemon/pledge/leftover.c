/* Judged by words at the beginning, by words anywhere, and by the kind of character. Names of
 * people begin with many characters that are also numerals, units or measure words (陆, 万, 毛, 余,
 * 多吉, 次仁): behind a gap or 元 these are names, immediately behind a number they are not,
 * because nobody could tell. */
#include "pledge/leftover.h"

#include <string.h>
#include <strings.h>

#include <utf8proc.h>

#include "pledge/money.h"

#define LETTERS_MAX 64

static bool begins(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && memcmp(text, word, n) == 0;
}

static bool holds(const char *text, size_t len, const char *word)
{
    for (size_t at = 0; at + strlen(word) <= len; at++)
        if (begins(text + at, len - at, word))
            return true;
    return false;
}

/* Is the character at `text` one of `set`? An empty text is in no set. */
static bool one_of(const char *text, size_t len, const char *set)
{
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t n =
        len ? utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &c) : 0;
    for (const char *p = set; n > 0 && *p; p += strlen(p) < (size_t)n ? strlen(p) : (size_t)n)
        if (strncmp(p, text, (size_t)n) == 0)
            return true;
    return false;
}

/* Wherever these stand, the amount is not what it seemed, or the text is a question or goes on. */
static const char *const anywhere[] = {
    "左右", "上下", "以上", "以下", "以内", "之间", "之内",   "开外",   "出头", "封顶", "美元",
    "美金", "美刀", "欧元", "英镑", "日元", "日币", "日圆",   "港币",   "港元", "港纸", "韩元",
    "韩币", "台币", "澳元", "加元", "新币", "泰铢", "卢布",   "人民币", "怎么", "怎样", "如何",
    "什么", "哪里", "哪儿", "可是", "但是", "可以", "能不能", "行不行",
};

/* A tail that begins with one of these goes on with the amount, unless the next character is in
 * `names`: then it is a name. */
static const struct {
    const char *word, *names;
} at_start[] = {
    {"点", ""},           {"多", "吉杰尔布"}, {"余", ""},   {"来", ""}, {"几", ""}, {"或", ""},
    {"至", ""},           {"到", ""},         {"起", ""},   {"许", ""}, {"角", ""}, {"毛", ""},
    {"分", ""},           {"厘", ""},         {"元", ""},   {"块", ""}, {"圆", ""}, {"每", ""},
    {"不", ""},           {"吧", ""},         {"大洋", ""}, {"整", ""}, {"倍", ""}, {"折", ""},
    {"次", "仁旺登珠央"}, {"年", ""},
};

/* These of them are also the first character of names of people: 余, 毛, 许, 来, 多, 次, 年, 几. */
static const char surnames[] = "余毛许来多次年";

/* Immediately behind a number: measure words that pledge/parse.c does not know, so that
 * `捐20筐苹果` is not 20 yuan from 筐苹果. */
static const char measures[] =
    "筐篮车亩匹棵株捆副把碗罐升克月日号人位户顿餐盘板对串卷堆根片股票岁遍";

/* Numerals that are surnames. */
static const char surname_numerals[] = "陆伍万";

static const char *const latin[] = {
    "w",   "k",   "m",   "g",   "kg",     "t",       "b",    "d",    "y",
    "rmb", "cny", "usd", "hkd", "eur",    "euro",    "gbp",  "jpy",  "krw",
    "twd", "sgd", "aud", "cad", "dollar", "dollars", "yuan", "kuai", "bitcoin",
};

static bool is_latin_unit(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && ((text[n] | 0x20) >= 'a' && (text[n] | 0x20) <= 'z'))
        n++;
    for (size_t i = 0; n > 0 && i < sizeof latin / sizeof *latin; i++)
        if (strlen(latin[i]) == n && strncasecmp(text, latin[i], n) == 0)
            return true;
    return false;
}

/* The code points of `text`; 0: none, or broken, or more than a name has. */
static size_t letters(const char *text, size_t len, utf8proc_int32_t out[LETTERS_MAX])
{
    size_t n = 0;
    for (size_t at = 0; at < len;) {
        utf8proc_ssize_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                  (utf8proc_ssize_t)(len - at), &out[n]);
        if (bytes <= 0 || ++n == LETTERS_MAX)
            return 0;
        at += (size_t)bytes;
    }
    return n;
}

static bool is_letter(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
        return true;
    default:
        return c == 0x3007; /* 〇 */
    }
}

/* Letters, and what stands between them: 买买提·艾力, Anne-Marie O'Neil, 云坪村(筹). */
static bool is_noise(const utf8proc_int32_t *c, size_t n)
{
    if (!is_letter(c[0]))
        return true;
    for (size_t i = 0; i < n; i++)
        if (!is_letter(c[i]) && (c[i] >= 0x80 || !strchr(" -.'()&", (int)c[i])) && c[i] != 0xb7 &&
            c[i] != 0x2022 && c[i] != 0x30fb)
            return true;
    return false;
}

/* 元 块 圆 角 毛 分 十 百 千 万 亿: behind a numeral they make it an amount. */
static bool is_unit(utf8proc_int32_t c)
{
    static const utf8proc_int32_t units[] = {
        0x5143, 0x5757, 0x5706, 0x89d2, 0x6bdb, 0x5206, 0x94b1, 0x5341, 0x62fe,
        0x767e, 0x4f70, 0x5343, 0x4edf, 0x4e07, 0x842c, 0x4ebf, 0x5104, 0x70b9,
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i] == c)
            return true;
    return false;
}

/* 张三 is a name, 张三百 and 或二百元 are not. */
static bool holds_amount(const utf8proc_int32_t *c, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        bool more = c[i] == 0x51e0 || c[i] == 0x591a || c[i] == 0x4f59 || c[i] == 0x6765;
        if ((money_is_numeral(c[i]) || more) && is_unit(c[i + 1]))
            return true;
    }
    return false;
}

/* 余华, 毛小明, 陆小明, 多吉: two to four characters, the others neither numerals nor units. */
static bool is_short_name(const utf8proc_int32_t *c, size_t n)
{
    if (n < 2 || n > 4)
        return false;
    for (size_t i = 1; i < n; i++)
        if (money_is_numeral(c[i]) || is_unit(c[i]))
            return false;
    return true;
}

static bool starts_like_amount(const char *text, size_t len, bool on_digits,
                               const utf8proc_int32_t *c, size_t n)
{
    if (money_is_numeral(c[0]))
        return on_digits || !one_of(text, len, surname_numerals) || !is_short_name(c, n);
    if (on_digits && one_of(text, len, measures))
        return true;
    for (size_t i = 0; i < sizeof at_start / sizeof *at_start; i++) {
        size_t bytes = strlen(at_start[i].word);
        if (!begins(text, len, at_start[i].word) ||
            one_of(text + bytes, len - bytes, at_start[i].names))
            continue;
        if (on_digits || !one_of(text, len, surnames) || !is_short_name(c, n))
            return true;
    }
    return false;
}

enum leftover leftover_judge(const char *text, size_t len, bool on_digits)
{
    utf8proc_int32_t c[LETTERS_MAX];
    if (len == 0)
        return LEFTOVER_NAME;
    size_t n = letters(text, len, c);
    if (n == 0)
        return LEFTOVER_NOISE;
    for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
        if (holds(text, len, anywhere[i]))
            return LEFTOVER_AMOUNT;
    if (starts_like_amount(text, len, on_digits, c, n) || holds_amount(c, n) ||
        is_latin_unit(text, len) || c[n - 1] == 0x5417 /* 吗 */)
        return LEFTOVER_AMOUNT;
    return is_noise(c, n) ? LEFTOVER_NOISE : LEFTOVER_NAME;
}

bool leftover_is_amount(const char *item, size_t len)
{
    static const char *const about[] = {"约",   "大约", "大概", "近",    "将近",
                                        "至少", "不到", "超过", "差不多"};
    utf8proc_int32_t c[LETTERS_MAX];
    size_t n = letters(item, len, c);
    for (size_t i = 0; i < sizeof about / sizeof *about; i++)
        if (strlen(about[i]) == len && memcmp(item, about[i], len) == 0)
            return true;
    for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
        if (holds(item, len, anywhere[i]))
            return true;
    if (len == strlen("八角") && memcmp(item, "八角", len) == 0)
        return false; /* star anise */
    for (size_t i = 0; i < n; i++)
        if (!money_is_numeral(c[i]) && !is_unit(c[i]))
            return false;
    return n > 0;
}

/* ---- thanks and good wishes ---- */

/* What begins with one of these, up to the next gap, is said to us and is nobody's name. 祝 alone
 * is a surname, and so is 谢. */
static const char *const courtesies[] = {
    "谢谢",         "感谢",       "多谢",     "谢了",     "谢啦",     "感恩",     "辛苦",
    "加油",         "祝福",       "祝愿",     "祝贺",     "祝你",     "祝您",     "祝大家",
    "祝好",         "心意",       "小小心意", "略表心意", "聊表心意", "尽一份力", "尽点力",
    "好人一生平安", "好人有好报", "您好",     "你好",     "拜托",     "麻烦",     "请查收",
};
/* These behind a name without a gap: 张三谢谢. */
static const char *const farewells[] = {"谢谢", "感谢", "多谢", "谢了", "谢啦"};

static bool is_courtesy(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof courtesies / sizeof *courtesies; i++)
        if (begins(text, len, courtesies[i]))
            return true;
    return false;
}

static size_t without_farewell(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof farewells / sizeof *farewells; i++) {
        size_t n = strlen(farewells[i]);
        if (len > n && memcmp(text + len - n, farewells[i], n) == 0)
            return len - n;
    }
    return len;
}

/* The bytes of the gap that begins at `text`; 0: none. */
static size_t gap_at(const char *text, size_t len)
{
    static const char *const gaps[] = {" ", "\t", "\n", "\r", ",",  ";", ":",
                                       "!", "~",  ".",  "、", "。", "…"};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
        if (begins(text, len, gaps[i]))
            return strlen(gaps[i]);
    return 0;
}

size_t leftover_without_courtesies(const char *text, size_t len, char *out)
{
    size_t written = 0, end = 0;
    for (size_t at = 0; at < len;) {
        size_t n = 0, gap;
        while (at + n < len && !gap_at(text + at + n, len - at - n))
            n++;
        if (!is_courtesy(text + at, n)) {
            size_t kept = without_farewell(text + at, n);
            memcpy(out + written, text + at, kept);
            written += kept;
            end = kept > 0 ? written : end;
        }
        for (at += n; at < len && (gap = gap_at(text + at, len - at)); at += gap) {
            if (end > 0) { /* between two parts of a name the gap stays */
                memcpy(out + written, text + at, gap);
                written += gap;
            }
        }
    }
    return end;
}
