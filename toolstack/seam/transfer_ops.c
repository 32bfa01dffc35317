/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/seam/transfer_ops.h"

#include <unistd.h>

#include "toolstack/seam/call_internal.h"
#include "toolstack/seam/domain_ops.h"

/* ---- what a driver can do ---- */

static int
need_transfer(const struct xk_hypervisor *hv, struct xk_error *err)
{
    return hv->ops->transfer != NULL
               ? 0
               : xk_call_unsupported(hv, "save or move a domain", err);
}

bool
xk_hv_can_measure(const struct xk_hypervisor *hv)
{
    return XK_HAS(hv, transfer, measure);
}

bool
xk_driver_reads_foreign(const struct xk_hypervisor_ops *driver)
{
    return driver->transfer != NULL && driver->transfer->read_foreign != NULL;
}

int
xk_hv_need_copies(const struct xk_hypervisor *hv, struct xk_error *err)
{
    if (hv->ops->copies != NULL)
        return 0;
    return xk_call_unsupported(hv,
                               "copy disks with their domain: keep them on "
                               "storage that both hosts reach, or shut the "
                               "domain down and copy them",
                               err);
}

/* ---- the source ---- */

int
xk_hv_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_json_writer *writer, struct xk_deadline deadline,
                struct xk_error *err)
{
    if (need_transfer(hv, err) == -1)
        return -1;
    return XK_CALL(hv, transfer, put_needs, &domain->uuid, err, domain, writer,
                   deadline);
}

int
xk_hv_measure(struct xk_hypervisor *hv, const struct xk_domain *domain,
              struct xk_load *load, struct xk_deadline deadline,
              struct xk_error *err)
{
    if (!xk_hv_can_measure(hv))
        return xk_call_unsupported(
            hv, "measure how fast a guest changes its memory", err);
    return XK_CALL(hv, transfer, measure, &domain->uuid, err, domain, load,
                   deadline);
}

int
xk_hv_can_send_live(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_error *err)
{
    if (need_transfer(hv, err) == -1)
        return -1;
    if (hv->ops->transfer->can_send_live == NULL)
        return 0;
    return XK_CALL(hv, transfer, can_send_live, &domain->uuid, err, domain);
}

int
xk_hv_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
           const struct xk_send_options *options, int fd,
           const struct xk_send_watch *watch, struct xk_deadline deadline,
           struct xk_error *err)
{
    xk_call_assert_locked(domain);
    if (need_transfer(hv, err) == -1) {
        close(fd);
        return -1;
    }
    return XK_CALL(hv, transfer, send, &domain->uuid, err, domain, options, fd,
                   watch, deadline);
}

int
xk_hv_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                bool runs, struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    if (need_transfer(hv, err) == -1)
        return -1;
    return XK_CALL(hv, transfer, take_back, &domain->uuid, err, domain, runs,
                   deadline);
}

int
xk_hv_put_copies(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 const struct xk_domain_config *config,
                 struct xk_json_writer *writer, struct xk_copy_totals *totals,
                 struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_hv_need_copies(hv, err) == -1)
        return -1;
    return XK_CALL(hv, copies, put_copies, &domain->uuid, err, domain, config,
                   writer, totals, deadline);
}

/* ---- the target ---- */

int
xk_hv_check_needs(struct xk_hypervisor *hv,
                  const struct xk_domain_config *config,
                  const struct xk_json *needs, bool live,
                  struct xk_problems *problems, struct xk_error *err)
{
    if (need_transfer(hv, err) == -1)
        return -1;
    return XK_CALL(hv, transfer, check_needs, &config->uuid, err, config, needs,
                   live, problems);
}

int
xk_hv_prepare(struct xk_hypervisor *hv, struct xk_record *record,
              const struct xk_domain_config *config,
              const struct xk_json *needs, struct xk_deadline deadline,
              struct xk_error *err)
{
    xk_call_assert_held(record);
    if (need_transfer(hv, err) == -1)
        return -1;
    if (hv->ops->transfer->prepare == NULL)
        return 0;
    return XK_CALL(hv, transfer, prepare, &record->uuid, err, record, config,
                   needs, deadline);
}

int
xk_hv_receive(struct xk_hypervisor *hv, struct xk_record *record,
              const struct xk_domain_config *config, int fd,
              const struct xk_send_watch *watch, struct xk_deadline deadline,
              struct xk_error *err)
{
    xk_call_assert_held(record);
    if (need_transfer(hv, err) == -1) {
        close(fd);
        return -1;
    }
    return XK_CALL(hv, transfer, receive, &record->uuid, err, record, config,
                   fd, watch, deadline);
}

int
xk_hv_unpause_received(struct xk_hypervisor *hv, const struct xk_domain *domain,
                       bool *told, struct xk_deadline deadline,
                       struct xk_error *err)
{
    xk_call_assert_locked(domain);
    *told = true;
    if (!XK_HAS(hv, transfer, unpause_received))
        return xk_hv_unpause(hv, domain, deadline, err);
    return XK_CALL(hv, transfer, unpause_received, &domain->uuid, err, domain,
                   told, deadline);
}

int
xk_hv_read_foreign(struct xk_hypervisor *hv, int fd, const char *what,
                   struct xk_domain_config **config, struct xk_json **needs,
                   struct xk_deadline deadline, struct xk_error *err)
{
    if (!xk_driver_reads_foreign(xk_hv_driver(hv)))
        return 0;
    return XK_CALL(hv, transfer, read_foreign, NULL, err, fd, what, config,
                   needs, deadline);
}

int
xk_hv_reach_copies(struct xk_hypervisor *hv, const struct xk_record *record,
                   struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_hv_need_copies(hv, err) == -1)
        return -1;
    return XK_CALL(hv, copies, reach_copies, &record->uuid, err, record,
                   deadline);
}
