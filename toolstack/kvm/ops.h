/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of the driver's tables, by the file that has them, and what those
 * files have for one another. toolstack/seam has the contracts of members; a
 * comment here says only what is special to KVM. */
#ifndef XK_TOOLSTACK_KVM_OPS_H
#define XK_TOOLSTACK_KVM_OPS_H

#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/domain_ops.h"
#include "toolstack/seam/monitor_ops.h"
#include "toolstack/seam/transfer_ops.h"

/* card_change.c */
int xk_kvm_sync_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_change *change,
                      struct xk_deadline deadline, struct xk_error *err);
/* XK_ERR_UNSUPPORTED for a card of a kind that is on no port. */
int xk_kvm_check_detach(struct xk_hypervisor *hv,
                        const struct xk_domain *domain,
                        const struct xk_change *change, struct xk_error *err);

/* cards.c */
int xk_kvm_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 xk_card_told *card, void *context, struct xk_deadline deadline,
                 struct xk_error *err);

/* check.c */
int xk_kvm_check(struct xk_hypervisor *hv,
                 const struct xk_domain_config *config,
                 struct xk_problems *problems, struct xk_error *err);
int xk_kvm_describe(struct xk_hypervisor *hv,
                    const struct xk_domain_config *config,
                    struct xk_json_writer *writer, struct xk_error *err);
/* Add a problem if the host has too little memory available for the domain. */
void xk_kvm_check_memory(struct xk_problems *problems,
                         const struct xk_domain_config *config);

/* console.c */
int xk_kvm_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   unsigned number, struct xk_console *console,
                   struct xk_error *err);

/* control.c */
int xk_kvm_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_unpause_received(struct xk_hypervisor *hv,
                            const struct xk_domain *domain, bool *told,
                            struct xk_deadline deadline, struct xk_error *err);
/* A KVM guest has no PV control channel, so this always presses the ACPI power
 * button and ignores acpi_fallback. ACPI has no reboot button: XK_SIGNAL_REBOOT
 * presses the power button too and notes that a poweroff within a minute counts
 * as a reboot. */
int xk_kvm_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  enum xk_signal signal, bool acpi_fallback,
                  struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
/* Does nothing: QEMU cannot change its name and goes on showing the old one. */
int xk_kvm_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const char *name, struct xk_deadline deadline,
                  struct xk_error *err);
/* Restart the guest of a living QEMU and keep that QEMU, with its consoles,
 * displays, images and ports. */
int xk_kvm_restart_in_place(int record_dir_fd, struct xk_deadline deadline,
                            struct xk_error *err);

/* copy_source.c */
int xk_kvm_put_copies(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_domain_config *config,
                      struct xk_json_writer *writer,
                      struct xk_copy_totals *totals,
                      struct xk_deadline deadline, struct xk_error *err);

/* copy_target.c */
int xk_kvm_reach_copies(struct xk_hypervisor *hv,
                        const struct xk_record *record,
                        struct xk_deadline deadline, struct xk_error *err);

/* dirty_rate.c */
int xk_kvm_measure(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_load *load, struct xk_deadline deadline,
                   struct xk_error *err);

/* dump.c */
int xk_kvm_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const char *path, struct xk_deadline deadline,
                     struct xk_error *err);

/* info.c */
int xk_kvm_probe(struct xk_error *err);
int xk_kvm_info(struct xk_hypervisor *hv, struct xk_facts *facts,
                struct xk_error *err);
int xk_kvm_capabilities(struct xk_hypervisor *hv, struct xk_facts *facts,
                        struct xk_error *err);

/* migration_needs.c */
int xk_kvm_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     struct xk_json_writer *writer, struct xk_deadline deadline,
                     struct xk_error *err);
int xk_kvm_check_needs(struct xk_hypervisor *hv,
                       const struct xk_domain_config *config,
                       const struct xk_json *needs, bool live,
                       struct xk_problems *problems, struct xk_error *err);

/* screen.c */
int xk_kvm_screen(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  struct xk_screen *screen, struct xk_deadline deadline,
                  struct xk_error *err);

/* teardown.c */
int xk_kvm_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);
/* End the QEMU of a record if it is alive: ask it first (SIGTERM), so that it
 * flushes the caches of its images, then kill it. It need not answer on QMP.
 * Everything it holds on the host goes with it. */
int xk_kvm_end_process(int record_dir_fd, struct xk_deadline deadline,
                       struct xk_error *err);

/* transfer.c */
int xk_kvm_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_send_options *options, int fd,
                const struct xk_send_watch *watch, struct xk_deadline deadline,
                struct xk_error *err);
int xk_kvm_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     bool runs, struct xk_deadline deadline,
                     struct xk_error *err);
int xk_kvm_receive(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config, int fd,
                   const struct xk_send_watch *watch,
                   struct xk_deadline deadline, struct xk_error *err);
/* Prepare a QEMU that was started with -incoming for xk_kvm_receive(). */
int xk_kvm_expect_stream(const struct xk_record *record,
                         struct xk_deadline deadline, struct xk_error *err);

/* watch.c */
int xk_kvm_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
                uint64_t *cookie, struct xk_deadline deadline,
                struct xk_error *err);
int xk_kvm_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
                 const struct xk_uuid *uuid, xk_domain_changed *changed,
                 void *context, struct xk_error *err);
void xk_kvm_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid);
/* Gather all logs of the domain and look at its state again. */
void xk_kvm_trim(struct xk_hypervisor *hv, const struct xk_uuid *uuid);

#endif
