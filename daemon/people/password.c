#include "people/password.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "people/common.h"

#define OPSLIMIT 2U
#define MEMLIMIT ((size_t)19 * 1024 * 1024)

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash must fit");

struct job {
    STAILQ_ENTRY(job) entry;
    char password[PASSWORD_MAX_BYTES + 1];
    char hash[PASSWORD_HASH_SIZE];
    password_hashed_fn *hashed;   /* one of the two */
    password_checked_fn *checked; /* is set */
    void *arg;
    enum err error;
    bool is_right;
};
STAILQ_HEAD(jobs, job);

struct passwords {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct jobs waiting, finished; /* under the lock */
    size_t n;                      /* jobs not called back yet; the loop's alone */
    bool is_ending;
    int wake_fd;
    struct event *wake;
    char nobody[PASSWORD_HASH_SIZE]; /* the hash that no password is checked against */
};

/* ---- the rules ---- */

static size_t count_chars(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static bool is_one_char(const char *text)
{
    return text[strspn(text, (char[]){text[0], '\0'})] == '\0';
}

const char *password_fault(const char *password, const char *user)
{
    size_t n = count_chars(password);
    if (n < PASSWORD_MIN_CHARS) {
        return "a password has at least 12 characters; a sentence of your own is a good one";
    }
    if (n > PASSWORD_MAX_CHARS || strlen(password) > PASSWORD_MAX_BYTES) {
        return "a password has at most 128 characters";
    }
    if (is_one_char(password) || common_password(password)) {
        return "this password is among the first that are tried; take another one";
    }
    if (user[0] != '\0' && strcasestr(password, user) != NULL &&
        n < PASSWORD_MIN_CHARS + count_chars(user)) {
        return "this is little more than the user's name; take another one";
    }
    return NULL;
}

/* ---- the thread ---- */

static void run(struct job *job)
{
    size_t len = strlen(job->password);
    if (job->hashed != NULL) {
        job->error = crypto_pwhash_str_alg(job->hash, job->password, len, OPSLIMIT, MEMLIMIT,
                                           crypto_pwhash_ALG_ARGON2ID13) == 0
                         ? ERR_OK
                         : ERR_NOMEM;
    } else {
        job->error = ERR_OK;
        job->is_right = crypto_pwhash_str_verify(job->hash, job->password, len) == 0;
    }
    sodium_memzero(job->password, sizeof job->password);
}

static void *work(void *arg)
{
    struct passwords *passwords = arg;
    pthread_mutex_lock(&passwords->lock);
    while (!passwords->is_ending) {
        struct job *job = STAILQ_FIRST(&passwords->waiting);
        if (job == NULL) {
            pthread_cond_wait(&passwords->more, &passwords->lock);
            continue;
        }
        STAILQ_REMOVE_HEAD(&passwords->waiting, entry);
        pthread_mutex_unlock(&passwords->lock);
        run(job);
        pthread_mutex_lock(&passwords->lock);
        STAILQ_INSERT_TAIL(&passwords->finished, job, entry);
        uint64_t one = 1;
        while (write(passwords->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
    pthread_mutex_unlock(&passwords->lock);
    return NULL;
}

/* ---- the loop's side ---- */

static void call_back(struct passwords *passwords, struct job *job, enum err error)
{
    struct job copy = *job;
    sodium_memzero(job, sizeof *job);
    free(job);
    passwords->n--;
    if (copy.hashed != NULL) {
        copy.hashed(copy.arg, error, copy.hash);
    } else {
        copy.checked(copy.arg, error, copy.is_right);
    }
    sodium_memzero(&copy, sizeof copy);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct passwords *passwords = arg;
    uint64_t count;
    (void)what;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
    for (;;) {
        pthread_mutex_lock(&passwords->lock);
        struct job *job = STAILQ_FIRST(&passwords->finished);
        if (job != NULL) {
            STAILQ_REMOVE_HEAD(&passwords->finished, entry);
        }
        pthread_mutex_unlock(&passwords->lock);
        if (job == NULL) {
            return;
        }
        call_back(passwords, job, job->error);
    }
}

static enum err give(struct passwords *passwords, const char *password, const struct job *what)
{
    if (strlen(password) > PASSWORD_MAX_BYTES) {
        return ERR_TOO_BIG;
    }
    if (passwords->n >= PASSWORD_QUEUE_MAX) {
        return ERR_BUSY;
    }
    struct job *job = malloc(sizeof *job);
    if (job == NULL) {
        return ERR_NOMEM;
    }
    *job = *what;
    memcpy(job->password, password, strlen(password) + 1);
    passwords->n++;
    pthread_mutex_lock(&passwords->lock);
    STAILQ_INSERT_TAIL(&passwords->waiting, job, entry);
    pthread_cond_signal(&passwords->more);
    pthread_mutex_unlock(&passwords->lock);
    return ERR_OK;
}

enum err password_hash(struct passwords *passwords, const char *password, password_hashed_fn *done,
                       void *arg)
{
    const struct job job = {.hashed = done, .arg = arg};
    return give(passwords, password, &job);
}

enum err password_check(struct passwords *passwords, const char *hash, const char *password,
                        password_checked_fn *done, void *arg)
{
    struct job job = {.checked = done, .arg = arg};
    const char *against =
        hash[0] != '\0' && strlen(hash) < sizeof job.hash ? hash : passwords->nobody;
    memcpy(job.hash, against, strlen(against) + 1);
    return give(passwords, password, &job);
}

/* A hash of something nobody knows, so that a check of an unknown user takes as long. */
static bool make_nobody(struct passwords *passwords)
{
    char secret[32];
    randombytes_buf(secret, sizeof secret);
    return crypto_pwhash_str_alg(passwords->nobody, secret, sizeof secret, OPSLIMIT, MEMLIMIT,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static bool start(struct passwords *passwords, struct event_base *base)
{
    passwords->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (passwords->wake_fd < 0) {
        return false;
    }
    passwords->wake = event_new(base, passwords->wake_fd, EV_READ | EV_PERSIST, on_wake, passwords);
    if (passwords->wake != NULL && event_add(passwords->wake, NULL) == 0 &&
        pthread_create(&passwords->thread, NULL, work, passwords) == 0) {
        return true;
    }
    if (passwords->wake != NULL) {
        event_free(passwords->wake);
    }
    close(passwords->wake_fd);
    return false;
}

enum err passwords_new(struct event_base *base, struct passwords **out)
{
    struct passwords *passwords = calloc(1, sizeof *passwords);
    if (passwords == NULL) {
        return ERR_NOMEM;
    }
    STAILQ_INIT(&passwords->waiting);
    STAILQ_INIT(&passwords->finished);
    pthread_mutex_init(&passwords->lock, NULL);
    pthread_cond_init(&passwords->more, NULL);
    if (sodium_init() < 0 || !make_nobody(passwords) || !start(passwords, base)) {
        pthread_cond_destroy(&passwords->more);
        pthread_mutex_destroy(&passwords->lock);
        free(passwords);
        return ERR_IO;
    }
    *out = passwords;
    return ERR_OK;
}

static void end_all(struct passwords *passwords, struct jobs *jobs)
{
    struct job *job;
    while ((job = STAILQ_FIRST(jobs)) != NULL) {
        STAILQ_REMOVE_HEAD(jobs, entry);
        call_back(passwords, job, ERR_CLOSED);
    }
}

void passwords_free(struct passwords *passwords)
{
    if (passwords == NULL) {
        return;
    }
    pthread_mutex_lock(&passwords->lock);
    passwords->is_ending = true;
    pthread_cond_signal(&passwords->more);
    pthread_mutex_unlock(&passwords->lock);
    pthread_join(passwords->thread, NULL);
    end_all(passwords, &passwords->finished);
    end_all(passwords, &passwords->waiting);
    event_free(passwords->wake);
    close(passwords->wake_fd);
    pthread_cond_destroy(&passwords->more);
    pthread_mutex_destroy(&passwords->lock);
    free(passwords);
}
