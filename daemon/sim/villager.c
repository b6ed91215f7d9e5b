/* Spellings are patterns: {n} and its like are the amount in one of its forms, everything else is
 * written as it stands. */
#include "sim/villager.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "sim/mix.h"
#include "sim/oracle.h"

enum { PURPOSE_PLEDGES = 11, PURPOSE_WHAT, PURPOSE_CONFIRMS };

/* Of 1000 who are asked to confirm: those who do not answer, and those who answer something else.
 */
#define SILENT_PER_MILLE 100
#define VAGUE_PER_MILLE 50

static const char *const meaning_words[] = {"cash",    "purchase", "goods", "service",
                                            "unclear", "confirm",  "other"};

const char *villager_meaning_word(enum villager_meaning meaning)
{
    return meaning_words[meaning];
}

/* ---- what he has ---- */

static const int64_t yuans[] = {1,   5,   10,  20,   50,   66,   88,   100,  150,   200,  300,
                                365, 500, 800, 1000, 1200, 2000, 3650, 5000, 10000, 20500};
static const char *const names[] = {"张三", "李四", "王小明", "欧阳春",
                                    "扎西", "卓玛", "赵国庆", "高山乡中心小学"};
static const struct thing {
    const char *item, *unit;
} goods[] = {{"大米", "袋"},   {"面粉", "袋"},   {"食用油", "桶"}, {"棉被", "床"}, {"书包", "个"},
             {"课外书", "本"}, {"电视机", "台"}, {"旧衣服", "件"}, {"土豆", "斤"}},
  services[] = {{"服务", "小时"}, {"义诊", "天"}, {"支教", "课时"}};
static const int64_t counts[] = {1, 2, 3, 5, 8, 10, 12, 20, 24, 30, 50, 100, 120};

#define PICK(list, dice) ((list)[(dice) % (sizeof(list) / sizeof *(list))])

/* ---- how he writes ----
 *
 *   {n} 1200   {f} １２００   {h} 一千二百   {b} 壹仟贰佰   {c} 1,200   {d} 1200.50   {j} 1200元5角
 *   {w} 1.2万 (an amount of its own)   {l} 两百, 两千, 两万 (its own)
 *   {q} 20, {k} 二十: a quantity   {t} 2.5: a quantity with a decimal
 *   {i} item   {u} unit   {p} his name */
static const struct spelling {
    enum villager_meaning meaning;
    const char *pattern;
} spellings[] = {
    {VILLAGER_CASH, "捐{n}"},
    {VILLAGER_CASH, "捐{n}元"},
    {VILLAGER_CASH, "认捐 {n}元"},
    {VILLAGER_CASH, "捐款{f}"},
    {VILLAGER_CASH, "JK {n} {p}"},
    {VILLAGER_CASH, "jk{n}"},
    {VILLAGER_CASH, "ＪＫ　{f}　{p}"},
    {VILLAGER_CASH, "捐{h}元"},
    {VILLAGER_CASH, "认捐{h}块钱"},
    {VILLAGER_CASH, "捐款{b}元整"},
    {VILLAGER_CASH, "捐{w}"},
    {VILLAGER_CASH, "认捐{w}元 {p}"},
    {VILLAGER_CASH, "捐{l}"},
    {VILLAGER_CASH, "捐款：{n}块"},
    {VILLAGER_CASH, "捐款 {c}元，{p}"},
    {VILLAGER_CASH, "捐￥{n}"},
    {VILLAGER_CASH, "认捐{d}元"},
    {VILLAGER_CASH, "捐{j}"},
    {VILLAGER_CASH, " 捐 {n} 元。"},
    {VILLAGER_CASH, "捐{n}元{p}"},
    {VILLAGER_PURCHASE, "以购代捐{n}"},
    {VILLAGER_PURCHASE, "以购代捐 {n}元 {p}"},
    {VILLAGER_PURCHASE, "以购代捐{h}元"},
    {VILLAGER_GOODS, "认捐{i}{q}{u}"},
    {VILLAGER_GOODS, "捐{q}{u}{i} {p}"},
    {VILLAGER_GOODS, "捐{i}{k}{u}"},
    {VILLAGER_GOODS, "认捐 {i} {q} {u} {p}"},
    {VILLAGER_GOODS, "JK {i}{f}{u}"},
    {VILLAGER_GOODS, "捐煤{t}吨"},
    {VILLAGER_SERVICE, "认捐{i}{q}{u}"},
    {VILLAGER_SERVICE, "捐{i}{q}{u} {p}"},
    {VILLAGER_UNCLEAR, "捐"},
    {VILLAGER_UNCLEAR, "捐点什么好呢"},
    {VILLAGER_UNCLEAR, "捐{n}.005元"},
    {VILLAGER_UNCLEAR, "捐-{n}"},
    {VILLAGER_UNCLEAR, "认捐{n}%"},
    {VILLAGER_UNCLEAR, "捐款怎么捐？"},
};
#define N_SPELLINGS (sizeof spellings / sizeof spellings[0])

