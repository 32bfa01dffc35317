/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor, as a process, over the domains of a fake hypervisor. It runs
 * this very program as its worker, which waits for what the test does.
 */
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/process.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "toolstack/create.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/journal.h"
#include "toolstack/monitor.h"
#include "toolstack/monitor_start.h"

enum {
    LONG_MS = 60000,
    LOOK_MS = 5,
    NOISE_LINES = 50000, /* about 2 MiB */
    WORKER_S = 90,       /* none outlives a test that failed for long */
};

struct fixture {
    char *scratch;
    char *world;
    char *started; /* a pipe that a worker writes to */
    char *release; /* a pipe whose end ends the workers */
    int started_fd, release_fd;
    int log_fd; /* the monitor's standard error, -1: ours */
    struct xk_host host;
    pid_t monitor;
    struct xk_error err;
};

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(LONG_MS);
}

/* ---- a hypervisor that does not always answer ---- */

static struct xk_hypervisor_ops ops;
static struct xk_domain_ops domain_ops;
static unsigned failing_looks;

static int
look_at(struct xk_hypervisor *hv, const struct xk_domain *domain,
        struct xk_domain_info *info, struct xk_deadline deadline,
        struct xk_error *err)
{
    if (failing_looks == 0)
        return xk_fake_domain_ops.get(hv, domain, info, deadline, err);
    failing_looks--;
    return xk_fail(err, XK_ERR_TIMEOUT, "no answer");
}

static int
open_host(struct fixture *f)
{
    struct xk_hypervisor *hv;

    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    hv = xk_fake_open(&f->host.state, f->world);
    ops = *hv->ops;
    domain_ops = xk_fake_domain_ops;
    domain_ops.get = look_at;
    ops.domain = &domain_ops;
    hv->ops = &ops;
    return xk_host_adopt(&f->host, hv, "test", soon(), &f->err);
}

/* ---- the worker ---- */

/* As programs do that it runs, each time that a guest wants it. */
static void
make_noise(void)
{
    static const char line[] = "xc: error: what the guest did is not good\n";

    if (getenv("TEST_NOISE") == NULL)
        return;
    for (int i = 0; i < NOISE_LINES; i++)
        (void)!write(STDERR_FILENO, line, strlen(line));
}

/* Whose domain it is, and then nothing until the test lets go. */
static int
be_worker(const char *uuid)
{
    const char *started = getenv("TEST_STARTED");
    const char *release = getenv("TEST_RELEASE");
    char line[64];
    int length = snprintf(line, sizeof(line), "%d %s\n", (int)getpid(), uuid);
    int held = open(release, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct pollfd poller = {.fd = held, .events = POLLIN};
    int fd = open(started, O_WRONLY | O_CLOEXEC);
    char byte;

    alarm(WORKER_S);
    make_noise();
    if (held == -1 || fd == -1 || write(fd, line, (size_t)length) != length)
        return 1;
    close(fd);
    /* One that comes after the release finds an end at once. */
    while (read(held, &byte, 1) == -1 && errno == EAGAIN)
        poll(&poller, 1, -1);
    return 0;
}

/* ---- the world ---- */

static void
make_pipe(const struct fixture *f, const char *name, const char *variable,
          char **path, int *fd)
{
    *path = xk_asprintf("%s/%s", f->scratch, name);
    assert_int_equal(mkfifo(*path, 0600), 0);
    setenv(variable, *path, 1);
    *fd = open(*path, O_RDWR | O_CLOEXEC);
    assert_int_not_equal(*fd, -1);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->log_fd = -1;
    f->scratch = scratch_new();
    f->world = xk_asprintf("%s/world", f->scratch);
    mkdir(f->world, 0700);
    make_pipe(f, "started", "TEST_STARTED", &f->started, &f->started_fd);
    make_pipe(f, "release", "TEST_RELEASE", &f->release, &f->release_fd);
    *context = f;
    return open_host(f);
}

static void
end_monitor(struct fixture *f)
{
    if (f->monitor == 0)
        return;
    kill(f->monitor, SIGKILL);
    waitpid(f->monitor, NULL, 0);
    f->monitor = 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    end_monitor(f);
    close(f->started_fd);
    close(f->release_fd);
    xk_host_close(&f->host);
    free(f->started);
    free(f->release);
    free(f->world);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static struct xk_uuid
create(struct fixture *f, const char *name)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = '%s'\ntype = 'hvm'\nmemory = 64\n", name);
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);
    struct xk_domain domain;
    struct xk_uuid uuid;

    xk_problems_free(&problems);
    assert_int_equal(
        xk_domain_create(&f->host, config, false, &domain, soon(), &f->err), 0);
    uuid = domain.uuid;
    xk_domain_close(&domain);
    return uuid;
}

static void
say_ready(void *context)
{
    int fd = *(int *)context;

    (void)!write(fd, "r", 1);
    close(fd);
}

