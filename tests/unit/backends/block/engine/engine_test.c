/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Engines on real files, a full tmpfs, and NBD servers that fail. */
#include "backends/block/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/blkif_guest.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

enum {
    IMAGE_BYTES = 4 * 1024 * 1024,
    BUFFER_BYTES = 65536,
};

static char *folder;
static struct xk_loop loop;
static struct xk_engine *engine;
static struct xk_engine_queue *queue;
static uint8_t *buffer;
static struct xk_error err;
static pid_t server;

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    engine = NULL;
    queue = NULL;
    server = 0;
    memset(&err, 0, sizeof(err));
    assert_int_equal(posix_memalign((void **)&buffer, 4096, BUFFER_BYTES), 0);
    assert_int_equal(xk_loop_open(&loop, 64, &err), 0);
    xk_loop_pin(&loop, buffer, BUFFER_BYTES / 2);
    assert_true(xk_loop_is_fixed(&loop, buffer, BUFFER_BYTES / 2));
    assert_false(xk_loop_is_fixed(&loop, buffer + 1, BUFFER_BYTES / 2));
    return 0;
}

static void
close_engine(void)
{
    xk_engine_close_queue(queue);
    xk_engine_close(engine);
    engine = NULL;
    queue = NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    close_engine();
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    xk_loop_unpin(&loop);
    xk_loop_close(&loop);
    free(buffer);
    scratch_free(folder);
    return 0;
}

static struct xk_engine_options
options_for(const char *path)
{
    return (struct xk_engine_options){.path = path,
                                      .discard = true,
                                      .direct = true,
                                      .lock_deadline = xk_deadline_in_ms(0)};
}

static void
use(struct xk_engine *opened)
{
    if (opened == NULL)
        print_message("%s\n", err.message);
    assert_non_null(opened);
    engine = opened;
    queue = xk_engine_open_queue(engine, &loop, &err);
    assert_non_null(queue);
}

static void
use_file(const char *path)
{
    struct xk_engine_options options = options_for(path);

    use(xk_file_engine_open(&options, &err));
}

static int outcome;
static bool is_done;
static unsigned notes;

static void
note(struct xk_io *io, int error)
{
    (void)io;
    outcome = error;
    is_done = true;
    notes++;
}

/* Run a request and return its errno. */
static int
run(enum xk_io_kind kind, uint64_t offset, size_t length)
{
    struct iovec iov = {.iov_base = buffer, .iov_len = length};
    struct xk_io io = {.kind = kind,
                       .offset = offset,
                       .length = length,
                       .iov = &iov,
                       .iov_count = 1,
                       .done = note};

    is_done = false;
    xk_io_submit(queue, &io);
    while (!is_done)
        assert_int_equal(xk_loop_run(&loop, true, &err), 0);
    return outcome;
}

static char *
image(void)
{
    return blkif_image_new(folder, "image", IMAGE_BYTES);
}

static void
must_keep_what_is_written(void)
{
    for (size_t i = 0; i < 8192; i++)
        buffer[i] = (uint8_t)(i * 31 + i / 256);
    assert_int_equal(run(XK_IO_WRITE, 12288, 8192), 0);
    assert_int_equal(run(XK_IO_FLUSH, 0, 0), 0);
    memset(buffer, 0, 8192);
    assert_int_equal(run(XK_IO_READ, 12288, 8192), 0);
    for (size_t i = 0; i < 8192; i++)
        assert_int_equal(buffer[i], (uint8_t)(i * 31 + i / 256));
}

static void
a_file_keeps_what_is_written(void **state)
{
    XK_CLEANUP_FREE char *path = image();

    (void)state;
    use_file(path);
    assert_int_equal(engine->bytes, IMAGE_BYTES);
    must_keep_what_is_written();
}

static void
single_sectors_are_reached_past_the_page_cache_too(void **state)
{
    XK_CLEANUP_FREE char *path = image();

    (void)state;
    use_file(path);
    memset(buffer, 0x11, 4096);
    assert_int_equal(run(XK_IO_WRITE, 0, 4096), 0);
    memset(buffer, 0x22, 512);
    assert_int_equal(run(XK_IO_WRITE, 512, 512), 0);
    assert_int_equal(run(XK_IO_READ, 0, 4096), 0);
    assert_int_equal(buffer[511], 0x11);
    assert_int_equal(buffer[512], 0x22);
    assert_int_equal(buffer[1024], 0x11);
}