struct writing {
    struct villager_reply *reply;
    struct buf out;
    int64_t yuan, count;
    uint64_t dice;
};

/* 0 to 99 999 999 as Chinese numerals, with the digits and units given. */
static void add_han(struct buf *out, int64_t number, const char *const digits[10],
                    const char *const units[4])
{
    static const int64_t powers[] = {1, 10, 100, 1000};
    assert(number > 0 && number < 100000000);
    if (number >= 10000) {
        add_han(out, number / 10000, digits, units);
        buf_add_text(out, "万");
        number %= 10000;
        if (number == 0) {
            return;
        }
        if (number < 1000) {
            buf_add_text(out, digits[0]);
        }
    }
    bool begun = false, gap = false;
    for (int i = 3; i >= 0; i--) {
        int64_t digit = number / powers[i] % 10;
        if (digit == 0) {
            gap = begun;
            continue;
        }
        if (gap) {
            buf_add_text(out, digits[0]);
        }
        gap = false;
        begun = true;
        buf_add_text(out, digits[digit]);
        buf_add_text(out, units[i]);
    }
}

static void add_plain_han(struct buf *out, int64_t number)
{
    static const char *const digits[10] = {"零", "一", "二", "三", "四",
                                           "五", "六", "七", "八", "九"};
    static const char *const units[4] = {"", "十", "百", "千"};
    if (number >= 10 && number < 20) { /* 十二, not 一十二 */
        buf_add_text(out, "十");
        buf_add_text(out, number > 10 ? digits[number - 10] : "");
    } else {
        add_han(out, number, digits, units);
    }
}

static void add_bank_han(struct buf *out, int64_t number)
{
    static const char *const digits[10] = {"零", "壹", "贰", "叁", "肆",
                                           "伍", "陆", "柒", "捌", "玖"};
    static const char *const units[4] = {"", "拾", "佰", "仟"};
    add_han(out, number, digits, units);
}

static void add_wide(struct buf *out, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    for (const char *at = digits; *at; at++) {
        buf_addf(out, "\xef\xbc%c", 0x90 + (*at - '0')); /* U+FF10 and up */
    }
}

static void add_with_commas(struct buf *out, int64_t number)
{
    if (number >= 1000) {
        buf_addf(out, "%lld,%03lld", (long long)(number / 1000), (long long)(number % 1000));
    } else {
        buf_addf(out, "%lld", (long long)number);
    }
}

static bool is_quantity(const struct writing *writing)
{
    return writing->reply->meaning == VILLAGER_GOODS || writing->reply->meaning == VILLAGER_SERVICE;
}

