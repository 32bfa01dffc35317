/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/console_pump.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/unit/test.h"

enum {
    READ_END,
    WRITE_END,
    PATIENCE_MS = 5000,
};

/* A domain's console, and the person at it; all ends are ours to move. */
struct fixture {
    int typed[2];     /* person -> pump */
    int seen[2];      /* pump -> person */
    int guest_in[2];  /* pump -> guest */
    int guest_out[2]; /* guest -> pump, where there is no log */
    int gone[2];      /* closed at WRITE_END: the domain is gone */
    int log_fd;       /* -1 in a fixture without a log */
    char log_path[32];
    struct xk_console console;
    struct xk_console_pump pump;
    struct xk_error err;
};

static void
close_fd(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

static int
setup_stream(void **state)
{
    struct fixture *f = XK_NEW(struct fixture);

    *state = f;
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(f->typed, O_CLOEXEC) == -1 || pipe2(f->seen, O_CLOEXEC) == -1 ||
        pipe2(f->guest_in, O_CLOEXEC) == -1 ||
        pipe2(f->guest_out, O_CLOEXEC) == -1 || pipe2(f->gone, O_CLOEXEC) == -1)
        return -1;
    f->log_fd = -1;
    f->console = (struct xk_console){
        .log_fd = -1,
        .change_fd = -1,
        .input_fd = f->guest_in[WRITE_END],
        .output_fd = f->guest_out[READ_END],
        .end_fd = f->gone[READ_END],
    };
    f->pump = (struct xk_console_pump){
        .console = &f->console,
        .input_fd = f->typed[READ_END],
        .output_fd = f->seen[WRITE_END],
        .interrupt_fd = -1,
        .escape = true,
    };
    return 0;
}

static int
setup_log(void **state)
{
    struct fixture *f;

    if (setup_stream(state) == -1)
        return -1;
    f = *state;
    strcpy(f->log_path, "/tmp/xk-pump-XXXXXX");
    f->log_fd = mkstemp(f->log_path);
    f->console.log_fd = open(f->log_path, O_RDONLY | O_CLOEXEC);
    f->console.change_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    f->console.output_fd = -1;
    return inotify_add_watch(f->console.change_fd, f->log_path, IN_MODIFY) == -1
               ? -1
               : 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    int *pipes[] = {f->typed, f->seen, f->guest_in, f->guest_out, f->gone};

    for (size_t i = 0; i < sizeof(pipes) / sizeof(pipes[0]); i++) {
        close_fd(&pipes[i][READ_END]);
        close_fd(&pipes[i][WRITE_END]);
    }
    if (f->log_fd != -1) {
        close(f->log_fd);
        close(f->console.log_fd);
        close(f->console.change_fd);
        unlink(f->log_path);
    }
    free(f);
    return 0;
}

static int
run(struct fixture *f, int patience_ms)
{
    return xk_console_pump_run(&f->pump, xk_deadline_in_ms(patience_ms),
                               &f->err);
}

static void
put(int fd, const char *text)
{
    assert_int_equal(xk_write_all(fd, text, strlen(text)), 0);
}

/* All that stands in the pipe, once its writers have closed it. */
static char *
take_all(int *fds)
{
    struct xk_buf text = {0};

    close_fd(&fds[WRITE_END]);
    xk_buf_puts(&text, "");
    assert_int_equal(xk_read_fd(fds[READ_END], "pipe", 1 << 24, &text, NULL),
                     0);
    return xk_buf_take(&text);
}

static void
assert_got(int *fds, const char *expected)
{
    char *text = take_all(fds);

    assert_string_equal(text, expected);
    free(text);
}

static void
test_what_was_typed_before_the_escape_is_sent(void **state)
{
    struct fixture *f = *state;

    put(f->typed[WRITE_END], "ls\r\x1drm -rf /\r");
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_LEFT);
    assert_got(f->guest_in, "ls\r");
}

static void
test_the_escape_alone_leaves(void **state)
{
    struct fixture *f = *state;

    put(f->typed[WRITE_END], "\x1d");
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_LEFT);
    assert_got(f->guest_in, "");
}

static void
test_without_a_terminal_the_escape_is_a_byte_like_others(void **state)
{
    struct fixture *f = *state;

    f->pump.escape = false;
    put(f->typed[WRITE_END], "a\x1d\x62");
    close_fd(&f->typed[WRITE_END]);
    assert_int_equal(run(f, 100), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_got(f->guest_in, "a\x1d\x62");
}

static void
fill_pipe(int fd)
{
    char block[4096] = {0};
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    fcntl(fd, F_SETFL, flags);
}

static void
test_one_can_leave_a_guest_that_reads_nothing(void **state)
{
    struct fixture *f = *state;
    char noise[10000];

    fill_pipe(f->guest_in[WRITE_END]);
    memset(noise, 'x', sizeof(noise));
    noise[sizeof(noise) - 1] = '\0';
    put(f->typed[WRITE_END], noise);
    put(f->typed[WRITE_END], "\x1d");
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_LEFT);
}

