/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions in the driver's tables (toolstack/seam has their contracts),
 * grouped by the file that defines them. */
#ifndef XK_TOOLSTACK_XEN_OPS_H
#define XK_TOOLSTACK_XEN_OPS_H

#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/domain_ops.h"
#include "toolstack/seam/monitor_ops.h"
#include "toolstack/seam/store_view_ops.h"
#include "toolstack/seam/transfer_ops.h"

/* control.c */
int xk_xen_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
int xk_xen_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_xen_unpause_received(struct xk_hypervisor *hv,
                            const struct xk_domain *domain, bool *told,
                            struct xk_deadline deadline, struct xk_error *err);
int xk_xen_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  enum xk_signal signal, bool acpi_fallback,
                  struct xk_deadline deadline, struct xk_error *err);
int xk_xen_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
int xk_xen_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const char *name, struct xk_deadline deadline,
                  struct xk_error *err);
int xk_xen_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const char *path, struct xk_deadline deadline,
                     struct xk_error *err);

/* build.c */
int xk_xen_build(struct xk_hypervisor *hv, struct xk_record *record,
                 const struct xk_domain_config *config,
                 struct xk_deadline deadline, struct xk_error *err);
int xk_xen_restart(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_xen_describe(struct xk_hypervisor *hv,
                    const struct xk_domain_config *config,
                    struct xk_json_writer *writer, struct xk_error *err);

/* preserve.c */
int xk_xen_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

/* teardown.c */
int xk_xen_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

/* check.c */
int xk_xen_check(struct xk_hypervisor *hv,
                 const struct xk_domain_config *config,
                 struct xk_problems *problems, struct xk_error *err);
struct xk_xen;
/* xk_xen_check() for migration too. shared: another host may have the disks
 * open until the domain runs here. */
int xk_xen_check_all(struct xk_xen *xen, const struct xk_domain_config *config,
                     bool shared, struct xk_problems *problems,
                     struct xk_error *err);

/* The part about one network card, whoever serves it. */
void xk_xen_check_vif(const struct xk_vif *vif, struct xk_problems *problems);

/* info.c */
int xk_xen_probe(struct xk_error *err);
int xk_xen_info(struct xk_hypervisor *hv, struct xk_facts *facts,
                struct xk_error *err);
int xk_xen_capabilities(struct xk_hypervisor *hv, struct xk_facts *facts,
                        struct xk_error *err);

/* console.c */
int xk_xen_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   unsigned number, struct xk_console *console,
                   struct xk_error *err);

/* watch.c */
struct xk_xen;
int xk_xen_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
                uint64_t *cookie, struct xk_deadline deadline,
                struct xk_error *err);
int xk_xen_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
                 const struct xk_uuid *uuid, xk_domain_changed *changed,
                 void *context, struct xk_error *err);
void xk_xen_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid);
void xk_xen_watcher_free(struct xk_xen *xen);

/* device_sync.c */
int xk_xen_sync_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_change *change,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_xen_sync_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_change *change,
                      struct xk_deadline deadline, struct xk_error *err);

/* disks.c */
int xk_xen_resize_disk(struct xk_hypervisor *hv, const struct xk_domain *domain,
                       const struct xk_disk *disk, uint64_t bytes,
                       struct xk_deadline deadline, struct xk_error *err);
int xk_xen_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 xk_disk_told *disk, void *context, struct xk_deadline deadline,
                 struct xk_error *err);

/* cards.c */
int xk_xen_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 xk_card_told *card, void *context, struct xk_deadline deadline,
                 struct xk_error *err);

/* repair.c */
bool xk_xen_needs_repair(struct xk_hypervisor *hv,
                         const struct xk_record *record);
int xk_xen_repair(struct xk_hypervisor *hv, const struct xk_record *record,
                  struct xk_deadline deadline, struct xk_error *err);

/* store_view.c */
int xk_xen_store_walk(struct xk_hypervisor *hv, const char *path,
                      xk_store_node_told *node, void *context,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_xen_store_watch(struct xk_hypervisor *hv, const char *path,
                       xk_store_changed *changed, void *context,
                       struct xk_deadline deadline, struct xk_error *err);
int xk_xen_store_devices(struct xk_hypervisor *hv,
                         const struct xk_domain *domain,
                         xk_store_device_told *device, void *context,
                         struct xk_deadline deadline, struct xk_error *err);

/* transfer.c */
int xk_xen_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     struct xk_json_writer *writer, struct xk_deadline deadline,
                     struct xk_error *err);
int xk_xen_check_needs(struct xk_hypervisor *hv,
                       const struct xk_domain_config *config,
                       const struct xk_json *needs, bool live,
                       struct xk_problems *problems, struct xk_error *err);
int xk_xen_can_send_live(struct xk_hypervisor *hv,
                         const struct xk_domain *domain, struct xk_error *err);
int xk_xen_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_send_options *options, int fd,
                const struct xk_send_watch *watch, struct xk_deadline deadline,
                struct xk_error *err);
int xk_xen_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     bool runs, struct xk_deadline deadline,
                     struct xk_error *err);
int xk_xen_receive(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config, int fd,
                   const struct xk_send_watch *watch,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_xen_read_foreign(struct xk_hypervisor *hv, int fd, const char *what,
                        struct xk_domain_config **config,
                        struct xk_json **needs, struct xk_deadline deadline,
                        struct xk_error *err);

#endif