/* Amounts of their own, and parts of a yuan. */
static void add_special(struct writing *writing, char form)
{
    struct buf *out = &writing->out;
    uint64_t dice = writing->dice >> 8;
    int64_t whole = writing->yuan;
    if (form == 'w') {
        int64_t tenths = 11 + (int64_t)(dice % 89);
        tenths += tenths % 10 == 0;
        buf_addf(out, "%lld.%lld万", (long long)(tenths / 10), (long long)(tenths % 10));
        writing->reply->fen = tenths * 100000;
    } else if (form == 'l') {
        static const char *const words[] = {"两百", "两千", "两万", "两百五", "两千三", "两万八"};
        static const int64_t values[] = {200, 2000, 20000, 250, 2300, 28000};
        buf_add_text(out, PICK(words, dice));
        writing->reply->fen = PICK(values, dice) * 100;
    } else if (form == 'd') {
        buf_addf(out, "%lld.50", (long long)whole);
        writing->reply->fen = whole * 100 + 50;
    } else if (form == 'j') {
        buf_addf(out, "%lld元5角", (long long)whole);
        writing->reply->fen = whole * 100 + 50;
    } else {
        assert(form == 't');
        buf_addf(out, "%lld.5", (long long)writing->count);
        writing->reply->thousandths = writing->count * 1000 + 500;
        writing->reply->item = "煤";
        writing->reply->unit = "吨";
    }
}

static void add_form(struct writing *writing, char form)
{
    struct buf *out = &writing->out;
    int64_t number = is_quantity(writing) ? writing->count : writing->yuan;
    switch (form) {
    case 'n':
    case 'q':
        buf_addf(out, "%lld", (long long)number);
        break;
    case 'f':
        add_wide(out, number);
        break;
    case 'h':
    case 'k':
        add_plain_han(out, number);
        break;
    case 'b':
        add_bank_han(out, number);
        break;
    case 'c':
        add_with_commas(out, number);
        break;
    case 'i':
        buf_add_text(out, writing->reply->item);
        break;
    case 'u':
        buf_add_text(out, writing->reply->unit);
        break;
    case 'p':
        writing->reply->name = PICK(names, writing->dice >> 40);
        buf_add_text(out, writing->reply->name);
        break;
    default:
        add_special(writing, form);
    }
}

/* What he has in mind before he writes it. */
static void decide(struct writing *writing)
{
    struct villager_reply *reply = writing->reply;
    uint64_t dice = writing->dice;
    writing->yuan = PICK(yuans, dice >> 16);
    writing->count = PICK(counts, dice >> 16);
    if (reply->meaning == VILLAGER_CASH || reply->meaning == VILLAGER_PURCHASE) {
        reply->fen = writing->yuan * 100;
    } else if (is_quantity(writing)) {
        struct thing thing =
            reply->meaning == VILLAGER_GOODS ? PICK(goods, dice >> 24) : PICK(services, dice >> 24);
        reply->thousandths = writing->count * 1000;
        reply->item = thing.item;
        reply->unit = thing.unit;
    }
}

static void set_text(struct villager_reply *reply, const char *text)
{
    int len = snprintf(reply->text, sizeof reply->text, "%s", text);
    assert(len > 0 && (size_t)len < sizeof reply->text);
}

void villager_say(const char *text, struct villager_reply *reply)
{
    *reply = (struct villager_reply){.meaning = VILLAGER_OTHER, .item = "", .unit = "", .name = ""};
    set_text(reply, text);
}

static void write_reply(const struct spelling *spelling, uint64_t dice,
                        struct villager_reply *reply)
{
    struct writing writing = {.reply = reply, .dice = dice};
    *reply =
        (struct villager_reply){.meaning = spelling->meaning, .item = "", .unit = "", .name = ""};
    buf_init(&writing.out, sizeof reply->text - 1);
    decide(&writing);
    for (const char *at = spelling->pattern; *at; at++) {
        if (at[0] == '{') {
            add_form(&writing, at[1]);
            at += 2;
        } else {
            buf_add_char(&writing.out, *at);
        }
    }
    set_text(reply, buf_text(&writing.out));
    buf_fini(&writing.out);
}

