/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of one domain, read from an xl.cfg file and overrides,
 * checked and resolved. It does not depend on a hypervisor.
 *
 * Every key of xl.cfg(5) that this build knows is one row of keys.def; the
 * generated enum xk_key names it. The values are in one array by key. What most
 * callers need (name, memory, disks, ...) is also in fields of its own.
 *
 * Source: xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5) of
 * Xen 4.17.
 */
#ifndef XK_TOOLSTACK_CONFIG_DOMAIN_CONFIG_H
#define XK_TOOLSTACK_CONFIG_DOMAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/uuid.h"
#include "toolstack/config/key.h"
#include "toolstack/config/problem.h"

enum xk_domain_type {
    XK_TYPE_PV,
    XK_TYPE_PVH,
    XK_TYPE_HVM,
    XK_TYPE_COUNT,
};

/* What to do with a domain that stopped by itself (on_poweroff= and the like).
 */
enum xk_action {
    XK_ACTION_DESTROY,
    XK_ACTION_RESTART,
    XK_ACTION_RENAME_RESTART,
    XK_ACTION_PRESERVE,
    XK_ACTION_COREDUMP_DESTROY,
    XK_ACTION_COREDUMP_RESTART,
    XK_ACTION_SOFT_RESET,
    XK_ACTION_COUNT,
};

/* Why a domain stopped. The order and numbers are Xen's
 * (xen/include/public/sched.h, SHUTDOWN_*). */
enum xk_stop_reason {
    XK_STOP_POWEROFF,
    XK_STOP_REBOOT,
    XK_STOP_SUSPEND, /* no policy applies: the domain waits to be resumed */
    XK_STOP_CRASH,
    XK_STOP_WATCHDOG,
    XK_STOP_SOFT_RESET,
    XK_STOP_COUNT,
};

enum xk_disk_format {
    XK_FORMAT_RAW,
    XK_FORMAT_QCOW,
    XK_FORMAT_QCOW2,
    XK_FORMAT_QED,
    XK_FORMAT_VHD, /* qemu's "vpc" */
    XK_FORMAT_VMDK,
    XK_FORMAT_VDI,
    XK_FORMAT_VHDX,
    XK_FORMAT_PARALLELS,
    XK_FORMAT_EMPTY, /* a cdrom drive without a medium */
    XK_FORMAT_COUNT,
};

enum xk_disk_backend {
    XK_DISK_BACKEND_AUTO,
    XK_DISK_BACKEND_PHY,
    XK_DISK_BACKEND_QDISK,
    XK_DISK_BACKEND_TAP,
    XK_DISK_BACKEND_STANDALONE,
    XK_DISK_BACKEND_COUNT,
};

enum xk_disk_bus { /* the kind of name vdev is, xen-vbd-interface(7) */
    XK_BUS_XVD,
    XK_BUS_HD,
    XK_BUS_SD,
};

struct xk_disk {
    struct xk_location where;
    char *target; /* as given; NULL for an empty cdrom drive */
    enum xk_disk_format format;
    char *vdev;           /* "xvda", "hdc", as given */
    enum xk_disk_bus bus; /* from vdev */
    unsigned index;       /* disk number on its bus: 0 for xvda, hda, sda */
    unsigned partition;   /* 0: the whole disk */
    bool read_write;
    bool cdrom;
    enum xk_disk_backend backend;
    char *backend_domain; /* NULL: here */
    char *script;         /* NULL: none */
    bool direct_io_safe;
    bool discard;    /* pass discard on; default true */
    bool untrusted;  /* trusted= */
    bool virtio;     /* specification=virtio */
    int grant_usage; /* -1 not given, 0, 1 */
};

enum xk_vif_type {
    XK_VIF_DEFAULT, /* depends on the domain's type */
    XK_VIF_IOEMU,
    XK_VIF_PV,   /* type=vif */
    XK_VIF_USER, /* type=user: a user-mode network, an extension to xl */
};

/* One forwarded port of a user-mode network:
 * hostfwd=tcp:[HOSTADDR]:PORT-[GUESTADDR]:PORT, QEMU's own form. */
struct xk_hostfwd {
    bool udp;
    char host_address[64]; /* numeric; "": any */
    uint16_t host_port;
    char guest_address[64]; /* numeric; "": the first that DHCP gives */
    uint16_t guest_port;
};

/* Who serves a card on Xen. */
enum xk_vif_backend {
    XK_VIF_BACKEND_AUTO,
    XK_VIF_BACKEND_LINUX, /* the kernel, through libxl */
    XK_VIF_BACKEND_XK,    /* xk-backend */
};

struct xk_vif {
    struct xk_location where;
    uint8_t mac[6]; /* set when resolved */
    bool mac_given;
    enum xk_vif_type type;
    enum xk_vif_backend backend;
    char *bridge; /* NULL: not named */
    char *gatewaydev;
    char *model;   /* NULL: default; "rtl8139", "e1000", "virtio-net" ... */
    char *vifname; /* NULL: made by the driver; at most 15 bytes */
    char *script;
    char *ip;
    char *backend_domain;
    uint64_t rate_bytes_per_interval; /* 0: no limit */
    uint32_t rate_interval_us;
    int devid;    /* set when resolved */
    unsigned mtu; /* 0: not given */
    char *vlan;
    bool untrusted;
    bool spoof_check;      /* frames from another source address are dropped */
    bool no_host_loopback; /* hostloopback=0 */
    struct xk_hostfwd *hostfwd;
    size_t hostfwd_count;
};

