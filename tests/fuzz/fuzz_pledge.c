/* A text message as a pledge: no input may crash it, what is understood lies within its limits, and
 * whatever is read as money is what a second, independent reading says (money_reading.h). The bytes
 * are taken as they are, and as numbers of words of which amounts and their surroundings are made.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "money_reading.h"
#include "pledge/money.h"
#include "pledge/number.h"
#include "pledge/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_WORDS 24

static void expect(bool holds, const char *what, const char *text, size_t len, int64_t fen)
{
    if (holds)
        return;
    fprintf(stderr, "%s: '%.*s' was read as %lld fen\n", what, (int)len, text, (long long)fen);
    abort();
}

/* A text of at most READING_SYMBOLS_MAX bytes that ends in NUL. */
static void check_money(const char *text, size_t len)
{
    int64_t fen = 0, again = 0;
    size_t used = 0;
    if (money_read(text, len, &fen, &used) == ERR_OK) {
        char amount[READING_SYMBOLS_MAX + 1];
        memcpy(amount, text, used);
        amount[used] = '\0';
        expect(reading_of(amount, used) == fen * READING_FEN, "another reading", amount, used, fen);
    }
    if (money_parse(text, len, &fen) == ERR_OK) {
        char written[MONEY_TEXT_SIZE];
        money_format(fen, written);
        expect(money_parse(written, strlen(written), &again) == ERR_OK && again == fen,
               "not read back", text, len, fen);
    }
}

static const struct pledge_words *pledge_words(void)
{
    static struct pledge_words *words;
    if (!words && pledge_words_new("捐 认捐 捐款 JK", "以购代捐", &words) != ERR_OK)
        abort();
    return words;
}

static bool is_understood(const char *text, size_t len, struct pledge_text *pledge)
{
    if (pledge_parse(pledge_words(), text, len, pledge) != PLEDGE_UNDERSTOOD)
        return false;
    bool is_money = pledge->kind == PLEDGE_CASH || pledge->kind == PLEDGE_PURCHASE;
    int64_t counted = is_money ? pledge->fen : pledge->thousandths;
    expect(counted >= 1 && counted <= MONEY_MAX_FEN, "out of range", text, len, counted);
    expect(strlen(pledge->item) < PLEDGE_ITEM_SIZE && strlen(pledge->name) < PLEDGE_NAME_SIZE,
           "too long", text, len, counted);
    return is_money;
}

/* What stands around amounts: what must never become part of a name, then names. */
static const char *const never[] = {
    "点", "或", "几", "美元", "港币", "左右", "以上", "角", "分", "元", "块", "百", "亿",
};
static const char *const around[] = {
    "张三", "李四", "王小明", "多吉", "毛", "余", "万", "陆", "小明", "多",
    "来",   "袋",   "个",     "大米", " ",  ",",  "。", "吧", "每月",
};
#define NEVER (sizeof never / sizeof *never)
#define AROUND (sizeof around / sizeof *around)

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* `捐`, words, and what came of them: the amount is all that stands before the name. */
static void check_words(const uint8_t *data, size_t size)
{
    char text[READING_SYMBOLS_MAX] = "捐";
    for (size_t i = 0; i < size && i < MOST_WORDS; i++) {
        size_t word = data[i] % (READING_SYMBOLS + NEVER + AROUND);
        strcat(text, word < READING_SYMBOLS           ? reading_symbols[word].text
                     : word < READING_SYMBOLS + NEVER ? never[word - READING_SYMBOLS]
                                                      : around[word - READING_SYMBOLS - NEVER]);
    }
    const char *amount = text + strlen("捐");
    check_money(amount, strlen(amount));
    struct pledge_text pledge;
    if (!is_understood(text, strlen(text), &pledge))
        return;
    for (size_t i = 0; i < NEVER; i++)
        expect(!begins(pledge.name, never[i]), "in the name", text, strlen(text), pledge.fen);
    if (strstr(text, "￥") || strstr(text, "正"))
        return; /* folded to another character, or cut from the amount where no name follows */
    while (*amount == ' ' || *amount == ',' || *amount == '.' || *amount == '\t' ||
           begins(amount, "。"))
        amount += begins(amount, "。") ? 3 : 1;
    size_t n = *pledge.name ? 0 : strlen(amount);
    for (const char *at = amount; *pledge.name && (at = strstr(at, pledge.name)); at++)
        n = (size_t)(at - amount);
    for (bool cut = true; n > 0 && cut;) {
        cut = strchr(" ,.\t", amount[n - 1]) || (n >= 3 && begins(amount + n - 3, "。"));
        n -= !cut ? 0 : strchr(" ,.\t", amount[n - 1]) ? 1 : 3;
    }
    char alone[READING_SYMBOLS_MAX];
    memcpy(alone, amount, n);
    alone[n] = '\0';
    expect(reading_of(alone, n) == pledge.fen * READING_FEN, "another reading", text, strlen(text),
           pledge.fen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pledge_text pledge;
    (void)is_understood((const char *)data, size, &pledge);
    check_words(data, size);
    if (size < READING_SYMBOLS_MAX) {
        char text[READING_SYMBOLS_MAX] = "";
        memcpy(text, data, size);
        check_money(text, size);
    }
    struct number number;
    if (number_parse((const char *)data, size, &number) == ERR_OK) {
        char text[NUMBER_TEXT_SIZE];
        struct number again;
        number_format(&number, text);
        expect(number_parse(text, strlen(text), &again) == ERR_OK && again.serial == number.serial,
               "a number", text, strlen(text), 0);
    }
    return 0;
}
