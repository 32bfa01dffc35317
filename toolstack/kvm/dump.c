/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keep a stopped domain: its memory in a core dump, or its QEMU without the
 * host's resources (preserve). */
#include "toolstack/kvm/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/network_release.h"
#include "toolstack/kvm/status.h"
#include "toolstack/kvm/taps.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

static struct xk_qmp *
connect_to(const struct xk_domain *domain, struct xk_deadline deadline,
           struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);

    return dirfd == -1 ? NULL
                       : xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
}

/* ---- a core dump ---- */

/* Not in detached mode: QEMU 7.2 then reports the end before it closes the
 * file, so the next step may still find it open. QEMU serves no other command
 * meanwhile. */
static int
dump_to(struct xk_qmp *qmp, int fd, struct xk_deadline deadline,
        struct xk_error *err)
{
    if (xk_qmp_send_fd(qmp, fd, "core", deadline, err) == -1)
        return -1;
    return xk_qmp_execute(qmp, "dump-guest-memory",
                          "{\"paging\":false,\"protocol\":\"fd:core\"}", NULL,
                          deadline, err);
}

/* Open a file without a name if the file system supports that, so that an
 * incomplete dump is never visible. Else use a name of its own until the dump
 * is complete. */
static int
open_unnamed(const char *path, char **temporary, struct xk_error *err)
{
    XK_CLEANUP_FREE char *folder = xk_strdup(path);
    char *slash = strrchr(folder, '/');
    int fd;

    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    fd = open(slash != NULL ? folder : ".", O_WRONLY | O_TMPFILE | O_CLOEXEC,
              0600);
    if (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        *temporary = xk_asprintf("%s.part", path);
        fd = open(*temporary,
                  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (fd == -1)
        return xk_fail_errno(err, "create \"%s\"", path);
    return fd;
}

static int
give_name(int fd, const char *temporary, const char *path, struct xk_error *err)
{
    char unnamed[32];
    int r;

    snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", fd);
    r = temporary != NULL
            ? linkat(AT_FDCWD, temporary, AT_FDCWD, path, 0)
            : linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    if (r == -1 && errno == EEXIST)
        return xk_fail(err, XK_ERR_EXISTS, "\"%s\" exists already", path);
    if (r == -1)
        return xk_fail_errno(err, "create \"%s\"", path);
    return 0;
}

int
xk_kvm_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 const char *path, struct xk_deadline deadline,
                 struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = connect_to(domain, deadline, err);
    XK_CLEANUP_FREE char *temporary = NULL;
    XK_CLEANUP_CLOSE int fd = -1;
    int r;

    (void)hv;
    if (qmp == NULL)
        return -1;
    fd = open_unnamed(path, &temporary, err);
    if (fd == -1)
        return -1;
    r = dump_to(qmp, fd, deadline, err);
    if (r == 0)
        r = give_name(fd, temporary, path, err);
    if (temporary != NULL)
        unlink(temporary);
    return r;
}

/* ---- releasing what another domain needs ---- */

enum stream {
    STREAM_NONE,
    STREAM_RUNNING,
    STREAM_DONE,
    STREAM_FAILED,
};

/* Map the statuses (MigrationStatus, qapi/migration.json) that a migration to
 * nowhere can have. */
static enum stream
stage_of_stream(const struct xk_json *body)
{
    static const struct {
        const char *status;
        enum stream stream;
    } rows[] = {
        {"setup", STREAM_RUNNING},    {"active", STREAM_RUNNING},
        {"device", STREAM_RUNNING},   {"cancelling", STREAM_RUNNING},
        {"completed", STREAM_DONE},   {"failed", STREAM_FAILED},
        {"cancelled", STREAM_FAILED},
    };
    const char *status = xk_json_string(xk_json_get(body, "status"));

    for (size_t i = 0; status != NULL && i < XK_ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].status, status) == 0)
            return rows[i].stream;
    }
    return STREAM_NONE;
}

static int
wait_for_stream(struct xk_qmp *qmp, struct xk_deadline deadline,
                struct xk_error *err)
{
    for (;;) {
        XK_CLEANUP_JSON struct xk_json *event = NULL;
        enum stream stream;

        if (xk_qmp_wait_event(qmp, &event, deadline, err) == -1)
            return -1;
        stream = stage_of_stream(xk_json_get(event, "data"));
        if (stream == STREAM_DONE)
            return 0;
        if (stream == STREAM_FAILED)
            return xk_fail(err, XK_ERR_FAILED,
                           "QEMU did not release the images");
    }
}

