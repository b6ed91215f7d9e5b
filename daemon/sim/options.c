#include "sim/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mix.h"

#define DAY_MS 86400000

enum option_type { TYPE_TEXT, TYPE_NUMBER, TYPE_SHARE, TYPE_FLAG, TYPE_FAULT, TYPE_REPORTS };

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset;
    int64_t min, max; /* of TYPE_NUMBER */
    const char *what, *help;
};

#define AT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
    {"listen", TYPE_TEXT, AT(listen), 0, 0, "HOST:PORT",
     "where to serve; port 0 chooses one and prints it (127.0.0.1:1992)"},
    {"control", TYPE_TEXT, AT(control), 0, 0, "HOST:PORT",
     "serve /control here too, where the fault `refuse` does not reach"},
    {"ec-name", TYPE_TEXT, AT(account.ec_name), 0, 0, "NAME",
     "the customer's name (高山乡人民政府)"},
    {"ap-id", TYPE_TEXT, AT(account.ap_id), 0, 0, "ID", "the interface account (gaoshan)"},
    {"secret", TYPE_TEXT, AT(account.secret), 0, 0, "TEXT", "its password (Demo#2026)"},
    {"secret-file", TYPE_TEXT, AT(secret_file), 0, 0, "FILE",
     "the password is the first line of this file"},
    {"sign-code", TYPE_TEXT, AT(account.sign_code), 0, 0, "CODE",
     "the signature's code (DemoSign1)"},
    {"service-code", TYPE_TEXT, AT(reports.service_code), 0, 0, "DIGITS",
     "full code in uplinks (106573010158)"},
    {"content-max", TYPE_NUMBER, AT(account.content_max), 0, 100000, "N",
     "characters of a text, 0: any (500)"},
    {"latency-ms", TYPE_NUMBER, AT(latency_ms), 0, DAY_MS, "N", "answer so much later (0)"},
    {"latency-jitter-ms", TYPE_NUMBER, AT(latency_jitter_ms), 0, DAY_MS, "N",
     "and up to so much more (0)"},
    {"report-url", TYPE_TEXT, AT(reports.report_url), 0, 0, "URL", "push status reports here"},
    {"uplink-url", TYPE_TEXT, AT(reports.uplink_url), 0, 0, "URL", "push uplink messages here"},
    {"reports", TYPE_REPORTS, AT(reports.reports), 0, 0, "none|normal",
     "report on accepted messages (normal)"},
    {"report-delay-ms", TYPE_NUMBER, AT(reports.delay_ms), 0, DAY_MS, "N",
     "from acceptance to report (300)"},
    {"report-jitter-ms", TYPE_NUMBER, AT(reports.jitter_ms), 0, DAY_MS, "N",
     "and up to so much more (0)"},
    {"report-batch", TYPE_NUMBER, AT(reports.batch), 1, 5000, "N",
     "reports a POST; more than 1 go as an array (1)"},
    {"report-connections", TYPE_NUMBER, AT(reports.connections), 1, 256, "N",
     "kept open for reports (4)"},
    {"report-attempts", TYPE_NUMBER, AT(reports.attempts), 1, 100000, "N",
     "pushes of a record until it is given up (40)"},
    {"report-log", TYPE_TEXT, AT(reports.report_log), 0, 0, "FILE",
     "a line an acknowledged report: MSGGROUP MOBILE STATUS ERRORCODE"},
    {"push-timeout-ms", TYPE_NUMBER, AT(reports.timeout_ms), 1, DAY_MS, "N",
     "wait for the answer to a push (10000)"},
    {"uplink-rate", TYPE_SHARE, AT(reports.uplink_rate), 0, 0, "SHARE",
     "of the villagers reply (0)"},
    {"uplink-delay-ms", TYPE_NUMBER, AT(reports.uplink_delay_ms), 0, DAY_MS, "N",
     "from report to reply (500)"},
    {"pledge-rate", TYPE_SHARE, AT(reports.pledge_rate), 0, 0, "SHARE",
     "of the villagers pledge, once, and mostly answer Y when asked (0)"},
    {"pledge-log", TYPE_TEXT, AT(reports.pledge_log), 0, 0, "FILE",
     "a line a reply taken, tabs between: MOBILE MEANING FEN THOUSANDTHS ITEM UNIT NAME TEXT"},
    {"seed", TYPE_NUMBER, AT(reports.seed), 0, INT64_MAX, "N",
     "decides every number's fate; the same seed, the same run (1)"},
    {"oracle", TYPE_TEXT, AT(oracle), 0, 0, "FILE",
     "a line an accepted recipient: REQUEST MSGGROUP MOBILE"},
    {"fault", TYPE_FAULT, 0, 0, 0, "FAULT", "switch a fault on; may be given again, see below"},
    {"stats", TYPE_FLAG, AT(stats), 0, 0, NULL, "print the counters at the end"},
    {"help", TYPE_FLAG, AT(help), 0, 0, NULL, "this text"},
    {"version", TYPE_FLAG, AT(version), 0, 0, NULL, "print the version"},
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static const char help_end[] =
    "\nControl, while it runs (a fault stays until count is used up or it is switched off):\n"
    "  POST   /control         {\"fault\": \"rspcod\", \"word\": \"SystemBusy\", \"count\": 3}, an "
    "array of such,\n"
    "                          {\"fault\": \"hang\", \"off\": true}, {\"fault\": \"none\"} for all "
    "off\n"
    "  GET    /control         faults and counters\n"
    "  GET    /control/stats   counters: requests, accepted, distinct, duplicates, reports …\n"
    "  POST   /control/uplink  {\"mobile\": \"15400000001\", \"text\": \"R\"}: a villager writes\n"
    "  POST   /control/report  a body that is pushed to the report URL as it is\n"
    "\nExamples:\n"
    "  outreach-sim --listen 127.0.0.1:1992 --secret-file mas.secret --oracle oracle.log \\\n"
    "      --report-url http://127.0.0.1:10170/hook/mas/KEY/report \\\n"
    "      --uplink-url http://127.0.0.1:10170/hook/mas/KEY/uplink --uplink-rate 0.03\n"
    "  outreach-sim --listen 127.0.0.1:0 --reports none --fault close,accept=true,share=0.01\n"
    "  curl -d '{\"fault\": \"status\", \"status\": 504, \"accept\": true, \"count\": 1}' "
    "http://127.0.0.1:1992/control\n";

