/* A draft: a campaign's INI in campaigns_dir and what it names, as somebody edits it. It may be
 * unfinished; its mistakes then say what is missing. Whoever writes the files by hand and whoever
 * writes them through us see the same: single lines are changed (conf/ini_edit.h), nothing else.
 *
 *   ID.ini               the definition
 *   ID.csv               the list, when it was uploaded; one written by hand may lie anywhere
 *   ID.text-1a2b3c4d.txt the text, when it has line breaks (text_file): the name follows the
 *                        content, so the INI names the old or the new one, never half of each
 *
 * Reads files; changes none but the text's, see draft_change. */
#pragma once

#include "base/digest.h"
#include "campaign/definition.h"
#include "conf/ini.h"

#define DRAFT_ID_SIZE 65
#define DRAFT_FIELD_SIZE 64
#define DRAFT_TEXT_MAX_BYTES 16384
#define DRAFT_FILE_MODE 0660 /* the group writes campaigns by hand, in the same folder */

struct draft {
    char id[DRAFT_ID_SIZE];
    char *path; /* of the INI */
    struct buf bytes;
    struct ini_file *ini;          /* NULL: the file is no INI at all */
    struct definition *definition; /* NULL: there are mistakes */
    struct mistakes mistakes;
    char *text;      /* with line feeds; "" for none */
    char *text_path; /* of the text file that is ours; NULL: none, or one of somebody else */
    char *list;      /* of the CSV, whether it is there or not; NULL: the INI names none */
    char version[DIGEST_SHA256_HEX]; /* of INI and text */
};

/* The places of an id; "" when they do not fit. */
#define DRAFT_PATH_SIZE 4096
const char *draft_ini_path(const struct settings *settings, const char *id,
                           char out[DRAFT_PATH_SIZE]);
const char *draft_list_path(const struct settings *settings, const char *id,
                            char out[DRAFT_PATH_SIZE]);

/* errors: ERR_INVALID (no name for a draft), ERR_NOT_FOUND, ERR_IO, ERR_NOMEM */
MUST_CHECK enum err draft_load(const struct settings *settings, const char *id,
                               struct draft **draft);
/* The same from a text that is in no file yet. */
MUST_CHECK enum err draft_from_bytes(const struct settings *settings, const char *id,
                                     const char *bytes, size_t len, struct draft **draft);
void draft_free(struct draft *draft); /* NULL is fine */

/* As the INI has it, NULL when it is not there. */
const char *draft_value(const struct draft *draft, const char *section, const char *key);
/* The path of the text file that the INI names, ours or not, malloc'ed; NULL: none. */
char *draft_text_file(const struct draft *draft);
/* The section of a key that people may change: "campaign" or "message"; NULL for any other (id,
 * recipients and text_file are ours). The keys of [pledge] are not among them. */
const char *draft_section_of(const char *key);
/* The i-th of those keys; NULL behind the last. */
const char *draft_key(size_t i);
/* "title", "pledge.confirm": how a mistake's place is told. "" for the file as a whole. */
const char *draft_field_of(const struct mistake *mistake, char out[DRAFT_FIELD_SIZE]);

struct draft_change {
    const char *section;
    const char *key;   /* NULL: the whole section goes */
    const char *value; /* NULL: the key goes, and its default holds */
};
/* What the draft would be with these changes; the text file is written (to its final name, which
 * nothing refers to yet), nothing else. A value that is wrong is refused with its field and the
 * reason; that others are wrong or missing is not: it is in the new draft's mistakes. Values lose
 * blanks at their ends. errors: ERR_INVALID, ERR_TOO_BIG (`reason` says it), ERR_IO, ERR_NOMEM */
MUST_CHECK enum err draft_change(const struct draft *draft, const struct settings *settings,
                                 const struct draft_change *changes, size_t n, struct draft **next,
                                 char field[DRAFT_FIELD_SIZE], struct buf *reason);
/* Removes the text file of a draft that was not saved, unless the saved one has the same. */
void draft_discard(const struct settings *settings, const struct draft *next);
