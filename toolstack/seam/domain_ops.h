/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam: the life of a domain, from its configuration to its end. Every
 * driver has this group.
 */
#ifndef XK_TOOLSTACK_SEAM_DOMAIN_OPS_H
#define XK_TOOLSTACK_SEAM_DOMAIN_OPS_H

#include <sys/types.h>

#include "base/json.h"
#include "toolstack/hypervisor.h"

/* The console of a domain. The caller closes all descriptors. */
struct xk_console {
    int log_fd;    /* the output since the domain was made; grows at its end.
                      -1: no history is kept */
    off_t log_cut; /* the log loses its oldest part by a multiple of so many
                      bytes; 0: it loses everything, and begins anew */
    int input_fd;  /* write here what is typed */
    int output_fd; /* where there is no log: read the output here; else -1 */
    int change_fd; /* becomes readable when log_fd may have grown (inotify);
                      -1 where there is no log */
    int end_fd;    /* becomes readable when the domain is gone */
    /* Bring log_fd up to date; NULL if it always is. */
    void (*fetch)(void *source);
    void (*end)(void *source);
    void *source; /* the driver's own, for fetch and end */
};

#define XK_CONSOLE_NONE                                                        \
    ((struct xk_console){.log_fd = -1,                                         \
                         .input_fd = -1,                                       \
                         .output_fd = -1,                                      \
                         .change_fd = -1,                                      \
                         .end_fd = -1})

void xk_console_close(struct xk_console *console);

/* Where the screen of a domain is served by VNC: a socket, or a port. */
struct xk_screen {
    char *path;    /* NULL: a port */
    char *address; /* of the port: an address of this host */
    unsigned port;
    char *password; /* NULL: none */
};

void xk_screen_free(struct xk_screen *screen);

enum xk_signal {
    XK_SIGNAL_POWEROFF, /* ask the guest to shut down */
    XK_SIGNAL_REBOOT,   /* ask the guest to reboot */
    XK_SIGNAL_NONE,     /* ask nothing, and forget an earlier request: it no
                           longer decides what a later stop of the guest means
                         */
};

struct xk_domain_ops {
    /* List all domains, or get the one of that UUID. XK_ERR_NOT_FOUND makes the
     * caller remove the record. So a driver returns it only if it knows that
     * there is no such domain, never because a file of the record is missing.
     * list() leaves out domains that another process is making or tearing down.
     */
    int (*list)(struct xk_hypervisor *hv, struct xk_domain_list *list,
                struct xk_deadline deadline, struct xk_error *err);
    int (*get)(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_domain_info *info, struct xk_deadline deadline,
               struct xk_error *err);

    /* Check all that can be checked before anything is made: files exist and
     * fit, images are free, the bridge exists, memory suffices, permission.
     * Problems of a line of the file go to *problems, those of the host to
     * *err. */
    int (*check)(struct xk_hypervisor *hv,
                 const struct xk_domain_config *config,
                 struct xk_problems *problems, struct xk_error *err);

    /* Write what build() would run, as members of the object that is open in
     * the writer. */
    int (*describe)(struct xk_hypervisor *hv,
                    const struct xk_domain_config *config,
                    struct xk_json_writer *writer, struct xk_error *err);

    /* Make the domain, paused, not yet started. The record is locked and has
     * the configuration already. A build that fails, or is killed, may leave
     * anything that teardown() removes. */
    int (*build)(struct xk_hypervisor *hv, struct xk_record *record,
                 const struct xk_domain_config *config,
                 struct xk_deadline deadline, struct xk_error *err);

    /* End the domain, however far it was built, and release all that it holds
     * on the host but the record's directory. 0 if there is nothing to end. The
     * record is locked. */
    int (*teardown)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

