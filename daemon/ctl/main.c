/* outreachctl: one command a run, see ctl/rows.c. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include <curl/curl.h>

#include "ctl/common.h"
#include "ctl/help.h"

#define PROBLEM_MAX_BYTES 8192

static enum ctl_exit run(struct ctl *ctl)
{
    if (ctl->options[OPT_VERSION] != NULL) {
        return help_version(ctl);
    }
    if (ctl->options[OPT_HELP] != NULL) {
        return help_commands(ctl, ctl->command, ctl->n_operands > 0 ? ctl->operands[0] : NULL);
    }
    return ctl->command->run(ctl);
}

int main(int argc, char **argv)
{
    struct ctl ctl;
    struct buf problem;
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    buf_init(&problem, PROBLEM_MAX_BYTES);
    if (command_parse(argc, argv, &ctl, &problem) != ERR_OK) {
        enum ctl_exit exit = ctl_fail(&ctl, CTL_USAGE, "usage", "%s", buf_text(&problem));
        buf_fini(&problem);
        return exit;
    }
    buf_fini(&problem);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    enum ctl_exit exit = run(&ctl);
    client_free(ctl.client);
    curl_global_cleanup();
    if (fflush(stdout) != 0 && exit == CTL_DONE) {
        exit = CTL_FAILED;
    }
    return exit;
}
