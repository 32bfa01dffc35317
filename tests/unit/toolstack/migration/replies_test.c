/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a host treats a peer that is not xk, is another version of xk, or says
 * what it must not say: it reports an error of the right kind, and its domains
 * are unchanged.
 *
 * As a target, the code under test is fed a script of frames. As a source, it
 * talks to this test program, called with more arguments, which plays a script.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "toolstack/create.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/list.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/migration/receive.h"

#define MOVE "0b0c7b1e-45c0-4c7e-9d67-2a4b7c1d0e11"
#define HELLO(more)                                                            \
    "{\"protocol\":1,\"version\":\"9\",\"hypervisor\":\"fake\",\"host\":"      \
    "\"x\"" more "}"
#define SOURCE_HELLO HELLO(",\"move\":\"" MOVE "\",\"silence_ms\":300")
#define VERDICT_OK                                                             \
    "{\"ok\":true,\"kind\":\"host\",\"reasons\":[],\"warnings\":[]}"
#define HASH_OF_NOTHING "99aa06d3014798d86001c324468d497f"

enum {
    LONG_MS = 3000,
    SILENCE_MS = 300,
    STEPS_MAX = 8,
};

/* A frame to send. Type 0: send the text as it is, without a frame. */
struct step {
    int type;
    const char *text; /* NULL: the domain that the test offers */
};

struct fixture {
    char *scratch;
    char *world;
    struct xk_host host;
    struct xk_error err;
};

static int
open_host(struct fixture *f)
{
    f->host = (struct xk_host){0};
    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    return xk_host_adopt(&f->host, xk_fake_open(&f->host.state, f->world),
                         "migrate", xk_deadline_in_ms(LONG_MS), &f->err);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->world = xk_asprintf("%s/world", f->scratch);
    mkdir(f->world, 0700);
    *context = f;
    return open_host(f);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_host_close(&f->host);
    scratch_free(f->scratch);
    free(f->world);
    free(f);
    return 0;
}

/* ---- saying ---- */

static const char offered_config[] =
    "name = 'moved'\ntype = 'hvm'\nmemory = 64\n";

static struct xk_domain_config *
read_config(void)
{
    struct xk_problems problems = {0};
    struct xk_error err;
    struct xk_domain_config *config =
        xk_config_parse("test.cfg", offered_config, strlen(offered_config),
                        NULL, 0, &problems, &err);

    xk_problems_free(&problems);
    return config;
}

static void
put_domain(struct xk_buf *text)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_config();
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, "format", 1);
    xk_json_put_string(writer, "hypervisor", "fake");
    xk_json_put_bool(writer, "runs", true);
    xk_config_to_json(config, writer, "config");
    xk_json_open_object(writer, "needs");
    xk_json_put_string(writer, "machine", "fake");
    xk_json_close_object(writer);
    xk_json_close_object(writer);
}

static void
say(struct xk_frame_stream *to, const struct step *step)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (step->text != NULL)
        xk_buf_puts(&text, step->text);
    else
        put_domain(&text);
    if (step->type == 0)
        xk_write_all(to->fd, text.data, text.length);
    else
        xk_frame_write(to, (enum xk_frame_type)step->type, 0, text.data,
                       text.length, text.length, xk_deadline_in_ms(LONG_MS),
                       NULL);
}

static void
say_all(int fd, const struct step *steps)
{
    struct xk_frame_stream to = {.fd = fd, .what = "test"};

    for (int i = 0; i < STEPS_MAX && (steps[i].type | (steps[i].text != NULL));
         i++)
        say(&to, &steps[i]);
}

/* ---- as a target ---- */

