/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/copy_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/copy_target.h"
#include "toolstack/kvm/disk.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/status.h"

enum {
    TICK_MS = 50,
};

static const char prefix[] = "copy-";

static bool
is_ours(const char *name)
{
    return name != NULL && strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool
has_text(const struct xk_json *object, const char *key, const char *text)
{
    const char *value = xk_json_string(xk_json_get(object, key));

    return value != NULL && strcmp(value, text) == 0;
}

/* The name of a disk's target node and of its job; the caller's. */
static char *
copy_name(const char *vdev)
{
    return xk_asprintf("%s%.12s", prefix, vdev);
}

/* ---- what is to be copied ---- */

static const struct xk_json *
find_node(const struct xk_json *nodes, const char *vdev)
{
    char name[XK_KVM_DISK_NAME_SIZE];

    xk_kvm_disk_name(vdev, name);
    for (size_t i = 0; i < xk_json_length(nodes); i++) {
        if (has_text(xk_json_at(nodes, i), "node-name", name))
            return xk_json_at(nodes, i);
    }
    return NULL;
}

static int
put_copy(const struct xk_json *nodes, const struct xk_disk *disk,
         struct xk_json_writer *writer, struct xk_copy_totals *totals,
         struct xk_error *err)
{
    const struct xk_json *image =
        xk_json_get(find_node(nodes, disk->vdev), "image");
    int64_t bytes, allocated;

    if (!xk_json_integer(xk_json_get(image, "virtual-size"), &bytes))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "QEMU does not say the size of disk %s", disk->vdev);
    if (!xk_json_integer(xk_json_get(image, "actual-size"), &allocated))
        allocated = bytes;
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "vdev", disk->vdev);
    xk_json_put_integer(writer, "bytes", bytes);
    xk_json_put_integer(writer, "allocated", allocated);
    xk_json_close_object(writer);
    totals->count++;
    totals->bytes += (uint64_t)allocated;
    return 0;
}

int
xk_kvm_put_copies(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_domain_config *config,
                  struct xk_json_writer *writer, struct xk_copy_totals *totals,
                  struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;

    (void)hv;
    *totals = (struct xk_copy_totals){0};
    if (dirfd != -1)
        qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL ||
        xk_qmp_execute(qmp, "query-named-block-nodes", "{\"flat\":true}",
                       &answer, deadline, err) == -1)
        return -1;
    xk_json_open_array(writer, XK_KVM_COPIES);
    for (size_t i = 0; i < config->disk_count; i++) {
        if (!xk_kvm_is_copied(&config->disks[i]))
            continue;
        if (put_copy(xk_json_get(answer, "return"), &config->disks[i], writer,
                     totals, err) == -1)
            return -1;
    }
    xk_json_close_array(writer);
    return 0;
}

/* ---- start ---- */

static bool
has_holes(const struct xk_disk *disk)
{
    struct stat st;

    return disk->format != XK_FORMAT_RAW || stat(disk->target, &st) == -1 ||
           !S_ISBLK(st.st_mode);
}

/* Without "unmap" QEMU writes the zeroes that stand for holes. With it QEMU
 * first zeroes the whole target, so do not set it where that gains nothing. */
static int
open_target(struct xk_qmp *qmp, const struct xk_disk *disk, int fd,
            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *name = copy_name(disk->vdev);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *w = xk_json_writer_new(&text, false);

    xk_json_open_object(w, NULL);
    xk_json_put_string(w, "driver", "nbd");
    xk_json_put_string(w, "node-name", name);
    xk_json_put_string(w, "export", disk->vdev);
    xk_json_open_object(w, "server");
    xk_json_put_string(w, "type", "fd");
    xk_json_put_string(w, "str", name);
    xk_json_close_object(w);
    xk_json_put_string(w, "discard", has_holes(disk) ? "unmap" : "ignore");
    xk_json_close_object(w);
    xk_json_writer_free(w);
    if (xk_qmp_send_fd(qmp, fd, name, deadline, err) == -1)
        return -1;
    return xk_qmp_execute(qmp, "blockdev-add", text.data, NULL, deadline, err);
}

