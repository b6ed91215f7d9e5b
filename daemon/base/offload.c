/* Two lists under one lock: what is to do, and what is done. An eventfd wakes the loop. */
#include "base/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

struct piece {
    struct piece *next;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct list {
    struct piece *first, **end;
};

struct offload {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list to_do, done;
    bool is_ending;
    int fd;
    struct event *event;
};

static void list_init(struct list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

static void list_add(struct list *list, struct piece *piece)
{
    piece->next = NULL;
    *list->end = piece;
    list->end = &piece->next;
}

static struct piece *list_take(struct list *list)
{
    struct piece *piece = list->first;
    if (piece != NULL) {
        list->first = piece->next;
        if (list->first == NULL)
            list->end = &list->first;
    }
    return piece;
}

static void *run(void *arg)
{
    struct offload *offload = arg;
    const uint64_t one = 1;
    pthread_mutex_lock(&offload->lock);
    for (;;) {
        struct piece *piece = list_take(&offload->to_do);
        if (piece == NULL && offload->is_ending)
            break;
        if (piece == NULL) {
            pthread_cond_wait(&offload->wake, &offload->lock);
            continue;
        }
        pthread_mutex_unlock(&offload->lock);
        piece->work(piece->arg);
        pthread_mutex_lock(&offload->lock);
        list_add(&offload->done, piece);
        /* A counter that is full wakes the loop all the same. */
        (void)!write(offload->fd, &one, sizeof one);
    }
    pthread_mutex_unlock(&offload->lock);
    return NULL;
}

static void run_done(struct offload *offload)
{
    for (;;) {
        pthread_mutex_lock(&offload->lock);
        struct piece *piece = list_take(&offload->done);
        pthread_mutex_unlock(&offload->lock);
        if (piece == NULL)
            return;
        piece->done(piece->arg);
        free(piece);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    (void)what;
    (void)!read(fd, &count, sizeof count);
    run_done(arg);
}

/* Signals are the loop's. */
static int start_thread(struct offload *offload)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int fault = pthread_create(&offload->thread, NULL, run, offload);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fault;
}

enum err offload_new(struct event_base *base, struct offload **offload)
{
    struct offload *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    list_init(&made->to_do);
    list_init(&made->done);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    made->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->fd >= 0)
        made->event = event_new(base, made->fd, EV_READ | EV_PERSIST, on_wake, made);
    bool up = made->event != NULL && event_add(made->event, NULL) == 0 && start_thread(made) == 0;
    if (up) {
        *offload = made;
        return ERR_OK;
    }
    if (made->event != NULL)
        event_free(made->event);
    if (made->fd >= 0)
        close(made->fd);
    free(made);
    return ERR_IO;
}

void offload_free(struct offload *offload)
{
    if (offload == NULL)
        return;
    pthread_mutex_lock(&offload->lock);
    offload->is_ending = true;
    pthread_cond_signal(&offload->wake);
    pthread_mutex_unlock(&offload->lock);
    pthread_join(offload->thread, NULL);
    run_done(offload);
    event_free(offload->event);
    close(offload->fd);
    pthread_cond_destroy(&offload->wake);
    pthread_mutex_destroy(&offload->lock);
    free(offload);
}

enum err offload_run(struct offload *offload, void (*work)(void *arg), void (*done)(void *arg),
                     void *arg)
{
    struct piece *piece = malloc(sizeof *piece);
    if (piece == NULL)
        return ERR_NOMEM;
    *piece = (struct piece){.work = work, .done = done, .arg = arg};
    pthread_mutex_lock(&offload->lock);
    list_add(&offload->to_do, piece);
    pthread_cond_signal(&offload->wake);
    pthread_mutex_unlock(&offload->lock);
    return ERR_OK;
}
