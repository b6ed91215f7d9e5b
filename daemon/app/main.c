/* outreachd: the daemon, in the foreground, logging to stderr, as systemd likes it. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/journal.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "campaign/folder.h"

#define CONFIG_DEFAULT "/etc/outreachd/outreachd.ini"
#define MISTAKES_TEXT_MAX_BYTES ((size_t)1024 * 1024)

static const char help[] =
    "usage: outreachd [--config FILE] [--check | --check-config]\n"
    "\n"
    "  --config FILE   the configuration (default " CONFIG_DEFAULT ")\n"
    "  --check         read the configuration, its code tables and every campaign definition,\n"
    "                  print every mistake, and exit (0: none)\n"
    "  --check-config  the same without the campaigns: what would keep the daemon from starting\n"
    "  --version       print the version\n"
    "  --help          this\n"
    "\n"
    "SIGTERM and SIGINT finish what is in flight and exit; a second one exits at once.\n"
    "SIGHUP reads the configuration again: all of it or nothing.\n";

static void print_mistakes(const struct mistakes *mistakes)
{
    struct buf text;
    buf_init(&text, MISTAKES_TEXT_MAX_BYTES);
    mistakes_print(mistakes, &text);
    fputs(buf_text(&text), stderr);
    buf_fini(&text);
}

static void print_drafts(const struct folder *folder)
{
    struct buf text;
    buf_init(&text, MISTAKES_TEXT_MAX_BYTES);
    folder_print_drafts(folder, &text);
    fputs(buf_text(&text), stdout);
    buf_fini(&text);
}

static int check(const char *path, bool also_campaigns)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    struct folder folder = {0};
    mistakes_init(&mistakes);
    enum err error = config_load(path, &config, &mistakes);
    if (error == ERR_OK) {
        error = also_campaigns ? folder_read(&folder, config->settings, &mistakes) : ERR_OK;
        config_free(config);
    }
    print_mistakes(&mistakes);
    bool good = error == ERR_OK && mistakes.errors == 0;
    if (good && !also_campaigns) {
        printf("%s: no mistakes\n", path);
    } else if (good) {
        printf("%s: no mistakes; %zu campaign definition%s\n", path, folder.n_definitions,
               folder.n_definitions == 1 ? "" : "s");
    } else {
        fprintf(stderr, "outreachd: %zu mistake%s\n", mistakes.errors,
                mistakes.errors == 1 ? "" : "s");
    }
    print_drafts(&folder);
    folder_fini(&folder);
    mistakes_fini(&mistakes);
    return good ? 0 : 1;
}

static int run(const char *path)
{
    struct app app;
    struct mistakes mistakes;
    enum log_level level;
    memset(&app, 0, sizeof app);
    app.config_path = path;
    mistakes_init(&mistakes);
    enum err error = config_load(path, &app.config, &mistakes);
    print_mistakes(&mistakes);
    mistakes_fini(&mistakes);
    if (error != ERR_OK) {
        fprintf(stderr, "outreachd: %s: not started (%s)\n", path, err_sentence(error));
        return 1;
    }
    if (log_level_parse(app.config->settings->daemon.log_level, &level) == ERR_OK) {
        log_set_level(level);
    }
    (void)journal_take_over();
    int code = app_run(&app);
    config_free(app.config);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"check-config", no_argument, NULL, 'K'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *path = CONFIG_DEFAULT;
    bool only_check = false, also_campaigns = false;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
        case 'K':
            only_check = true;
            also_campaigns = option == 'k';
            break;
        case 'v':
            puts("outreachd " OUTREACH_VERSION);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        default:
            fputs(help, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "outreachd: \"%s\" is no option\n%s", argv[optind], help);
        return 2;
    }
    if (failpoint_arm(getenv("OUTREACH_FAILPOINT")) != ERR_OK) {
        fputs("outreachd: OUTREACH_FAILPOINT is NAME or NAME:COUNT\n", stderr);
        return 2;
    }
    return only_check ? check(path, also_campaigns) : run(path);
}
