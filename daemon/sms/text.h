/* What a text weighs. Mainland carriers bill every character as one unit, ASCII too: up to 70 units is one segment, above
 * that ceil(units / 67) (source: carrier-apis.md 4.2). A character outside the BMP is two units. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TEXT_SINGLE_UNITS 70
#define TEXT_PART_UNITS 67

enum text_fault { TEXT_FINE, TEXT_BAD_UTF8, TEXT_SURROGATE, TEXT_CONTROL, TEXT_BRACKETS };

/* Looks for bytes that are not UTF-8, lone surrogates (also as three-byte sequences), control characters other than line
 * feed, and 【】 (reserved for the signature). *at is the byte offset of the fault. */
enum text_fault text_check(const char *text, size_t len, size_t *at);
const char *text_fault_sentence(enum text_fault fault);

/* UTF-16 code units of well-formed UTF-8. */
uint32_t text_units(const char *text, size_t len);
/* 0 units: 0 segments. */
uint32_t text_segments(uint32_t units);
/* Segments by GSM 03.38 rules (160/153 septets, or UCS-2 70/67 with no surrogate pair cut in two), for carriers abroad. */
uint32_t text_segments_gsm(const char *text, size_t len);
