/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/create.h"
#include "toolstack/migration/frame.h"
#include "toolstack/migration/manifest.h"
#include "toolstack/migration/pump.h"
#include "toolstack/seam/transfer_ops.h"

enum {
    SILENCE_MS = 60000, /* a slow disk may take this long */
};

struct restore {
    struct xk_frame_stream stream;
    struct xk_manifest manifest;
    const struct xk_domain_config *config; /* the manifest's, or given */
    bool foreign; /* the file holds the bare stream, without frames */
    const struct xk_send_watch *watch;
};

static int
read_head(struct restore *restore, struct xk_deadline deadline,
          struct xk_error *err)
{
    const char *what = restore->stream.what;
    struct xk_frame frame = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    int r = xk_frame_read(&restore->stream, &frame, deadline, err);

    if (r == 0 && frame.type != XK_FRAME_FILE)
        r = xk_fail(err, XK_ERR_PROTOCOL, "%s is not a saved domain", what);
    if (r == 0)
        json = xk_frame_parse(&frame, what, err);
    xk_buf_free(&frame.payload);
    return json == NULL
               ? -1
               : xk_manifest_take(&json, what, &restore->manifest, err);
}

/* Restore from the bare stream of another toolstack's file. */
static int
receive_foreign(struct xk_domain *domain, const struct restore *restore,
                struct xk_deadline deadline, struct xk_error *err)
{
    int fd = fcntl(restore->stream.fd, F_DUPFD_CLOEXEC, 0);

    if (fd == -1)
        return xk_fail_errno(err, "duplicate a descriptor");
    return xk_hv_receive(domain->hv, domain->record, restore->config, fd,
                         restore->watch, deadline, err);
}

static int
receive_frames(struct xk_domain *domain, struct restore *restore,
               struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_pump_options options = {.silence_ms = SILENCE_MS};
    struct xk_error driver_err = {0};
    struct xk_pump *pump;
    int fd, received;

    pump = xk_pump_in(&restore->stream, &options, &fd, err);
    if (pump == NULL)
        return -1;
    received = xk_hv_receive(domain->hv, domain->record, restore->config, fd,
                             restore->watch, deadline, &driver_err);
    if (xk_pump_join(pump, received == -1, NULL, err) == -1)
        return -1;
    if (received == -1)
        *err = driver_err;
    return received;
}

static int
read_state(struct xk_host *host, struct xk_domain *domain,
           const struct xk_domain_config *config, void *context,
           struct xk_deadline deadline, struct xk_error *err)
{
    struct restore *restore = context;
    struct xk_hypervisor *hv = domain->hv;

    (void)host;
    if (xk_hv_prepare(hv, domain->record, config, restore->manifest.needs,
                      deadline, err) == -1)
        return -1;
    return restore->foreign ? receive_foreign(domain, restore, deadline, err)
                            : receive_frames(domain, restore, deadline, err);
}

static int
check(struct xk_host *host, const struct restore *restore,
      struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_problems problems = {0};
    int r = xk_manifest_check(host, &restore->manifest, restore->config, false,
                              &problems, deadline, err);

    if (r == 0 && problems.errors > 0)
        r = xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    return r;
}

/* Represent another toolstack's file as a manifest, so that the rest of the
 * code handles both. */
static int
read_as(struct xk_hypervisor *hv, struct restore *restore, bool needs_config,
        struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_manifest *manifest = &restore->manifest;
    int r = xk_hv_read_foreign(hv, restore->stream.fd, restore->stream.what,
                               needs_config ? &manifest->config : NULL,
                               &manifest->document, deadline, err);

    if (r != 1)
        return r;
    restore->foreign = true;
    manifest->hypervisor = xk_hv_name(hv);
    manifest->needs = manifest->document;
    return 0;
}

static int
read_foreign(struct xk_host *host, struct restore *restore, bool needs_config,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver;
    struct xk_hypervisor *hv;
    int r = 0;

    for (size_t i = 0;
         r == 0 && !restore->foreign && (driver = xk_host_ops(host, i)) != NULL;
         i++) {
        if (!xk_driver_reads_foreign(driver) ||
            (host->wanted != NULL && strcmp(host->wanted, driver->name) != 0))
            continue;
        hv = xk_host_driver(host, driver->name, NULL);
        if (hv != NULL)
            r = read_as(hv, restore, needs_config, deadline, err);
    }
    return r;
}

static int
restore_from(struct xk_host *host, struct restore *restore,
             const struct xk_restore_options *options, struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv;

    if (read_foreign(host, restore, options->config == NULL, deadline, err) ==
        -1)
        return -1;
    if (!restore->foreign && read_head(restore, deadline, err) == -1)
        return -1;
    restore->config =
        options->config != NULL ? options->config : restore->manifest.config;
    if (check(host, restore, deadline, err) == -1)
        return -1;
    hv = xk_manifest_driver(host, &restore->manifest, err);
    if (hv == NULL)
        return -1;
    return xk_operation_create(host, hv, restore->config, read_state, restore,
                               options->paused, domain, deadline, err);
}

int
xk_domain_restore(struct xk_host *host, const char *path,
                  const struct xk_restore_options *options,
                  struct xk_domain *domain, struct xk_deadline deadline,
                  struct xk_error *err)
{
    XK_CLEANUP_FREE char *what = xk_asprintf("\"%s\"", path);
    XK_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct restore restore = {
        .stream = {.fd = fd, .what = what},
        .watch = options->watch,
    };
    int r;

    *domain = (struct xk_domain){.domid = -1};
    if (fd == -1) {
        xk_fail_errno(err, "open \"%s\"", path);
        return xk_fail(err, XK_ERR_USAGE, "%s", err->message);
    }
    r = restore_from(host, &restore, options, domain, deadline, err);
    xk_manifest_free(&restore.manifest);
    return r == -1 ? xk_wrap(err, "restore from \"%s\"", path) : 0;
}