    /* Only while the record is locked. 0 if the domain is in that state
     * already. */
    int (*pause)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
    int (*unpause)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);

    /* Ask the guest. If it has no PV control driver, press its ACPI button with
     * acpi_fallback, or else fail with XK_ERR_UNSUPPORTED. Only while the
     * record is locked. */
    int (*signal)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  enum xk_signal signal, bool acpi_fallback,
                  struct xk_deadline deadline, struct xk_error *err);

    /* Press the reset button: at once, without asking the guest. Only while
     * the record is locked. */
    int (*reset)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);

    /* Start a stopped domain again from its first instruction, running, with
     * the same record: in place, or by tearing it down and building it anew.
     * Only while the record is locked. */
    int (*restart)(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config,
                   struct xk_deadline deadline, struct xk_error *err);

    /* Keep the memory of a stopped domain for inspection and release its disks
     * and network, so that another domain can be built from the same
     * configuration. The caller has locked the record and given it another UUID
     * and name; next.json has the old UUID. 0 also if the domain is gone. */
    int (*preserve)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

    /* Write the memory of a stopped domain to a new file, mode 0600. Only
     * while the record is locked. */
    int (*core_dump)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const char *path, struct xk_deadline deadline,
                     struct xk_error *err);

    /* Tell the hypervisor the new name of a domain. The caller has locked the
     * record and saved the name in it. */
    int (*rename)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const char *name, struct xk_deadline deadline,
                  struct xk_error *err);

    /* number: which console; 0 is the first. */
    int (*console)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   unsigned number, struct xk_console *console,
                   struct xk_error *err);

    /* Find the screen of a domain: XK_ERR_NOT_FOUND if it has none. The caller
     * frees *screen. NULL if the driver knows no screens. */
    int (*screen)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  struct xk_screen *screen, struct xk_deadline deadline,
                  struct xk_error *err);

    /* Wait until the domain may have changed its state or is gone (return 0),
     * or until the deadline (XK_ERR_TIMEOUT). A change between the last get()
     * and this call is not missed: *cookie starts as 0 and carries from call
     * to call what the driver has seen. */
    int (*wait)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                uint64_t *cookie, struct xk_deadline deadline,
                struct xk_error *err);
};

/* xk_hv_X() calls the member X, whose contract it has. */
int xk_hv_list(struct xk_hypervisor *hv, struct xk_domain_list *list,
               struct xk_deadline deadline, struct xk_error *err);
int xk_hv_get(struct xk_hypervisor *hv, const struct xk_domain *domain,
              struct xk_domain_info *info, struct xk_deadline deadline,
              struct xk_error *err);
int xk_hv_check(struct xk_hypervisor *hv, const struct xk_domain_config *config,
                struct xk_problems *problems, struct xk_error *err);
int xk_hv_describe(struct xk_hypervisor *hv,
                   const struct xk_domain_config *config,
                   struct xk_json_writer *writer, struct xk_error *err);
int xk_hv_build(struct xk_hypervisor *hv, struct xk_record *record,
                const struct xk_domain_config *config,
                struct xk_deadline deadline, struct xk_error *err);
int xk_hv_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_hv_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err);
int xk_hv_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  struct xk_deadline deadline, struct xk_error *err);
int xk_hv_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 enum xk_signal signal, bool acpi_fallback,
                 struct xk_deadline deadline, struct xk_error *err);
int xk_hv_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err);
int xk_hv_restart(struct xk_hypervisor *hv, struct xk_record *record,
                  const struct xk_domain_config *config,
                  struct xk_deadline deadline, struct xk_error *err);
int xk_hv_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_hv_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    const char *path, struct xk_deadline deadline,
                    struct xk_error *err);
int xk_hv_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 const char *name, struct xk_deadline deadline,
                 struct xk_error *err);
int xk_hv_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  unsigned number, struct xk_console *console,
                  struct xk_error *err);
int xk_hv_screen(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_screen *screen, struct xk_deadline deadline,
                 struct xk_error *err);
int xk_hv_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
               uint64_t *cookie, struct xk_deadline deadline,
               struct xk_error *err);

#endif
