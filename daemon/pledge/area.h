/* Statistical area codes: 12 digits, of which 2 name the province, 4 the city, 6 the county, 9 the township, 12 the village
 * (source: reliability.md D8). A code is kept as 12 digits with zeros on the right, as an integer; 0 is the nation as a place in
 * the tree and AREA_UNASSIGNED the bucket for what nobody could place. Sums always go by prefix; only the display skips
 * pseudo-levels. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define AREA_DIGITS 12
#define AREA_LEVELS 6 /* nation, province, city, county, township, village */
#define AREA_UNASSIGNED UINT64_C(999999999999)

enum area_level { AREA_NATION, AREA_PROVINCE, AREA_CITY, AREA_COUNTY, AREA_TOWNSHIP, AREA_VILLAGE };

/* "51", "5133", "513327", "513327205" or 12 digits; "" and "0" are the nation, "unassigned" the bucket.
 * errors: ERR_INVALID */
MUST_CHECK enum err area_parse(const char *text, size_t len, uint64_t *area);
/* The deepest level whose digits are not all zero. */
enum area_level area_level(uint64_t area);
/* How many digits name a level: 0, 2, 4, 6, 9, 12. */
unsigned area_level_digits(enum area_level level);
/* `area` cut to `level`. AREA_UNASSIGNED stays itself below the nation. */
uint64_t area_at(uint64_t area, enum area_level level);
/* `area` lies in `scope` or is it. Everything lies in the nation. */
bool area_within(uint64_t area, uint64_t scope);
/* A level that exists only so that the digits fill up (1101 市辖区, 4290 省直辖县). Its children are shown in its place. */
bool area_is_pseudo(uint64_t area);
/* The codes in which a sum over `area` stands, from the nation down to itself, each once: a town of Dongguan has county digits
 * 00, so its county is its city and is counted once. gives: how many (at most AREA_LEVELS). */
size_t area_ancestors(uint64_t area, uint64_t out[AREA_LEVELS]);
#define AREA_TEXT_SIZE 16
/* The shortest form: "513327205", "" for the nation, "unassigned". */
const char *area_format(uint64_t area, char out[AREA_TEXT_SIZE]);
