/* backup FILE, restore FILE. Everything is checked before anything counts: a backup gets its name
 * only when it is whole and on the disk, and a restore reads the whole file before the daemon sees
 * its first byte. */
#include "ctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/clock.h"
#include "conf/secret.h"
#include "ctl/common.h"
#include "ctl/vault.h"

#define PART_BYTES ((size_t)1024 * 1024)
#define NAME_FORMAT "outreach-%s.backup"
#define NAME_PATTERN "outreach-[0-9]*T[0-9]*.backup" /* what --keep may delete */
#define PASSPHRASE_BYTES 600
#define KEEP_MAX 10000

/* ---- the passphrase ---- */

struct passphrase {
    const struct ctl *ctl;
    char *text; /* NULL: none */
    bool failed;
};

static char *ask_passphrase(bool twice)
{
    char text[PASSPHRASE_BYTES], again[PASSPHRASE_BYTES];
    bool fine = ctl_ask_hidden("Passphrase of the backup: ", text, sizeof text) && text[0] != '\0';
    if (fine && twice && isatty(STDIN_FILENO)) {
        fine = ctl_ask_hidden("Once more: ", again, sizeof again) && strcmp(text, again) == 0;
        explicit_bzero(again, sizeof again);
    }
    char *copy = fine ? strdup(text) : NULL;
    explicit_bzero(text, sizeof text);
    return copy;
}

/* Of --passphrase: a file, or "-" for the terminal. false: said. */
static bool read_passphrase(struct passphrase *passphrase, bool twice)
{
    const struct ctl *ctl = passphrase->ctl;
    const char *path = ctl_option(ctl, OPT_PASSPHRASE);
    struct buf why;
    if (path == NULL) {
        return true;
    }
    if (strcmp(path, "-") == 0) {
        passphrase->text = ask_passphrase(twice);
        passphrase->failed = passphrase->text == NULL;
        if (passphrase->failed) {
            ctl_fail(ctl, CTL_FAILED, "passphrase", "no passphrase was typed, or two different");
        }
        return !passphrase->failed;
    }
    buf_init(&why, CTL_PATH_MAX);
    passphrase->failed = secret_read(path, true, &passphrase->text, &why) != ERR_OK;
    if (passphrase->failed) {
        ctl_fail(ctl, CTL_FAILED, "passphrase", "%s: %s", path, buf_text(&why));
    }
    buf_fini(&why);
    return !passphrase->failed;
}

/* ---- backup ---- */

struct saving {
    const struct ctl *ctl;
    struct vault *vault;
    struct archive_reader *reader; /* checks what arrives */
    struct archive_header header;
    uint64_t bytes;
    enum err error; /* of the disk */
};

static enum err note_header(void *arg, const struct archive_header *header)
{
    ((struct saving *)arg)->header = *header;
    return ERR_OK;
}

static enum err pass_record(void *arg, const struct archive_record *record)
{
    (void)arg;
    (void)record;
    return ERR_OK;
}

static bool on_bytes(void *arg, const char *bytes, size_t len)
{
    struct saving *saving = arg;
    saving->bytes += len;
    if (archive_read(saving->reader, bytes, len) != ERR_OK) {
        return false;
    }
    saving->error = vault_write(saving->vault, bytes, len);
    return saving->error == ERR_OK;
}

