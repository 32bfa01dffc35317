/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wrappers of a driver's calls: what they say, and what they do where the
 * driver lacks a call. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/unit/toolstack/core_world.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/list.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/monitor_ops.h"
#include "toolstack/seam/store_view_ops.h"
#include "toolstack/seam/transfer_ops.h"

#define UUID "6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab"

/* ---- what is said ---- */

struct caught {
    int saved_stderr;
    char *path;
};

static struct caught
catch_log(const struct core_world *f, enum xk_log_level level)
{
    struct caught caught = {.saved_stderr = dup(STDERR_FILENO),
                            .path = xk_asprintf("%s/log", f->scratch)};
    int fd = open(caught.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    dup2(fd, STDERR_FILENO);
    close(fd);
    xk_log_set_level(level);
    return caught;
}

/* The caller frees the text. */
static char *
end_catch(struct caught *caught)
{
    struct xk_buf text = {0};

    xk_log_set_level(XK_LOG_WARNING);
    dup2(caught->saved_stderr, STDERR_FILENO);
    close(caught->saved_stderr);
    assert_int_equal(xk_read_file(AT_FDCWD, caught->path, 65536, &text, NULL),
                     0);
    unlink(caught->path);
    free(caught->path);
    return text.data != NULL ? text.data : xk_strdup("");
}

static void
assert_line(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(
        regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("no line \"%s\" in: %s", pattern, text);
    regfree(&regex);
}

static void
pause_web(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "web");

    assert_int_equal(xk_domain_pause(&f->host, &domain, core_soon(), &f->err),
                     0);
    xk_domain_close(&domain);
}

static void
each_call_is_a_line_of_the_debug_log(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE char *text = NULL;
    struct caught caught;

    assert_int_equal(core_create(f, "web", "uuid = '" UUID "'"), 0);
    caught = catch_log(f, XK_LOG_DEBUG);
    pause_web(f);
    text = end_catch(&caught);
    assert_line(text, "^xk: debug: fake: get " UUID ": [0-9]+ ms$");
    assert_line(text, "^xk: debug: fake: pause " UUID ": [0-9]+ ms$");
}

static void
nothing_is_said_of_calls_unless_all_is_asked_for(void **context)
{
    static const enum xk_log_level levels[] = {XK_LOG_WARNING, XK_LOG_INFO};
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "web", ""), 0);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        struct caught caught = catch_log(f, levels[i]);
        XK_CLEANUP_FREE char *text = NULL;

        pause_web(f);
        text = end_catch(&caught);
        assert_string_equal(text, "");
    }
}

#define LINE "xk: debug: fake: get " UUID ": failed after [0-9]+ ms: " GONE
#define GONE "no such fake domain"

static void
a_call_that_fails_says_why_even_where_its_caller_does_not_ask(void **context)
{
    struct core_world *f = *context;
    struct xk_domain nobody = {.hv = f->host.preferred, .domid = -1};
    XK_CLEANUP_FREE char *text = NULL;
    struct xk_domain_info info;
    struct caught caught;
    const char *second;

    assert_true(xk_uuid_parse(UUID, &nobody.uuid));
    caught = catch_log(f, XK_LOG_DEBUG);
    assert_int_equal(
        xk_hv_get(f->host.preferred, &nobody, &info, core_soon(), NULL), -1);
    assert_int_equal(
        xk_hv_get(f->host.preferred, &nobody, &info, core_soon(), &f->err), -1);
    text = end_catch(&caught);
    /* Twice: with and without a place for the error. */
    assert_line(text, "^" LINE "$");
    second = strchr(text, '\n') + 1;
    assert_line(second, "^" LINE "$");
    assert_string_equal(f->err.message, GONE);
}

static void
a_call_about_the_host_names_no_domain(void **context)
{
    struct core_world *f = *context;
    struct caught caught = catch_log(f, XK_LOG_DEBUG);
    struct xk_domain_list list = {0};
    XK_CLEANUP_FREE char *text = NULL;

    assert_int_equal(xk_hv_list(f->host.preferred, &list, core_soon(), &f->err),
                     0);
    xk_domain_list_free(&list);
    text = end_catch(&caught);
    assert_line(text, "^xk: debug: fake: list: [0-9]+ ms$");
}

/* ---- what a driver lacks ---- */

