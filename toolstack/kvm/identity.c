/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process a domain's QEMU is, and its uid: written to the record, and
 * read back. */
#include "toolstack/kvm/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uid.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/lost_process.h"
#include "toolstack/kvm/uid.h"

enum {
    FILE_VERSION = 1, /* of both files */
    FILE_MAX = 4096,
    NOBODY = 65534,
};

/* ---- small JSON files ---- */

static struct xk_json *
load(int dirfd, const char *path, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    struct xk_error why = {0};

    if (xk_read_file(dirfd, path, FILE_MAX, &text, &why) == -1) {
        if (why.errnum == ENOENT)
            xk_fail(err, XK_ERR_NOT_FOUND, "\"%s\" is missing", path);
        else
            xk_fail(err, why.kind, "%s", why.message);
        return NULL;
    }
    json = xk_json_parse(text.data, text.length, path, err);
    if (json != NULL && xk_json_check_version(json, FILE_VERSION, err) == -1) {
        xk_wrap(err, "\"%s\"", path);
        return NULL;
    }
    return XK_TAKE(json);
}

static int
take_number(const struct xk_json *json, const char *key, int64_t max,
            int64_t *number, struct xk_error *err)
{
    if (!xk_json_integer(xk_json_get(json, key), number) || *number < 0 ||
        *number > max)
        return xk_fail(err, XK_ERR_PROTOCOL, "no number \"%s\"", key);
    return 0;
}

static int
parse_claim(const struct xk_json *json, struct xk_kvm_claim *claim,
            struct xk_error *err)
{
    int64_t uid;

    if (take_number(json, "uid", UINT32_MAX - 1, &uid, err) == -1 ||
        take_number(json, "made_ns", INT64_MAX, &claim->made_ns, err) == -1)
        return -1;
    claim->uid = (uid_t)uid;
    return 0;
}

static void
put_claim(struct xk_json_writer *writer, const struct xk_kvm_claim *claim)
{
    xk_json_put_integer(writer, "uid", claim->uid);
    xk_json_put_integer(writer, "made_ns", claim->made_ns);
}

/* ---- the uid ---- */

/* Whether the user namespace maps the number (user_namespaces(7)). */
static bool
is_mapped(const char *map, uint64_t number)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    char *state = NULL;

    if (xk_read_file(AT_FDCWD, map, FILE_MAX, &text, NULL) == -1)
        return false;
    for (char *line = strtok_r(text.data, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        uint64_t first, outside, count;

        if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64, &first, &outside,
                   &count) == 3 &&
            number >= first && number - first < count)
            return true;
    }
    return false;
}

/* List the uids of other records; the caller owns the list. */
static uid_t *
list_taken(const struct xk_record *record, size_t *taken_count,
           struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;
    uid_t *taken;

    if (xk_state_list(record->state, &uuids, &count, err) == -1)
        return NULL;
    taken = xk_calloc(count + 1, sizeof(*taken));
    *taken_count = 0;
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_JSON struct xk_json *json = NULL;
        struct xk_kvm_claim other;
        char uuid[XK_UUID_TEXT_SIZE];
        char path[XK_UUID_TEXT_SIZE + sizeof("/" XK_KVM_FILE_CLAIM)];

        if (xk_uuid_equal(&uuids[i], &record->uuid))
            continue;
        xk_uuid_format(&uuids[i], uuid);
        snprintf(path, sizeof(path), "%s/%s", uuid, XK_KVM_FILE_CLAIM);
        json = load(record->state->domains_fd, path, NULL);
        if (json != NULL && parse_claim(json, &other, NULL) == 0)
            taken[(*taken_count)++] = other.uid;
    }
    return taken;
}

static bool
is_among(const uid_t *taken, size_t count, uid_t uid)
{
    for (size_t i = 0; i < count; i++) {
        if (taken[i] == uid)
            return true;
    }
    return false;
}

/* Reserve the lowest uid that no other record has and that is free on this
 * host. */
static int
find_free(const struct xk_record *record, uid_t *uid, int *held,
          struct xk_deadline deadline, struct xk_error *err)
{
    size_t count = 0;
    XK_CLEANUP_FREE uid_t *taken = list_taken(record, &count, err);
    struct xk_error why = {0};

    if (taken == NULL)
        return -1;
    for (unsigned i = 0; i < XK_UID_COUNT; i++) {
        *uid = XK_UID_KVM + i;
        if (is_among(taken, count, *uid))
            continue;
        *held = xk_kvm_uid_hold(*uid, &why);
        if (*held != -1)
            return 0;
        if (why.kind != XK_ERR_IN_USE || xk_deadline_left_ms(deadline) == 0)
            break;
    }
    return xk_fail(err, XK_ERR_HOST, "no uid is left for another domain: %s",
                   why.message);
}

static int
choose_uid(const struct xk_record *record, uid_t *uid, int *held,
           struct xk_deadline deadline, struct xk_error *err)
{
    *uid = geteuid();
    if (*uid != 0)
        return 0;
    if (is_mapped("/proc/self/uid_map", XK_UID_KVM) &&
        is_mapped("/proc/self/gid_map", XK_UID_KVM))
        return find_free(record, uid, held, deadline, err);
    xk_warn("this user namespace has no uid %d: QEMU runs as %d, which other "
            "processes may use too",
            XK_UID_KVM, NOBODY);
    *uid = NOBODY;
    return 0;
}