/* A failing target ends only the job: the guest goes on with its own disk. */
static int
start_job(struct xk_qmp *qmp, const char *vdev, uint64_t bandwidth,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copy = copy_name(vdev);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *w = xk_json_writer_new(&text, false);
    char device[XK_KVM_DISK_NAME_SIZE];

    xk_kvm_disk_name(vdev, device);
    xk_json_open_object(w, NULL);
    xk_json_put_string(w, "job-id", copy);
    xk_json_put_string(w, "device", device);
    xk_json_put_string(w, "target", copy);
    xk_json_put_string(w, "sync", "full");
    xk_json_put_string(w, "copy-mode", "write-blocking");
    xk_json_put_bool(w, "auto-dismiss", false);
    xk_json_put_string(w, "on-source-error", "report");
    xk_json_put_string(w, "on-target-error", "report");
    xk_json_put_integer(w, "speed", (int64_t)bandwidth);
    xk_json_close_object(w);
    xk_json_writer_free(w);
    return xk_qmp_execute(qmp, "blockdev-mirror", text.data, NULL, deadline,
                          err);
}

int
xk_kvm_mirror_start(struct xk_qmp *qmp, const struct xk_domain_config *config,
                    const int *fds, size_t count, uint64_t bandwidth,
                    struct xk_deadline deadline, struct xk_error *err)
{
    size_t next = 0;

    for (size_t i = 0; i < config->disk_count && next < count; i++) {
        const struct xk_disk *disk = &config->disks[i];

        if (!xk_kvm_is_copied(disk))
            continue;
        if (open_target(qmp, disk, fds[next++], deadline, err) == -1 ||
            start_job(qmp, disk->vdev, bandwidth, deadline, err) == -1)
            return xk_wrap(err, "copy disk %s", disk->vdev);
    }
    return 0;
}

/* ---- progress ---- */

static int
query_jobs(struct xk_qmp *qmp, struct xk_json **answer,
           struct xk_deadline deadline, struct xk_error *err)
{
    return xk_qmp_execute(qmp, "query-jobs", NULL, answer, deadline, err);
}

static int
take_job(const struct xk_json *job, struct xk_kvm_mirror *mirror,
         struct xk_error *err)
{
    const char *id = xk_json_string(xk_json_get(job, "id"));
    const char *why = xk_json_string(xk_json_get(job, "error"));

    if (!is_ours(id))
        return 0;
    mirror->done_bytes += xk_json_count(job, "current-progress");
    mirror->total_bytes += xk_json_count(job, "total-progress");
    if (why != NULL || has_text(job, "status", "concluded"))
        return xk_fail(err, XK_ERR_FAILED, "disk %.20s could not be copied: %s",
                       id + strlen(prefix), why != NULL ? why : "it ended");
    if (!has_text(job, "status", "ready"))
        mirror->ready = false;
    return 0;
}

int
xk_kvm_mirror_progress(struct xk_qmp *qmp, struct xk_kvm_mirror *mirror,
                       struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *jobs;

    *mirror = (struct xk_kvm_mirror){.ready = true};
    if (query_jobs(qmp, &answer, deadline, err) == -1)
        return -1;
    jobs = xk_json_get(answer, "return");
    for (size_t i = 0; i < xk_json_length(jobs); i++) {
        if (take_job(xk_json_at(jobs, i), mirror, err) == -1)
            return -1;
    }
    return 0;
}

/* ---- end ---- */

/* Make jobs end, by a command that takes a job's name as `key` (NULL: only
 * look). Skip concluded jobs. Returns 1 if a job of ours has not ended yet. */