static enum ctl_exit why_not_saved(const struct saving *saving, const char *path,
                                   const struct reply *reply)
{
    const struct ctl *ctl = saving->ctl;
    if (saving->error != ERR_OK) {
        return ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    if (archive_problem(saving->reader)[0] != '\0') {
        return ctl_fail(ctl, CTL_FAILED, "damaged", "%s", archive_problem(saving->reader));
    }
    if (reply->message[0] != '\0') {
        return ctl_fail_reply(ctl, reply);
    }
    return ctl_fail(ctl, CTL_FAILED, "broken_off",
                    "the backup was broken off; the log of the "
                    "daemon says why");
}

static bool receive(struct ctl *ctl, struct saving *saving, struct reply *reply)
{
    char path[CTL_PATH_MAX];
    char *actor = ctl_escape(ctl_actor(ctl));
    struct client *client = ctl_client(ctl);
    memset(reply, 0, sizeof *reply);
    reply->code = reply->message = "";
    if (client == NULL || actor == NULL) {
        free(actor);
        return false;
    }
    snprintf(path, sizeof path, "/api/v1/backup?actor=%s", actor);
    free(actor);
    return client_download(client, path, on_bytes, saving, reply) && archive_ended(saving->reader);
}

/* Into an open file, until it lies on the disk. */
static enum ctl_exit save_to(struct ctl *ctl, FILE *file, const char *path, const char *passphrase,
                             struct saving *saving)
{
    struct reply reply = {.code = "", .message = ""};
    const struct archive_events events = {note_header, pass_record, saving};
    enum ctl_exit exit = CTL_DONE;
    enum err error = archive_reader_new(&events, &saving->reader);
    if (error == ERR_OK) {
        error = vault_create(file, passphrase, &saving->vault);
    }
    if (error != ERR_OK) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, err_sentence(error));
    } else if (!receive(ctl, saving, &reply)) {
        exit = why_not_saved(saving, path, &reply);
    } else if (vault_finish(saving->vault) != ERR_OK || fsync(fileno(file)) != 0) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    reply_fini(&reply);
    vault_free(saving->vault);
    saving->vault = NULL;
    return exit;
}

/* The name itself must survive a power cut too. */
static bool sync_folder(const char *path)
{
    char folder[CTL_PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
             slash != NULL ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return fine;
}

static enum ctl_exit save(struct ctl *ctl, const char *path, const char *passphrase,
                          struct saving *saving)
{
    char unfinished[CTL_PATH_MAX + 16];
    snprintf(unfinished, sizeof unfinished, "%s.unfinished", path);
    unlink(unfinished);
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", unfinished, strerror(errno));
    }
    enum ctl_exit exit = save_to(ctl, file, unfinished, passphrase, saving);
    if (fclose(file) != 0 && exit == CTL_DONE) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", unfinished, strerror(errno));
    }
    if (exit == CTL_DONE && (rename(unfinished, path) != 0 || !sync_folder(path))) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    if (exit != CTL_DONE) {
        unlink(unfinished);
    }
    return exit;
}

/* Of the names that we make: they sort by time. */
static void delete_older(const char *folder, size_t keep)
{
    char pattern[CTL_PATH_MAX + 64];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s" NAME_PATTERN, folder);
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i + keep < found.gl_pathc; i++) {
            if (unlink(found.gl_pathv[i]) != 0) {
                fprintf(stderr, "outreachctl: %s: %s\n", found.gl_pathv[i], strerror(errno));
            }
        }
        globfree(&found);
    }
}

/* A folder gets a name of ours in it. */
static void name_file(const char *operand, char *path, size_t size)
{
    struct civil civil = clock_civil(clock_wall_ms(), 0);
    char stamp[32];
    size_t len = strlen(operand);
    snprintf(stamp, sizeof stamp, "%04d%02d%02dT%02d%02d%02dZ", civil.year, civil.month, civil.day,
             civil.hour, civil.minute, civil.second);
    snprintf(path, size, "%s", operand);
    if (len > 0 && operand[len - 1] == '/') {
        snprintf(path, size, "%s" NAME_FORMAT, operand, stamp);
    }
}

static void say_saved(const struct ctl *ctl, const char *path, const struct saving *saving,
                      bool is_locked)
{
    char when[CLOCK_TEXT_SIZE];
    if (ctl_json(ctl)) {
        json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:b}", "file", path, "keys",
                                 (json_int_t)archive_records(saving->reader), "bytes",
                                 (json_int_t)saving->bytes, "schema",
                                 (json_int_t)saving->header.schema, "locked", is_locked);
        ctl_print_json(json);
        json_decref(json);
        return;
    }
    printf("%s: %" PRIu64 " keys, %" PRIu64 " KB, as of %s%s\n", path,
           archive_records(saving->reader), saving->bytes / 1024,
           clock_format(saving->header.at_ms, 480, when), is_locked ? ", locked" : "");
}