static void
be_monitor(struct fixture *f, int ready_fd)
{
    struct xk_error err = {0};

    close(f->started_fd);
    close(f->release_fd);
    if (f->log_fd != -1) {
        dup2(f->log_fd, STDERR_FILENO);
        xk_log_set_bounds(XK_LOG_KEEP, XK_LOG_BURST, XK_LOG_PAUSE_MS);
    }
    f->host.program = realpath("/proc/self/exe", NULL);
    f->host.verb = "monitor";
    if (xk_monitor_run(&f->host, true, say_ready, &ready_fd, &err) == -1)
        fprintf(stderr, "%s\n", err.message);
    _exit(1);
}

/* Returns once it watches what there is. */
static void
start_monitor(struct fixture *f)
{
    int ends[2];
    char byte;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    f->monitor = fork();
    if (f->monitor == 0)
        be_monitor(f, ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
}

/* The next worker that was started: its pid and its domain's UUID. */
static pid_t
await_worker(struct fixture *f, char *uuid)
{
    char line[64];
    size_t length = 0;
    int pid;

    do {
        assert_int_not_equal(xk_deadline_poll(soon(), f->started_fd, POLLIN,
                                              "a worker", &f->err),
                             -1);
        assert_int_equal(read(f->started_fd, &line[length], 1), 1);
    } while (line[length++] != '\n' && length < sizeof(line) - 1);
    line[length] = '\0';
    assert_int_equal(sscanf(line, "%d %36s", &pid, uuid), 2);
    return (pid_t)pid;
}

/* A child of a process, in what state it is; 0: it has none. */
static char
child_state(pid_t parent)
{
    XK_CLEANUP_DIR DIR *dir = opendir("/proc");
    const struct dirent *entry;
    uint64_t pid;

    while ((entry = readdir(dir)) != NULL) {
        XK_CLEANUP_BUF struct xk_buf text = {0};
        char path[300];
        const char *after;
        int its_parent;
        char state;

        if (!xk_parse_u64(entry->d_name, INT_MAX, &pid))
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        if (xk_read_file(AT_FDCWD, path, 4096, &text, NULL) == -1)
            continue;
        after = strrchr(text.data, ')');
        if (after != NULL &&
            sscanf(after + 1, " %c %d", &state, &its_parent) == 2 &&
            its_parent == parent)
            return state;
    }
    return 0;
}

/* Until it has none any more. */
static void
await_no_child(struct fixture *f)
{
    const struct timespec while_ = {.tv_nsec = LOOK_MS * 1000000L};
    struct xk_deadline deadline = soon();
    char state;

    while ((state = child_state(f->monitor)) != 0) {
        if (xk_deadline_left_ms(deadline) == 0)
            fail_msg("the monitor has a child in state %c", state);
        nanosleep(&while_, NULL);
    }
}

static void
release_workers(struct fixture *f)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    /* A FIFO that nobody writes to any more ends for its readers. */
    assert_int_equal(dup3(fd, f->release_fd, O_CLOEXEC), f->release_fd);
    close(fd);
}

/* ---- workers ---- */

static void
a_worker_that_ends_leaves_no_zombie(void **context)
{
    struct fixture *f = *context;
    struct xk_uuid uuid = create(f, "a");
    char text[XK_UUID_TEXT_SIZE];

    xk_fake_stop(xk_host_default(&f->host, &f->err), &uuid, XK_STOP_POWEROFF);
    start_monitor(f);
    await_worker(f, text);
    release_workers(f);
    await_no_child(f);
}

static void
a_worker_that_outlives_its_domain_leaves_no_zombie(void **context)
{
    struct fixture *f = *context;
    struct xk_uuid uuid = create(f, "a");
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&f->host.state, &uuid, &f->err);
    char text[XK_UUID_TEXT_SIZE];

    xk_fake_stop(xk_host_default(&f->host, &f->err), &uuid, XK_STOP_POWEROFF);
    start_monitor(f);
    await_worker(f, text);
    /* The domain goes; one that is new is seen after that. */
    assert_int_equal(xk_record_lock(record, "test", soon(), &f->err), 0);
    assert_int_equal(xk_record_remove(record, &f->err), 0);
    uuid = create(f, "b");
    xk_fake_stop(xk_host_default(&f->host, &f->err), &uuid, XK_STOP_POWEROFF);
    {
        XK_CLEANUP_RECORD struct xk_record *touched =
            xk_record_open(&f->host.state, &uuid, &f->err);

        assert_int_equal(xk_record_lock(touched, "test", soon(), &f->err), 0);
    }
    await_worker(f, text);
    release_workers(f);
    await_no_child(f);
}

/* ---- the log ---- */

static void
what_a_guest_makes_its_workers_write_fills_nothing(void **context)
{
    struct fixture *f = *context;
    struct xk_uuid uuid = create(f, "a");
    char text[XK_UUID_TEXT_SIZE];
    struct stat st;

    setenv("TEST_NOISE", "1", 1);
    f->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(fcntl(f->log_fd, F_SETFL, O_APPEND), 0);
    xk_fake_stop(xk_host_default(&f->host, &f->err), &uuid, XK_STOP_POWEROFF);
    start_monitor(f);
    await_worker(f, text);
    release_workers(f);
    await_no_child(f);
    kill(f->monitor, SIGTERM); /* it finishes what it is at */
    waitpid(f->monitor, NULL, 0);
    f->monitor = 0;
    unsetenv("TEST_NOISE");
    assert_int_equal(fstat(f->log_fd, &st), 0);
    assert_true(st.st_size > 4 * XK_LOG_KEEP);
    assert_true(st.st_blocks * 512 <= 3 * XK_LOG_KEEP);
    close(f->log_fd);
}

