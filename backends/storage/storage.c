/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works. The starter takes the lock and makes the sockets and detached
 * mounts, then forks twice, so that the daemon is nobody's child. The
 * grandchild writes daemon.json, enters the jail, moves the descriptors to
 * their numbers, drops its privileges and runs the program. Until the program
 * runs, an error comes back through the pipe "told" as a struct xk_error; the
 * program closes that pipe by starting. Then the starter waits until the daemon
 * serves (storage_wait.h).
 */
#include "backends/storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/storage/storage_jail.h"
#include "backends/storage/storage_wait.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/number.h"
#include "base/process.h"
#include "base/unix_socket.h"
#include "contracts/disk.h"

enum {
    NBD_FD = 3,
    QMP_FD = 4,
    LOCK_FD = 5,
    HELLO_FD = 6,
    FIRST_FREE_FD = 7,
    FD_MAX = 1023,
    BACKLOG = 16,
    TOLD_MAX = 64 * 1024,
};

static const char pid_file[] = XK_DISK_DAEMON_PID;
static const char lock_file[] = XK_DISK_DAEMON_LOCK;

struct place {
    int dir_fd;
    uint32_t uid;
    struct xk_sandbox_piece pieces[XK_STORAGE_IMAGES_MAX + 1];
    unsigned count;
};

/* Move a descriptor above the fixed numbers of the daemon's descriptors. */
static int
move_up(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FD_MAX / 2);
}

static int
listen_at(const struct place *place, const char *name, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        xk_unix_listen(place->dir_fd, name, 0600, BACKLOG, err);
    int high = fd == -1 ? -1 : move_up(fd);

    if (fd != -1 && high == -1)
        return xk_fail_errno(err, "listen at \"%s\"", name);
    return high;
}

/* Take the lock that the daemon holds as long as it lives, so that there is at
 * most one. */
static int
take_lock(const struct place *place, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        xk_file_lock_open(place->dir_fd, lock_file,
                          "another program serves the image here already", err);
    int high = fd == -1 ? -1 : move_up(fd);

    if (fd != -1 && high == -1)
        return xk_fail_errno(err, "arrange descriptors");
    return high;
}

static int
take_pid_file(struct place *place, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        openat(place->dir_fd, pid_file,
               O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return xk_fail_errno(err, "make \"%s\"", pid_file);
    return xk_sandbox_take(fd, "", pid_file, MOUNT_ATTR_NOSUID,
                           &place->pieces[place->count++], err);
}

static int
take_image(struct place *place, const char *word, struct xk_error *err)
{
    bool read_only = strncmp(word, "ro:", 3) == 0;
    char name[32];
    uint64_t fd;

    if ((!read_only && strncmp(word, "rw:", 3) != 0) ||
        !xk_parse_u64(word + 3, FD_MAX, &fd) ||
        place->count == XK_STORAGE_IMAGES_MAX)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" is not an image: give ro:FD or rw:FD, at most "
                       "%d of them",
                       word, XK_STORAGE_IMAGES_MAX);
    snprintf(name, sizeof(name), "image%u", place->count);
    return xk_sandbox_take((int)fd, "", name,
                           MOUNT_ATTR_NOSUID |
                               (read_only ? (uint64_t)MOUNT_ATTR_RDONLY : 0),
                           &place->pieces[place->count++], err);
}

/* Returns the words of the program, or NULL. */
static char **
take_images(struct place *place, char **words, struct xk_error *err)
{
    for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
        if (take_image(place, *words, err) == -1)
            return NULL;
    }
    if (words[0] == NULL || words[1] == NULL) {
        xk_fail(err, XK_ERR_USAGE, "no program after \"--\"");
        return NULL;
    }
    return words + 1;
}

struct program {
    char **words;
    int nbd, qmp, lock, hello;
    int said; /* its standard error */
};

/* Move the program's descriptors to their numbers. All others are closed when
 * the program starts. */
