/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/mem.h"

enum {
    HOLDER_MAX = 128,
    /* inotify reports that a file is closed a moment before the kernel releases
     * the file's locks, so an event may come too early. */
    LOCK_RETRY_MS = 20,
};

/* A name that begins with a dot is not a record, but one that is being made or
 * removed. */
#define NEW_PREFIX ".new-"
#define REMOVED_PREFIX ".removed-"

/* ---- locks ---- */

static int
open_lock_file(int dirfd, struct xk_error *err)
{
    int fd =
        openat(dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return xk_fail_errno(err, "open a lock file");
    return fd;
}

/* 1 locked, 0 held by another, -1 error. */
static int
try_lock(int fd, struct xk_error *err)
{
    if (xk_file_lock_take(fd) == 0)
        return 1;
    if (errno == EAGAIN)
        return 0;
    return xk_fail_errno(err, "lock");
}

/* Write who holds the lock: a line for people, and which process it is
 * (base/process.h) for a caller that would end it. The text always has the same
 * length and overwrites the old one, so it takes space only once: when the
 * record is made. */
static int
write_holder(int fd, const char *verb)
{
    char text[HOLDER_MAX];
    struct xk_process self = {0};
    int length;

    xk_process_identify(getpid(), &self);
    length = snprintf(text, sizeof(text), "xk %.40s (pid %d)\n%" PRIu64 "\n",
                      verb, (int)getpid(), self.start_ticks);
    memset(text + length, '\n', sizeof(text) - (size_t)length);
    return pwrite(fd, text, sizeof(text), 0) == (ssize_t)sizeof(text) ? 0 : -1;
}

static int
fail_busy(int fd, const char *what, struct xk_error *err)
{
    char holder[HOLDER_MAX];
    ssize_t length = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[length > 0 ? length : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return xk_fail(err, XK_ERR_BUSY, "%s is held by %s", what,
                   length > 0 ? holder : "another process");
}

/* Wait until the lock file is closed, or for a moment. */
static void
await_close(int inotify_fd, struct xk_deadline deadline)
{
    struct pollfd poller = {.fd = inotify_fd, .events = POLLIN};
    char events[4096];
    int left = xk_deadline_left_ms(deadline);

    if (poll(&poller, 1, left < LOCK_RETRY_MS ? left : LOCK_RETRY_MS) == 1 &&
        read(inotify_fd, events, sizeof(events)) == -1)
        return;
}

static int
lock_until(int fd, const char *path, const char *what,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int inotify_fd = -1;
    int locked = try_lock(fd, err);

    if (locked != 0)
        return locked == 1 ? 0 : -1;
    inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (inotify_fd != -1)
        inotify_add_watch(inotify_fd, path, IN_CLOSE);
    for (;;) {
        locked = try_lock(fd, err);
        if (locked != 0)
            return locked == 1 ? 0 : -1;
        if (xk_deadline_left_ms(deadline) == 0)
            return fail_busy(fd, what, err);
        await_close(inotify_fd, deadline);
    }
}

/* ---- the state directory ---- */

static char *
join_env(const char *variable, const char *tail)
{
    const char *value = getenv(variable);

    if (value == NULL || value[0] != '/')
        return NULL;
    return xk_asprintf("%s%s", value, tail);
}

/* A login without a session manager has no XDG_RUNTIME_DIR; the directory in
 * /tmp is checked for its owner and mode like any other. */
static char *
user_run_path(void)
{
    char *path = join_env("XDG_RUNTIME_DIR", "/xk");

    return path != NULL ? path : xk_asprintf("/tmp/xk-run-%d", (int)geteuid());
}

static char *
user_lib_path(const char *run_path)
{
    char *path = join_env("XDG_STATE_HOME", "/xk");

    if (path == NULL)
        path = join_env("HOME", "/.local/state/xk");
    return path != NULL ? path : xk_asprintf("%s/lib", run_path);
}

static int
choose_paths(struct xk_state *state, struct xk_error *err)
{
    const char *override = getenv("XK_STATE_DIR");

    if (override != NULL && override[0] != '\0') {
        if (override[0] != '/')
            return xk_fail(err, XK_ERR_USAGE,
                           "XK_STATE_DIR \"%s\" is not an absolute path",
                           override);
        state->run_path = xk_strdup(override);
        state->lib_path = xk_asprintf("%s/lib", override);
    } else if (geteuid() == 0) {
        state->run_path = xk_strdup("/run/xk");
        state->lib_path = xk_strdup("/var/lib/xk");
    } else {
        state->run_path = user_run_path();
        state->lib_path = user_lib_path(state->run_path);
    }
    return 0;
}

static int
open_own_directory(int dirfd, const char *path, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 || fstat(fd, &st) == -1)
        return xk_fail_errno(err, "open state directory \"%s\"", path);
    if (st.st_uid != geteuid())
        return xk_fail(err, XK_ERR_HOST,
                       "state directory \"%s\" belongs to another user", path);
    /* A directory such as /tmp: do not take it from the others. */
    if ((st.st_mode & S_ISVTX) != 0 && (st.st_mode & S_IWOTH) != 0)
        return xk_fail(err, XK_ERR_HOST,
                       "state directory \"%s\" is shared by all users: name a "
                       "directory in it",
                       path);
    if ((st.st_mode & 077) != 0 && fchmod(fd, 0700) == -1)
        return xk_fail_errno(err, "close \"%s\" to others", path);
    return xk_take_fd(&fd);
}

int
xk_state_open(struct xk_state *state, struct xk_error *err)
{
    *state = (struct xk_state){.run_fd = -1, .domains_fd = -1};
    if (choose_paths(state, err) == -1 ||
        xk_make_dirs(state->run_path, 0700, err) == -1)
        goto fail;
    state->run_fd = open_own_directory(AT_FDCWD, state->run_path, err);
    if (state->run_fd == -1)
        goto fail;
    if (mkdirat(state->run_fd, "domains", 0700) == -1 && errno != EEXIST) {
        xk_fail_errno(err, "create \"%s/domains\"", state->run_path);
        goto fail;
    }
    state->domains_fd = open_own_directory(state->run_fd, "domains", err);
    if (state->domains_fd == -1)
        goto fail;
    return 0;
fail:
    xk_state_close(state);
    return -1;
}

bool
xk_state_exists(void)
{
    struct xk_state state = {.run_fd = -1, .domains_fd = -1};
    bool exists = choose_paths(&state, NULL) == -1 || state.run_path == NULL ||
                  access(state.run_path, F_OK) == 0 || errno != ENOENT;

    xk_state_close(&state);
    return exists;
}

void
xk_state_close(struct xk_state *state)
{
    if (state->domains_fd != -1)
        close(state->domains_fd);
    if (state->run_fd != -1)
        close(state->run_fd);
    free(state->run_path);
    free(state->lib_path);
    *state = (struct xk_state){.run_fd = -1, .domains_fd = -1};
}

int
xk_state_lock(const struct xk_state *state, struct xk_deadline deadline,
              struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open_lock_file(state->run_fd, err);
    XK_CLEANUP_FREE char *path = NULL;

    if (fd == -1)
        return -1;
    path = xk_asprintf("/proc/self/fd/%d/lock", state->run_fd);
    if (lock_until(fd, path, "the list of domains", deadline, err) == -1)
        return -1;
    (void)write_holder(fd, "name lock");
    return xk_take_fd(&fd);
}

static DIR *
open_domains(const struct xk_state *state, struct xk_error *err)
{
    int fd = openat(state->domains_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        xk_fail_errno(err, "read \"%s/domains\"", state->run_path);
        if (fd != -1)
            close(fd);
    }
    return dir;
}

int
xk_state_list(const struct xk_state *state, struct xk_uuid **uuids,
              size_t *count, struct xk_error *err)
{
    XK_CLEANUP_DIR DIR *dir = open_domains(state, err);
    struct dirent *entry;

    *uuids = NULL;
    *count = 0;
    if (dir == NULL)
        return -1;
    while ((entry = readdir(dir)) != NULL) {
        struct xk_uuid uuid;

        if (!xk_uuid_parse(entry->d_name, &uuid))
            continue;
        XK_GROW(*uuids, *count);
        (*uuids)[(*count)++] = uuid;
    }
    return 0;
}

/* Records are made under the state lock, so while we hold it the maker of a
 * half-made record is dead. The remover of a half-removed record may be alive;
 * it does not mind help. */
void
xk_state_sweep(const struct xk_state *state)
{
    XK_CLEANUP_DIR DIR *dir = open_domains(state, NULL);
    XK_CLEANUP_CLOSE int lock_fd = -1;
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        bool is_new =
            strncmp(entry->d_name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0;

        if (!is_new &&
            strncmp(entry->d_name, REMOVED_PREFIX, strlen(REMOVED_PREFIX)) != 0)
            continue;
        if (is_new && lock_fd == -1)
            lock_fd = xk_state_lock(state, xk_deadline_in_ms(0), NULL);
        if (!is_new || lock_fd != -1)
            xk_remove_tree(state->domains_fd, entry->d_name, NULL);
    }
}

/* ---- one record ---- */

static struct xk_record *
record_new(const struct xk_state *state, const struct xk_uuid *uuid)
{
    struct xk_record *record = XK_NEW(struct xk_record);

    record->state = state;
    record->uuid = *uuid;
    record->dir_fd = record->lock_fd = -1;
    xk_uuid_format(uuid, record->uuid_text);
    record->path =
        xk_asprintf("%s/domains/%s", state->run_path, record->uuid_text);
    return record;
}

/* Write it before the record gets its name: every record that can be seen names
 * its driver. */
static int
write_driver(const struct xk_record *record, const char *driver,
             struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        openat(record->dir_fd, XK_RECORD_DRIVER,
               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1 || xk_write_all(fd, driver, strlen(driver)) == -1)
        return xk_fail_errno(err, "write the driver of a new record");
    return 0;
}

static int
make_locked_directory(struct xk_record *record, const char *temporary,
                      const char *driver, const char *verb,
                      struct xk_error *err)
{
    int domains_fd = record->state->domains_fd;

    if (mkdirat(domains_fd, temporary, 0700) == -1)
        return xk_fail_errno(err, "create a record in \"%s\"",
                             record->state->run_path);
    record->dir_fd = openat(domains_fd, temporary,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (record->dir_fd == -1)
        return xk_fail_errno(err, "open a new record");
    if (write_driver(record, driver, err) == -1)
        return -1;
    record->lock_fd = open_lock_file(record->dir_fd, err);
    if (record->lock_fd == -1 || try_lock(record->lock_fd, err) != 1)
        return -1;
    if (write_holder(record->lock_fd, verb) == -1)
        return xk_fail_errno(err, "write who holds a new record");
    if (renameat2(domains_fd, temporary, domains_fd, record->uuid_text,
                  RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EEXIST)
        return xk_fail(err, XK_ERR_EXISTS,
                       "a domain with UUID %s exists already",
                       record->uuid_text);
    return xk_fail_errno(err, "name the new record");
}

struct xk_record *
xk_record_create(const struct xk_state *state, const struct xk_uuid *uuid,
                 const char *driver, const char *verb, struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *record = record_new(state, uuid);
    XK_CLEANUP_FREE char *temporary =
        xk_asprintf(NEW_PREFIX "%s", record->uuid_text);

    xk_remove_tree(state->domains_fd, temporary, NULL);
    if (make_locked_directory(record, temporary, driver, verb, err) == -1) {
        xk_remove_tree(state->domains_fd, temporary, NULL);
        return NULL;
    }
    return XK_TAKE(record);
}

struct xk_record *
xk_record_open(const struct xk_state *state, const struct xk_uuid *uuid,
               struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *record = record_new(state, uuid);

    record->dir_fd = openat(state->domains_fd, record->uuid_text,
                            O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (record->dir_fd != -1)
        return XK_TAKE(record);
    if (errno == ENOENT)
        xk_fail(err, XK_ERR_NOT_FOUND, "no such domain: %s", record->uuid_text);
    else
        xk_fail_errno(err, "open the record of domain %s", record->uuid_text);
    return NULL;
}

bool
xk_record_is_there(const struct xk_record *record)
{
    struct stat now, ours;

    return fstatat(record->state->domains_fd, record->uuid_text, &now,
                   AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(record->dir_fd, &ours) == 0 && now.st_ino == ours.st_ino;
}

static int
locked_now(struct xk_record *record, int fd, const char *verb,
           struct xk_error *err)
{
    if (!xk_record_is_there(record)) {
        close(fd);
        return xk_fail(err, XK_ERR_NOT_FOUND, "domain %s was removed meanwhile",
                       record->uuid_text);
    }
    (void)write_holder(fd, verb);
    record->lock_fd = fd;
    return 0;
}

static int
open_record_lock(struct xk_record *record, struct xk_error *err)
{
    int fd = openat(record->dir_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd != -1)
        return fd;
    /* A record that has lost only its lock file must stay within reach of all
     * verbs. */
    if (errno == ENOENT && xk_record_is_there(record))
        return open_lock_file(record->dir_fd, err);
    if (errno == ENOENT)
        return xk_fail(err, XK_ERR_NOT_FOUND, "domain %s was removed meanwhile",
                       record->uuid_text);
    return xk_fail_errno(err, "open the lock of domain %s", record->uuid_text);
}

int
xk_record_lock(struct xk_record *record, const char *verb,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open_record_lock(record, err);
    XK_CLEANUP_FREE char *path = NULL;

    if (fd == -1)
        return -1;
    path = xk_asprintf("/proc/self/fd/%d/lock", record->dir_fd);
    if (lock_until(fd, path, "the domain", deadline, err) == -1)
        return -1;
    return locked_now(record, xk_take_fd(&fd), verb, err);
}

int
xk_record_try_lock(struct xk_record *record, const char *verb,
                   struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open_record_lock(record, err);
    int locked = fd == -1 ? -1 : try_lock(fd, err);

    if (locked != 1)
        return locked;
    return locked_now(record, xk_take_fd(&fd), verb, err) == -1 ? -1 : 1;
}

bool
xk_record_is_locked(const struct xk_record *record)
{
    XK_CLEANUP_CLOSE int fd =
        openat(record->dir_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd != -1 && xk_file_lock_is_held(fd) == 1;
}

/* Read what write_holder() wrote; false if it wrote nothing. */
static bool
read_holder(const struct xk_record *record, char verb[HOLDER_MAX],
            struct xk_process *process)
{
    XK_CLEANUP_CLOSE int fd =
        openat(record->dir_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[HOLDER_MAX];
    ssize_t length = fd == -1 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
    uint64_t start_ticks = 0;
    int pid = 0;

    text[length > 0 ? length : 0] = '\0';
    if (sscanf(text, "xk %127[^ ] (pid %d) %" SCNu64, verb, &pid,
               &start_ticks) != 3 ||
        pid <= 0)
        return false;
    *process = (struct xk_process){pid, start_ticks};
    return true;
}

bool
xk_record_holder(const struct xk_record *record, const char *verb,
                 struct xk_process *process)
{
    char holder[HOLDER_MAX] = "";

    return read_holder(record, holder, process) && strcmp(holder, verb) == 0 &&
           xk_record_is_locked(record) && xk_process_alive(process);
}

bool
xk_record_is_left_locked(const struct xk_record *record)
{
    char verb[HOLDER_MAX] = "";
    struct xk_process process;

    return read_holder(record, verb, &process) && !xk_process_alive(&process) &&
           xk_record_is_locked(record);
}

void
xk_record_unlock(struct xk_record *record)
{
    if (record->lock_fd != -1)
        close(record->lock_fd);
    record->lock_fd = -1;
}

int
xk_record_rekey(struct xk_record *record, const struct xk_uuid *uuid,
                struct xk_error *err)
{
    int domains_fd = record->state->domains_fd;
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, text);
    if (renameat2(domains_fd, record->uuid_text, domains_fd, text,
                  RENAME_NOREPLACE) == -1)
        return xk_fail_errno(err, "rename the record of domain %s",
                             record->uuid_text);
    record->uuid = *uuid;
    memcpy(record->uuid_text, text, sizeof(text));
    free(record->path);
    record->path = xk_asprintf("%s/domains/%s", record->state->run_path, text);
    return 0;
}

int
xk_record_remove(struct xk_record *record, struct xk_error *err)
{
    int domains_fd = record->state->domains_fd;
    XK_CLEANUP_FREE char *doomed =
        xk_asprintf(REMOVED_PREFIX "%s-%d", record->uuid_text, (int)getpid());

    if (renameat(domains_fd, record->uuid_text, domains_fd, doomed) == -1)
        return xk_fail_errno(err, "remove the record of domain %s",
                             record->uuid_text);
    return xk_remove_tree(domains_fd, doomed, err);
}

void
xk_record_close(struct xk_record *record)
{
    xk_record_unlock(record);
    if (record->dir_fd != -1)
        close(record->dir_fd);
    free(record->path);
    free(record);
}

void
xk_record_cleanup(struct xk_record **record)
{
    if (*record != NULL)
        xk_record_close(*record);
    *record = NULL;
}
