/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP client against hostile peers, and against a real QEMU. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "toolstack/qmp.h"
#include "toolstack/qmp_reader.h"

enum {
    SHORT_MS = 300,
    LATE_MS = 20000,        /* the machine may be busy, or valgrind slow */
    MEMORY_MAX_KIB = 65536, /* memory that a peer may make us allocate */
    FLOOD_BYTES = 1 << 30,
};

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n"

/* ---- a peer in a process of its own ---- */

struct peer {
    pid_t pid;
    int fd; /* our end */
};

static void
say(int fd, const char *text)
{
    if (xk_write_all(fd, text, strlen(text)) == -1)
        _exit(0);
}

/* Read to the end of a line: the client sends one line per command. */
static void
hear(int fd)
{
    char c;

    while (read(fd, &c, 1) == 1) {
        if (c == '\n')
            return;
    }
    _exit(0);
}

static struct peer
start_peer(void (*act)(int fd))
{
    struct peer peer;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    peer.pid = fork();
    if (peer.pid == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_IGN);
        act(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    peer.fd = ends[0];
    return peer;
}

static void
end_peer(const struct peer *peer)
{
    kill(peer->pid, SIGKILL);
    assert_int_equal(waitpid(peer->pid, NULL, 0), peer->pid);
}

static void
shake_hands(int fd)
{
    say(fd, GREETING);
    hear(fd);
    say(fd, "{\"return\": {}, \"id\": 1}\n");
}

/* ---- what hostile peers do ---- */

static void
hang_at_once(int fd)
{
    (void)fd;
    pause();
}

static void
hang_after_greeting(int fd)
{
    say(fd, GREETING);
    pause();
}

static void
hang_in_command(int fd)
{
    shake_hands(fd);
    pause();
}

static void
babble_events(int fd)
{
    shake_hands(fd);
    for (;;)
        say(fd, "{\"event\": \"RTC_CHANGE\", \"data\": {\"offset\": 1}}\n");
}

static void
babble_before_greeting(int fd)
{
    for (;;)
        say(fd, "{\"event\": \"RTC_CHANGE\", \"data\": {\"offset\": 1}}\n");
}

static void
babble_old_answers(int fd)
{
    shake_hands(fd);
    for (;;)
        say(fd, "{\"return\": {}, \"id\": 1}\n");
}

static void
babble_blank_lines(int fd)
{
    shake_hands(fd);
    for (;;)
        say(fd, "\n \n\t\n\r\n");
}

static void
send_one_endless_line(int fd)
{
    static char much[1 << 16];

    memset(much, 'x', sizeof(much));
    shake_hands(fd);
    for (size_t sent = 0; sent < FLOOD_BYTES; sent += sizeof(much)) {
        if (xk_write_all(fd, much, sizeof(much)) == -1)
            return;
    }
}

static void
trickle(int fd)
{
    struct pollfd nobody = {.fd = -1};

    shake_hands(fd);
    for (;;) {
        say(fd, "[");
        poll(&nobody, 1, 20);
    }
}

static void
close_amid_a_line(int fd)
{
    shake_hands(fd);
    hear(fd);
    say(fd, "{\"return\": {\"status\": \"runn");
}

static void
close_after_greeting(int fd)
{
    say(fd, GREETING);
}

static void
answer_another_id(int fd)
{
    shake_hands(fd);
    hear(fd);
    say(fd, "{\"return\": {}, \"id\": 7}\n");
    pause();
}

static void
answer_without_id(int fd)
{
    shake_hands(fd);
    hear(fd);
    say(fd, "{\"return\": {}}\n");
    pause();
}

static void
nest_deeply(int fd)
{
    shake_hands(fd);
    for (int i = 0; i < 100000; i++)
        say(fd, "[");
    say(fd, "\n");
    pause();
}

static void
send_bad_utf8(int fd)
{
    shake_hands(fd);
    say(fd, "{\"return\": \"\xff\xfe\", \"id\": 2}\n");
    pause();
}

static void
send_nul(int fd)
{
    shake_hands(fd);
    if (write(fd, "{\"return\": \0{}, \"id\": 2}\n", 25) == -1)
        return;
    pause();
}

static void
greet_twice(int fd)
{
    shake_hands(fd);
    say(fd, GREETING);
    pause();
}

static void
speak_another_protocol(int fd)
{
    say(fd, "SSH-2.0-OpenSSH_9.2\r\n");
    pause();
}

static void
err_without_saying_what(int fd)
{
    shake_hands(fd);
    hear(fd);
    say(fd, "{\"error\": \"no\", \"id\": 2}\n");
    pause();
}

static int64_t
memory_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void
peers_that_mean_ill_get_a_typed_error_in_time(void **context)
{
    static const struct {
        const char *what;
        void (*act)(int fd);
        enum xk_error_kind kind;
    } rows[] = {
        {"hangs at once", hang_at_once, XK_ERR_TIMEOUT},
        {"hangs after the greeting", hang_after_greeting, XK_ERR_TIMEOUT},
        {"hangs in a command", hang_in_command, XK_ERR_TIMEOUT},
        {"babbles events", babble_events, XK_ERR_PROTOCOL},
        {"babbles before it greets", babble_before_greeting, XK_ERR_PROTOCOL},
        {"babbles old answers", babble_old_answers, XK_ERR_PROTOCOL},
        {"babbles blank lines", babble_blank_lines, XK_ERR_TIMEOUT},
        {"trickles", trickle, XK_ERR_TIMEOUT},
        {"sends 1 GiB in a line", send_one_endless_line, XK_ERR_PROTOCOL},
        {"closes amid a line", close_amid_a_line, XK_ERR_PROTOCOL},
        {"closes after the greeting", close_after_greeting, XK_ERR_FAILED},
        {"answers another id", answer_another_id, XK_ERR_PROTOCOL},
        {"answers without id", answer_without_id, XK_ERR_PROTOCOL},
        {"nests deeply", nest_deeply, XK_ERR_PROTOCOL},
        {"sends bad UTF-8", send_bad_utf8, XK_ERR_PROTOCOL},
        {"sends a NUL", send_nul, XK_ERR_PROTOCOL},
        {"greets twice", greet_twice, XK_ERR_PROTOCOL},
        {"speaks another protocol", speak_another_protocol, XK_ERR_PROTOCOL},
        {"errs without saying what", err_without_saying_what, XK_ERR_PROTOCOL},
    };
    int64_t memory_before = memory_kib();

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        bool hangs = rows[i].kind == XK_ERR_TIMEOUT;
        struct xk_deadline deadline =
            xk_deadline_in_ms(hangs ? SHORT_MS : LATE_MS);
        struct peer peer = start_peer(rows[i].act);
        int64_t begin = xk_now_ns();
        struct xk_error err = {.kind = XK_ERR_COUNT};
        struct xk_qmp *qmp = xk_qmp_open(peer.fd, deadline, &err);
        int r = -1;

        if (qmp != NULL) {
            r = xk_qmp_execute(qmp, "query-status", NULL, NULL, deadline, &err);
            xk_qmp_close(qmp);
        }
        if (r != -1 || err.kind != rows[i].kind)
            fail_msg("a peer that %s: %d, %s", rows[i].what, r, err.message);
        if (hangs && xk_now_ns() - begin > INT64_C(10000000) * SHORT_MS)
            fail_msg("a peer that %s takes too long", rows[i].what);
        end_peer(&peer);
    }
    assert_true(memory_kib() - memory_before < MEMORY_MAX_KIB);
}