static void
test_the_end_of_the_input_is_not_the_end(void **state)
{
    struct fixture *f = *state;

    put(f->typed[WRITE_END], "date\n");
    close_fd(&f->typed[WRITE_END]);
    put(f->guest_out[WRITE_END], "Thursday\n");
    assert_int_equal(run(f, 100), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_got(f->guest_in, "date\n");
    assert_got(f->seen, "Thursday\n");
}

static void
test_output_is_written_before_the_end_is_told(void **state)
{
    struct fixture *f = *state;

    put(f->guest_out[WRITE_END], "Power down.\n");
    close_fd(&f->guest_out[WRITE_END]);
    close_fd(&f->gone[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    assert_got(f->seen, "Power down.\n");
}

static void
test_a_domain_that_goes_without_closing_its_output_is_gone(void **state)
{
    struct fixture *f = *state;

    put(f->guest_out[WRITE_END], "bye");
    close_fd(&f->gone[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    assert_got(f->seen, "bye");
}

static void
test_the_end_of_the_stream_is_the_end(void **state)
{
    struct fixture *f = *state;

    close_fd(&f->guest_out[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
}

static void
test_a_reader_that_went_away_ends_it(void **state)
{
    struct fixture *f = *state;

    close_fd(&f->seen[READ_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_UNREAD);
}

static void
test_a_guest_that_closed_its_input_still_shows_its_output(void **state)
{
    struct fixture *f = *state;

    close_fd(&f->guest_in[READ_END]);
    put(f->typed[WRITE_END], "hello");
    put(f->guest_out[WRITE_END], "still here");
    assert_int_equal(run(f, 100), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_got(f->seen, "still here");
}

static void
test_an_interruption_ends_it(void **state)
{
    struct fixture *f = *state;
    int signals[2];

    assert_int_equal(pipe2(signals, O_CLOEXEC), 0);
    f->pump.interrupt_fd = signals[READ_END];
    put(signals[WRITE_END], "s");
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_INTERRUPTED);
    close(signals[READ_END]);
    close(signals[WRITE_END]);
}

static void
test_the_deadline_ends_it(void **state)
{
    struct fixture *f = *state;
    int64_t begin = xk_now_ns();

    assert_int_equal(run(f, 50), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_true(xk_now_ns() - begin >= 50 * 1000000LL);
}

static void
test_a_log_is_shown_from_where_it_is_asked(void **state)
{
    struct fixture *f = *state;

    put(f->log_fd, "one\ntwo\nthree\n");
    f->pump.log_offset = 4;
    close_fd(&f->gone[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    assert_got(f->seen, "two\nthree\n");
    assert_int_equal(f->pump.log_offset, 14);
}

/* A guest that talks while the pump runs, and then goes. */
static void *
talk(void *context)
{
    struct fixture *f = context;

    for (int i = 0; i < 1000; i++)
        put(f->log_fd, "0123456789abcdefghijklmnopqrstuvwxyz012345678\n");
    close_fd(&f->gone[WRITE_END]);
    return NULL;
}

struct reader {
    int fd;
    size_t count;
};

static void *
count_bytes(void *context)
{
    struct reader *reader = context;
    char block[512];
    ssize_t length;

    while ((length = read(reader->fd, block, sizeof(block))) > 0)
        reader->count += (size_t)length;
    return NULL;
}

static void
test_nothing_is_lost_of_a_log_that_grows(void **state)
{
    struct fixture *f = *state;
    struct reader reader = {.fd = f->seen[READ_END]};
    pthread_t talker, counter;

    assert_int_equal(pthread_create(&counter, NULL, count_bytes, &reader), 0);
    assert_int_equal(pthread_create(&talker, NULL, talk, f), 0);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    pthread_join(talker, NULL);
    close_fd(&f->seen[WRITE_END]);
    pthread_join(counter, NULL);
    assert_int_equal(reader.count, 46 * 1000);
}

static void
test_a_log_cut_at_its_front_goes_on_at_its_end(void **state)
{
    struct fixture *f = *state;

    put(f->log_fd, "long since seen");
    f->pump.log_offset = 15;
    assert_int_equal(ftruncate(f->log_fd, 0), 0);
    assert_int_equal(lseek(f->log_fd, 0, SEEK_SET), 0);
    put(f->log_fd, "seen");
    close_fd(&f->gone[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    assert_got(f->seen, "");
    assert_int_equal(f->pump.log_offset, 4);
}

/* By parts of eight bytes: what came with the cut is shown, and nothing twice.
 */
static void
test_a_log_cut_by_known_parts_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;

    f->console.log_cut = 8;
    put(f->log_fd, "long since seen.");
    f->pump.log_offset = 16;
    assert_int_equal(ftruncate(f->log_fd, 0), 0);
    assert_int_equal(lseek(f->log_fd, 0, SEEK_SET), 0);
    put(f->log_fd, "ce seen.and new");
    close_fd(&f->gone[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    assert_got(f->seen, "and new");
    assert_int_equal(f->pump.log_offset, 15);
}

static void
test_what_a_log_no_longer_keeps_is_left_out(void **state)
{
    struct fixture *f = *state;
    char *text;

    for (int i = 0; i < 20000; i++)
        put(f->log_fd, "gone\n");
    put(f->log_fd, "kept\n");
    if (fallocate(f->log_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  65536) == -1)
        fail_msg("no holes in files of /tmp");
    assert_int_equal(xk_console_history_start(f->console.log_fd, -1), 65536);
    assert_int_equal(xk_console_history_start(f->console.log_fd, 100000),
                     65536);
    close_fd(&f->gone[WRITE_END]);
    assert_int_equal(run(f, PATIENCE_MS), XK_CONSOLE_PUMP_GONE);
    text = take_all(f->seen);
    assert_int_equal(strlen(text), 100005 - 65536);
    free(text);
}

static void
test_history_begins_at_a_line(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int lines;
        off_t start;
    } cases[] = {
        {"", 5, 0},          {"a\nb\nc\n", 0, 6},  {"a\nb\nc\n", 1, 4},
        {"a\nb\nc\n", 2, 2}, {"a\nb\nc\n", 3, 0},  {"a\nb\nc\n", 9, 0},
        {"a\nb\nc", 1, 4},   {"a\nb\nc", 2, 2},    {"a\nb\nc\n", -1, 0},
        {"\n\n\n", 2, 1},    {"no newline", 1, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        off_t start;

        assert_int_equal(ftruncate(f->log_fd, 0), 0);
        assert_int_equal(lseek(f->log_fd, 0, SEEK_SET), 0);
        put(f->log_fd, cases[i].text);
        start = xk_console_history_start(f->console.log_fd, cases[i].lines);
        if (start != cases[i].start)
            fail_msg("case %zu: %ld", i, (long)start);
    }
}

static void
test_history_looks_further_back_than_one_block(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3000; i++)
        put(f->log_fd, "line\n");
    assert_int_equal(xk_console_history_start(f->console.log_fd, 2900), 500);
    assert_int_equal(xk_console_history_start(f->console.log_fd, 3000), 0);
}

#define stream_test(f)                                                         \
    cmocka_unit_test_setup_teardown(f, setup_stream, teardown)
#define log_test(f) cmocka_unit_test_setup_teardown(f, setup_log, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        stream_test(test_what_was_typed_before_the_escape_is_sent),
        stream_test(test_the_escape_alone_leaves),
        stream_test(test_without_a_terminal_the_escape_is_a_byte_like_others),
        stream_test(test_one_can_leave_a_guest_that_reads_nothing),
        stream_test(test_the_end_of_the_input_is_not_the_end),
        stream_test(test_output_is_written_before_the_end_is_told),
        stream_test(test_a_domain_that_goes_without_closing_its_output_is_gone),
        stream_test(test_the_end_of_the_stream_is_the_end),
        stream_test(test_a_reader_that_went_away_ends_it),
        stream_test(test_a_guest_that_closed_its_input_still_shows_its_output),
        stream_test(test_an_interruption_ends_it),
        stream_test(test_the_deadline_ends_it),
        log_test(test_what_was_typed_before_the_escape_is_sent),
        log_test(test_one_can_leave_a_guest_that_reads_nothing),
        log_test(test_a_log_is_shown_from_where_it_is_asked),
        log_test(test_nothing_is_lost_of_a_log_that_grows),
        log_test(test_a_log_cut_at_its_front_goes_on_at_its_end),
        log_test(test_a_log_cut_by_known_parts_goes_on_where_it_was),
        log_test(test_what_a_log_no_longer_keeps_is_left_out),
        log_test(test_history_begins_at_a_line),
        log_test(test_history_looks_further_back_than_one_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
