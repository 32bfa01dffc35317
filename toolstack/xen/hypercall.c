/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/hypercall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xencall.h>
#include <xentoollog.h>

#include <xen/hvm/hvm_op.h>
#include <xen/sysctl.h>
#include <xen/version.h>

enum {
    PAGE_SHIFT = 12
};

/* Print nothing: errno tells the same. */
static void
say_nothing(struct xentoollog_logger *logger, xentoollog_level level,
            int errnoval, const char *context, const char *format, va_list al)
{
    (void)logger;
    (void)level;
    (void)errnoval;
    (void)context;
    (void)format;
    (void)al;
}

static void
show_nothing(struct xentoollog_logger *logger, const char *context,
             const char *doing_what, int percent, unsigned long done,
             unsigned long total)
{
    (void)logger;
    (void)context;
    (void)doing_what;
    (void)percent;
    (void)done;
    (void)total;
}

static void
destroy_nothing(struct xentoollog_logger *logger)
{
    (void)logger;
}

struct xencall_handle *
xk_hypercall_open(struct xk_error *err)
{
    static xentoollog_logger quiet = {say_nothing, show_nothing,
                                      destroy_nothing};
    struct xencall_handle *xen = xencall_open(&quiet, 0);

    if (xen == NULL)
        xk_fail(err, XK_ERR_HOST, "open the hypervisor: %s", strerror(errno));
    return xen;
}

void
xk_hypercall_close(struct xencall_handle *xen)
{
    if (xen != NULL)
        xencall_close(xen);
}

static int
fail(struct xk_error *err, const char *what)
{
    const unsigned built_for = __XEN_LATEST_INTERFACE_VERSION__;

    if (errno == ESRCH)
        return xk_fail(err, XK_ERR_NOT_FOUND, "%s: no such domain", what);
    if (errno == EACCES)
        return xk_fail(err, XK_ERR_HOST,
                       "%s: xk was built for Xen %u.%u, but another version "
                       "runs here: build xk on this host",
                       what, built_for >> 16, built_for >> 8 & 0xff);
    return xk_fail_errno(err, "%s", what);
}

/* Returns a copy of the argument in memory that the kernel does not move, as
 * hypercalls need. */
static void *
lend(struct xencall_handle *xen, const void *argument, size_t size)
{
    void *buffer = xencall_alloc_buffer(xen, size);

    if (buffer == NULL)
        abort();
    memcpy(buffer, argument, size);
    return buffer;
}

static int
call(struct xencall_handle *xen, unsigned hypercall, void *argument,
     size_t size)
{
    void *buffer = lend(xen, argument, size);
    int r = xencall1(xen, hypercall, (uint64_t)(uintptr_t)buffer);
    int error = errno;

    memcpy(argument, buffer, size);
    xencall_free_buffer(xen, buffer);
    errno = error;
    return r;
}

int
xk_hypercall_domains(struct xencall_handle *xen, unsigned first,
                     struct xen_domctl_getdomaininfo *infos, unsigned max,
                     struct xk_error *err)
{
    size_t size = max * sizeof(*infos);
    struct xen_sysctl sysctl = {
        .cmd = XEN_SYSCTL_getdomaininfolist,
        .interface_version = XEN_SYSCTL_INTERFACE_VERSION,
        .u.getdomaininfolist = {.first_domain = (domid_t)first,
                                .max_domains = max},
    };
    void *buffer = xencall_alloc_buffer(xen, size);
    int r;

    if (buffer == NULL)
        abort();
    set_xen_guest_handle_raw(sysctl.u.getdomaininfolist.buffer, buffer);
    r = call(xen, __HYPERVISOR_sysctl, &sysctl, sizeof(sysctl));
    if (r == -1)
        fail(err, "list the domains");
    else
        r = (int)sysctl.u.getdomaininfolist.num_domains;
    memcpy(infos, buffer, r > 0 ? (size_t)r * sizeof(*infos) : 0);
    xencall_free_buffer(xen, buffer);
    return r;
}

int
xk_hypercall_domctl(struct xencall_handle *xen, uint32_t command,
                    unsigned domid, const char *what, struct xk_error *err)
{
    struct xen_domctl domctl = {
        .cmd = command,
        .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
        .domain = (domid_t)domid,
    };

    if (call(xen, __HYPERVISOR_domctl, &domctl, sizeof(domctl)) == -1)
        return fail(err, what);
    return 0;
}

int
xk_hypercall_set_uuid(struct xencall_handle *xen, unsigned domid,
                      const struct xk_uuid *uuid, struct xk_error *err)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_setdomainhandle,
        .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
        .domain = (domid_t)domid,
    };

    memcpy(domctl.u.setdomainhandle.handle, uuid->bytes, sizeof(uuid->bytes));
    if (call(xen, __HYPERVISOR_domctl, &domctl, sizeof(domctl)) == -1)
        return fail(err, "give it another UUID");
    return 0;
}

int
xk_hypercall_free_mib(struct xencall_handle *xen, uint64_t *mib,
                      struct xk_error *err)
{
    struct xen_sysctl sysctl = {
        .cmd = XEN_SYSCTL_physinfo,
        .interface_version = XEN_SYSCTL_INTERFACE_VERSION,
    };
    const struct xen_sysctl_physinfo *info = &sysctl.u.physinfo;
    uint64_t pages;

    if (call(xen, __HYPERVISOR_sysctl, &sysctl, sizeof(sysctl)) == -1)
        return fail(err, "get the free memory");
    pages = info->free_pages + info->scrub_pages;
    pages -= info->outstanding_pages < pages ? info->outstanding_pages : pages;
    *mib = pages >> (20 - PAGE_SHIFT);
    return 0;
}

int
xk_hypercall_version(struct xencall_handle *xen, unsigned *major,
                     unsigned *minor, struct xk_error *err)
{
    int version = xencall2(xen, __HYPERVISOR_xen_version, XENVER_version, 0);

    if (version < 0)
        return fail(err, "get Xen's version");
    *major = (unsigned)version >> 16;
    *minor = (unsigned)version & 0xffff;
    return 0;
}

bool
xk_hypercall_hvm_param(struct xencall_handle *xen, unsigned domid,
                       uint32_t index, uint64_t *value)
{
    struct xen_hvm_param param = {.domid = (domid_t)domid, .index = index};
    void *buffer = lend(xen, &param, sizeof(param));
    int r = xencall2(xen, __HYPERVISOR_hvm_op, HVMOP_get_param,
                     (uint64_t)(uintptr_t)buffer);

    memcpy(&param, buffer, sizeof(param));
    xencall_free_buffer(xen, buffer);
    *value = param.value;
    return r == 0;
}
