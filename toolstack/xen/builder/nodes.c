/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domain's nodes in xenstore: in two transactions, exactly the nodes and
 * permissions that libxl__domain_make(), libxl__build_post() and
 * libxl__device_console_add() write. The caller has checked, under the lock
 * over all names, that the name is free.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/builder/builder.h"
#include "toolstack/xen/builder/tree.h"
#include "xenstore-helpers/paths.h"

enum {
    CONSOLE_LIMIT = 1048576, /* bytes that xenconsoled buffers */
    CONSOLE_MS = 10000,
};

#define STARTING "1" /* XenbusStateInitialising */

/* ---- the home ---- */

/* Make the nodes that the guest may read, and the nodes that it owns. */
static void
make_home(const struct xk_builder *builder, const char *home,
          struct xk_tree *tree)
{
    const struct xk_store_perm reads[] = {{'n', 0}, {'r', builder->domid}};
    const struct xk_store_perm owns[] = {{'n', builder->domid}};
    static const struct {
        const char *name;
        bool own;
    } nodes[] = {
        {"cpu", false},
        {"memory", false},
        {"device", false},
        {"device/suspend/event-channel", true},
        {"control", false},
        {"control/shutdown", true},
        {"control/feature-poweroff", true},
        {"control/feature-reboot", true},
        {"control/feature-suspend", true},
        {"control/sysrq", true},
        {"data", true},
        {"drivers", true},
        {"feature", true},
        {"attr", true},
        {"error", true},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes); i++) {
        if (nodes[i].own)
            xk_tree_make(tree, home, nodes[i].name, owns, 1);
        else
            xk_tree_make(tree, home, nodes[i].name, reads, 2);
    }
    xk_tree_write(tree, home, "control/platform-feature-multiprocessor-suspend",
                  "1");
    xk_tree_write(tree, home, "control/platform-feature-xs_reset_watches", "1");
}

int
xk_builder_write_home(struct xk_builder *builder, struct xk_error *err)
{
    const struct xk_domain_config *config = builder->config;
    const struct xk_store_perm reads[] = {{'n', 0}, {'r', builder->domid}};
    const struct xk_store_perm ours[] = {{'n', 0}};
    XK_CLEANUP_FREE char *home = xk_path_domain(builder->domid);
    XK_CLEANUP_FREE char *vm = xk_path_vm(&config->uuid);
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(builder->domid);
    XK_CLEANUP_TREE struct xk_tree tree = {0};
    char uuid[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&config->uuid, uuid);
    xk_tree_remove(&tree, home, NULL);
    xk_tree_make(&tree, home, NULL, reads, 2);
    xk_tree_remove(&tree, vm, NULL);
    xk_tree_make(&tree, vm, NULL, reads, 2);
    xk_tree_remove(&tree, libxl, NULL);
    xk_tree_make(&tree, libxl, NULL, ours, 1);
    xk_tree_make(&tree, libxl, "device", ours, 1);
    xk_tree_write(&tree, home, "vm", vm);
    xk_tree_write(&tree, home, "name", config->name);
    xk_tree_write(&tree, vm, "name", config->name);
    xk_tree_write(&tree, vm, "uuid", uuid);
    make_home(builder, home, &tree);
    xk_tree_write(&tree, libxl, "type",
                  config->type == XK_TYPE_PV ? "pv" : "pvh");
    xk_tree_write(&tree, libxl, "dm-version", "qemu_xen");
    return xk_tree_commit(&tree, builder->store, builder->deadline, err);
}

/* ---- nodes of the built domain ---- */

static void
put_machine(const struct xk_builder *builder, const char *home,
            struct xk_tree *tree)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    char name[40];

    xk_tree_printf(tree, home, "memory/static-max", "%" PRIu64,
                   info->max_memkb);
    xk_tree_printf(tree, home, "memory/target", "%" PRIu64, info->target_memkb);
    xk_tree_write(tree, home, "memory/videoram", "0");
    xk_tree_printf(tree, home, "domid", "%u", builder->domid);
    xk_tree_printf(tree, home, "store/port", "%" PRIu32, builder->store_port);
    xk_tree_printf(tree, home, "store/ring-ref", "%" PRIu64,
                   builder->store_gfn);
    for (int i = 0; i < info->max_vcpus; i++) {
        snprintf(name, sizeof(name), "cpu/%d/availability", i);
        xk_tree_write(tree, home, name,
                      libxl_bitmap_test(&info->avail_vcpus, i) ? "online"
                                                               : "offline");
    }
}

static void
put_image(const struct xk_builder *builder, const char *vm,
          struct xk_tree *tree)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    struct timeval now;

    gettimeofday(&now, NULL);
    xk_tree_printf(tree, vm, "start_time", "%jd.%02d", (intmax_t)now.tv_sec,
                   (int)now.tv_usec / 10000);
    if (builder->config->type != XK_TYPE_PV)
        return;
    xk_tree_write(tree, vm, "image/ostype", "linux");
    xk_tree_write(tree, vm, "image/kernel", info->kernel);
    if (info->ramdisk != NULL)
        xk_tree_write(tree, vm, "image/ramdisk", info->ramdisk);
    if (info->cmdline != NULL)
        xk_tree_write(tree, vm, "image/cmdline", info->cmdline);
}

