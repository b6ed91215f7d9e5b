/* Reads a command line against the tables of ctl/rows.c, and prints help and completion from them.
 */
#include "ctl/command.h"

#include <stdio.h>
#include <string.h>

#include "conf/mistake.h"
#include "ctl/table.h"

#define NAMES_MAX 64
#define HELP_LEFT 28 /* columns of the left side of a list */

/* ---- names for "did you mean" and for lists of what is possible ---- */

static size_t group_names(const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < command_count; i++) {
        if (n == 0 || strcmp(names[n - 1], command_rows[i].group) != 0) {
            names[n++] = command_rows[i].group;
        }
    }
    return n;
}

static size_t verb_names(const char *group, const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < command_count; i++) {
        if (command_rows[i].verb != NULL && strcmp(command_rows[i].group, group) == 0) {
            names[n++] = command_rows[i].verb;
        }
    }
    return n;
}

static size_t option_names(uint64_t allowed, const char **names)
{
    size_t n = 0;
    for (int i = 0; i < OPT_COUNT; i++) {
        if (allowed >> i & 1) {
            names[n++] = option_rows[i].name;
        }
    }
    return n;
}

/* "did you mean X? Possible: a, b, c" */
static void say_possible(struct buf *out, const char *word, const char *const *names, size_t n,
                         const char *prefix)
{
    const char *near = mistake_nearest(word, names, n);
    if (near != NULL) {
        buf_addf(out, " (did you mean %s%s?)", prefix, near);
    }
    buf_add_text(out, "; possible: ");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s%s%s", i > 0 ? ", " : "", prefix, names[i]);
    }
}

/* ---- parsing ---- */

static const struct command *find_command(const char *group, const char *verb)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *row = &command_rows[i];
        if (strcmp(row->group, group) != 0) {
            continue;
        }
        if (row->verb == NULL || (verb != NULL && strcmp(row->verb, verb) == 0)) {
            return row;
        }
    }
    return NULL;
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_rows[i].group, word) == 0) {
            return true;
        }
    }
    return false;
}

/* An option of the line: its row, and the value after a '='. The command may not be known yet. */
static int option_index(const char *text, const char **value)
{
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    *value = equals != NULL ? equals + 1 : NULL;
    for (int i = 0; i < OPT_COUNT; i++) {
        if (strlen(option_rows[i].name) == len && memcmp(option_rows[i].name, text, len) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word == len && memcmp(at, value, len) == 0) {
            return true;
        }
        at += word + (at[word] == ' ');
    }
    return false;
}

static enum err take_option(int argc, char *const *argv, int *at, struct ctl *ctl,
                            const struct command *hint, struct buf *problem)
{
    const char *text = argv[*at] + 2, *value;
    int option = option_index(text, &value);
    if (option < 0) {
        const char *names[OPT_COUNT];
        size_t n = option_names(command_common_options | (hint != NULL ? hint->options : 0), names);
        buf_addf(problem, "there is no option %s", argv[*at]);
        say_possible(problem, text, names, n, "--");
        return ERR_INVALID;
    }
    const struct option_row *row = &option_rows[option];
    if (row->value == NULL && value != NULL) {
        buf_addf(problem, "--%s takes no value", row->name);
        return ERR_INVALID;
    }
    if (row->value != NULL && value == NULL) {
        if (*at + 1 >= argc) {
            buf_addf(problem, "--%s needs %s: %s", row->name, row->value, row->doc);
            return ERR_INVALID;
        }
        value = argv[++*at];
    }
    if (row->value != NULL && row->choices != NULL && !is_choice(row->choices, value)) {
        buf_addf(problem, "--%s is \"%s\"; possible: %s", row->name, value, row->choices);
        return ERR_INVALID;
    }
    if (ctl->options[option] != NULL && row->value != NULL) {
        buf_addf(problem, "--%s is given twice", row->name);
        return ERR_INVALID;
    }
    ctl->options[option] = row->value != NULL ? value : "";
    return ERR_OK;
}