static const struct source_case {
    const char *name;
    enum xk_error_kind kind; /* XK_ERR_COUNT: no error */
    struct step steps[STEPS_MAX];
} source_cases[] = {
    {"nothing", XK_ERR_PROTOCOL, {{0}}},
    {"another protocol", XK_ERR_PROTOCOL, {{0, "GET / HTTP/1.1\r\n\r\n"}}},
    {"a greeting cut", XK_ERR_PROTOCOL, {{0, "xkf1\0\1"}}},
    {"another version",
     XK_ERR_UNSUPPORTED,
     {{XK_FRAME_HELLO,
       "{\"protocol\":2,\"version\":\"99\",\"move\":\"" MOVE "\"}"}}},
    {"no move", XK_ERR_PROTOCOL, {{XK_FRAME_HELLO, HELLO("")}}},
    {"no UUID of a move",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, HELLO(",\"move\":\"../../etc\"")}}},
    {"no JSON", XK_ERR_PROTOCOL, {{XK_FRAME_HELLO, "{{{"}}},
    {"a commit at once",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, SOURCE_HELLO}, {XK_FRAME_COMMIT, "{}"}}},
    {"a domain without anything",
     XK_ERR_UNSUPPORTED,
     {{XK_FRAME_HELLO, SOURCE_HELLO}, {XK_FRAME_DOMAIN, "{}"}}},
    {"a domain without a configuration",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN,
       "{\"format\":1,\"hypervisor\":\"fake\",\"needs\":{}}"}}},
    {"a domain of another format",
     XK_ERR_UNSUPPORTED,
     {{XK_FRAME_HELLO, SOURCE_HELLO}, {XK_FRAME_DOMAIN, "{\"format\":7}"}}},
    {"a domain, and then nothing",
     XK_ERR_COUNT,
     {{XK_FRAME_HELLO, SOURCE_HELLO}, {XK_FRAME_DOMAIN, NULL}}},
    {"a commit before it was prepared",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN, NULL},
      {XK_FRAME_COMMIT, "{}"}}},
    {"memory that does not come",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN, NULL},
      {XK_FRAME_PREPARE, "{}"}}},
    {"a commit without memory",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN, NULL},
      {XK_FRAME_PREPARE, "{}"},
      {XK_FRAME_COMMIT, "{}"}}},
    {"memory of another hash",
     XK_ERR_PROTOCOL,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN, NULL},
      {XK_FRAME_PREPARE, "{}"},
      {XK_FRAME_DATA, "some"},
      {XK_FRAME_DATA_END, "{\"bytes\":4,\"hash\":\"" HASH_OF_NOTHING "\"}"},
      {XK_FRAME_COMMIT, "{}"}}},
    {"memory that the hypervisor does not take",
     XK_ERR_FAILED,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN, NULL},
      {XK_FRAME_PREPARE, "{}"},
      {XK_FRAME_DATA_END, "{\"bytes\":0,\"hash\":\"" HASH_OF_NOTHING "\"}"},
      {XK_FRAME_COMMIT, "{}"}}},
    {"a failure of the source",
     XK_ERR_STATE,
     {{XK_FRAME_HELLO, SOURCE_HELLO},
      {XK_FRAME_DOMAIN, NULL},
      {XK_FRAME_PREPARE, "{}"},
      {XK_FRAME_FAILED, "{\"kind\":\"wrong-state\",\"message\":\"no\"}"}}},
    {"disks of no move",
     XK_ERR_STATE,
     {{XK_FRAME_HELLO, SOURCE_HELLO}, {XK_FRAME_CHANNELS, "{\"count\":1}"}}},
    {"a question about no move",
     XK_ERR_COUNT,
     {{XK_FRAME_HELLO, SOURCE_HELLO}, {XK_FRAME_QUERY, "{}"}}},
};

static void
a_target_gives_up_on_a_bad_source_and_leaves_nothing(void **context)
{
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(source_cases); i++) {
        const struct source_case *c = &source_cases[i];
        enum xk_error_kind kind;
        int in[2], out[2], r;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in),
                         0);
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        say_all(in[0], c->steps);
        shutdown(in[0], SHUT_WR);
        r = xk_migrate_receive(&f->host, in[1], out[1], NULL, &f->err);
        kind = r == -1 ? f->err.kind : XK_ERR_COUNT;
        if (kind != c->kind)
            fail_msg("%s: kind %d, not %d: %s", c->name, (int)kind,
                     (int)c->kind, r == -1 ? f->err.message : "");
        assert_int_equal(xk_fake_count(f->host.preferred), 0);
        assert_int_equal(scratch_count(f->host.state.run_path, "domains"), 0);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
    }
}