static void
a_broken_connection_stays_broken(void **context)
{
    struct peer peer = start_peer(answer_another_id);
    struct xk_deadline deadline = xk_deadline_in_ms(LATE_MS);
    struct xk_error err = {0};
    XK_CLEANUP_QMP struct xk_qmp *qmp = xk_qmp_open(peer.fd, deadline, &err);

    (void)context;
    assert_non_null(qmp);
    assert_int_equal(xk_qmp_execute(qmp, "stop", NULL, NULL, deadline, &err),
                     -1);
    assert_int_equal(xk_qmp_execute(qmp, "stop", NULL, NULL, deadline, &err),
                     -1);
    assert_non_null(strstr(err.message, "broken"));
    assert_int_equal(xk_qmp_wait_event(qmp, NULL, deadline, &err), -1);
    end_peer(&peer);
}

/* What QEMU sends that was meant for a client that has gone. */
static void
go_on_with_another(int fd)
{
    say(fd, "{\"return\": {\"late\": 1}, \"id\": 1}\n"
            "{\"event\": \"BLOCK_EXPORT_DELETED\"}\n" GREETING);
    hear(fd);
    say(fd, "{\"return\": {\"late\": 1}, \"id\": 5}\n"
            "{\"return\": {\"late\": 1}, \"id\": 1}\n");
    hear(fd);
    say(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"late\"},"
            " \"id\": 1}\n"
            "{\"return\": {\"late\": 0}, \"id\": 2}\n");
    pause();
}