/* A driver that only keeps domains alive. */
static void
strip(struct xk_hypervisor *hv, struct xk_hypervisor_ops *bare)
{
    *bare = *hv->ops;
    bare->devices = NULL;
    bare->transfer = NULL;
    bare->copies = NULL;
    bare->store = NULL;
    hv->ops = bare;
}

static void
assert_lacks(struct core_world *f, int r, const char *message)
{
    assert_int_equal(r, -1);
    assert_int_equal(f->err.kind, XK_ERR_UNSUPPORTED);
    if (strncmp(f->err.message, message, strlen(message)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", f->err.message, message);
}

static void
what_a_driver_lacks_is_said_in_one_voice(void **context)
{
    struct core_world *f = *context;
    struct xk_hypervisor *hv = f->host.preferred;
    struct xk_hypervisor_ops bare;
    struct xk_domain nobody = {.hv = hv, .domid = -1};
    struct xk_screen screen;

    strip(hv, &bare);
    assert_lacks(f, xk_hv_need_sync(hv, XK_SYNC_DISKS, &f->err),
                 "fake cannot change the disks");
    assert_lacks(f, xk_hv_need_disk_resize(hv, &f->err),
                 "fake cannot resize the disks");
    assert_lacks(f, xk_hv_disks(hv, &nobody, NULL, NULL, core_soon(), &f->err),
                 "fake cannot list the disks");
    assert_lacks(f, xk_hv_need_sync(hv, XK_SYNC_CARDS, &f->err),
                 "fake cannot change the network cards");
    assert_lacks(f, xk_hv_cards(hv, &nobody, NULL, NULL, core_soon(), &f->err),
                 "fake cannot list the network cards");
    assert_lacks(f, xk_hv_screen(hv, &nobody, &screen, core_soon(), &f->err),
                 "fake cannot say where a screen is");
    assert_lacks(f, xk_hv_need_copies(hv, &f->err), "fake cannot copy disks");
    assert_lacks(f, xk_hv_put_needs(hv, &nobody, NULL, core_soon(), &f->err),
                 "fake cannot save or move a domain");
    assert_lacks(f, xk_hv_need_store(hv, &f->err), "fake cannot show a store");
    hv->ops = &xk_fake_ops;
}

static void
a_pipe_is_closed_where_nothing_can_be_sent(void **context)
{
    struct core_world *f = *context;
    struct xk_hypervisor *hv = f->host.preferred;
    struct xk_domain nobody = {.hv = hv, .domid = -1};
    struct xk_hypervisor_ops bare;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    strip(hv, &bare);
    assert_lacks(
        f, xk_hv_send(hv, &nobody, NULL, ends[1], NULL, core_soon(), &f->err),
        "fake cannot save or move a domain");
    hv->ops = &xk_fake_ops;
    assert_int_equal(fcntl(ends[1], F_GETFD), -1);
    close(ends[0]);
}

static void
a_call_that_a_driver_need_not_have_does_nothing(void **context)
{
    struct core_world *f = *context;
    struct xk_hypervisor *hv = f->host.preferred;
    struct xk_domain nobody = {.hv = hv, .domid = -1};

    xk_hv_trim(hv, &nobody.uuid);
    assert_false(xk_hv_needs_repair(hv, NULL));
    assert_false(xk_hv_can_measure(hv));
    assert_false(xk_driver_owns(xk_hv_driver(hv), NULL));
    assert_int_equal(xk_hv_can_send_live(hv, &nobody, &f->err), 0);
}

static void
a_driver_that_moves_no_domains_still_starts_them(void **context)
{
    struct core_world *f = *context;
    struct xk_hypervisor *hv = f->host.preferred;
    struct xk_hypervisor_ops bare;

    strip(hv, &bare);
    assert_int_equal(core_create(f, "web", ""), 0);
    core_assert_state(f, "web", XK_STATE_RUNNING);
    hv->ops = &xk_fake_ops;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)
        TEST(each_call_is_a_line_of_the_debug_log),
        TEST(nothing_is_said_of_calls_unless_all_is_asked_for),
        TEST(a_call_that_fails_says_why_even_where_its_caller_does_not_ask),
        TEST(a_call_about_the_host_names_no_domain),
        TEST(what_a_driver_lacks_is_said_in_one_voice),
        TEST(a_pipe_is_closed_where_nothing_can_be_sent),
        TEST(a_call_that_a_driver_need_not_have_does_nothing),
        TEST(a_driver_that_moves_no_domains_still_starts_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