enum ctl_exit cmd_backup(struct ctl *ctl)
{
    char path[CTL_PATH_MAX];
    const char *operand = ctl->operands[0], *keep = ctl_option(ctl, OPT_KEEP);
    struct passphrase passphrase = {.ctl = ctl};
    struct saving saving = {.ctl = ctl};
    char *end = NULL;
    unsigned long n = keep != NULL ? strtoul(keep, &end, 10) : 0;
    if (keep != NULL && (*end != '\0' || n == 0 || n > KEEP_MAX)) {
        return ctl_fail(ctl, CTL_USAGE, "usage", "--keep %s: a number of backups from 1", keep);
    }
    if (keep != NULL && operand[strlen(operand) - 1] != '/') {
        return ctl_fail(ctl, CTL_USAGE, "usage",
                        "--keep needs a folder, with a slash at its end: "
                        "%s/",
                        operand);
    }
    if (!read_passphrase(&passphrase, true)) {
        return CTL_FAILED;
    }
    name_file(operand, path, sizeof path);
    enum ctl_exit exit = save(ctl, path, passphrase.text, &saving);
    if (exit == CTL_DONE) {
        say_saved(ctl, path, &saving, passphrase.text != NULL);
        if (keep != NULL) {
            delete_older(operand, n);
        }
    }
    archive_reader_free(saving.reader);
    secret_free(passphrase.text);
    return exit;
}

/* ---- restore ---- */

static const char *passphrase_for(void *arg)
{
    struct passphrase *passphrase = arg;
    if (passphrase->text == NULL && !passphrase->failed && isatty(STDIN_FILENO)) {
        passphrase->text = ask_passphrase(false);
    }
    return passphrase->text;
}

static enum ctl_exit why_not_read(const struct ctl *ctl, const char *path, enum err error,
                                  const char *problem, bool is_locked)
{
    const char *why = problem[0] != '\0' ? problem : err_sentence(error);
    if (error == ERR_REFUSED) {
        why = "it is locked: name the file of its passphrase with --passphrase";
    } else if (is_locked && error == ERR_INVALID && problem[0] == '\0') {
        why = "the passphrase is another one, or the file is damaged";
    } else if (error == ERR_OK) {
        why = "it is not whole: its end is missing";
    }
    return ctl_fail(ctl, CTL_FAILED, "damaged", "%s: %s; nothing was changed", path, why);
}

/* All of it, from its first byte to its checksum. */
static enum ctl_exit check_file(struct ctl *ctl, const char *path, FILE *file,
                                struct passphrase *passphrase, struct saving *found)
{
    static char block[PART_BYTES];
    const struct archive_events events = {note_header, pass_record, found};
    size_t len = 0;
    enum err error = archive_reader_new(&events, &found->reader);
    if (error == ERR_OK) {
        error = vault_open(file, passphrase_for, passphrase, &found->vault);
    }
    bool is_locked = found->vault == NULL || vault_is_locked(found->vault);
    while (error == ERR_OK) {
        error = vault_read(found->vault, block, sizeof block, &len);
        if (error != ERR_OK || len == 0) {
            break;
        }
        found->bytes += len;
        error = archive_read(found->reader, block, len);
    }
    if (error != ERR_OK || !archive_ended(found->reader)) {
        return why_not_read(ctl, path, error,
                            found->reader != NULL ? archive_problem(found->reader) : "", is_locked);
    }
    return CTL_DONE;
}