static int
start_stream(struct xk_qmp *qmp, struct xk_deadline deadline,
             struct xk_error *err)
{
    static const char events_on[] =
        "{\"capabilities\":[{\"capability\":\"events\",\"state\":true}]}";
    static const char at_any_speed[] = "{\"max-bandwidth\":1125899906842624}";
    XK_CLEANUP_CLOSE int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (null_fd == -1)
        return xk_fail_errno(err, "open \"/dev/null\"");
    if (xk_qmp_execute(qmp, "migrate-set-capabilities", events_on, NULL,
                       deadline, err) == -1 ||
        xk_qmp_execute(qmp, "migrate-set-parameters", at_any_speed, NULL,
                       deadline, err) == -1 ||
        xk_qmp_send_fd(qmp, null_fd, "nowhere", deadline, err) == -1)
        return -1;
    return xk_qmp_execute(qmp, "migrate", "{\"uri\":\"fd:nowhere\"}", NULL,
                          deadline, err);
}

/* A QEMU that has migrated its guest away has released its images and their
 * locks, but still holds the memory. So migrate to nowhere, unless that has
 * happened, or is in flight for a process of ours that was killed. */
static int
release_images(struct xk_qmp *qmp, struct xk_deadline deadline,
               struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    enum stream stream;

    xk_qmp_expect(qmp, "MIGRATION");
    if (xk_qmp_execute(qmp, "query-migrate", NULL, &answer, deadline, err) ==
        -1)
        return -1;
    stream = stage_of_stream(xk_json_get(answer, "return"));
    if (stream == STREAM_DONE)
        return 0;
    if (stream != STREAM_RUNNING && start_stream(qmp, deadline, err) == -1)
        return -1;
    return wait_for_stream(qmp, deadline, err);
}

static int
release_card(struct xk_qmp *qmp, const struct xk_vif *vif,
             struct xk_deadline deadline, struct xk_error *err)
{
    char netdev[XK_KVM_NETDEV_NAME_SIZE];

    xk_kvm_netdev_name(vif->devid, netdev);
    return xk_kvm_network_release(qmp, netdev, vif->hostfwd, vif->hostfwd_count,
                                  deadline, err);
}

static int
release_networks(struct xk_qmp *qmp, const struct xk_record *record,
                 struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(record, err);
    XK_CLEANUP_FREE int *leaving = NULL;
    size_t leaving_count;
    struct xk_process process;

    if (config == NULL ||
        xk_kvm_identity_load(record->dir_fd, &process, NULL, err) == -1 ||
        xk_kvm_card_files(record->dir_fd, XK_KVM_CARD_LEAVING, &leaving,
                          &leaving_count, err) == -1 ||
        xk_kvm_tap_set_aside(&process, config, leaving, leaving_count, deadline,
                             err) == -1)
        return -1;
    for (size_t i = 0; i < config->vif_count; i++) {
        if (release_card(qmp, &config->vifs[i], deadline, err) == -1)
            return -1;
    }
    for (size_t i = 0; i < leaving_count; i++) {
        if (xk_kvm_network_cut(qmp, &process, &config->uuid, leaving[i],
                               deadline, err) == -1)
            return -1;
    }
    return 0;
}

/* A socket that nobody can connect to: its name is removed before QEMU gets
 * it. */
static int
listen_nowhere(int dirfd, struct xk_error *err)
{
    int fd = xk_qmp_listen(dirfd, "nowhere.sock", err);

    unlinkat(dirfd, "nowhere.sock", 0);
    return fd;
}

/* VNC cannot be switched off, but moved away from its port. */
static int
release_display(struct xk_qmp *qmp, int dirfd, struct xk_deadline deadline,
                struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *vnc = NULL;
    XK_CLEANUP_CLOSE int fd = -1;

    if (xk_qmp_execute(qmp, "query-vnc", NULL, &vnc, deadline, err) == -1)
        return err != NULL && err->kind == XK_ERR_UNSUPPORTED ? 0 : -1;
    if (!xk_json_is_true(xk_json_get(xk_json_get(vnc, "return"), "enabled")))
        return 0;
    fd = listen_nowhere(dirfd, err);
    if (fd == -1 || xk_qmp_send_fd(qmp, fd, "nowhere", deadline, err) == -1 ||
        xk_qmp_execute(qmp, "display-update",
                       "{\"type\":\"vnc\",\"addresses\":"
                       "[{\"type\":\"fd\",\"str\":\"nowhere\"}]}",
                       NULL, deadline, err) == -1)
        return -1;
    return 0;
}

int
xk_kvm_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error qmp_err = {0};
    XK_CLEANUP_QMP struct xk_qmp *qmp = connect_to(domain, deadline, &qmp_err);

    (void)hv;
    /* While the TAPs have their names: another card may get them next. */
    if (qmp != NULL || qmp_err.kind == XK_ERR_STATE)
        xk_kvm_unplug(domain->record, deadline);
    /* If QEMU has ended, it holds nothing. */
    if (qmp == NULL && qmp_err.kind == XK_ERR_STATE)
        return 0;
    if (qmp == NULL)
        return xk_fail(err, qmp_err.kind, "%s", qmp_err.message);
    if (release_images(qmp, deadline, err) == -1 ||
        release_networks(qmp, domain->record, deadline, err) == -1 ||
        release_display(qmp, domain->record->dir_fd, deadline, err) == -1)
        return -1;
    return 0;
}