static int
arrange_descriptors(const struct program *program, struct xk_error *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
        dup2(null, STDOUT_FILENO) == -1 ||
        dup2(program->said, STDERR_FILENO) == -1 ||
        dup2(program->nbd, NBD_FD) == -1 || dup2(program->qmp, QMP_FD) == -1 ||
        dup2(program->lock, LOCK_FD) == -1 ||
        dup2(program->hello, HELLO_FD) == -1 ||
        close_range(FIRST_FREE_FD, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        return xk_fail_errno(err, "arrange descriptors");
    return 0;
}

static int
become(struct place *place, const char *dir, const struct program *program,
       struct xk_error *err)
{
    setsid();
    signal(SIGPIPE, SIG_IGN); /* the reader of its standard error ends early */
    /* For those who want it to end. The daemon cannot change this file: its pid
     * file, which is for people, is the only one here that it can write. */
    if (xk_process_save_self(place->dir_fd, XK_DISK_DAEMON, err) == -1 ||
        xk_storage_enter(dir, place->pieces, place->count, err) == -1 ||
        arrange_descriptors(program, err) == -1 ||
        xk_storage_drop(place->uid, err) == -1)
        return -1;
    execvp(program->words[0], program->words);
    xk_fail_errno(err, "run \"%s\"", program->words[0]);
    return errno == ENOENT
               ? xk_fail(err, XK_ERR_HOST, "\"%s\" is not installed below /usr",
                         program->words[0])
               : -1;
}

/* Report an error that happened before the program started. */
static void
report_error(int fd, const struct xk_error *err)
{
    (void)xk_write_all(fd, err, sizeof(*err));
}

/* Fork twice, so that the daemon is nobody's child: its starter ends before it.
 * told: receives an error, or end of file when the program has started. */
static int
fork_program(struct place *place, const char *dir,
             const struct program *program, int told, struct xk_error *err)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct xk_error why = {0};

        pid = fork();
        if (pid == 0) {
            become(place, dir, program, &why);
            report_error(told, &why);
        }
        _exit(pid == -1 ? 1 : 0);
    }
    if (pid == -1)
        return xk_fail_errno(err, "fork");
    xk_process_reap(pid, NULL);
    return 0;
}

static int
read_error(int fd, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (xk_read_fd(fd, "the program", TOLD_MAX, &text, err) == -1)
        return -1;
    if (text.length < sizeof(*err))
        return 0;
    memcpy(err, text.data, sizeof(*err));
    return -1;
}

static void
close_all(struct place *place, const struct program *program)
{
    close(program->nbd);
    close(program->qmp);
    close(program->lock);
    close(program->hello);
    close(program->said);
    for (unsigned i = 0; i < place->count; i++)
        close(place->pieces[i].tree_fd);
}

/* Make the pipes and the socket between starter and program, and move the
 * program's ends above the fixed numbers. */
static int
make_ends(int said[2], int hello[2], int told[2], struct program *program,
          struct xk_error *err)
{
    if (pipe2(said, O_CLOEXEC) == -1 || pipe2(told, O_CLOEXEC) == -1 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hello) == -1)
        return xk_fail_errno(err, "connect to the program");
    program->said = move_up(said[1]);
    program->hello = move_up(hello[1]);
    close(said[1]);
    close(hello[1]);
    return 0;
}

static int
start(struct place *place, const char *dir, struct program *program,
      struct xk_error *err)
{
    int said[2] = {-1, -1}, hello[2] = {-1, -1}, told[2] = {-1, -1};
    int r;

    if (make_ends(said, hello, told, program, err) == -1)
        return -1;
    r = fork_program(place, dir, program, told[1], err);
    close(told[1]);
    close_all(place, program);
    if (r == 0)
        r = read_error(told[0], err);
    if (r == 0)
        r = xk_storage_await(hello[0], said[0], err);
    close(told[0]);
    close(hello[0]);
    close(said[0]);
    return r;
}

static int
run(struct place *place, const char *dir, char **words, struct xk_error *err)
{
    struct program program = {.words = take_images(place, words, err)};

    if (program.words == NULL || take_pid_file(place, err) == -1 ||
        (program.lock = take_lock(place, err)) == -1 ||
        (program.nbd = listen_at(place, XK_DISK_NBD, err)) == -1 ||
        (program.qmp = listen_at(place, XK_DISK_QMP, err)) == -1)
        return -1;
    return start(place, dir, &program, err);
}

int
xk_storage_start(char **words, struct xk_error *err)
{
    struct place place = {.dir_fd = -1};
    uint64_t uid;

    if (words[0] == NULL || words[1] == NULL ||
        !xk_parse_u64(words[1], UINT32_MAX - 1, &uid) || uid == 0)
        return xk_fail(err, XK_ERR_USAGE,
                       "usage: xk-backend storage DIRECTORY UID IMAGE... -- "
                       "PROGRAM [ARGUMENT...]");
    place.uid = (uint32_t)uid;
    place.dir_fd = open(words[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place.dir_fd == -1)
        return xk_fail_errno(err, "open \"%s\"", words[0]);
    return run(&place, words[0], words + 2, err);
}