static void
what_a_client_before_was_to_hear_is_nothing_to_us(void **context)
{
    struct peer peer = start_peer(go_on_with_another);
    struct xk_deadline deadline = xk_deadline_in_ms(LATE_MS);
    struct xk_error err = {0};
    XK_CLEANUP_QMP struct xk_qmp *qmp = xk_qmp_open(peer.fd, deadline, &err);
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    int64_t late = -1;

    (void)context;
    if (qmp == NULL ||
        xk_qmp_execute(qmp, "stop", NULL, &answer, deadline, &err) == -1)
        fail_msg("%s", err.message);
    assert_true(xk_json_integer(
        xk_json_get(xk_json_get(answer, "return"), "late"), &late));
    assert_int_equal(late, 0);
    end_peer(&peer);
}

static void
refuse_in_several_ways(int fd)
{
    shake_hands(fd);
    hear(fd);
    say(fd, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"},"
            " \"id\": 2}\n");
    hear(fd);
    say(fd, "{\"event\": \"STOP\"}\n{\"error\": {\"class\": \"DeviceNotFound\","
            " \"desc\": \"two\\nlines\\u001b[2J\"}, \"id\": 3}\n");
    hear(fd);
    say(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"broken\"},"
            " \"id\": 4}\n");
    hear(fd);
    say(fd, "{\"return\": {\"a\": 1}, \"id\": 5}\n");
    pause();
}

static void
a_refusal_is_typed_and_the_connection_goes_on(void **context)
{
    struct peer peer = start_peer(refuse_in_several_ways);
    struct xk_deadline deadline = xk_deadline_in_ms(LATE_MS);
    struct xk_error err = {0};
    XK_CLEANUP_QMP struct xk_qmp *qmp = xk_qmp_open(peer.fd, deadline, &err);
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    int64_t number = 0;

    (void)context;
    assert_non_null(qmp);
    assert_int_equal(xk_qmp_execute(qmp, "a", NULL, NULL, deadline, &err), -1);
    assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
    assert_int_equal(xk_qmp_execute(qmp, "a", NULL, NULL, deadline, &err), -1);
    assert_int_equal(err.kind, XK_ERR_NOT_FOUND);
    assert_string_equal(err.message, "QEMU refuses \"a\": two lines [2J");
    assert_int_equal(xk_qmp_execute(qmp, "a", NULL, NULL, deadline, &err), -1);
    assert_int_equal(err.kind, XK_ERR_FAILED);
    assert_int_equal(xk_qmp_execute(qmp, "a", NULL, &answer, deadline, &err),
                     0);
    assert_true(xk_json_integer(xk_json_get(xk_json_get(answer, "return"), "a"),
                                &number));
    assert_int_equal(number, 1);
    end_peer(&peer);
}