void options_print_help(void)
{
    printf("outreach-sim: a carrier that speaks the Cloud MAS HTTP interface, and fails in every "
           "way it is told to.\n\n"
           "Options:\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].what ? " " : "",
                 rows[i].what ? rows[i].what : "");
        printf("  %-26s %s\n", left, rows[i].help);
    }
    printf("\nFaults (keys: count=N, share=0..1, accept=true|false, mobile=NUMBER: only requests "
           "that hold it, and as named):\n");
    for (size_t i = 0; faults_help(i); i++) {
        printf("  %s\n", faults_help(i));
    }
    printf("\nReports: DELIVRD, but of a thousand numbers");
    const char *code;
    unsigned per_mille;
    for (size_t i = 0; (code = mix_code(i, &per_mille)); i++) {
        printf("%s %u %s", i ? "," : "", per_mille, code);
    }
    printf(".\n%s", help_end);
}

static enum err set_number(const struct option_row *row, const char *text, void *at)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno) {
        return ERR_INVALID;
    }
    if (number < row->min || number > row->max) {
        return ERR_RANGE;
    }
    /* Only content_max and attempts are narrower; see their offsets. */
    if (row->offset == AT(account.content_max) || row->offset == AT(reports.attempts)) {
        *(uint32_t *)at = (uint32_t)number;
    } else {
        *(int64_t *)at = number;
    }
    return ERR_OK;
}