static void usage_line(const struct command *command, struct buf *out)
{
    buf_addf(out, "outreachctl %s", command->group);
    if (command->verb != NULL) {
        buf_addf(out, " %s", command->verb);
    }
    if (command->operands[0] != '\0') {
        buf_addf(out, " %s", command->operands);
    }
    for (int i = 0; i < OPT_COUNT; i++) {
        if ((command->options >> i & 1) == 0) {
            continue;
        }
        const struct option_row *row = &option_rows[i];
        bool needed = command->required >> i & 1;
        buf_addf(out, needed ? " --%s" : " [--%s", row->name);
        if (row->value != NULL) {
            buf_addf(out, " %s", row->value);
        }
        buf_add_text(out, needed ? "" : "]");
    }
}

/* The words that are no options, before they are split into command and operands. */
struct words {
    const char *at[CTL_OPERANDS_MAX + 2];
    size_t n;
};

static enum err choose_command(const struct words *words, struct ctl *ctl, struct buf *problem)
{
    const char *names[NAMES_MAX];
    const char *group = words->at[0];
    ctl->command = find_command(group, words->n > 1 ? words->at[1] : NULL);
    if (ctl->command != NULL) {
        return ERR_OK;
    }
    if (!is_group(group)) {
        buf_addf(problem, "there is no command \"%s\"", group);
        say_possible(problem, group, names, group_names(names), "");
        return ERR_INVALID;
    }
    size_t n = verb_names(group, names);
    if (words->n > 1) {
        buf_addf(problem, "there is no command \"%s %s\"", group, words->at[1]);
    } else {
        buf_addf(problem, "%s what?", group);
    }
    say_possible(problem, words->n > 1 ? words->at[1] : "", names, n, "");
    return ERR_INVALID;
}

static enum err check_command(const struct ctl *ctl, struct buf *problem)
{
    const struct command *command = ctl->command;
    if (ctl->n_operands < command->min || ctl->n_operands > command->max) {
        if (ctl->n_operands < command->min) {
            buf_addf(problem, "%s is missing; ", command->operands);
        } else {
            buf_addf(problem, "\"%s\" is one too many; ", ctl->operands[command->max]);
        }
        buf_add_text(problem, "usage: ");
        usage_line(command, problem);
        return ERR_INVALID;
    }
    for (int i = 0; i < OPT_COUNT; i++) {
        if (ctl->options[i] != NULL &&
            ((command->options | command_common_options) >> i & 1) == 0) {
            const char *names[OPT_COUNT];
            buf_addf(problem, "--%s is no option of \"%s%s%s\"", option_rows[i].name,
                     command->group, command->verb != NULL ? " " : "",
                     command->verb != NULL ? command->verb : "");
            say_possible(problem, "", names,
                         option_names(command->options | command_common_options, names), "--");
            return ERR_INVALID;
        }
        if (ctl->options[i] == NULL && (command->required >> i & 1)) {
            buf_addf(problem, "--%s %s is missing (%s); usage: ", option_rows[i].name,
                     option_rows[i].value, option_rows[i].doc);
            usage_line(command, problem);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static const struct command *command_of(const struct words *words)
{
    return words->n > 0 ? find_command(words->at[0], words->n > 1 ? words->at[1] : NULL) : NULL;
}

static enum err take_words(int argc, char *const *argv, struct ctl *ctl, struct words *words,
                           struct buf *problem)
{
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strcmp(argv[i], "-h") == 0) {
            ctl->options[OPT_HELP] = "";
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            enum err error = take_option(argc, argv, &i, ctl, command_of(words), problem);
            if (error != ERR_OK) {
                return error;
            }
        } else if (words->n < sizeof words->at / sizeof *words->at) {
            words->at[words->n++] = argv[i];
        } else {
            buf_addf(problem, "more than %d words on the line", CTL_OPERANDS_MAX);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

enum err command_parse(int argc, char *const *argv, struct ctl *ctl, struct buf *problem)
{
    struct words words = {.n = 0};
    memset(ctl, 0, sizeof *ctl);
    enum err error = take_words(argc, argv, ctl, &words, problem);
    for (int i = 1; error != ERR_OK && i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            ctl->options[OPT_JSON] = ""; /* also behind the mistake: it is told in that form */
        }
    }
    if (error != ERR_OK) {
        return error;
    }
    if (ctl->options[OPT_VERSION] != NULL) {
        return ERR_OK;
    }
    bool helps = ctl->options[OPT_HELP] != NULL;
    if (words.n == 0) {
        if (helps) {
            return ERR_OK;
        }
        buf_add_text(problem, "which command? \"outreachctl help\" lists them");
        return ERR_INVALID;
    }
    if (helps && words.n == 1 && is_group(words.at[0]) && find_command(words.at[0], NULL) == NULL) {
        ctl->operands[ctl->n_operands++] = words.at[0]; /* "campaign --help": the group */
        return ERR_OK;
    }
    error = choose_command(&words, ctl, problem);
    if (error != ERR_OK) {
        return error;
    }
    size_t first = ctl->command->verb != NULL ? 2 : 1;
    for (size_t i = first; i < words.n; i++) {
        if (ctl->n_operands == CTL_OPERANDS_MAX) {
            buf_addf(problem, "more than %d operands", CTL_OPERANDS_MAX);
            return ERR_INVALID;
        }
        ctl->operands[ctl->n_operands++] = words.at[i];
    }
    return helps ? ERR_OK : check_command(ctl, problem);
}

/* ---- help ---- */

static void help_options(uint64_t options, struct buf *out)
{
    for (int i = 0; i < OPT_COUNT; i++) {
        if (options >> i & 1) {
            char left[64];
            const struct option_row *row = &option_rows[i];
            snprintf(left, sizeof left, "--%s%s%s", row->name, row->value != NULL ? " " : "",
                     row->value != NULL ? row->value : "");
            buf_addf(out, "  %-24s %s\n", left, row->doc);
        }
    }
}

static void help_one(const struct command *command, struct buf *out)
{
    buf_add_text(out, "usage: ");
    usage_line(command, out);
    buf_addf(out, "\n\n%s\n", command->summary);
    if (command->options != 0) {
        buf_add_text(out, "\nOptions:\n");
        help_options(command->options, out);
    }
    buf_add_text(out, "\nOptions of every command:\n");
    help_options(command_common_options, out);
    buf_add_text(out, "\nExamples:\n");
    for (size_t i = 0;
         i < sizeof command->examples / sizeof *command->examples && command->examples[i] != NULL;
         i++) {
        buf_addf(out, "  %s\n", command->examples[i]);
    }
}

static void help_list(const char *group, struct buf *out)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *row = &command_rows[i];
        if (group != NULL && strcmp(row->group, group) != 0) {
            continue;
        }
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", row->group, row->verb != NULL ? " " : "",
                 row->verb != NULL ? row->verb : "", row->operands[0] != '\0' ? " " : "",
                 row->operands);
        size_t width = table_width(left);
        buf_addf(out, "  %s%*s %s\n", left, (int)(width < HELP_LEFT ? HELP_LEFT - width : 0), "",
                 row->summary);
    }
}

