/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE SEAM: what a hypervisor driver does. Every operation is written once,
 * against this table (toolstack/domain.h); drivers know nothing of verbs.
 *
 * Calls look synchronous and end by their deadline (XK_ERR_TIMEOUT). A call
 * that changes a domain is made with its record locked. Drivers keep what they
 * must know about a domain in its record's directory, so that any later
 * process can go on from there; teardown() works from the record alone.
 */
#ifndef XK_TOOLSTACK_HYPERVISOR_H
#define XK_TOOLSTACK_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/record.h"

struct ev_loop;

enum xk_domain_state {
    XK_STATE_RUNNING,
    XK_STATE_PAUSED,   /* also: not started yet */
    XK_STATE_SHUTDOWN, /* stopped by itself; stop_reason says why */
    XK_STATE_CRASHED,  /* the same, with XK_STOP_CRASH */
    XK_STATE_DYING,    /* being torn down */
    XK_STATE_IN_DOUBT, /* handed to another host, which has not said that it
                          runs there; no driver says this */
    XK_STATE_COUNT,
};

/* One domain as seen now. Zeroed strings and numbers are "not known". */
struct xk_domain_info {
    struct xk_uuid uuid;
    char *name;
    int domid;              /* -1 where the hypervisor has none */
    const char *hypervisor; /* whose it is: filled in above the seam */
    enum xk_domain_type type;
    enum xk_domain_state state;
    enum xk_stop_reason stop_reason; /* for SHUTDOWN and CRASHED */
    uint64_t memory_mib;
    uint64_t maxmem_mib;
    unsigned vcpus;
    uint64_t cpu_time_ns;
};

struct xk_domain_list {
    struct xk_domain_info *items; /* in the order xl would list them */
    size_t count;
};

void xk_domain_info_free(struct xk_domain_info *info);
void xk_domain_list_free(struct xk_domain_list *list);

/* Facts about the host, in the order to print. Keys are "nr_cpus",
 * "total_memory", ... as `xl info` names them where it has them. */
struct xk_facts {
    struct xk_fact {
        char *key;
        char *value; /* text, or the decimal digits of a number */
        bool number;
        char *reason; /* capabilities: why it is missing, or NULL */
    } * items;
    size_t count;
};

