/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket and device.json. */
#include "backends/life/control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/block/config.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

static char *folder, *path;
static struct xk_control *control;
static struct xk_error err;
static unsigned asked_count;

static void
answer(void *context, const struct xk_json *asked, struct xk_buf *out)
{
    (void)context;
    asked_count++;
    xk_buf_printf(out, "{\"json\":%d}", asked != NULL);
}

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    path = xk_asprintf("%s/control", folder);
    asked_count = 0;
    control = xk_control_open(path, answer, NULL, &err);
    assert_non_null(control);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_control_close(control);
    free(path);
    scratch_free(folder);
    return 0;
}

/* Serve questions until no more come. */
static void
serve(void)
{
    struct pollfd fds[XK_CONTROL_FDS];

    for (;;) {
        xk_control_poll(control, fds);
        if (poll(fds, XK_CONTROL_FDS, 20) <= 0)
            return;
        xk_control_serve(control, fds);
    }
}

static int
call(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    return fd;
}

static void
must_hear(int fd, const char *expected)
{
    char text[256] = "";
    ssize_t n = read(fd, text, sizeof(text) - 1);

    assert_int_equal(n, strlen(expected));
    assert_string_equal(text, expected);
}

static void
say(int fd, const char *text)
{
    assert_int_equal(xk_write_all(fd, text, strlen(text)), 0);
}

static void
a_line_is_answered_with_a_line_however_it_comes(void **state)
{
    XK_CLEANUP_CLOSE int fd = call();

    (void)state;
    say(fd, "{\"query\":");
    serve();
    assert_int_equal(asked_count, 0);
    say(fd, "\"status\"}\n");
    serve();
    must_hear(fd, "{\"json\":1}\n");
    say(fd, "{}\n{}\n");
    serve();
    must_hear(fd, "{\"json\":1}\n{\"json\":1}\n");
    say(fd, "no json\n");
    serve();
    must_hear(fd, "{\"json\":0}\n");
}

static void
only_its_owner_may_ask(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void
a_line_that_never_ends_ends_the_conversation(void **state)
{
    XK_CLEANUP_CLOSE int fd = call();
    char byte;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        (void)!send(fd,
                    "0123456789012345678901234567890123456789"
                    "0123456789012345678901234567890123456789",
                    80, MSG_NOSIGNAL);
        if (i % 20 == 0)
            serve();
    }
    serve();
    assert_int_equal(asked_count, 0);
    assert_true(read(fd, &byte, 1) <= 0);
}

static void
silent_peers_do_not_keep_others_out(void **state)
{
    int silent[20];
    XK_CLEANUP_CLOSE int fd = -1;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        silent[i] = call();
        serve();
    }
    fd = call();
    say(fd, "{}\n");
    serve();
    must_hear(fd, "{\"json\":1}\n");
    for (unsigned i = 0; i < 20; i++)
        close(silent[i]);
}

static void
a_file_left_by_one_that_was_killed_is_no_hindrance(void **state)
{
    struct xk_control *second;

    (void)state;
    second = xk_control_open(path, answer, NULL, &err);
    assert_non_null(second);
    xk_control_close(control);
    control = second;
    a_line_is_answered_with_a_line_however_it_comes(state);
}

static void
write_config(const char *text)
{
    XK_CLEANUP_FREE char *name = xk_asprintf("%s/device.json", folder);

    assert_int_equal(
        xk_write_file(AT_FDCWD, name, text, strlen(text), false, &err), 0);
}

#define PATHS                                                                  \
    "\"frontend\":\"/f\",\"backend\":\"/b\",\"vdev\":\"xvda\",\"target\":\"/"  \
    "i\""

static void
a_device_is_read_as_it_was_written(void **state)
{
    struct xk_block_config config;

    (void)state;
    write_config("{\"domid\":3,\"devid\":51712," PATHS
                 ",\"engine\":\"file\",\"readonly\":true,\"queues\":2}");
    assert_int_equal(xk_block_config_read(folder, &config, &err), 0);
    assert_int_equal(config.device.domid, 3);
    assert_int_equal(config.device.devid, 51712);
    assert_string_equal(config.target, "/i");
    assert_true(config.read_only && !config.direct);
    assert_int_equal(config.queues, 2);
    assert_int_equal(config.device.uid, 65534);
    xk_block_config_free(&config);
}

static void
a_device_that_is_wrong_is_refused_with_the_member(void **state)
{
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"", "device.json"},
        {"[]", "object"},
        {"{\"domid\":3,\"devid\":1,\"engine\":\"file\"}", "vdev"},
        {"{" PATHS ",\"devid\":1,\"engine\":\"file\"}", "domid"},
        {"{" PATHS ",\"domid\":40000,\"devid\":1,\"engine\":\"file\"}",
         "domid"},
        {"{" PATHS ",\"domid\":-1,\"devid\":1,\"engine\":\"file\"}", "domid"},
        {"{" PATHS ",\"domid\":1,\"devid\":1}", "engine"},
        {"{" PATHS ",\"domid\":1,\"devid\":1,\"engine\":\"qcow2\"}", "engine"},
        {"{" PATHS ",\"domid\":1,\"devid\":1,\"engine\":\"nbd\"}", "socket"},
        {"{" PATHS ",\"domid\":1,\"devid\":1,\"engine\":\"null\"}", "size"},
        {"{" PATHS
         ",\"domid\":1,\"devid\":1,\"engine\":\"file\",\"queues\":17}",
         "queues"},
        {"{" PATHS
         ",\"domid\":1,\"devid\":1,\"engine\":\"file\",\"readonly\":1}",
         "readonly"},
        {"{\"frontend\":7,\"backend\":\"/b\",\"vdev\":\"x\",\"target\":\"\","
         "\"domid\":1,\"devid\":1,\"engine\":\"file\"}",
         "frontend"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct xk_block_config config;

        write_config(rows[i].text);
        assert_int_equal(xk_block_config_read(folder, &config, &err), -1);
        if (strstr(err.message, rows[i].word) == NULL)
            fail_msg("\"%s\" is not in: %s", rows[i].word, err.message);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_line_is_answered_with_a_line_however_it_comes),
        T(only_its_owner_may_ask),
        T(a_line_that_never_ends_ends_the_conversation),
        T(silent_peers_do_not_keep_others_out),
        T(a_file_left_by_one_that_was_killed_is_no_hindrance),
        T(a_device_is_read_as_it_was_written),
        T(a_device_that_is_wrong_is_refused_with_the_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
