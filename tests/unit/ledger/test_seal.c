/* The chain against values worked out elsewhere, the file, and sealing a real ledger. */
#include "ledger/seal.h"

#include "../store/rig.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "store/ledger.h"

static void test_chain(void **state)
{
    (void)state;
    struct seal_chain chain, again;
    char hash[LEDGER_HASH_HEX];
    seal_chain_begin(&chain);
    seal_chain_add(&chain, 1, "1:1,0:,", 7);
    seal_chain_hex(&chain, hash);
    /* sha256 of 32 zero bytes and "1:1,0:,"; then of that and "x" (python3 hashlib) */
    assert_string_equal(hash, "040317dd343e2d727c5d79f9936fd260b1249e768661a48fb3772952d830c2ed");
    struct ledger_seal seal = {.day = 20261017, .from = 1, .to = 1};
    memcpy(seal.hash, hash, sizeof hash);
    assert_int_equal(seal_chain_resume(&again, &seal), ERR_OK);
    assert_int_equal(again.last, 1);
    seal_chain_add(&chain, 2, "x", 1);
    seal_chain_add(&again, 2, "x", 1);
    assert_memory_equal(chain.value, again.value, sizeof chain.value);
    seal_chain_hex(&chain, hash);
    assert_string_equal(hash, "7e9bb9d05ed1775535d5e374cc446bff395a037a0775416f03d5ed999e7e9bc5");
    seal.hash[5] = 'g';
    assert_int_equal(seal_chain_resume(&again, &seal), ERR_INVALID);
    seal.hash[5] = '\0';
    assert_int_equal(seal_chain_resume(&again, &seal), ERR_INVALID);
}

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void test_lines(void **state)
{
    (void)state;
    struct ledger_seal seal = {.day = 20261017, .from = 1, .to = 774, .hash = HASH}, *seals;
    struct buf buf;
    size_t n, line;
    buf_init(&buf, 4096);
    buf_add_text(&buf, "# seals of 2026\r\n\n");
    seal_line(&seal, &buf);
    assert_string_equal(strchr(buf.data, '\n') + 2, "20261017 1-774 " HASH "\n");
    seal.from = 775;
    seal.to = 800;
    seal_line(&seal, &buf);
    assert_int_equal(seal_parse(buf.data, buf.len, &seals, &n, &line), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(seals[1].from, 775);
    assert_string_equal(seals[0].hash, HASH);
    free(seals);
    buf_fini(&buf);

    static const char *const bad[] = {"nonsense",
                                      "20261017 1-774",
                                      "20261017 1-774 9f86",
                                      "20261017 5-4 " HASH,
                                      "20261017 0-4 " HASH,
                                      "20261017 1-4 " HASH "0",
                                      "20261017 1-4 " HASH " x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(seal_parse(bad[i], strlen(bad[i]), &seals, &n, &line), ERR_INVALID);
        assert_int_equal(line, 1);
        assert_null(seals);
    }
    assert_int_equal(seal_parse("", 0, &seals, &n, &line), ERR_OK);
    assert_int_equal(n, 0);
}

/* ---- with a store ---- */

static struct rig rig;

struct waiting {
    unsigned calls;
    enum err error;
    struct sealed sealed;
};

static void on_posted(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    struct waiting *waiting = arg;
    (void)reason;
    (void)posted;
    waiting->calls++;
    waiting->error = error;
}

static void post(unsigned n)
{
    static unsigned requests;
    for (unsigned i = 0; i < n; i++) {
        char request[16];
        struct waiting waiting = {.calls = 0};
        snprintf(request, sizeof request, "r%u", requests++);
        struct ledger_entry entry = {
            .type = LEDGER_PLEDGE, .request = request, .area = UINT64_C(513327205201), .fen = 5};
        assert_int_equal(ledger_post(rig.store, &entry, 0, RIG_NOW, on_posted, &waiting), ERR_OK);
        while (waiting.calls == 0)
            rig_turn(&rig);
        assert_int_equal(waiting.error, ERR_OK);
    }
}

static void on_sealed(void *arg, enum err error, const char *reason, const struct sealed *sealed)
{
    struct waiting *waiting = arg;
    (void)reason;
    waiting->calls++;
    waiting->error = error;
    waiting->sealed = *sealed;
}

static struct waiting seal(uint32_t day, const char *path)
{
    struct waiting waiting = {.calls = 0};
    assert_int_equal(seal_make(rig.store, day, path, on_sealed, &waiting), ERR_OK);
    assert_int_equal(waiting.calls, 0);
    while (waiting.calls == 0)
        rig_turn(&rig);
    return waiting;
}

static size_t read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, out, size - 1);
    assert_true(got >= 0);
    out[got] = '\0';
    close(fd);
    return (size_t)got;
}

static void test_sealing(void **state)
{
    (void)state;
    rig_start(&rig);
    char path[128], text[2048], before[2048];
    snprintf(path, sizeof path, "%s/seals", rig.server.dir);
    struct waiting nothing = seal(20261016, path);
    assert_int_equal(nothing.error, ERR_OK);
    assert_false(nothing.sealed.is_new);
    assert_int_equal(nothing.sealed.seal.from, 0);

    post(450); /* more than two pages */
    struct waiting first = seal(20261017, path);
    assert_true(first.sealed.is_new);
    assert_int_equal(first.sealed.seal.from, 1);
    assert_int_equal(first.sealed.seal.to, 450);
    post(3);
    struct waiting second = seal(20261018, NULL); /* the file is not there that night */
    assert_int_equal(second.sealed.seal.from, 451);
    assert_false(seal(20261018, path).sealed.is_new);
    size_t len = read_file(path, text, sizeof text), n, line;
    struct ledger_seal *seals;
    assert_int_equal(seal_parse(text, len, &seals, &n, &line), ERR_OK);
    assert_int_equal(n, 2); /* what it lacked was added */
    assert_string_equal(seals[0].hash, first.sealed.seal.hash);
    assert_string_equal(seals[1].hash, second.sealed.seal.hash);
    free(seals);
    memcpy(before, text, sizeof text);

    int fd = open(path, O_WRONLY); /* a disk that was full in the middle of the second line */
    assert_int_equal(ftruncate(fd, (off_t)len - 30), 0);
    close(fd);
    assert_int_equal(seal(20261018, path).error, ERR_OK);
    read_file(path, text, sizeof text);
    assert_string_equal(text, before);

    assert_int_equal(seal(20261019, "/nowhere/seals").error, ERR_IO);
    post(1);
    rig_do(&rig, "XDEL t:{l}:e 454-0");
    struct waiting torn = seal(20261019, path); /* nothing is sealed that is not whole */
    assert_int_equal(torn.error, ERR_STALE);
    assert_false(torn.sealed.is_new);
    assert_int_equal(rig_number(&rig, "LLEN t:{l}:seal"), 2);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_sealing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