static void
a_discard_reads_as_zeros(void **state)
{
    XK_CLEANUP_FREE char *path = image();

    (void)state;
    use_file(path);
    memset(buffer, 0x11, 16384);
    assert_int_equal(run(XK_IO_WRITE, 0, 16384), 0);
    assert_int_equal(run(XK_IO_DISCARD, 4096, 8192), 0);
    assert_int_equal(run(XK_IO_READ, 0, 16384), 0);
    assert_int_equal(buffer[4095], 0x11);
    assert_int_equal(buffer[4096], 0);
    assert_int_equal(buffer[12287], 0);
    assert_int_equal(buffer[12288], 0x11);
    assert_int_equal(run(XK_IO_DISCARD, 0, 0), 0);
}

static void
a_file_that_was_cut_short_is_an_error_of_reads(void **state)
{
    XK_CLEANUP_FREE char *path = image();

    (void)state;
    use_file(path);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(run(XK_IO_READ, 0, 8192), EIO);
    assert_int_equal(run(XK_IO_READ, 0, 4096), 0);
    assert_int_equal(xk_engine_measure(engine, &err), 0);
    assert_int_equal(engine->bytes, 4096);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(xk_engine_measure(engine, &err), -1);
    assert_int_equal(engine->bytes, 4096);
}

/* Mount in a mount namespace of our own, so that nothing stays mounted. In a
 * chroot the root is not a mount point (EINVAL), so nothing is shared. */
static bool
mount_small_tmpfs(const char *path)
{
    return unshare(CLONE_NEWNS) == 0 &&
           (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ||
            errno == EINVAL) &&
           mkdir(path, 0700) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0;
}

static void
a_full_file_system_is_an_error_of_its_request_only(void **state)
{
    XK_CLEANUP_FREE char *small = xk_asprintf("%s/small", folder);
    XK_CLEANUP_FREE char *path = NULL;
    int errors = 0;

    (void)state;
    if (!mount_small_tmpfs(small))
        fail_msg("this test mounts a tmpfs: run it as root");
    path = blkif_image_new(small, "image", IMAGE_BYTES);
    use_file(path);
    memset(buffer, 0x33, BUFFER_BYTES);
    for (unsigned i = 0; i < IMAGE_BYTES / BUFFER_BYTES; i++) {
        int error = run(XK_IO_WRITE, i * BUFFER_BYTES, BUFFER_BYTES);

        assert_true(error == 0 || error == ENOSPC);
        errors += error != 0;
    }
    assert_in_range(errors, 40, 60);
    /* Requests that need no more space still work. */
    assert_int_equal(run(XK_IO_WRITE, 0, BUFFER_BYTES), 0);
    assert_int_equal(run(XK_IO_DISCARD, 0, BUFFER_BYTES), 0);
    assert_int_equal(run(XK_IO_WRITE, 3 * 1024 * 1024, 4096), 0);
    close_engine();
    umount(small);
}