/* The value of one key, as given in the file or by an override. Defaults are
 * not filled in. The text of an XK_KEY_ENUM is spelled as in keys.def. */
struct xk_value {
    bool set;
    struct xk_location where;
    int64_t integer;                /* XK_KEY_INTEGER, XK_KEY_BOOL (0, 1) */
    char *text;                     /* XK_KEY_STRING, XK_KEY_ENUM */
    char **items;                   /* XK_KEY_LIST: the strings of the list */
    struct xk_location *item_where; /* one per item */
    size_t item_count;
    bool single; /* XK_KEY_LIST: given as a string and not as a list, which
                    has another meaning for some keys */
};

struct xk_domain_config {
    char *source; /* the path of the file, absolute; "" if there was none */
    char *name;
    struct xk_uuid uuid; /* given, or random */
    bool uuid_given;
    enum xk_domain_type type;
    uint64_t memory_mib;              /* what the domain starts with */
    uint64_t maxmem_mib;              /* at least memory_mib */
    unsigned vcpus;                   /* online at the start */
    unsigned maxvcpus;                /* at least vcpus */
    enum xk_action on[XK_STOP_COUNT]; /* unused for XK_STOP_SUSPEND */
    struct xk_disk *disks;
    size_t disk_count;
    struct xk_vif *vifs;
    size_t vif_count;
    struct xk_value values[XK_KEY_COUNT];
    char **strings; /* the file names that locations point to */
    size_t string_count;
};

/* Read a file ("-" is standard input, "/dev/null" is an empty configuration)
 * and then the overrides ("key=value" in the grammar of the file; later ones
 * win over the file and over earlier ones). Problems of every severity are
 * added to *problems. Returns the configuration, owned by the caller, or NULL
 * with XK_ERR_CONFIG if a problem is an error or the file is missing,
 * unreadable or unsuitable. Paths of kernels, firmware and disks are made
 * absolute from the current directory. */
struct xk_domain_config *xk_config_read(const char *path,
                                        const char *const *overrides,
                                        size_t override_count,
                                        struct xk_problems *problems,
                                        struct xk_error *err);

/* The same for text in memory; `name` is the path to report. */
struct xk_domain_config *
xk_config_parse(const char *name, const char *text, size_t length,
                const char *const *overrides, size_t override_count,
                struct xk_problems *problems, struct xk_error *err);

void xk_config_free(struct xk_domain_config *config);
void xk_config_cleanup(struct xk_domain_config **config);
#define XK_CLEANUP_CONFIG __attribute__((cleanup(xk_config_cleanup)))

/* Return the value of a key; the caller knows the default. */
const char *xk_config_string(const struct xk_domain_config *config,
                             enum xk_key key); /* NULL: not set */
int64_t xk_config_integer(const struct xk_domain_config *config,
                          enum xk_key key, int64_t otherwise);
bool xk_config_bool(const struct xk_domain_config *config, enum xk_key key,
                    bool otherwise);
bool xk_config_is_set(const struct xk_domain_config *config, enum xk_key key);

/* Write the resolved configuration as one JSON object, and read it back. The
 * result is equal except for locations. Reading is strict: anything that the
 * writer does not write is an error (XK_ERR_PROTOCOL). */
void xk_config_to_json(const struct xk_domain_config *config,
                       struct xk_json_writer *writer, const char *key);
/* The same for display: secrets are written as "***". */
void xk_config_show(const struct xk_domain_config *config,
                    struct xk_json_writer *writer, const char *key);
struct xk_domain_config *xk_config_from_json(const struct xk_json *value,
                                             struct xk_error *err);

/* The same for a file that another version of xk may read. Reading a file of
 * another version fails with XK_ERR_UNSUPPORTED. */
void xk_config_to_record(const struct xk_domain_config *config,
                         struct xk_buf *text);
struct xk_domain_config *xk_config_from_record(const struct xk_json *value,
                                               struct xk_error *err);

/* Returns 0 if the text can be the name of a domain, else -1. A name has 1 to
 * 128 bytes and neither '/' nor control characters. All digits would be taken
 * for a domid. */
int xk_domain_name_check(const char *name, struct xk_error *err);

const char *xk_domain_type_name(enum xk_domain_type type);   /* "pv" ... */
const char *xk_action_name(enum xk_action action);           /* "destroy" ... */
const char *xk_stop_reason_name(enum xk_stop_reason reason); /* "poweroff" */
const char *xk_disk_format_name(enum xk_disk_format format); /* "raw" ... */

/* Returns QEMU's name of the format ("vpc" for vhd); NULL for "empty". */
const char *xk_disk_format_qemu_name(enum xk_disk_format format);

#endif
