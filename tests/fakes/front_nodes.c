/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/front_nodes.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

struct xk_store *front_store;

int
front_nodes_set_up(void **state)
{
    (void)state;
    front_store = fake_store_new();
    return 0;
}

int
front_nodes_tear_down(void **state)
{
    (void)state;
    xk_store_close(front_store);
    return 0;
}

struct xk_deadline
front_nodes_ample(void)
{
    return xk_deadline_in_ms(10000);
}

void
front_put(const char *name, const char *value)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("/f/%s", name);

    assert_int_equal(
        xk_store_write(front_store, 0, path, value, front_nodes_ample(), NULL),
        0);
}

void
front_remove(const char *name)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("/f%s%s", name[0] != '\0' ? "/" : "", name);
    struct xk_error err;

    (void)xk_store_remove(front_store, 0, path, front_nodes_ample(), &err);
}

void
front_must_be_refused(int r, const struct xk_error *err, const char *node)
{
    assert_int_equal(r, -1);
    assert_int_equal(err->kind, XK_ERR_PROTOCOL);
    if (strstr(err->message, node) == NULL)
        fail_msg("\"%s\" is not in: %s", node, err->message);
}
