/* A text message as a pledge: no input may crash it, and what is understood lies within its limits
 * and is read alike again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pledge/money.h"
#include "pledge/number.h"
#include "pledge/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pledge_words *words;
    if (!words && pledge_words_new("捐 认捐 捐款 JK", "以购代捐", &words) != ERR_OK)
        return 0;
    struct pledge_text pledge;
    if (pledge_parse(words, (const char *)data, size, &pledge) == PLEDGE_UNDERSTOOD) {
        int64_t counted = pledge.kind == PLEDGE_CASH || pledge.kind == PLEDGE_PURCHASE
                              ? pledge.fen
                              : pledge.thousandths;
        assert(counted >= 1 && counted <= MONEY_MAX_FEN);
        assert(strlen(pledge.item) < PLEDGE_ITEM_SIZE && strlen(pledge.name) < PLEDGE_NAME_SIZE);
    }
    int64_t fen = 0;
    if (money_parse((const char *)data, size, &fen) == ERR_OK) {
        char text[MONEY_TEXT_SIZE];
        int64_t again = 0;
        money_format(fen, text);
        assert(money_parse(text, strlen(text), &again) == ERR_OK && again == fen);
    }
    struct number number;
    if (number_parse((const char *)data, size, &number) == ERR_OK) {
        char text[NUMBER_TEXT_SIZE];
        struct number again;
        number_format(&number, text);
        assert(number_parse(text, strlen(text), &again) == ERR_OK && again.serial == number.serial);
    }
    return 0;
}
