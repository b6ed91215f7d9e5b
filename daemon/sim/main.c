/* outreach-sim: see options.c for what it can be told, sim.c for what it does. */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/log.h"
#include "sim/control.h"
#include "sim/options.h"
#include "sim/sim.h"

#define EXIT_USAGE 2
#define FILES_WANTED 65536 /* a connection each */

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)signal, (void)what;
    event_base_loopbreak(arg);
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_WANTED) {
        limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Scripts read these lines to learn the ports. */
static void announce(const struct sim *sim)
{
    printf("listening port=%u\n", sim->port);
    if (sim->options->control) {
        printf("control port=%u\n", sim->control_port);
    }
    printf("ready\n");
    fflush(stdout);
}

static void print_stats(const struct sim *sim)
{
    struct buf stats;
    buf_init(&stats, 65536);
    control_print_stats(sim, &stats);
    printf("%s\n", buf_text(&stats));
    buf_fini(&stats);
}

static int run(struct event_base *base, struct options *options)
{
    struct sim *sim;
    struct buf problem;
    buf_init(&problem, 4096);
    enum err error = sim_start(base, options, &sim, &problem);
    if (error != ERR_OK) {
        fprintf(stderr, "outreach-sim: %s\n",
                problem.len ? buf_text(&problem) : err_sentence(error));
        buf_fini(&problem);
        return EXIT_FAILURE;
    }
    buf_fini(&problem);
    struct event *terminate = evsignal_new(base, SIGTERM, on_signal, base);
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
    event_add(terminate, NULL);
    event_add(interrupt, NULL);
    announce(sim);
    event_base_dispatch(base);
    if (options->stats) {
        print_stats(sim);
    }
    sim_stop(sim);
    event_free(terminate);
    event_free(interrupt);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options;
    struct buf problem;
    buf_init(&problem, 4096);
    enum err error = options_read(argc, argv, &options, &problem);
    if (error != ERR_OK) {
        fprintf(stderr, "outreach-sim: %s\nTry outreach-sim --help.\n", buf_text(&problem));
    } else if (options.help) {
        options_print_help();
    } else if (options.version) {
        printf("outreach-sim %s\n", OUTREACH_VERSION);
    }
    buf_fini(&problem);
    if (error != ERR_OK || options.help || options.version) {
        options_fini(&options);
        return error != ERR_OK ? EXIT_USAGE : EXIT_SUCCESS;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    struct event_base *base = event_base_new();
    int code = base ? run(base, &options) : EXIT_FAILURE;
    event_base_free(base);
    options_fini(&options);
    return code;
}