static int
push_jobs(struct xk_qmp *qmp, const char *command, const char *key,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *jobs;
    int left = 0;

    if (query_jobs(qmp, &answer, deadline, err) == -1)
        return -1;
    jobs = xk_json_get(answer, "return");
    for (size_t i = 0; i < xk_json_length(jobs); i++) {
        const struct xk_json *job = xk_json_at(jobs, i);
        const char *id = xk_json_string(xk_json_get(job, "id"));

        if (!is_ours(id) || has_text(job, "status", "concluded"))
            continue;
        left = 1;
        if (command != NULL && xk_qmp_execute_with(qmp, command, key, id, NULL,
                                                   deadline, err) == -1)
            return -1;
    }
    return left;
}

static int
wait_for_jobs(struct xk_qmp *qmp, struct xk_deadline deadline,
              struct xk_error *err)
{
    for (;;) {
        int left = push_jobs(qmp, NULL, NULL, deadline, err);

        if (left != 1)
            return left;
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "QEMU did not end the copy of a disk");
        xk_qmp_wait_some(qmp,
                         xk_deadline_min(deadline, xk_deadline_in_ms(TICK_MS)));
    }
}

/* Dismiss all jobs. Fails, after that, with the error of a job that failed. */
static int
dismiss_jobs(struct xk_qmp *qmp, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *jobs;
    int r = 0;

    if (query_jobs(qmp, &answer, deadline, err) == -1)
        return -1;
    jobs = xk_json_get(answer, "return");
    for (size_t i = 0; i < xk_json_length(jobs); i++) {
        const struct xk_json *job = xk_json_at(jobs, i);
        const char *id = xk_json_string(xk_json_get(job, "id"));
        const char *why = xk_json_string(xk_json_get(job, "error"));

        if (!is_ours(id))
            continue;
        if (xk_qmp_execute_with(qmp, "job-dismiss", "id", id, NULL, deadline,
                                err) == -1)
            return -1;
        if (why != NULL)
            r = xk_fail(err, XK_ERR_FAILED,
                        "disk %.20s could not be copied: %s",
                        id + strlen(prefix), why);
    }
    return r;
}

static int
drop_targets(struct xk_qmp *qmp, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *nodes;

    if (xk_qmp_execute(qmp, "query-named-block-nodes", "{\"flat\":true}",
                       &answer, deadline, err) == -1)
        return -1;
    nodes = xk_json_get(answer, "return");
    for (size_t i = 0; i < xk_json_length(nodes); i++) {
        const char *name =
            xk_json_string(xk_json_get(xk_json_at(nodes, i), "node-name"));

        if (is_ours(name) &&
            xk_qmp_execute_with(qmp, "blockdev-del", "node-name", name, NULL,
                                deadline, err) == -1)
            return -1;
    }
    return 0;
}

/* block-job-cancel completes a job that is ready: the target is a copy as of
 * one point in time, with all data written. */
int
xk_kvm_mirror_finish(struct xk_qmp *qmp, struct xk_deadline deadline,
                     struct xk_error *err)
{
    struct xk_kvm_mirror mirror;

    if (xk_kvm_mirror_progress(qmp, &mirror, deadline, err) == -1)
        return -1;
    if (!mirror.ready)
        return xk_fail(err, XK_ERR_FAILED, "a disk is not copied yet");
    if (push_jobs(qmp, "block-job-cancel", "device", deadline, err) == -1 ||
        wait_for_jobs(qmp, deadline, err) == -1 ||
        dismiss_jobs(qmp, deadline, err) == -1)
        return -1;
    return drop_targets(qmp, deadline, err);
}

int
xk_kvm_mirror_abandon(struct xk_qmp *qmp, struct xk_deadline deadline,
                      struct xk_error *err)
{
    if (push_jobs(qmp, "job-cancel", "id", deadline, err) == -1 ||
        wait_for_jobs(qmp, deadline, err) == -1)
        return -1;
    dismiss_jobs(qmp, deadline, NULL);
    return drop_targets(qmp, deadline, err);
}