/* Answer a command with the command itself. */
static void
echo_command(int fd)
{
    char line[256];
    size_t length = 0;

    shake_hands(fd);
    while (length < sizeof(line) - 1 && read(fd, line + length, 1) == 1 &&
           line[length] != '\n')
        length++;
    line[length] = '\0';
    say(fd, "{\"return\": ");
    say(fd, line);
    say(fd, ", \"id\": 2}\n");
    pause();
}

static void
a_text_argument_cannot_become_another_argument(void **context)
{
    static const char hostile[] = "copy-a\",\"force\":\"\\";
    struct peer peer = start_peer(echo_command);
    struct xk_deadline deadline = xk_deadline_in_ms(LATE_MS);
    XK_CLEANUP_QMP struct xk_qmp *qmp = xk_qmp_open(peer.fd, deadline, NULL);
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *arguments;

    (void)context;
    assert_non_null(qmp);
    assert_int_equal(
        xk_qmp_execute_with(qmp, "a", "id", hostile, &answer, deadline, NULL),
        0);
    arguments = xk_json_get(xk_json_get(answer, "return"), "arguments");
    assert_string_equal(xk_json_string(xk_json_get(arguments, "id")), hostile);
    assert_null(xk_json_get(arguments, "force"));
    end_peer(&peer);
}

static void
tell_events_around_the_answer(int fd)
{
    shake_hands(fd);
    hear(fd);
    say(fd, "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"setup\"}}\n"
            "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"active\"}}\n"
            "{\"event\": \"STOP\"}\n"
            "{\"return\": {}, \"id\": 2}\n"
            "{\"event\": \"STOP\"}\n"
            "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"done\"}}\n");
    pause();
}

