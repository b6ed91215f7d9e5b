/* The table of commands of outreachctl: one row a command, used to parse, to help, to answer
 * mistakes with what is possible, and to print the bash completion
 * (config/outreachctl.bash-completion is compared with it by a test). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum ctl_exit {
    CTL_DONE = 0,
    CTL_FAILED = 1, /* refused or failed, the reason is on stderr */
    CTL_USAGE = 2,
    CTL_NOT_FOUND = 3,  /* no such campaign, carrier or pledge */
    CTL_UNREACHABLE = 4 /* the daemon does not answer */
};

enum ctl_option {
    OPT_CONFIG,
    OPT_JSON,
    OPT_ACTOR,
    OPT_HELP,
    OPT_VERSION,
    OPT_REASON,
    OPT_NOW,
    OPT_YES,
    OPT_EXPECT_RECIPIENTS,
    OPT_AGAIN,
    OPT_PROBLEMS,
    OPT_TO,
    OPT_WATCH,
    OPT_CSV,
    OPT_EXCEL,
    OPT_ONLY,
    OPT_AMBIGUOUS,
    OPT_UNTIL,
    OPT_FOR,
    OPT_ALL,
    OPT_REGION,
    OPT_CAMPAIGN,
    OPT_YEAR,
    OPT_KIND,
    OPT_AMOUNT,
    OPT_ITEM,
    OPT_QUANTITY,
    OPT_UNIT,
    OPT_VALUE,
    OPT_NAME,
    OPT_MOBILE,
    OPT_ORGANISATION,
    OPT_PUBLIC,
    OPT_PURPOSE,
    OPT_NOTE,
    OPT_DOCUMENT,
    OPT_ON,
    OPT_DUE,
    OPT_WHY,
    OPT_ENTRY,
    OPT_OVER,
    OPT_UNCONFIRMED,
    OPT_VIA,
    OPT_REQUEST,
    OPT_STATE,
    OPT_LIMIT,
    OPT_PARTIAL,
    OPT_CHILDREN,
    OPT_BASIS,
    OPT_AGAINST,
    OPT_FILE,
    OPT_FROM,
    OPT_THROUGH,
    OPT_HOTLINE,
    OPT_DAYS,
    OPT_ROLES,
    OPT_AREA,
    OPT_TITLE,
    OPT_PASSPHRASE,
    OPT_KEEP,
    OPT_REPLACE,
    OPT_DRY_RUN,
    OPT_RESEND,
    OPT_COUNT
};

struct option_row {
    const char *name;    /* without the dashes */
    const char *value;   /* what follows it, "TEXT"; NULL: a switch */
    const char *choices; /* the only values, divided by blanks; NULL: free */
    const char *doc;
};
extern const struct option_row option_rows[OPT_COUNT];

#define CTL_OPERANDS_MAX 64
struct ctl;
struct client;

struct command {
    const char *group, *verb;   /* verb NULL: the group is the command */
    const char *operands;       /* "FILE|ID" as the help shows it; "" for none */
    size_t min, max;            /* operands */
    uint64_t options, required; /* bits 1 << enum ctl_option, besides those every command takes */
    const char *summary;
    const char *examples[4];
    enum ctl_exit (*run)(struct ctl *ctl);
};
extern const struct command command_rows[];
extern const size_t command_count;
/* Options that every command takes. */
extern const uint64_t command_common_options;

/* One run of the program, as parsed. */
struct ctl {
    const struct command *command;  /* NULL: only help or version was asked for */
    const char *options[OPT_COUNT]; /* NULL: not given; "" for a switch */
    const char *operands[CTL_OPERANDS_MAX];
    size_t n_operands;
    struct client *client; /* made at first use, see ctl/common.h */
};

/* Reads the command line into *ctl (zeroed by it; strings stay the caller's). On a mistake
 * `problem` gets what is wrong and what is possible. errors: ERR_INVALID */
MUST_CHECK enum err command_parse(int argc, char *const *argv, struct ctl *ctl,
                                  struct buf *problem);
#define COMMAND_USAGE "outreachctl [--config FILE] [--json] COMMAND …"
/* All commands, those of a group, or one with its options and examples (command NULL: by `group`;
 * both NULL: all). */
void command_help(const struct command *command, const char *group, struct buf *out);
/* The bash completion script. */
void command_completion(struct buf *out);