static void
a_source_that_falls_silent_is_given_up(void **context)
{
    static const struct step steps[STEPS_MAX] = {
        {XK_FRAME_HELLO, SOURCE_HELLO},
        {XK_FRAME_DOMAIN, NULL},
        {XK_FRAME_PREPARE, "{}"},
        {XK_FRAME_DATA, "some"},
    };
    struct fixture *f = *context;
    int in[2], out[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    say_all(in[0], steps);
    assert_int_equal(xk_migrate_receive(&f->host, in[1], out[1], NULL, &f->err),
                     -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(xk_fake_count(f->host.preferred), 0);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
}

/* ---- as a source ---- */

static const struct target_case {
    const char *name;
    enum xk_error_kind kind;
    bool doubt; /* it may run at the target */
    struct step steps[STEPS_MAX];
} target_cases[] = {
    {"a shell's greeting",
     XK_ERR_PROTOCOL,
     false,
     {{0, "Welcome!\nYou have new mail"}}},
    {"another version",
     XK_ERR_UNSUPPORTED,
     false,
     {{XK_FRAME_HELLO, "{\"protocol\":2,\"version\":\"99\"}"}}},
    {"no protocol", XK_ERR_UNSUPPORTED, false, {{XK_FRAME_HELLO, "{}"}}},
    {"a failure at once",
     XK_ERR_HOST,
     false,
     {{XK_FRAME_FAILED, "{\"kind\":\"host\",\"message\":\"no disk\"}"}}},
    {"a failure of no kind",
     XK_ERR_FAILED,
     false,
     {{XK_FRAME_FAILED, "{\"kind\":\"?\",\"message\":\"x\"}"}}},
    {"a failure without a word",
     XK_ERR_PROTOCOL,
     false,
     {{XK_FRAME_FAILED, "{}"}}},
    {"a verdict without reasons",
     XK_ERR_FAILED,
     false,
     {{XK_FRAME_HELLO, HELLO("")}, {XK_FRAME_VERDICT, "{}"}}},
    {"a verdict with reasons that are none",
     XK_ERR_EXISTS,
     false,
     {{XK_FRAME_HELLO, HELLO("")},
      {XK_FRAME_VERDICT,
       "{\"ok\":1,\"kind\":\"exists\",\"reasons\":[1,null,{}]}"}}},
    {"that it runs instead of that it may come",
     XK_ERR_PROTOCOL,
     false,
     {{XK_FRAME_HELLO, HELLO("")}, {XK_FRAME_RUNNING, "{}"}}},
    {"that it runs instead of that it is prepared",
     XK_ERR_PROTOCOL,
     false,
     {{XK_FRAME_HELLO, HELLO("")},
      {XK_FRAME_VERDICT, VERDICT_OK},
      {XK_FRAME_RUNNING, "{}"}}},
    {"that it was received before it was sent",
     XK_ERR_PROTOCOL,
     false,
     {{XK_FRAME_HELLO, HELLO("")},
      {XK_FRAME_VERDICT, VERDICT_OK},
      {XK_FRAME_RECEIVED, "{}"}}},
    {"nothing for ever",
     XK_ERR_TIMEOUT,
     false,
     {{XK_FRAME_HELLO, HELLO("")}, {XK_FRAME_VERDICT, VERDICT_OK}}},
};

/* Send everything, then stay silent until the peer leaves. */
static int
be_target(int number)
{
    char byte[4096];

    say_all(STDOUT_FILENO, target_cases[number].steps);
    while (read(STDIN_FILENO, byte, sizeof(byte)) > 0) {
    }
    return 0;
}

static void
make_domain(struct fixture *f)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_config();
    struct xk_domain domain;

    if (xk_domain_create(&f->host, config, false, &domain,
                         xk_deadline_in_ms(LONG_MS), &f->err) == -1)
        fail_msg("%s", f->err.message);
    xk_domain_close(&domain);
}

static int
move(struct fixture *f, size_t number, bool *doubt)
{
    const struct xk_migrate_options options = {.silence_ms = SILENCE_MS};
    __attribute__((cleanup(xk_domain_close))) struct xk_domain domain = {0};
    char text[16];
    XK_CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);
    const char *argv[] = {self, "target", text, NULL};
    struct xk_migrate_result result;
    struct xk_link link;
    int r;

    snprintf(text, sizeof(text), "%zu", number);
    xk_link_by_words(&link, "there", argv);
    assert_int_equal(xk_domain_find(&f->host, "moved", &domain,
                                    xk_deadline_in_ms(LONG_MS), &f->err),
                     0);
    r = xk_domain_migrate(&f->host, &domain, &link, &options, &result, doubt,
                          xk_deadline_in_ms(LONG_MS), &f->err);
    xk_link_free(&link);
    return r;
}

static enum xk_domain_state
state_of(struct fixture *f)
{
    __attribute__((cleanup(xk_domain_close))) struct xk_domain domain = {0};
    enum xk_domain_state state;
    struct xk_domain_info info;

    if (xk_domain_find(&f->host, "moved", &domain, xk_deadline_in_ms(LONG_MS),
                       &f->err) == -1 ||
        xk_domain_get(&f->host, &domain, &info, xk_deadline_in_ms(LONG_MS),
                      &f->err) == -1)
        return XK_STATE_COUNT;
    state = info.state;
    xk_domain_info_free(&info);
    return state;
}

static void
a_source_lets_its_domain_go_on_after_a_bad_target(void **context)
{
    struct fixture *f = *context;

    make_domain(f);
    for (size_t i = 0; i < XK_ARRAY_SIZE(target_cases); i++) {
        const struct target_case *c = &target_cases[i];
        bool doubt = true;

        assert_int_equal(move(f, i, &doubt), -1);
        if (f->err.kind != c->kind)
            fail_msg("%s: kind %d, not %d: %s", c->name, (int)f->err.kind,
                     (int)c->kind, f->err.message);
        assert_int_equal(doubt, c->doubt);
        assert_int_equal(state_of(f), XK_STATE_RUNNING);
    }
}

int
main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_target_gives_up_on_a_bad_source_and_leaves_nothing),
        T(a_source_that_falls_silent_is_given_up),
        T(a_source_lets_its_domain_go_on_after_a_bad_target),
    };

    signal(SIGPIPE, SIG_IGN);
    xk_log_set_level(XK_LOG_ERROR);
    if (argc == 3 && strcmp(argv[1], "target") == 0)
        return be_target(atoi(argv[2]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