void command_help(const struct command *command, const char *group, struct buf *out)
{
    if (command != NULL) {
        help_one(command, out);
        return;
    }
    buf_add_text(out, "usage: " COMMAND_USAGE "\n\nCommands:\n");
    help_list(group, out);
    buf_add_text(out, "\nOptions of every command:\n");
    help_options(command_common_options, out);
    buf_add_text(
        out,
        "\nExit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no such campaign, carrier or "
        "pledge, 4 the daemon is not reachable.\n"
        "\"outreachctl help COMMAND\" shows one command with examples.\n");
}

/* ---- bash completion ---- */

static void completion_words(uint64_t options, struct buf *out)
{
    const char *between = "";
    for (int i = 0; i < OPT_COUNT; i++) {
        if (options >> i & 1) {
            buf_addf(out, "%s--%s", between, option_rows[i].name);
            between = " ";
        }
    }
}

static void completion_values(struct buf *out)
{
    buf_add_text(out, "    case $prev in\n");
    for (int i = 0; i < OPT_COUNT; i++) {
        const struct option_row *row = &option_rows[i];
        if (row->choices != NULL) {
            buf_addf(
                out,
                "        --%s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n",
                row->name, row->choices);
        } else if (row->value != NULL && strcmp(row->value, "FILE") == 0) {
            buf_addf(out,
                     "        --%s) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n",
                     row->name);
        } else if (row->value != NULL) {
            buf_addf(out, "        --%s) return ;;\n", row->name);
        }
    }
    buf_add_text(out, "    esac\n");
}