static void
the_latest_event_expected_is_kept(void **context)
{
    static const char *const statuses[] = {"active", "done"};
    struct peer peer = start_peer(tell_events_around_the_answer);
    struct xk_deadline deadline = xk_deadline_in_ms(LATE_MS);
    struct xk_error err = {0};
    XK_CLEANUP_QMP struct xk_qmp *qmp = xk_qmp_open(peer.fd, deadline, &err);

    (void)context;
    assert_non_null(qmp);
    xk_qmp_expect(qmp, "MIGRATION");
    assert_int_equal(xk_qmp_execute(qmp, "migrate", "{}", NULL, deadline, &err),
                     0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(statuses); i++) {
        XK_CLEANUP_JSON struct xk_json *event = NULL;

        assert_int_equal(xk_qmp_wait_event(qmp, &event, deadline, &err), 0);
        assert_string_equal(
            xk_json_string(xk_json_get(xk_json_get(event, "data"), "status")),
            statuses[i]);
    }
    assert_int_equal(xk_qmp_wait_event(qmp, NULL, xk_deadline_in_ms(50), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    end_peer(&peer);
}

/* ---- sockets ---- */

static void
a_socket_in_a_folder_with_a_long_path_can_be_reached(void **context)
{
    char *scratch = scratch_new();
    struct xk_error err = {0};
    XK_CLEANUP_CLOSE int dirfd = open(scratch, O_RDONLY | O_DIRECTORY);
    XK_CLEANUP_CLOSE int listener = -1;

    (void)context;
    for (int i = 0; i < 4; i++) {
        char name[101];
        int deeper;

        memset(name, 'd', 100);
        name[100] = '\0';
        assert_int_equal(mkdirat(dirfd, name, 0700), 0);
        deeper = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(dirfd);
        dirfd = deeper;
    }
    listener = xk_qmp_listen(dirfd, "qmp.sock", &err);
    assert_int_not_equal(listener, -1);
    /* The socket listens, but nobody accepts. */
    assert_null(xk_qmp_connect(dirfd, "qmp.sock", xk_deadline_in_ms(50), &err));
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    close(xk_take_fd(&listener));
    assert_null(xk_qmp_connect(dirfd, "qmp.sock", xk_deadline_in_ms(50), &err));
    assert_int_equal(err.kind, XK_ERR_STATE);
    assert_null(xk_qmp_connect(dirfd, "other", xk_deadline_in_ms(50), &err));
    assert_int_equal(err.kind, XK_ERR_STATE);
    listener = xk_qmp_listen(dirfd, "qmp.sock", &err);
    assert_int_not_equal(listener, -1);
    scratch_free(scratch);
}

static void
a_full_backlog_is_a_timeout(void **context)
{
    char *scratch = scratch_new();
    struct xk_error err = {0};
    XK_CLEANUP_CLOSE int dirfd = open(scratch, O_RDONLY | O_DIRECTORY);
    XK_CLEANUP_CLOSE int listener = xk_qmp_listen(dirfd, "qmp.sock", &err);
    int64_t begin = xk_now_ns();

    (void)context;
    for (int i = 0; i < 20; i++) {
        assert_null(
            xk_qmp_connect(dirfd, "qmp.sock", xk_deadline_in_ms(20), &err));
        assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    }
    assert_true(xk_now_ns() - begin < INT64_C(1000000) * LATE_MS);
    scratch_free(scratch);
}

/* ---- the reader ---- */

static void
a_message_may_come_in_any_pieces(void **context)
{
    static const char text[] = GREETING "\r\n  \n{\"event\": \"A\"}\r\n"
                                        "{\"return\": [1], \"id\": 3}\n";

    (void)context;
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        struct xk_qmp_reader reader = {0};
        struct xk_qmp_message message;
        enum xk_qmp_kind kinds[8];
        size_t count = 0;

        for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
            size_t left = sizeof(text) - 1 - at;

            xk_qmp_reader_feed(&reader, text + at, left < piece ? left : piece);
            while (xk_qmp_reader_next(&reader, &message, NULL) == 1) {
                assert_true(count < XK_ARRAY_SIZE(kinds));
                kinds[count++] = message.kind;
                xk_qmp_message_free(&message);
            }
        }
        assert_int_equal(count, 3);
        assert_int_equal(kinds[0], XK_QMP_GREETING);
        assert_int_equal(kinds[1], XK_QMP_EVENT);
        assert_int_equal(kinds[2], XK_QMP_RETURN);
        assert_false(xk_qmp_reader_is_amid(&reader));
        xk_qmp_reader_free(&reader);
    }
}

static void
what_is_no_message_is_refused(void **context)
{
    static const char *const lines[] = {
        "[]",
        "1",
        "\"QMP\"",
        "{}",
        "{\"id\": 1}",
        "{\"event\": 1}",
        "{\"return\": {}, \"id\": \"1\"}",
        "{\"return\": {}, \"id\": 1.5}",
        "{\"error\": {\"class\": \"GenericError\"}}",
        "{\"error\": {\"desc\": \"x\"}}",
        "{\"return\": {}} {\"return\": {}}",
        "{\"return\": {}",
    };

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lines); i++) {
        struct xk_qmp_message message;
        struct xk_error err = {0};

        if (xk_qmp_message_parse(lines[i], strlen(lines[i]), &message, &err) !=
                -1 ||
            err.kind != XK_ERR_PROTOCOL)
            fail_msg("taken: %s", lines[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_that_mean_ill_get_a_typed_error_in_time),
        cmocka_unit_test(a_broken_connection_stays_broken),
        cmocka_unit_test(what_a_client_before_was_to_hear_is_nothing_to_us),
        cmocka_unit_test(a_refusal_is_typed_and_the_connection_goes_on),
        cmocka_unit_test(a_text_argument_cannot_become_another_argument),
        cmocka_unit_test(the_latest_event_expected_is_kept),
        cmocka_unit_test(a_socket_in_a_folder_with_a_long_path_can_be_reached),
        cmocka_unit_test(a_full_backlog_is_a_timeout),
        cmocka_unit_test(a_message_may_come_in_any_pieces),
        cmocka_unit_test(what_is_no_message_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