static enum err set_share(const char *text, double *at)
{
    char *end;
    *at = strtod(text, &end);
    if (end == text || *end || !isfinite(*at)) {
        return ERR_INVALID;
    }
    return *at >= 0 && *at <= 1 ? ERR_OK : ERR_RANGE;
}

static enum err add_fault(struct options *options, const char *spec, struct buf *problem)
{
    if (options->n_faults == FAULTS_MAX) {
        return ERR_BUSY;
    }
    enum err error = fault_parse(spec, &options->faults[options->n_faults], problem);
    options->n_faults += error == ERR_OK;
    return error;
}

static enum err set_option(struct options *options, const struct option_row *row, const char *text,
                           struct buf *problem)
{
    void *at = (char *)options + row->offset;
    switch (row->type) {
    case TYPE_TEXT:
        *(const char **)at = text;
        return ERR_OK;
    case TYPE_NUMBER:
        return set_number(row, text, at);
    case TYPE_SHARE:
        return set_share(text, at);
    case TYPE_FLAG:
        *(bool *)at = true;
        return ERR_OK;
    case TYPE_FAULT:
        return add_fault(options, text, problem);
    case TYPE_REPORTS:
        *(bool *)at = strcmp(text, "normal") == 0;
        return strcmp(text, "normal") == 0 || strcmp(text, "none") == 0 ? ERR_OK : ERR_INVALID;
    }
    return ERR_INVALID;
}

static const struct option_row *find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum err read_secret(struct options *options)
{
    char line[256];
    FILE *file = fopen(options->secret_file, "re");
    bool got = file && fgets(line, sizeof line, file);
    if (file) {
        fclose(file);
    }
    if (!got) {
        return ERR_IO;
    }
    line[strcspn(line, "\r\n")] = '\0';
    options->account.secret = strdup(line);
    return options->account.secret ? ERR_OK : ERR_NOMEM;
}

/* One option at argv[*i], which is moved over a value that stands apart. */
static enum err read_one(int argc, char **argv, int *i, struct options *options,
                         struct buf *problem)
{
    const char *arg = argv[*i];
    size_t len = strncmp(arg, "--", 2) == 0 ? strcspn(arg + 2, "=") : 0;
    const struct option_row *row = len ? find_row(arg + 2, len) : NULL;
    if (!row) {
        buf_addf(problem, "no such option: %s", arg);
        return ERR_INVALID;
    }
    const char *value = arg[2 + len] == '=' ? arg + 2 + len + 1 : NULL;
    if (!value && row->type != TYPE_FLAG) {
        value = ++*i < argc ? argv[*i] : NULL;
        if (!value) {
            buf_addf(problem, "--%s needs a value: %s", row->name, row->what);
            return ERR_INVALID;
        }
    }
    enum err error = set_option(options, row, value, problem);
    if (error != ERR_OK && problem->len == 0) {
        buf_addf(problem, "--%s %s: %s", row->name, value ? value : "", err_sentence(error));
    }
    return error;
}

enum err options_read(int argc, char **argv, struct options *options, struct buf *problem)
{
    *options = (struct options){
        .listen = "127.0.0.1:1992",
        .account = {"高山乡人民政府", "gaoshan", "Demo#2026", "DemoSign1", 500},
        .reports = {.reports = true,
                    .delay_ms = 300,
                    .uplink_delay_ms = 500,
                    .batch = 1,
                    .connections = 4,
                    .timeout_ms = 10000,
                    .attempts = 40,
                    .seed = 1,
                    .service_code = "106573010158"},
    };
    for (int i = 1; i < argc; i++) {
        enum err error = read_one(argc, argv, &i, options, problem);
        if (error != ERR_OK) {
            return ERR_INVALID;
        }
    }
    if (options->secret_file && read_secret(options) != ERR_OK) {
        options->secret_file = NULL;
        buf_addf(problem, "the secret file cannot be read");
        return ERR_IO;
    }
    return ERR_OK;
}

void options_fini(struct options *options)
{
    if (options->secret_file) {
        free((void *)options->account.secret);
    }
    options->account.secret = NULL;
}