/* Which words can stand where an operand is wanted. */
static const char *completion_operands(const struct command *row)
{
    if (strcmp(row->operands, "FILE|ID") == 0) {
        return "files ids";
    }
    if (strcmp(row->operands, "FILE") == 0) {
        return "files";
    }
    if (strcmp(row->operands, "ID") == 0) {
        return "ids";
    }
    return strcmp(row->operands, "NAME") == 0 ? "carriers" : "none";
}

static void completion_commands(struct buf *out)
{
    const char *groups[NAMES_MAX];
    size_t n = group_names(groups);
    buf_add_text(out, "    case $path in\n        '') words='");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s%s", i > 0 ? " " : "", groups[i]);
    }
    buf_add_text(out, "' ;;\n");
    for (size_t i = 0; i < n; i++) {
        const char *verbs[NAMES_MAX];
        size_t n_verbs = verb_names(groups[i], verbs);
        if (n_verbs > 0) {
            buf_addf(out, "        %s) words='", groups[i]);
            for (size_t j = 0; j < n_verbs; j++) {
                buf_addf(out, "%s%s", j > 0 ? " " : "", verbs[j]);
            }
            buf_add_text(out, "' ;;\n");
        }
    }
    for (size_t i = 0; i < command_count; i++) {
        const struct command *row = &command_rows[i];
        if (row->verb != NULL) {
            buf_addf(out, "        '%s %s') options='", row->group, row->verb);
        } else {
            buf_addf(out, "        '%s ') options='", row->group);
        }
        completion_words(row->options, out);
        buf_addf(out, "' operands='%s' ;;\n", completion_operands(row));
    }
    buf_add_text(out, "    esac\n");
}

void command_completion(struct buf *out)
{
    buf_add_text(out, "# bash completion of outreachctl. Printed by `outreachctl completion`; a "
                      "test compares the two.\n"
                      "_outreachctl() {\n"
                      "    local cur prev word path='' group='' verb='' words='' options='' "
                      "operands='' i skip=0\n"
                      "    cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n");
    completion_values(out);
    buf_add_text(out, "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                      "        word=${COMP_WORDS[i]}\n"
                      "        if ((skip)); then skip=0; continue; fi\n"
                      "        case $word in\n");
    for (int i = 0; i < OPT_COUNT; i++) {
        if (option_rows[i].value != NULL) {
            buf_addf(out, "            --%s) skip=1; continue ;;\n", option_rows[i].name);
        }
    }
    buf_add_text(
        out,
        "            -*) continue ;;\n"
        "        esac\n"
        "        if [[ -z $group ]]; then group=$word; elif [[ -z $verb ]]; then verb=$word; fi\n"
        "    done\n");
    const char *groups[NAMES_MAX], *verbs[NAMES_MAX];
    size_t n = group_names(groups);
    buf_add_text(out, "    case $group in\n        ");
    const char *between = "";
    for (size_t i = 0; i < n; i++) {
        if (verb_names(groups[i], verbs) > 0) {
            buf_addf(out, "%s%s", between, groups[i]);
            between = " | ";
        }
    }
    buf_add_text(out,
                 ") path=$group${verb:+ $verb} ;;\n        ?*) path=\"$group \" ;;\n    esac\n");
    completion_commands(out);
    buf_add_text(
        out,
        "    if [[ $cur == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W \"$options ");
    completion_words(command_common_options, out);
    buf_add_text(out, "\" -- \"$cur\")\n"
                      "        return\n"
                      "    fi\n"
                      "    if [[ $operands == *files* ]]; then mapfile -t COMPREPLY < <(compgen -f "
                      "-- \"$cur\"); fi\n"
                      "    case $operands in\n"
                      "        *ids) words=$(outreachctl --json campaign list 2>/dev/null | sed -n "
                      "'s/^ *\"id\": \"\\([^\"]*\\)\".*/\\1/p') ;;\n"
                      "        carriers) words=$(outreachctl --json carrier list 2>/dev/null | sed "
                      "-n 's/^ *\"name\": \"\\([^\"]*\\)\".*/\\1/p') ;;\n"
                      "    esac\n"
                      "    while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(compgen -W "
                      "\"$words\" -- \"$cur\")\n"
                      "}\n"
                      "complete -F _outreachctl outreachctl\n");
}
