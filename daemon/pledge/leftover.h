/* What stands behind an amount in a text message: the donor's name, or something that changes the amount?
 *
 * `捐100张三` is from 张三, but `捐100多元`, `捐100美元`, `捐一百或二百`, `捐100左右` are amounts that nobody can book. Whatever
 * could be more of the amount is taken for it: better one help reply than a wrong figure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum leftover {
    LEFTOVER_NAME,   /* a name may be written like this (an empty text too) */
    LEFTOVER_AMOUNT, /* it belongs to the amount, or makes it uncertain */
    LEFTOVER_NOISE   /* neither: signs, no letters */
};

/* `text` (UTF-8, NFKC-folded, without gaps at its ends) is what is left behind an amount or a quantity. `on_digits`: it follows
 * a bare number immediately, without 元 and without a gap, so that units and measure words count too: `100毛小明` may be ten yuan,
 * `100元毛小明` is from Mr Mao. */
enum leftover leftover_judge(const char *text, size_t len, bool on_digits);
/* Is the thing that is pledged a number in truth? `10个亿`, `约` of `约20袋` */
bool leftover_is_amount(const char *item, size_t len);
/* Copies `text` without what is said out of politeness: nothing of `谢谢`, `张三` of `张三，谢谢大家`. `out` has room for `len` bytes;
 * gives how many were written, without a gap at the end. */
size_t leftover_without_courtesies(const char *text, size_t len, char *out);