/* Fills a part; the blocks of a locked file come one by one. */
static enum err next_part(struct vault *vault, char *part, size_t *len)
{
    size_t n = 1;
    enum err error = ERR_OK;
    *len = 0;
    while (error == ERR_OK && n > 0 && PART_BYTES - *len >= VAULT_BLOCK_BYTES) {
        error = vault_read(vault, part + *len, PART_BYTES - *len, &n);
        *len += error == ERR_OK ? n : 0;
    }
    return error;
}

static enum ctl_exit send_parts(struct ctl *ctl, const char *path, struct vault *vault,
                                struct reply *reply)
{
    static char part[PART_BYTES];
    char route[CTL_PATH_MAX];
    char *actor = ctl_escape(ctl_actor(ctl));
    struct client *client = ctl_client(ctl);
    enum ctl_exit exit = client != NULL && actor != NULL ? CTL_DONE : CTL_UNREACHABLE;
    uint64_t at = 0;
    size_t len = 1;
    while (exit == CTL_DONE) {
        enum err error = next_part(vault, part, &len);
        if (error != ERR_OK) {
            exit = ctl_fail(ctl, CTL_FAILED, "io", "%s changed while it was read", path);
        }
        if (exit != CTL_DONE || len == 0) {
            break;
        }
        snprintf(route, sizeof route, "/api/v1/restore?at=%" PRIu64 "&replace=%d&actor=%s", at,
                 ctl_option(ctl, OPT_REPLACE) != NULL, actor);
        reply_fini(reply);
        if (!client_put_bytes(client, route, part, len, reply)) {
            exit = ctl_fail_reply(ctl, reply);
        }
        at += len;
    }
    free(actor);
    if (exit == CTL_DONE && !ctl_flag(reply->json, "restored")) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: the daemon has not seen its end", path);
    }
    return exit;
}

static bool may_restore(const struct ctl *ctl, const struct saving *found)
{
    char question[256], when[CLOCK_TEXT_SIZE];
    if (ctl_option(ctl, OPT_YES) != NULL) {
        return true;
    }
    snprintf(question, sizeof question, "%" PRIu64 " keys as of %s%s\nType \"restore\" to go on: ",
             archive_records(found->reader), clock_format(found->header.at_ms, 480, when),
             ctl_option(ctl, OPT_REPLACE) != NULL
                 ? " will take the place of everything the daemon holds."
                 : " will be restored.");
    return ctl_confirm(question, "restore");
}

static enum ctl_exit restore_from(struct ctl *ctl, const char *path, FILE *file)
{
    struct passphrase passphrase = {.ctl = ctl};
    struct saving found = {.ctl = ctl};
    struct reply reply = {.code = "", .message = ""};
    enum ctl_exit exit = read_passphrase(&passphrase, false)
                             ? check_file(ctl, path, file, &passphrase, &found)
                             : CTL_FAILED;
    vault_free(found.vault);
    found.vault = NULL;
    if (exit == CTL_DONE && !may_restore(ctl, &found)) {
        exit = CTL_FAILED;
    }
    if (exit == CTL_DONE && vault_open(file, passphrase_for, &passphrase, &found.vault) != ERR_OK) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s changed while it was read", path);
    }
    if (exit == CTL_DONE) {
        exit = send_parts(ctl, path, found.vault, &reply);
    }
    if (exit == CTL_DONE && ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (exit == CTL_DONE) {
        printf("%" PRId64 " keys restored. The daemon ends now and must begin anew (systemd starts "
               "it).\nThe carriers are paused: what was sent after the backup is not known. Look, "
               "then resume them.\n",
               ctl_number(reply.json, "keys"));
    }
    reply_fini(&reply);
    archive_reader_free(found.reader);
    vault_free(found.vault);
    secret_free(passphrase.text);
    return exit;
}

enum ctl_exit cmd_restore(struct ctl *ctl)
{
    const char *path = ctl->operands[0];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    enum ctl_exit exit = restore_from(ctl, path, file);
    fclose(file);
    return exit;
}