static void
a_window_shows_what_is_allocated_and_nothing_else(void **state)
{
    XK_CLEANUP_CLOSE int fd = memfd_create("image", MFD_CLOEXEC);
    char path[64];
    struct stat st;
    uint8_t *at;

    (void)state;
    assert_int_equal(ftruncate(fd, IMAGE_BYTES), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    use_file(path);
    assert_null(xk_engine_window(engine, 0, 4096));
    memset(buffer, 0x44, 8192);
    assert_int_equal(run(XK_IO_WRITE, 4096, 8192), 0);
    at = (uint8_t *)xk_engine_window(engine, 4096, 8192);
    assert_non_null(at);
    assert_int_equal(at[0], 0x44);
    assert_null(xk_engine_window(engine, 4096, 12288));
    assert_null(xk_engine_window(engine, 0, 8192));
    assert_null(xk_engine_window(engine, IMAGE_BYTES, 512));
    assert_int_equal(run(XK_IO_DISCARD, 4096, 4096), 0);
    assert_null(xk_engine_window(engine, 4096, 4096));
    assert_non_null(xk_engine_window(engine, 8192, 4096));
    /* Reading a hole allocates nothing. */
    assert_int_equal(run(XK_IO_READ, 1024 * 1024, BUFFER_BYTES), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_blocks, 8);
}

/* ---- files that cannot be a disk ---- */

static void
must_refuse(const char *path, enum xk_error_kind kind, const char *word)
{
    struct xk_engine_options options = options_for(path);
    struct xk_engine *opened = xk_file_engine_open(&options, &err);

    assert_null(opened);
    assert_int_equal(err.kind, kind);
    if (strstr(err.message, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, err.message);
}

static void
what_cannot_be_a_disk_is_refused_by_name(void **state)
{
    XK_CLEANUP_FREE char *missing = xk_asprintf("%s/missing", folder);
    XK_CLEANUP_FREE char *fifo = xk_asprintf("%s/fifo", folder);
    XK_CLEANUP_FREE char *odd = blkif_image_new(folder, "odd", 1000);
    XK_CLEANUP_FREE char *empty = blkif_image_new(folder, "empty", 0);

    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    must_refuse(missing, XK_ERR_CONFIG, "No such file");
    must_refuse(folder, XK_ERR_CONFIG, "neither a file nor a block device");
    must_refuse(fifo, XK_ERR_CONFIG, "neither a file nor a block device");
    must_refuse("/dev/null", XK_ERR_CONFIG, "neither a file");
    must_refuse(odd, XK_ERR_CONFIG, "multiple of 512");
    must_refuse(empty, XK_ERR_CONFIG, "above 0");
}

static void
an_image_in_use_is_refused_by_whatever_name(void **state)
{
    XK_CLEANUP_FREE char *path = image();
    XK_CLEANUP_FREE char *hard = xk_asprintf("%s/hard", folder);
    XK_CLEANUP_FREE char *soft = xk_asprintf("%s/soft", folder);
    struct xk_engine_options options = options_for(path);
    struct xk_engine *readers[2];

    (void)state;
    assert_int_equal(link(path, hard), 0);
    assert_int_equal(symlink(path, soft), 0);
    use_file(path);
    must_refuse(path, XK_ERR_IN_USE, "in use");
    must_refuse(hard, XK_ERR_IN_USE, "in use");
    must_refuse(soft, XK_ERR_IN_USE, "in use");
    options.read_only = true;
    assert_null(xk_file_engine_open(&options, &err));
    assert_int_equal(err.kind, XK_ERR_IN_USE);
    close_engine();
    /* Any number of readers may share an image that nobody writes. */
    readers[0] = xk_file_engine_open(&options, &err);
    readers[1] = xk_file_engine_open(&options, &err);
    assert_non_null(readers[0]);
    assert_non_null(readers[1]);
    must_refuse(path, XK_ERR_IN_USE, "in use");
    xk_engine_close(readers[0]);
    xk_engine_close(readers[1]);
    use_file(path);
}

static int
run_program(const char *const *argv)
{
    XK_CLEANUP_BUF struct xk_buf out = {0}, errors = {0};
    int status = -1;

    if (xk_process_run(argv, 65536, &out, &errors, xk_deadline_in_ms(20000),
                       &status, &err) == -1)
        fail_msg("%s", err.message);
    return status;
}

static void
qemu_and_xk_refuse_one_another(void **state)
{
    XK_CLEANUP_FREE char *path = image();
    const char *const io[] = {"qemu-io",     "-f", "raw", "-c",
                              "write 0 512", path, NULL};

    (void)state;
    use_file(path);
    assert_int_not_equal(run_program(io), 0);
    close_engine();
    assert_int_equal(run_program(io), 0);
}

/* ---- NBD ---- */

static void
serve_nbd(const char *const *arguments)
{
    const char *argv[24] = {"nbdkit", "-f", "--exit-with-parent"};
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/nbd", folder);
    XK_CLEANUP_FREE char *pid_path = xk_asprintf("%s/nbd.pid", folder);
    size_t count = 3;
    struct stat st;

    argv[count++] = "-U";
    argv[count++] = path;
    /* Written once it accepts connections; its socket exists before. */
    argv[count++] = "-P";
    argv[count++] = pid_path;
    while (*arguments != NULL)
        argv[count++] = *arguments++;
    server = fork();
    if (server == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    for (int ms = 0; ms < 20000 && stat(pid_path, &st) == -1; ms += 5)
        poll(NULL, 0, 5);
    assert_int_equal(stat(pid_path, &st), 0);
}

static struct xk_engine *
open_nbd(bool read_only)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/nbd", folder);
    struct xk_engine_options options = options_for(path);

    options.read_only = read_only;
    return xk_nbd_engine_open(&options, &err);
}

static void
an_nbd_server_keeps_what_is_written(void **state)
{
    const char *const arguments[] = {"memory", "size=4M", NULL};

    (void)state;
    serve_nbd(arguments);
    use(open_nbd(false));
    assert_int_equal(engine->bytes, IMAGE_BYTES);
    assert_true(engine->discard);
    must_keep_what_is_written();
    assert_int_equal(run(XK_IO_DISCARD, 0, 65536), 0);
    assert_int_equal(run(XK_IO_READ, 12288, 512), 0);
    assert_int_equal(buffer[0], 0);
}

static void
errors_of_an_nbd_server_reach_their_requests_only(void **state)
{
    XK_CLEANUP_FREE char *trigger = xk_asprintf("%s/trigger", folder);
    XK_CLEANUP_FREE char *file = xk_asprintf("error-file=%s", trigger);
    const char *const arguments[] = {
        "--filter=error",         "memory", "size=4M", "error=ENOSPC",
        "error-pwrite-rate=100%", file,     NULL};
    int fd;

    (void)state;
    serve_nbd(arguments);
    use(open_nbd(false));
    assert_int_equal(run(XK_IO_WRITE, 0, 4096), 0);
    fd = open(trigger, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(run(XK_IO_WRITE, 0, 4096), ENOSPC);
    assert_int_equal(run(XK_IO_READ, 0, 4096), 0);
    unlink(trigger);
    assert_int_equal(run(XK_IO_WRITE, 0, 4096), 0);
}

static void
a_failed_flush_of_an_nbd_server_is_an_error(void **state)
{
    const char *const eval[] = {"eval",
                                "get_size=echo 4M",
                                "pread=head -c $3 /dev/zero",
                                "can_write=true",
                                "pwrite=cat >/dev/null",
                                "can_flush=true",
                                "flush=echo EIO no >&2; exit 1",
                                NULL};

    (void)state;
    serve_nbd(eval);
    use(open_nbd(false));
    assert_int_equal(run(XK_IO_WRITE, 0, 4096), 0);
    assert_int_equal(run(XK_IO_FLUSH, 0, 0), EIO);
}

static void
many_requests_to_a_slow_nbd_server_are_under_way_at_once(void **state)
{
    const char *const arguments[] = {"--filter=delay", "memory", "size=4M",
                                     "delay-read=200ms", NULL};
    struct iovec iov[16];
    struct xk_io io[16];
    int64_t begin;

    (void)state;
    serve_nbd(arguments);
    use(open_nbd(false));
    begin = xk_now_ns();
    notes = 0;
    for (unsigned i = 0; i < 16; i++) {
        iov[i] = (struct iovec){buffer + i * 4096, 4096};
        io[i] = (struct xk_io){.kind = XK_IO_READ,
                               .offset = i * 4096,
                               .length = 4096,
                               .iov = &iov[i],
                               .iov_count = 1,
                               .done = note};
        xk_io_submit(queue, &io[i]);
    }
    while (notes < 16)
        assert_int_equal(xk_loop_run(&loop, true, &err), 0);
    assert_int_equal(outcome, 0);
    assert_true(xk_now_ns() - begin < 16 * 200000000ll / 2);
}

static void
an_nbd_server_that_dies_fails_what_comes(void **state)
{
    const char *const arguments[] = {"--filter=delay", "memory", "size=4M",
                                     "delay-read=60", NULL};
    struct iovec iov = {buffer, 4096};
    struct xk_io io = {.kind = XK_IO_READ,
                       .length = 4096,
                       .iov = &iov,
                       .iov_count = 1,
                       .done = note};

    (void)state;
    serve_nbd(arguments);
    use(open_nbd(false));
    is_done = false;
    xk_io_submit(queue, &io);
    kill(server, SIGKILL);
    while (!is_done)
        assert_int_equal(xk_loop_run(&loop, true, &err), 0);
    assert_int_not_equal(outcome, 0);
    assert_int_not_equal(run(XK_IO_WRITE, 0, 4096), 0);
}

static void
an_nbd_server_that_is_not_there_or_read_only_is_refused(void **state)
{
    const char *const arguments[] = {"-r", "memory", "size=4M", NULL};

    (void)state;
    assert_null(open_nbd(false));
    assert_non_null(strstr(err.message, "connect to the NBD server"));
    serve_nbd(arguments);
    assert_null(open_nbd(false));
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    use(open_nbd(true));
    assert_int_equal(run(XK_IO_READ, 0, 4096), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_file_keeps_what_is_written),
        T(single_sectors_are_reached_past_the_page_cache_too),
        T(a_discard_reads_as_zeros),
        T(a_file_that_was_cut_short_is_an_error_of_reads),
        T(a_full_file_system_is_an_error_of_its_request_only),
        T(a_window_shows_what_is_allocated_and_nothing_else),
        T(what_cannot_be_a_disk_is_refused_by_name),
        T(an_image_in_use_is_refused_by_whatever_name),
        T(qemu_and_xk_refuse_one_another),
        T(an_nbd_server_keeps_what_is_written),
        T(errors_of_an_nbd_server_reach_their_requests_only),
        T(a_failed_flush_of_an_nbd_server_is_an_error),
        T(many_requests_to_a_slow_nbd_server_are_under_way_at_once),
        T(an_nbd_server_that_dies_fails_what_comes),
        T(an_nbd_server_that_is_not_there_or_read_only_is_refused),
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a tmpfs of its own\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