/* ---- the console ---- */

/* The nodes that the backend and libxl's copy of it have in common. */
static void
put_console_back(const struct xk_builder *builder, const char *path,
                 struct xk_tree *tree)
{
    xk_tree_printf(tree, path, "frontend-id", "%u", builder->domid);
    xk_tree_write(tree, path, "online", "1");
    xk_tree_write(tree, path, "state", STARTING);
    xk_tree_write(tree, path, "protocol", "vt100");
}

/* The guest may read these nodes but not write to them, because programs in
 * dom0 trust them. */
static void
put_console_front(const struct xk_builder *builder, const char *path,
                  const char *back, struct xk_tree *tree)
{
    const struct xk_store_perm guests[] = {{'n', builder->domid},
                                           {'r', builder->console_domid}};
    const struct xk_store_perm theirs[] = {{'n', builder->console_domid},
                                           {'r', builder->domid}};
    static const char *const names[] = {"limit", "type", "output",
                                        "tty",   "port", "ring-ref"};

    xk_tree_remove(tree, path, NULL);
    xk_tree_make(tree, path, NULL, theirs, 2);
    xk_tree_write(tree, path, "backend", back);
    xk_tree_printf(tree, path, "backend-id", "%u", builder->console_domid);
    xk_tree_guard(tree, path, "backend-id", guests, 2);
    xk_tree_printf(tree, path, "limit", "%d", CONSOLE_LIMIT);
    xk_tree_write(tree, path, "type", "xenconsoled");
    xk_tree_write(tree, path, "output", "pty");
    xk_tree_write(tree, path, "tty", "");
    xk_tree_printf(tree, path, "port", "%" PRIu32, builder->console_port);
    xk_tree_printf(tree, path, "ring-ref", "%" PRIu64, builder->console_gfn);
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++)
        xk_tree_guard(tree, path, names[i], theirs, 2);
}

static void
put_console(const struct xk_builder *builder, struct xk_tree *tree)
{
    const struct xk_store_perm theirs[] = {{'n', builder->console_domid},
                                           {'r', builder->domid}};
    XK_CLEANUP_FREE char *front =
        xk_asprintf("/local/domain/%u/console", builder->domid);
    XK_CLEANUP_FREE char *back =
        xk_path_backend(builder->console_domid, "console", builder->domid, 0);
    XK_CLEANUP_FREE char *libxl =
        xk_asprintf("/libxl/%u/device/console/0", builder->domid);

    xk_tree_remove(tree, libxl, NULL);
    xk_tree_write(tree, libxl, "frontend", front);
    xk_tree_write(tree, libxl, "backend", back);
    put_console_front(builder, front, back, tree);
    xk_tree_remove(tree, back, NULL);
    xk_tree_make(tree, back, NULL, theirs, 2);
    xk_tree_write(tree, back, "frontend", front);
    put_console_back(builder, back, tree);
    put_console_back(builder, libxl, tree);
}

int
xk_builder_write_rest(struct xk_builder *builder, struct xk_error *err)
{
    XK_CLEANUP_FREE char *home = xk_path_domain(builder->domid);
    XK_CLEANUP_FREE char *vm = xk_path_vm(&builder->config->uuid);
    XK_CLEANUP_TREE struct xk_tree tree = {0};

    put_machine(builder, home, &tree);
    put_image(builder, vm, &tree);
    put_console(builder, &tree);
    if (xk_tree_commit(&tree, builder->store, builder->deadline, err) == -1)
        return -1;
    return xk_store_introduce(builder->store, builder->domid,
                              builder->store_gfn, builder->store_port,
                              builder->deadline, err);
}

/* ---- the terminal ---- */

static bool
has_terminal(struct xk_builder *builder, const char *path)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    return xk_store_read(builder->store, XK_STORE_NO_TX, path,
                         XK_STORE_VALUE_MAX, &value, builder->deadline,
                         NULL) == 0 &&
           value.length > 0;
}

/* A new watch fires at once, so a change before it is not missed. */
int
xk_builder_await_console(struct xk_builder *builder, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(CONSOLE_MS);
    XK_CLEANUP_FREE char *path = xk_path_console_tty(builder->domid, 0);

    if (has_terminal(builder, path))
        return 0;
    if (xk_store_watch(builder->store, path, "tty", builder->deadline, err) ==
        -1)
        return -1;
    while (!has_terminal(builder, path)) {
        XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};

        if (xk_store_wait_event(builder->store, &event, deadline, err) == -1)
            return xk_wrap(err, "wait for xenconsoled to open its console");
        builder->deadline = deadline;
    }
    return 0;
}
