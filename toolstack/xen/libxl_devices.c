/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/libxl_devices.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "xenstore-helpers/paths.h"

#define HERE "/local/domain/0/"

int
xk_xen_libxl_devices(struct xk_xen *xen, unsigned domid, const char *kind,
                     struct xk_store_names *numbers,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domid);
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/device/%s", libxl, kind);
    struct xk_error missing = {0};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    if (xk_store_list(xen->store, XK_STORE_NO_TX, path, numbers,
                      xk_xen_store_deadline(deadline), &missing) == 0 ||
        missing.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = missing;
    return -1;
}

struct asking {
    const char *const *names;
    size_t count;
    xk_xen_libxl_told *told;
    void *context;
};

static void
tell(const struct asking *asking, const char *number, const char *backend,
     const struct xk_buf *nodes)
{
    const char *texts[XK_XEN_LIBXL_NODES];
    struct xk_xen_libxl_device device = {
        .is_here = strncmp(backend, HERE, strlen(HERE)) == 0,
        .texts = texts,
    };
    uint64_t value = 0;

    xk_parse_u64(number, UINT32_MAX, &value);
    device.number = (unsigned)value;
    for (size_t i = 0; i < asking->count; i++)
        texts[i] = nodes[i].data != NULL ? nodes[i].data : "";
    asking->told(&device, asking->context);
}

static int
read_and_tell(struct xk_xen *xen, const struct asking *asking,
              const char *number, const char *backend,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_buf nodes[XK_XEN_LIBXL_NODES] = {{0}};
    char *paths[XK_XEN_LIBXL_NODES];
    int r;

    for (size_t i = 0; i < asking->count; i++)
        paths[i] = xk_asprintf("%s/%s", backend, asking->names[i]);
    r = xk_store_read_all(
        xen->store, XK_STORE_NO_TX, (const char *const *)paths, asking->count,
        XK_STORE_VALUE_MAX, nodes, xk_xen_store_deadline(deadline), err);
    if (r == 0)
        tell(asking, number, backend, nodes);
    for (size_t i = 0; i < asking->count; i++) {
        xk_buf_free(&nodes[i]);
        free(paths[i]);
    }
    return r;
}

int
xk_xen_libxl_tell(struct xk_xen *xen, unsigned domid, const char *kind,
                  const char *const *names, size_t count,
                  xk_xen_libxl_told *told, void *context,
                  struct xk_deadline deadline, struct xk_error *err)
{
    const struct asking asking = {names, count, told, context};
    XK_CLEANUP_STORE_NAMES struct xk_store_names numbers = {0};
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domid);

    assert(count <= XK_XEN_LIBXL_NODES);
    if (xk_xen_libxl_devices(xen, domid, kind, &numbers, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < numbers.count; i++) {
        XK_CLEANUP_FREE char *path = xk_asprintf("%s/device/%s/%s/backend",
                                                 libxl, kind, numbers.items[i]);
        XK_CLEANUP_BUF struct xk_buf backend = {0};

        if (xk_store_read(xen->store, XK_STORE_NO_TX, path, XK_STORE_VALUE_MAX,
                          &backend, xk_xen_store_deadline(deadline),
                          NULL) == -1)
            continue; /* the device has gone in the meantime */
        if (read_and_tell(xen, &asking, numbers.items[i], backend.data,
                          deadline, err) == -1)
            return -1;
    }
    return 0;
}