/* ---- more than the kernel keeps ---- */

static uint64_t
queue_limit(void)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    uint64_t limit;

    assert_int_equal(xk_read_file(AT_FDCWD,
                                  "/proc/sys/fs/inotify/max_queued_events", 64,
                                  &text, NULL),
                     0);
    text.data[strcspn(text.data, "\n")] = '\0';
    assert_true(xk_parse_u64(text.data, 1 << 24, &limit));
    return limit;
}

/* Equal events in a row are one, so these are of two domains in turn. */
static void
overflow_queue(struct fixture *f, const struct xk_uuid *uuids)
{
    char *paths[2];
    uint64_t limit = queue_limit();

    for (size_t i = 0; i < 2; i++) {
        char text[XK_UUID_TEXT_SIZE];

        xk_uuid_format(&uuids[i], text);
        paths[i] =
            xk_asprintf("%s/domains/%s/lock", f->host.state.run_path, text);
    }
    for (uint64_t i = 0; i < limit + 2; i++)
        close(open(paths[i % 2], O_WRONLY | O_CLOEXEC));
    for (size_t i = 0; i < 2; i++)
        free(paths[i]);
}

static void
what_an_overflow_hid_is_looked_at_again(void **context)
{
    struct fixture *f = *context;
    struct xk_uuid uuids[3] = {create(f, "a"), create(f, "b"), create(f, "c")};
    char text[XK_UUID_TEXT_SIZE], wanted[XK_UUID_TEXT_SIZE];
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&f->host.state, &uuids[2], &f->err);

    start_monitor(f);
    assert_int_equal(kill(f->monitor, SIGSTOP), 0);
    overflow_queue(f, uuids);
    /* Nobody tells of this: the queue is full. */
    xk_fake_stop(xk_host_default(&f->host, &f->err), &uuids[2],
                 XK_STOP_POWEROFF);
    assert_int_equal(xk_record_lock(record, "test", soon(), &f->err), 0);
    xk_record_unlock(record);
    assert_int_equal(kill(f->monitor, SIGCONT), 0);
    await_worker(f, text);
    xk_uuid_format(&uuids[2], wanted);
    assert_string_equal(text, wanted);
    release_workers(f);
}

static void
set_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
}

/* The kernel tells of the end of a file before it gives back its locks. */
static void
a_lock_that_is_given_back_after_its_file_was_closed_is_noticed(void **context)
{
    struct fixture *f = *context;
    struct xk_uuid uuid = create(f, "a");
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&f->host.state, &uuid, &f->err);
    XK_CLEANUP_CLOSE int fd =
        openat(record->dir_fd, "lock", O_RDWR | O_CLOEXEC);
    char text[XK_UUID_TEXT_SIZE];

    set_lock(fd, F_WRLCK);
    assert_int_equal(xk_journal_append(record, XK_JOURNAL_BEGIN, XK_OP_DESTROY,
                                       NULL, &f->err),
                     0);
    start_monitor(f);
    set_lock(fd, F_UNLCK); /* of which nothing tells */
    await_worker(f, text);
    release_workers(f);
}

/* The driver tells of a stop once. */
static void
a_stop_is_acted_on_where_the_first_looks_at_it_fail(void **context)
{
    struct fixture *f = *context;
    struct xk_uuid uuid = create(f, "a");
    char text[XK_UUID_TEXT_SIZE];

    xk_fake_stop(xk_host_default(&f->host, &f->err), &uuid, XK_STOP_POWEROFF);
    failing_looks = 3;
    start_monitor(f);
    failing_looks = 0;
    await_worker(f, text);
    release_workers(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* What ages files away takes such a lock before it does (tmpfiles.d(5)). */
static void
records_are_not_aged_away_beside_a_monitor(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_CLOSE int fd =
        open(f->host.state.run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    create(f, "a");
    start_monitor(f);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    end_monitor(f);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_worker_that_ends_leaves_no_zombie),
        T(a_worker_that_outlives_its_domain_leaves_no_zombie),
        T(what_a_guest_makes_its_workers_write_fills_nothing),
        T(what_an_overflow_hid_is_looked_at_again),
        T(a_stop_is_acted_on_where_the_first_looks_at_it_fail),
        T(a_lock_that_is_given_back_after_its_file_was_closed_is_noticed),
        T(records_are_not_aged_away_beside_a_monitor),
    };

    if (argc > 2 && strcmp(argv[argc - 2], XK_VERB_WORKER) == 0)
        return be_worker(argv[argc - 1]);
    signal(SIGPIPE, SIG_IGN);
    xk_log_set_level(XK_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
