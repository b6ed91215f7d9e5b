/* What outreachctl says about itself: help, version and completion, as text or, with --json, as one
 * document:
 *
 *   {"program":"outreachctl","version":"1.0.0"}
 *   {"usage":"outreachctl [--config FILE] [--json] COMMAND …",
 *    "commands":[{"command":"campaign pause","operands":"ID","summary":"…",
 *                 "options":[{"option":"--reason","value":"TEXT","choices":null,"required":true,
 *                             "summary":"…"}],
 *                 "examples":["…"]}],
 *    "common_options":[as above]}
 *   {"shell":"bash","script":"…"} */
#pragma once

#include "ctl/common.h"

enum ctl_exit help_version(const struct ctl *ctl);
/* One command; NULL: those of a group, with `group` NULL too all. */
enum ctl_exit help_commands(const struct ctl *ctl, const struct command *command,
                            const char *group);
enum ctl_exit help_completion(const struct ctl *ctl);
