/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/xc.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

/* What the library would print is in errno as well. */
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

static xentoollog_logger quiet = {say_nothing, show_nothing, destroy_nothing};

static int
load(struct xk_xc *xc, struct xk_error *err)
{
    const struct {
        const char *name;
        void *member;
    } functions[] = {
#define XK_XC_ROW(name) {#name, &xc->name},
        XK_XC_FUNCTIONS(XK_XC_ROW)
#undef XK_XC_ROW
    };

    xc->library = dlopen(XK_LIBXENCTRL, RTLD_LAZY | RTLD_LOCAL);
    if (xc->library == NULL)
        return xk_fail(err, XK_ERR_HOST,
                       "%s, which this xk was built for, is not installed",
                       XK_LIBXENCTRL);
    for (size_t i = 0; i < XK_ARRAY_SIZE(functions); i++) {
        void *function = dlsym(xc->library, functions[i].name);

        if (function == NULL)
            return xk_fail(err, XK_ERR_HOST, "%s has no %s", XK_LIBXENCTRL,
                           functions[i].name);
        memcpy(functions[i].member, &function, sizeof(function));
    }
    return 0;
}

int
xk_xc_open(struct xk_xc *xc, struct xk_error *err)
{
    if (load(xc, err) == -1)
        return -1;
    xc->handle = xc->xc_interface_open(&quiet, &quiet, 0);
    if (xc->handle == NULL) {
        xk_fail_errno(err, "open the hypervisor");
        return xk_fail(err, XK_ERR_HOST, "%s", err->message);
    }
    return 0;
}

void
xk_xc_close(struct xk_xc *xc)
{
    if (xc->handle != NULL)
        xc->xc_interface_close(xc->handle);
    if (xc->library != NULL)
        dlclose(xc->library);
    *xc = (struct xk_xc){0};
}

int
xk_xc_fail(struct xk_error *err, const char *what)
{
    if (errno == ESRCH)
        return xk_fail(err, XK_ERR_NOT_FOUND, "%s: no such domain", what);
    return xk_fail_errno(err, "%s", what);
}