bool villager_spelling(size_t n, uint64_t number, struct villager_reply *reply)
{
    if (n >= N_SPELLINGS) {
        return false;
    }
    write_reply(&spellings[n], digest_mix64(number), reply);
    return true;
}

bool villager_pledges(uint64_t seed, uint64_t mobile, double rate)
{
    return rate > 0 && mix_share(seed, mobile, PURPOSE_PLEDGES) < rate;
}

static uint64_t dice_of(uint64_t seed, uint64_t mobile, uint64_t what)
{
    return digest_mix64(digest_mix64(seed ^ what << 48) ^ mobile);
}

void villager_pledge(uint64_t seed, uint64_t mobile, struct villager_reply *reply)
{
    uint64_t dice = dice_of(seed, mobile, PURPOSE_WHAT);
    write_reply(&spellings[dice % N_SPELLINGS], digest_mix64(dice), reply);
}

/* ---- confirming ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The length of a pledge's number at `at`, such as 513327-2026-000123-54; 0: none. A receipt's,
 * with an R in front, is none. */
static size_t number_at(const char *text, size_t len, size_t at)
{
    static const size_t least[] = {6, 4, 6, 2};
    size_t end = at;
    if (at > 0 && (is_digit(text[at - 1]) || text[at - 1] == 'R')) {
        return 0;
    }
    for (size_t part = 0; part < 4; part++) {
        size_t digits = 0;
        if (part > 0 && (end >= len || text[end++] != '-')) {
            return 0;
        }
        for (; end < len && is_digit(text[end]); end++) {
            digits++;
        }
        if (digits < least[part] || (part != 2 && digits != least[part])) {
            return 0;
        }
    }
    return end - at;
}

static const char *find_number(const char *text, size_t len, size_t *number_len)
{
    for (size_t at = 0; at < len; at++) {
        *number_len = is_digit(text[at]) ? number_at(text, len, at) : 0;
        if (*number_len > 0) {
            return text + at;
        }
    }
    return NULL;
}

bool villager_is_asked(const char *text, size_t len)
{
    static const char *const words[] = {"回复Y",  "回复“Y",  "回复 Y", "回Y",
                                        "回复是", "回复“是", "回是"};
    size_t number_len;
    if (!find_number(text, len, &number_len)) {
        return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (memmem(text, len, words[i], strlen(words[i]))) {
            return true;
        }
    }
    return false;
}

bool villager_confirm(uint64_t seed, uint64_t mobile, const char *text, size_t len,
                      struct villager_reply *reply)
{
    static const char *const words[] = {"Y", "是", "y", "Ｙ", "是的", "Y。", " Y "};
    uint64_t dice = dice_of(seed, mobile, PURPOSE_CONFIRMS);
    size_t number_len;
    const char *number = find_number(text, len, &number_len);
    assert(number);
    *reply =
        (struct villager_reply){.meaning = VILLAGER_CONFIRM, .item = "", .unit = "", .name = ""};
    unsigned per_mille = (unsigned)(dice % 1000);
    if (per_mille < SILENT_PER_MILLE) {
        return false;
    }
    if (per_mille < SILENT_PER_MILLE + VAGUE_PER_MILLE) {
        villager_say("收到，我想想", reply);
    } else if (dice >> 32 & 1 && number_len < sizeof reply->text - 2) {
        snprintf(reply->text, sizeof reply->text, "Y %.*s", (int)number_len, number);
    } else {
        set_text(reply, PICK(words, dice >> 16));
    }
    return true;
}

/* ---- the log ---- */

void villager_log(uint64_t mobile, const struct villager_reply *reply, struct buf *out)
{
    char digits[ORACLE_MOBILE_DIGITS + 1] = "";
    oracle_format_mobile(mobile, digits);
    buf_addf(out, "%s\t%s\t%lld\t%lld\t%s\t%s\t%s\t%s\n", digits,
             villager_meaning_word(reply->meaning), (long long)reply->fen,
             (long long)reply->thousandths, reply->item, reply->unit, reply->name, reply->text);
}