/* ---- claims ---- */

static int
make_claim(const struct xk_record *record, struct xk_kvm_claim *claim,
           int *held, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int lock_fd = xk_state_lock(record->state, deadline, err);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer;
    struct timespec now;

    if (lock_fd == -1 ||
        choose_uid(record, &claim->uid, held, deadline, err) == -1)
        return -1;
    clock_gettime(CLOCK_BOOTTIME, &now);
    if (claim->made_ns == 0)
        claim->made_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    writer = xk_json_writer_new(&text, false);
    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, FILE_VERSION);
    put_claim(writer, claim);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    return xk_write_file(record->dir_fd, XK_KVM_FILE_CLAIM, text.data,
                         text.length, false, err);
}

int
xk_kvm_claim(const struct xk_record *record, struct xk_kvm_claim *claim,
             struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        load(record->dir_fd, XK_KVM_FILE_CLAIM, err);

    return json == NULL ? -1 : parse_claim(json, claim, err);
}

int
xk_kvm_claim_make(const struct xk_record *record, struct xk_kvm_claim *claim,
                  int *held, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error load_err = {0};

    *held = -1;
    *claim = (struct xk_kvm_claim){0};
    if (xk_kvm_claim(record, claim, &load_err) == -1) {
        if (load_err.kind != XK_ERR_NOT_FOUND)
            return xk_fail(err, load_err.kind, "%s", load_err.message);
        return make_claim(record, claim, held, deadline, err);
    }
    if (geteuid() != 0 || claim->uid == NOBODY)
        return 0;
    if (xk_kvm_uid_is_ours(claim->uid))
        *held = xk_kvm_uid_hold(claim->uid, NULL);
    return *held != -1 ? 0 : make_claim(record, claim, held, deadline, err);
}

/* ---- the process ---- */

int
xk_kvm_identity_save_self(int record_dir_fd, const struct xk_kvm_claim *claim,
                          struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer;
    struct xk_process self;

    if (!xk_process_identify(getpid(), &self))
        return xk_fail(err, XK_ERR_HOST,
                       "\"/proc/%d/stat\" cannot be read: is /proc mounted?",
                       (int)getpid());
    writer = xk_json_writer_new(&text, false);
    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, FILE_VERSION);
    xk_json_put_integer(writer, "pid", self.pid);
    xk_json_put_integer(writer, "start_ticks", (int64_t)self.start_ticks);
    put_claim(writer, claim);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    return xk_write_file(record_dir_fd, XK_KVM_FILE_PROCESS, text.data,
                         text.length, false, err);
}

static int
parse_process(const struct xk_json *json, struct xk_process *process,
              struct xk_kvm_claim *claim, struct xk_error *err)
{
    int64_t pid, start_ticks;

    if (take_number(json, "pid", INT32_MAX, &pid, err) == -1 ||
        take_number(json, "start_ticks", INT64_MAX, &start_ticks, err) == -1 ||
        (claim != NULL && parse_claim(json, claim, err) == -1))
        return xk_wrap(err, "\"%s\"", XK_KVM_FILE_PROCESS);
    *process = (struct xk_process){(pid_t)pid, (uint64_t)start_ticks};
    return 0;
}

/* The record does not name the process: search for it. */
static int
find_process(int record_dir_fd, struct xk_process *process,
             struct xk_kvm_claim *claim, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_error why = {0};
    int found = xk_kvm_find_lost(record_dir_fd, process, &why);

    if (found == -1)
        return xk_fail(err, why.kind,
                       "\"%s\" is missing, and whether its QEMU lives is "
                       "not known: %s",
                       XK_KVM_FILE_PROCESS, why.message);
    if (found == 0)
        return xk_fail(err, XK_ERR_NOT_FOUND,
                       "\"%s\" is missing, and no process is its QEMU",
                       XK_KVM_FILE_PROCESS);
    xk_info("\"%s\" is missing: its QEMU is process %d, which works in its "
            "directory",
            XK_KVM_FILE_PROCESS, (int)process->pid);
    if (claim == NULL)
        return 0;
    *claim = (struct xk_kvm_claim){0};
    json = load(record_dir_fd, XK_KVM_FILE_CLAIM, NULL);
    if (json != NULL)
        (void)parse_claim(json, claim, NULL);
    return 0;
}

int
xk_kvm_identity_load(int record_dir_fd, struct xk_process *process,
                     struct xk_kvm_claim *claim, struct xk_error *err)
{
    struct xk_error why = {0};
    XK_CLEANUP_JSON struct xk_json *json =
        load(record_dir_fd, XK_KVM_FILE_PROCESS, &why);

    *process = (struct xk_process){0};
    if (json != NULL)
        return parse_process(json, process, claim, err);
    if (why.kind == XK_ERR_NOT_FOUND)
        return find_process(record_dir_fd, process, claim, err);
    return xk_fail(err, why.kind, "%s", why.message);
}
