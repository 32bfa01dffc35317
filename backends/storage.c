/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/storage_jail.h"
#include "base/cleanup.h"
#include "base/number.h"

enum {
    NBD_FD = 3,
    QMP_FD = 4,
    FIRST_FREE_FD = 5,
    FD_MAX = 1023,
    BACKLOG = 16,
};

static const char pid_file[] = "qsd.pid";

struct place {
    int dir_fd;
    uint32_t uid;
    struct xk_storage_piece pieces[XK_STORAGE_IMAGES_MAX + 1];
    unsigned count;
};

/* Where the daemon finds it none of these descriptors is in the way. */
static int
listen_at(const struct place *place, const char *name, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int high;

    /* The path of a record may be longer than an address. */
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
             place->dir_fd, name);
    if (fd == -1 ||
        (unlinkat(place->dir_fd, name, 0) == -1 && errno != ENOENT) ||
        fchmod(fd, 0600) == -1 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
        listen(fd, BACKLOG) == -1 ||
        (high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MAX / 2)) == -1)
        return xk_fail_errno(err, "listen at \"%s\"", name);
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
    return xk_storage_take(fd, "", pid_file, false,
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
                       "\"%s\" is no image: ro:FD or rw:FD, %d at most", word,
                       XK_STORAGE_IMAGES_MAX);
    snprintf(name, sizeof(name), "image%u", place->count);
    return xk_storage_take((int)fd, "", name, read_only,
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

/* Nothing else that is open now stays so. */
static int
arrange_descriptors(int nbd, int qmp, struct xk_error *err)
{
    if (dup2(nbd, NBD_FD) == -1 || dup2(qmp, QMP_FD) == -1 ||
        close_range(FIRST_FREE_FD, ~0U, 0) == -1)
        return xk_fail_errno(err, "arrange descriptors");
    return 0;
}

static int
run(struct place *place, const char *dir, char **words, struct xk_error *err)
{
    char **program = take_images(place, words, err);
    int nbd, qmp;

    if (program == NULL || take_pid_file(place, err) == -1 ||
        (nbd = listen_at(place, "nbd", err)) == -1 ||
        (qmp = listen_at(place, "qmp", err)) == -1 ||
        xk_storage_enter(dir, place->pieces, place->count, err) == -1 ||
        arrange_descriptors(nbd, qmp, err) == -1 ||
        xk_storage_drop(place->uid, err) == -1)
        return -1;
    execvp(program[0], program);
    xk_fail_errno(err, "run \"%s\"", program[0]);
    return errno == ENOENT
               ? xk_fail(err, XK_ERR_HOST, "\"%s\" is not installed below /usr",
                         program[0])
               : -1;
}

int
xk_storage_exec(char **words, struct xk_error *err)
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
