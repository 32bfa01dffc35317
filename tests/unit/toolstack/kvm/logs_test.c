/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that QEMU writes to, and the record's logs that get it. The
 * process that has the memory is the test itself. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/logs.h"

struct folder {
    char *scratch;
    int fd;
    struct xk_kvm_live live; /* of the console */
    struct xk_process self;
};

static int
setup(void **context)
{
    struct folder *f = XK_NEW(struct folder);

    f->scratch = scratch_new();
    f->fd = open(f->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(xk_process_identify(getpid(), &f->self));
    assert_int_equal(xk_kvm_logs_make(f->fd, NULL), 0);
    assert_int_equal(xk_kvm_live_make(XK_KVM_LOG_CONSOLE, &f->live, NULL), 0);
    *context = f;
    return 0;
}

static int
teardown(void **context)
{
    struct folder *f = *context;

    xk_kvm_live_close(&f->live);
    close(f->fd);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static void
print(struct folder *f, const char *text, size_t length)
{
    assert_int_equal(xk_write_all(f->live.write_fd, text, length), 0);
}

static void
gather(struct folder *f)
{
    assert_int_equal(xk_kvm_log_gather(f->fd, XK_KVM_LOG_CONSOLE, &f->live), 0);
}

static void
read_log(struct folder *f, struct xk_buf *text)
{
    assert_int_equal(
        xk_read_file(f->fd, XK_KVM_FILE_CONSOLE, XK_KVM_LOG_MAX, text, NULL),
        0);
}

static void
what_is_gathered_is_text_and_there_once(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_BUF struct xk_buf text = {0};

    print(f, "one\n\0two", 8);
    gather(f);
    gather(f);
    print(f, "\n\0\0three\n", 9);
    gather(f);
    read_log(f, &text);
    assert_string_equal(text.data, "one\ntwo\nthree\n");
}

static void
the_newest_of_much_is_kept(void **context)
{
    struct folder *f = *context;
    const size_t length = XK_KVM_LIVE_ROOM - 4096;
    XK_CLEANUP_FREE char *much = xk_calloc(1, length);

    for (int i = 0; i < 8; i++) {
        XK_CLEANUP_BUF struct xk_buf text = {0};

        memset(much, 'a' + i, length);
        print(f, much, length);
        print(f, "end\n", 4);
        gather(f);
        read_log(f, &text);
        assert_true(text.length >= length);
        assert_memory_equal(text.data + text.length - 4, "end\n", 4);
        assert_int_equal(xk_kvm_live_end(&f->live), 0);
    }
}

/* So a reader that follows the log finds the last bytes it has seen. */
static void
a_log_gets_shorter_by_whole_cuts(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_FREE char *some = xk_calloc(1, 50000);
    off_t before = 0;

    memset(some, 'a', 50000);
    for (int i = 0; i < 100; i++) {
        struct stat st;

        print(f, some, 50000);
        gather(f);
        assert_int_equal(fstatat(f->fd, XK_KVM_FILE_CONSOLE, &st, 0), 0);
        assert_true(st.st_size <= XK_KVM_LOG_MAX);
        assert_true(st.st_size >= before + 50000 ||
                    st.st_size >= XK_KVM_LOG_KEEP);
        assert_int_equal((before + 50000 - st.st_size) % XK_KVM_LOG_CUT, 0);
        before = st.st_size;
    }
}

static void
zeros_alone_do_not_use_up_the_room(void **context)
{
    struct folder *f = *context;
    const size_t length = XK_KVM_LIVE_ROOM / 2 + 4096;
    XK_CLEANUP_FREE char *zeros = xk_calloc(1, length);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    for (int i = 0; i < 4; i++) {
        print(f, zeros, length);
        gather(f);
    }
    print(f, "alive\n", 6);
    gather(f);
    read_log(f, &text);
    assert_string_equal(text.data, "alive\n");
}

/* ---- a writer that does not wait ---- */

enum {
    LINES = 1000000,
    LINE_LENGTH = 8, /* a fraction of a page, so that no write is split */
};

struct writer {
    int fd;
    bool ended; /* __atomic */
};

static void *
write_lines(void *context)
{
    struct writer *writer = context;

    for (int i = 0; i < LINES; i++) {
        char line[16];

        snprintf(line, sizeof(line), "%07d\n", i);
        while (write(writer->fd, line, LINE_LENGTH) != LINE_LENGTH)
            sched_yield(); /* there is no room */
    }
    __atomic_store_n(&writer->ended, true, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Check that the lines that arrived are the next ones; empties the file. */
static int
take_lines(struct folder *f, int next)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_CLOSE int fd = -1;

    read_log(f, &text);
    fd = openat(f->fd, XK_KVM_FILE_CONSOLE, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_not_equal(fd, -1);
    for (size_t at = 0; at + LINE_LENGTH <= text.length; at += LINE_LENGTH) {
        char line[16];

        snprintf(line, sizeof(line), "%07d\n", next++);
        if (memcmp(text.data + at, line, LINE_LENGTH) != 0)
            fail_msg("%.7s instead of %.7s", text.data + at, line);
    }
    assert_int_equal(text.length % LINE_LENGTH, 0);
    return next;
}

static void
nothing_is_lost_or_twice_where_a_log_begins_anew(void **context)
{
    struct folder *f = *context;
    struct writer writer = {.fd = f->live.write_fd};
    bool ended = false;
    pthread_t thread;
    int next = 0;

    assert_int_equal(pthread_create(&thread, NULL, write_lines, &writer), 0);
    while (!ended) {
        ended = __atomic_load_n(&writer.ended, __ATOMIC_SEQ_CST);
        gather(f);
        next = take_lines(f, next);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(next, LINES);
}

/* ---- obstacles ---- */

static void
what_has_no_room_in_the_record_stays_in_memory(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct rlimit before, none = {4, 0};

    print(f, "one\n", 4);
    gather(f);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    print(f, "two\n", 4);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    gather(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    read_log(f, &text);
    assert_string_equal(text.data, "one\n");
    gather(f);
    text.length = 0;
    read_log(f, &text);
    assert_string_equal(text.data, "one\ntwo\n");
}

static void
a_log_that_another_holds_is_left_to_it(void **context)
{
    struct folder *f = *context;
    int held = xk_kvm_log_hold(f->fd, XK_KVM_LOG_CONSOLE);

    assert_int_not_equal(held, -1);
    print(f, "x", 1);
    assert_int_equal(xk_kvm_log_gather(f->fd, XK_KVM_LOG_CONSOLE, &f->live),
                     -1);
    close(held);
    gather(f);
    assert_int_equal(xk_kvm_live_end(&f->live), 1);
}

static void
a_log_of_another_time_is_no_hole_any_more(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_CLOSE int fd =
        openat(f->fd, XK_KVM_FILE_CONSOLE, O_WRONLY | O_CLOEXEC);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    assert_int_equal(pwrite(fd, "old", 3, (off_t)1 << 40), 3);
    assert_int_equal(xk_kvm_logs_make(f->fd, NULL), 0);
    print(f, "new\n", 4);
    gather(f);
    read_log(f, &text);
    assert_string_equal(text.data, "new\n");
}

static void
a_line_that_was_left_torn_ends_before_the_next_qemu(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_BUF struct xk_buf text = {0};

    print(f, "torn", 4);
    gather(f);
    assert_int_equal(xk_kvm_logs_make(f->fd, NULL), 0);
    print(f, "new\n", 4);
    gather(f);
    read_log(f, &text);
    assert_string_equal(text.data, "torn\nnew\n");
}

/* ---- what a hostile QEMU may have instead ---- */

static int
make_memory(off_t size, int seals, int flags)
{
    XK_CLEANUP_CLOSE int fd =
        memfd_create("xk-console", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char path[64];

    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, flags | O_CLOEXEC);
}

static void
only_sealed_memory_of_that_size_is_taken(void **context)
{
    const int all = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    const struct {
        off_t size;
        int seals, flags;
        bool is_taken;
    } rows[] = {
        {XK_KVM_LIVE_ROOM, all, O_WRONLY, true},
        {XK_KVM_LIVE_ROOM, F_SEAL_SHRINK, O_WRONLY, false},
        {XK_KVM_LIVE_ROOM, F_SEAL_GROW | F_SEAL_SHRINK, O_WRONLY, false},
        {(off_t)1 << 40, all, O_WRONLY, false},
        {0, all, O_WRONLY, false},
        {XK_KVM_LIVE_ROOM, all, O_RDWR, false},
    };
    struct folder *f = *context;

    xk_kvm_live_close(&f->live);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        XK_CLEANUP_CLOSE int fd =
            make_memory(rows[i].size, rows[i].seals, rows[i].flags);
        XK_CLEANUP_LIVE struct xk_kvm_live live =
            xk_kvm_live_find(&f->self, XK_KVM_LOG_CONSOLE);

        assert_int_not_equal(fd, -1);
        if ((live.fd != -1) != rows[i].is_taken)
            fail_msg("row %zu", i);
    }
}

/* Until QEMU has opened the log, which turns O_APPEND on, the log takes
 * nothing. */
static void
what_is_open_to_append_takes_nothing_until_it_begins(void **context)
{
    struct folder *f = *context;
    int flags = fcntl(f->live.write_fd, F_GETFL);

    assert_int_equal(fcntl(f->live.write_fd, F_SETFL, flags | O_APPEND), 0);
    assert_int_equal(write(f->live.write_fd, "x", 1), -1);
    assert_int_equal(errno, EPERM);
    xk_kvm_live_begin(&f->live);
    print(f, "x", 1);
    assert_int_equal(xk_kvm_live_end(&f->live), 1);
}

/* As seen by a process that is refused QEMU's description. */
static void
the_end_is_found_without_the_description(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_live alone = {.fd = f->live.fd, .write_fd = -1};
    XK_CLEANUP_FREE char *much = xk_calloc(1, 100000);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    assert_int_equal(xk_kvm_live_end(&alone), 0);
    memset(much, 'y', 100000);
    print(f, much, 100000);
    assert_int_equal(xk_kvm_live_end(&alone), 100000);
    assert_false(xk_kvm_live_rewind(&alone));
    assert_int_equal(xk_kvm_log_gather(f->fd, XK_KVM_LOG_CONSOLE, &alone), 0);
    read_log(f, &text);
    assert_int_equal(text.length, 100000);
}

/* ---- a QEMU that keeps the kernel busy ---- */

/* Write from a page that never arrives: the kernel holds the locks of the file
 * and its offset meanwhile. */
static void
write_for_ever(int fd, int ready_fd)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register all = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    all.range.start = (uintptr_t)page;
    all.range.len = 4096;
    if (faults == -1 || page == MAP_FAILED ||
        ioctl(faults, UFFDIO_API, &api) == -1 ||
        ioctl(faults, UFFDIO_REGISTER, &all) == -1)
        _exit(77);
    (void)!write(ready_fd, "1", 1);
    (void)!write(fd, page, 4096);
    _exit(1);
}

/* -1: not available here. */
static pid_t
start_endless_write(int fd)
{
    struct xk_process_stat stat = {.state = 'R'};
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        close(ready[0]);
        write_for_ever(fd, ready[1]);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        pid = -1;
    }
    close(ready[0]);
    while (pid != -1 && stat.state == 'R') {
        assert_int_equal(xk_process_read_stat(pid, &stat), 0);
        sched_yield();
    }
    return pid;
}

static void
a_write_that_does_not_end_is_not_waited_for(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_FREE char *much = xk_calloc(1, XK_KVM_LIVE_ROOM);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    pid_t pid;

    memset(much, 'y', XK_KVM_LIVE_ROOM);
    print(f, much, XK_KVM_LIVE_ROOM - 8192);
    pid = start_endless_write(f->live.write_fd);
    if (pid == -1)
        return; /* only the privileged may hold up the kernel here */
    alarm(20);  /* otherwise it would hang */
    assert_int_equal(xk_kvm_live_end(&f->live), XK_KVM_LIVE_ROOM - 8192);
    gather(f);
    read_log(f, &text);
    assert_int_equal(text.length, XK_KVM_LIVE_ROOM - 8192);
    assert_int_equal(xk_kvm_live_end(&f->live), XK_KVM_LIVE_ROOM - 8192);
    alarm(0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Each stuck child takes one of few entries. */
static void
a_qemu_that_keeps_the_kernel_busy_is_left_and_others_are_not(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_live busy = f->live;
    XK_CLEANUP_LIVE struct xk_kvm_live other = XK_KVM_LIVE_NONE;
    pid_t pid = start_endless_write(f->live.write_fd);

    if (pid == -1)
        return; /* only the privileged may hold up the kernel here */
    alarm(60);
    busy.holder = pid;
    assert_int_equal(xk_kvm_live_make(XK_KVM_LOG_CONSOLE, &other, NULL), 0);
    for (int i = 0; i < 20; i++)
        assert_false(xk_kvm_live_rewind(&busy));
    assert_true(xk_kvm_live_rewind(&other));
    alarm(0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_gathered_is_text_and_there_once),
        T(the_newest_of_much_is_kept),
        T(a_log_gets_shorter_by_whole_cuts),
        T(zeros_alone_do_not_use_up_the_room),
        T(nothing_is_lost_or_twice_where_a_log_begins_anew),
        T(what_has_no_room_in_the_record_stays_in_memory),
        T(a_log_that_another_holds_is_left_to_it),
        T(a_log_of_another_time_is_no_hole_any_more),
        T(a_line_that_was_left_torn_ends_before_the_next_qemu),
        T(only_sealed_memory_of_that_size_is_taken),
        T(what_is_open_to_append_takes_nothing_until_it_begins),
        T(the_end_is_found_without_the_description),
        T(a_write_that_does_not_end_is_not_waited_for),
        T(a_qemu_that_keeps_the_kernel_busy_is_left_and_others_are_not),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