void xk_facts_add(struct xk_facts *facts, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void xk_facts_add_number(struct xk_facts *facts, const char *key,
                         int64_t number);
/* A capability: "yes", or "no" with the reason. */
void xk_facts_add_ability(struct xk_facts *facts, const char *key,
                          const char *reason_missing);
void xk_facts_free(struct xk_facts *facts);

struct xk_hypervisor;

/* Which domain is meant. record is NULL for a domain that another toolstack
 * made. */
struct xk_domain {
    struct xk_hypervisor *hv; /* whose it is; never NULL above the seam */
    struct xk_uuid uuid;
    int domid; /* -1: none */
    char *name;
    struct xk_record *record;
    unsigned starts; /* how often it was started again by policy, as of the
                        last xk_domain_find() or xk_domain_signal() */
};

/* The console of a domain: all descriptors are the caller's to close. */
struct xk_console {
    int log_fd;    /* the output since the domain was made; grows at its end.
                      -1: no history is kept */
    off_t log_cut; /* it loses its oldest part by a multiple of so many bytes;
                      0: all, and begins anew */
    int input_fd;  /* write what is typed here */
    int output_fd; /* where there is no log: read the output here; else -1 */
    int change_fd; /* becomes readable when log_fd may have grown (inotify);
                      -1 where there is no log */
    int end_fd;    /* becomes readable when the domain is gone */
    /* Bring log_fd up to date; NULL where it always is. */
    void (*fetch)(void *source);
    void (*end)(void *source);
    void *source; /* of these two, the driver's */
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
    XK_SIGNAL_NONE,     /* nothing; what was asked before no longer decides what
                           a stop of the guest's own is taken for */
};

/* How the state of a domain is sent. */
struct xk_send_options {
    bool live;          /* the guest goes on while its memory is sent */
    uint64_t bandwidth; /* bytes per second; 0: as fast as it goes */
    /* How long the guest may stand still in the last round of a live one; 0:
     * the driver's choice. */
    unsigned max_downtime_ms;
    /* Disks that go along: for each that put_copies() told of, in that order,
     * a socket that leads to what reach_copies() gave on the other host. They
     * stay the caller's. */
    const int *copy_fds;
    size_t copy_count; /* 0: no disk goes along */
};

struct xk_send_progress {
    uint64_t sent_bytes;      /* of memory, so far */
    uint64_t remaining_bytes; /* known now; a guest at work makes it more */
    uint64_t total_bytes;     /* of the guest's memory */
    uint64_t dirty_rate;      /* bytes per second; 0: not known */
    unsigned rounds;          /* over its memory, from 1 */
    bool copying;             /* disks go first; then memory */
    uint64_t copied_bytes;    /* of disks */
    uint64_t copy_bytes;      /* in all; a guest at work makes it more */
    bool stopped;             /* the guest stands still by now */
    int64_t stopped_at_ns;    /* CLOCK_MONOTONIC, where so */
};

/* What a domain would be to move, as it is now. */
struct xk_load {
    uint64_t memory_bytes; /* that it has ever used, at most */
    uint64_t dirty_rate;   /* bytes per second that it changes */
};

/* Which disks go along. */
struct xk_copy_totals {
    size_t count;
    uint64_t bytes; /* that their images take here */
};

/* Called by the driver several times a second while it sends or receives:
 * false ends the call with XK_ERR_FAILED, "cancelled". */
struct xk_send_watch {
    bool (*go_on)(const struct xk_send_progress *progress, void *context);
    void *context;
};

/* A device of a domain in the store, both ends. */
struct xk_store_device {
    const char *kind, *id;      /* "vbd", "51712" */
    const char *frontend_state; /* "Connected"; "-": none */
    const char *backend_state;
    const char *backend; /* its path, "": none */
};

#define XK_EVERY_DISK UINT32_MAX

/* What the disks of a domain are to be from now on. */
struct xk_disk_change {
    const struct xk_domain_config *config;
    unsigned number; /* of the disk that changes; XK_EVERY_DISK: not known */
    bool force;      /* that one is taken away, whatever the guest does */
};

/* A disk of a domain as it is now. */
struct xk_disk_info {
    const char *vdev; /* "xvda" */
    unsigned number;  /* of the device, xen-vbd-interface(7) */
    const char *target, *format;
    const char *backend; /* "xk", "qdisk", "phy", "qemu" */
    const char *state;   /* "connected", ... */
    const char *reason;  /* why it was stopped, or NULL */
    bool read_only, cdrom;
    /* From here on where the backend tells: known is false else. */
    bool known;
    uint64_t bytes; /* its size */
    unsigned queues;
    uint64_t read_requests, read_bytes, write_requests, write_bytes;
    uint64_t flush_requests, discard_requests, errors, inflight;
};

struct xk_hypervisor_ops;

/* Drivers put this first in their own struct. */
struct xk_hypervisor {
    const struct xk_hypervisor_ops *ops;
    const struct xk_state *state;
};

struct xk_hypervisor_ops {
    const char *name; /* "xen", "kvm" */

    /* It also has domains that other toolstacks made and that have no record.
     * Where it has not, its list() is asked only if there are records of it. */
    bool has_strangers;

    /* For a record that an earlier version made, which does not say whose it
     * is: whether files of this driver are in it. May be NULL. */
    bool (*owns)(const struct xk_record *record);

    /* Whether this host can run the driver at all: 0, or -1 with XK_ERR_HOST
     * and what to do about it. Cheap, changes nothing. */
    int (*probe)(struct xk_error *err);

    /* state outlives the driver. */
    struct xk_hypervisor *(*open)(const struct xk_state *state,
                                  struct xk_error *err);
    void (*close)(struct xk_hypervisor *hv);

    int (*info)(struct xk_hypervisor *hv, struct xk_facts *facts,
                struct xk_error *err);
    int (*capabilities)(struct xk_hypervisor *hv, struct xk_facts *facts,
                        struct xk_error *err);

    /* All domains, or the one of that UUID. XK_ERR_NOT_FOUND is a word that a
     * record is removed for: a driver says so where it knows that there is
     * none, never because a file of a record is missing. Domains whose
     * making or tearing down is under way in another process are left out of
     * list(). */
    int (*list)(struct xk_hypervisor *hv, struct xk_domain_list *list,
                struct xk_deadline deadline, struct xk_error *err);
    int (*get)(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_domain_info *info, struct xk_deadline deadline,
               struct xk_error *err);

    /* What can be known before anything is made: files there and fit, images
     * free, bridge there, enough memory, permission. Problems that belong to a
     * line of the file go to *problems, those of the host to *err. */
    int (*check)(struct xk_hypervisor *hv,
                 const struct xk_domain_config *config,
                 struct xk_problems *problems, struct xk_error *err);

    /* What build() would run, as members of the object open in the writer. */
    int (*describe)(struct xk_hypervisor *hv,
                    const struct xk_domain_config *config,
                    struct xk_json_writer *writer, struct xk_error *err);

    /* Make the domain, paused, not yet started. The record holds the
     * configuration already. On failure, or killed, it may leave anything that
     * teardown() takes away. */
    int (*build)(struct xk_hypervisor *hv, struct xk_record *record,
                 const struct xk_domain_config *config,
                 struct xk_deadline deadline, struct xk_error *err);

    /* End the domain, however far it was built, and give back all it holds on
     * the host but the record's directory. Nothing there is no error. */
    int (*teardown)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

    /* A domain that is in that state already stays in it: no error. */
    int (*pause)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
    int (*unpause)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);

    /* Ask the guest. acpi_fallback: where the guest has no PV control driver,
     * press its ACPI button instead; without it that is XK_ERR_UNSUPPORTED. */
    int (*signal)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  enum xk_signal signal, bool acpi_fallback,
                  struct xk_deadline deadline, struct xk_error *err);

    /* The reset button: at once, the guest is not asked. */
    int (*reset)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);

    /* Start a stopped domain again from its first instruction, running, with
     * the same record: in place or by tearing down and building anew. */
    int (*restart)(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config,
                   struct xk_deadline deadline, struct xk_error *err);

    /* Make a stopped domain keep its memory for inspection and let go of its
     * disks and network, so that another can be built from the same
     * configuration. The record was given another UUID and name before; the
     * UUID it had is in its next.json. 0 too where the domain is gone. */
    int (*preserve)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

    /* Write the memory of a stopped domain to a new file, mode 0600. */
    int (*core_dump)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const char *path, struct xk_deadline deadline,
                     struct xk_error *err);

    /* Tell the hypervisor of a new name; the record is saved by the caller. */
    int (*rename)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const char *name, struct xk_deadline deadline,
                  struct xk_error *err);

    /* number: which console; 0 is the first. */
    int (*console)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   unsigned number, struct xk_console *console,
                   struct xk_error *err);

    /* XK_ERR_NOT_FOUND where it has no screen. *screen is the caller's. */
    int (*screen)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  struct xk_screen *screen, struct xk_deadline deadline,
                  struct xk_error *err);

    /* Wait until the domain may have changed its state or is gone (return 0),
     * or until the deadline (XK_ERR_TIMEOUT). A change between the last get()
     * and this call must not be missed: *cookie starts as 0 and carries what
     * the driver has seen from call to call. */
    int (*wait)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                uint64_t *cookie, struct xk_deadline deadline,
                struct xk_error *err);

    /* Members of the object open in the writer: what another host must have to
     * take the domain as it is now (machine type, processor, version). */
    int (*put_needs)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     struct xk_json_writer *writer, struct xk_deadline deadline,
                     struct xk_error *err);

    /* Whether this host has what put_needs() of another wrote, besides what
     * check() says: each reason against it is a problem. needs comes from a
     * peer or a file. live: the disks may be open for writing on the other
     * host until the domain is unpaused here. */
    int (*check_needs)(struct xk_hypervisor *hv,
                       const struct xk_domain_config *config,
                       const struct xk_json *needs, bool live,
                       struct xk_problems *problems, struct xk_error *err);

    /* Disks that go along with their domain; both are NULL where the driver
     * cannot do that, and then send() is given none.
     *
     * Add to what put_needs() wrote which disks are to be copied. check_needs()
     * then says what stands against images here, prepare() makes those that are
     * missing (toolstack/made_file.h), and receive() is given memory once all
     * of them are the same as there. */
    int (*put_copies)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_domain_config *config,
                      struct xk_json_writer *writer,
                      struct xk_copy_totals *totals,
                      struct xk_deadline deadline, struct xk_error *err);

    /* From prepare() on, by any process: a socket, the caller's, for one disk.
     * What is said there is between the drivers of both sides. */
    int (*reach_copies)(struct xk_hypervisor *hv,
                        const struct xk_record *record,
                        struct xk_deadline deadline, struct xk_error *err);

    /* Look for a second or so at what a running or paused domain does to its
     * memory. NULL where the driver cannot tell. */
    int (*measure)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_load *load, struct xk_deadline deadline,
                   struct xk_error *err);

    /* Whether such a domain can be sent live: 0, or XK_ERR_UNSUPPORTED. */
    int (*can_send_live)(struct xk_hypervisor *hv,
                         const struct xk_domain *domain, struct xk_error *err);

    /* Write the state of a running or paused domain (not stopped by itself)
     * to fd, a pipe, which is taken. At the end the domain stands still, its
     * I/O is complete, and all of it is in the pipe; teardown() or
     * take_back() comes next. On failure the domain is as before, or
     * take_back() makes it so. */
    int (*send)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_send_options *options, int fd,
                const struct xk_send_watch *watch, struct xk_deadline deadline,
                struct xk_error *err);

    /* A domain that was sent, wholly or in part, by us or by one that was
     * killed, goes on here; it runs where it ran before. What was sent must
     * never run. */
    int (*take_back)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     bool runs, struct xk_deadline deadline,
                     struct xk_error *err);

    /* The first half of build() for a domain that comes from send(): all that
     * can be made, or found to be missing, before its state is here. needs is
     * what put_needs() wrote. */
    int (*prepare)(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config,
                   const struct xk_json *needs, struct xk_deadline deadline,
                   struct xk_error *err);

    /* The second: read what send() wrote from fd, a pipe, which is taken. The
     * domain is paused at the end, and its disks are not touched before
     * unpause(). Another thread may run meanwhile. */
    int (*receive)(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config, int fd,
                   const struct xk_send_watch *watch,
                   struct xk_deadline deadline, struct xk_error *err);

    /* The first unpause() of what receive() left. Where it fails, *told is
     * false only where the guest was not told to run, or refused, or has ended
     * without it: it never ran and never will without another call. NULL:
     * unpause() does, and nobody knows. */
    int (*unpause_received)(struct xk_hypervisor *hv,
                            const struct xk_domain *domain, bool *told,
                            struct xk_deadline deadline, struct xk_error *err);

    /* A file that another toolstack of this hypervisor saved a domain to. 0: it
     * is none; 1: it is, whole by its form, and fd, a regular file, stands
     * where receive() reads on. *needs is as of put_needs(), *config the one in
     * the file; both the caller's. config NULL: it is not asked for. The file
     * may be anybody's. NULL where there is no other toolstack. */
    int (*read_foreign)(struct xk_hypervisor *hv, int fd, const char *what,
                        struct xk_domain_config **config,
                        struct xk_json **needs, struct xk_deadline deadline,
                        struct xk_error *err);

    /* For the monitor: call changed() on the loop whenever the domain may have
     * stopped or gone. watch() is called once for each domain; it calls
     * changed() once soon after, so that nothing from before is missed.
     * unwatch() before the domain is forgotten. */
    int (*watch)(struct xk_hypervisor *hv, struct ev_loop *loop,
                 const struct xk_uuid *uuid,
                 void (*changed)(const struct xk_uuid *uuid, void *context),
                 void *context, struct xk_error *err);
    void (*unwatch)(struct xk_hypervisor *hv, const struct xk_uuid *uuid);

    /* Make the disks of a running or paused domain those of the configuration:
     * attach what is missing, take away what is not in it (the guest is asked:
     * XK_ERR_IN_USE where it holds on, and then it goes as soon as the guest
     * lets go), change media. What is so already stays untouched, and so does
     * one that is about to leave, unless the change is of that one. */
    int (*sync_disks)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_disk_change *change,
                      struct xk_deadline deadline, struct xk_error *err);

    /* Tell the guest that the image of the disk has another size by now. bytes
     * other than 0: make the image that large before, which is not raw; never
     * smaller. */
    int (*resize_disk)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                       const struct xk_disk *disk, uint64_t bytes,
                       struct xk_deadline deadline, struct xk_error *err);

    /* Tell of each disk that the domain has now. NULL: those of its
     * configuration. */
    int (*disks)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 void (*disk)(const struct xk_disk_info *info, void *context),
                 void *context, struct xk_deadline deadline,
                 struct xk_error *err);

    /* Processes that serve the devices of a domain and should live as long as
     * it: whether one of them has died, and start them again so that the guest
     * does not notice. changed() of watch() is called for their deaths as well.
     * Both are NULL where a domain is one process. */
    bool (*needs_repair)(struct xk_hypervisor *hv,
                         const struct xk_record *record);
    int (*repair)(struct xk_hypervisor *hv, const struct xk_record *record,
                  struct xk_deadline deadline, struct xk_error *err);

    /* Where the hypervisor has a store that guests and backends meet in; all
     * three are NULL where it has none. What is told of it may be a guest's
     * words.
     *
     * Tell of each node at and below a path, parents first. */
    int (*store_walk)(struct xk_hypervisor *hv, const char *path,
                      void (*node)(const char *path, const char *value,
                                   void *context),
                      void *context, struct xk_deadline deadline,
                      struct xk_error *err);

    /* Tell of each change at and below a path, until changed() returns false
     * or the deadline (XK_ERR_TIMEOUT). */
    int (*store_watch)(struct xk_hypervisor *hv, const char *path,
                       bool (*changed)(const char *path, void *context),
                       void *context, struct xk_deadline deadline,
                       struct xk_error *err);

    /* Tell of the devices of a domain. */
    int (*store_devices)(
        struct xk_hypervisor *hv, const struct xk_domain *domain,
        void (*device)(const struct xk_store_device *device, void *context),
        void *context, struct xk_deadline deadline, struct xk_error *err);

    /* For the monitor, now and then: keep logs of guests within bounds. */
    void (*trim)(struct xk_hypervisor *hv, const struct xk_uuid *uuid);
};

/* The drivers of this build, ended by NULL: toolstack/drivers.c. */
extern const struct xk_hypervisor_ops *const xk_drivers[];

/* The names of all drivers, in this build or not, ended by NULL; and the same
 * names as the command line writes a choice of words. */
extern const char *const xk_driver_names[];
#define XK_DRIVER_WORDS "xen|kvm"

/* Whether it is one of xk_driver_names. */
bool xk_driver_is_known(const char *name);

/* The names as a message lists them: "xen" or "kvm", in quotes. The caller
 * frees it. */
char *xk_driver_choices(void);

/* The driver called `name`, or where name is NULL the best for this host: xen
 * where this is a Xen dom0, else kvm. XK_ERR_USAGE for an unknown name,
 * XK_ERR_HOST where it cannot run here. */
const struct xk_hypervisor_ops *xk_driver_find(const char *name,
                                               struct xk_error *err);

const char *xk_domain_state_name(enum xk_domain_state state); /* "running" */

#endif
