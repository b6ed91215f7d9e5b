#include "conf/secret.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>

#include "scratch.h"

static struct buf why;

static enum err read_secret(const char *path, char **secret)
{
    buf_reset(&why);
    return secret_read(path, true, secret, &why);
}

static void test_bytes_and_line_end(void **state)
{
    (void)state;
    const struct {
        const char *bytes, *secret;
    } cases[] = {
        {"Demo#2024\n", "Demo#2024"},
        {"Demo#2024", "Demo#2024"},
        {"a b=;c\r\n", "a b=;c"},
        {"\xEF\xBB\xBFx\n", "x"},
        {"密\n\n", "密"},
        {"", NULL},
        {"\n", NULL},
        {"a\nb\n", NULL},
        {"a\tb", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *secret;
        enum err error = read_secret(scratch_file("s", 0600, cases[i].bytes), &secret);
        if (cases[i].secret == NULL) {
            assert_int_equal(error, ERR_INVALID);
            assert_null(secret);
            assert_true(why.len > 0);
        } else {
            assert_int_equal(error, ERR_OK);
            assert_string_equal(secret, cases[i].secret);
            assert_int_equal(why.len, 0);
        }
        secret_free(secret);
    }
}

static void test_blank_at_the_end_is_told(void **state)
{
    (void)state;
    char *secret;
    assert_int_equal(read_secret(scratch_file("s", 0400, "Demo \n"), &secret), ERR_OK);
    assert_string_equal(secret, "Demo ");
    assert_non_null(strstr(buf_text(&why), "blank"));
    assert_null(strstr(buf_text(&why), "Demo"));
    secret_free(secret);
}

static void test_modes(void **state)
{
    (void)state;
    const mode_t open_modes[] = {0640, 0604, 0610, 0666, 0644};
    char *secret;
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(read_secret(scratch_file("s", open_modes[i], "x\n"), &secret),
                         ERR_INVALID);
        assert_null(secret);
        assert_non_null(strstr(buf_text(&why), "group or others"));
        buf_reset(&why);
        assert_int_equal(secret_read(scratch_path("s"), false, &secret, &why), ERR_INVALID);
    }
    chmod(scratch_path("s"), 0600);
    assert_int_equal(secret_read(scratch_path("s"), false, &secret, &why), ERR_OK);
    assert_null(secret);
}

static void test_credentials_directory(void **state)
{
    (void)state;
    char *secret;
    assert_int_equal(mkdir(scratch_path("cred"), 0700), 0);
    scratch_file("cred/s", 0440, "x\n");
    scratch_file("credible", 0440, "x\n");
    assert_int_equal(read_secret(scratch_path("cred/s"), &secret), ERR_INVALID);

    setenv("CREDENTIALS_DIRECTORY", scratch_path("cred"), 1);
    assert_int_equal(read_secret(scratch_path("cred/s"), &secret), ERR_OK);
    assert_string_equal(secret, "x");
    secret_free(secret);
    assert_int_equal(read_secret(scratch_path("credible"), &secret), ERR_INVALID);
    assert_int_equal(read_secret(scratch_path("cred/../credible"), &secret), ERR_INVALID);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_a_relative_name_is_a_credential_first(void **state)
{
    (void)state;
    char *secret;
    struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(mkdir(scratch_path("secrets"), 0700), 0);
    scratch_file("secrets/mas", 0600, "file\n");
    buf_reset(&why);
    assert_int_equal(secret_load(scratch, "secrets/mas", true, &secret, &why), ERR_OK);
    assert_string_equal(secret, "file");
    secret_free(secret);

    setenv("CREDENTIALS_DIRECTORY", scratch_path("cred"), 1);
    scratch_file("cred/secrets_mas", 0440, "credential\n");
    assert_int_equal(utimensat(AT_FDCWD, scratch_path("secrets/mas"), old, 0), 0);
    assert_int_equal(secret_load(scratch, "secrets/mas", true, &secret, &why), ERR_OK);
    assert_string_equal(secret, "credential");
    assert_int_equal(why.len, 0);
    secret_free(secret);
    /* An absolute path is that file and nothing else. */
    assert_int_equal(secret_load(scratch, scratch_path("secrets/mas"), true, &secret, &why),
                     ERR_OK);
    assert_string_equal(secret, "file");
    secret_free(secret);
    /* Changed after the service began: what is in force is the old one, and that is told. */
    assert_int_equal(utimensat(AT_FDCWD, scratch_path("cred/secrets_mas"), old, 0), 0);
    scratch_file("secrets/mas", 0600, "newer\n");
    assert_int_equal(secret_load(scratch, "secrets/mas", true, &secret, &why), ERR_OK);
    assert_string_equal(secret, "credential");
    assert_non_null(strstr(buf_text(&why), "restart"));
    secret_free(secret);
    buf_reset(&why);
    assert_int_equal(secret_load(scratch, "secrets/none", true, &secret, &why), ERR_IO);
    assert_null(secret);
    assert_non_null(strstr(buf_text(&why), "restart"));
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_the_placeholder_is_told(void **state)
{
    (void)state;
    char *secret;
    assert_int_equal(read_secret(scratch_file("s", 0600, SECRET_PLACEHOLDER "\n"), &secret),
                     ERR_OK);
    assert_string_equal(secret, SECRET_PLACEHOLDER);
    assert_non_null(strstr(buf_text(&why), "placeholder"));
    secret_free(secret);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    char *secret;
    assert_int_equal(read_secret(scratch_path("none"), &secret), ERR_IO);
    assert_int_equal(read_secret(scratch, &secret), ERR_INVALID);
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    assert_int_equal(read_secret(scratch_path("fifo"), &secret), ERR_INVALID);
    buf_reset(&why);
    assert_int_equal(secret_read(scratch_path("none"), false, &secret, &why), ERR_IO);
}

static void test_limit(void **state)
{
    (void)state;
    char bytes[SECRET_MAX_BYTES + 1], *secret;
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(read_secret(scratch_bytes("s", 0600, bytes, SECRET_MAX_BYTES), &secret),
                     ERR_OK);
    assert_int_equal(strlen(secret), SECRET_MAX_BYTES);
    secret_free(secret);
    assert_int_equal(read_secret(scratch_bytes("s", 0600, bytes, SECRET_MAX_BYTES + 1), &secret),
                     ERR_INVALID);
}

static int setup(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    buf_init(&why, 4096);
    scratch_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove();
    buf_fini(&why);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_line_end),
        cmocka_unit_test(test_blank_at_the_end_is_told),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_credentials_directory),
        cmocka_unit_test(test_a_relative_name_is_a_credential_first),
        cmocka_unit_test(test_the_placeholder_is_told),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
