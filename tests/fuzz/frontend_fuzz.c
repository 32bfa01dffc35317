/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes that a hostile block frontend writes into xenstore, as lines "NAME
 * VALUE". The values accepted must lie within what the backend offered.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/block/frontend.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/fake_store.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static const struct xk_inflight_offer offer = {
    .queues = 4, .ring_order = 4, .segments = 256};

static void
write_line(struct xk_store *store, char *line)
{
    char *value = strchr(line, ' ');
    XK_CLEANUP_FREE char *path = NULL;
    struct xk_error err;

    if (value == NULL || value == line || line[0] == '/')
        return;
    *value++ = '\0';
    path = xk_asprintf("/f/%s", line);
    xk_store_write(store, 0, path, value, xk_deadline_in_ms(1000), &err);
}

static void
check(const struct xk_blkif_front *front)
{
    must_hold(front->queues >= 1 && front->queues <= offer.queues);
    for (unsigned i = 0; i < front->queues; i++) {
        must_hold(front->rings[i].pages >= 1 &&
                  front->rings[i].pages <= 1u << offer.ring_order);
        must_hold(front->rings[i].port >= 1);
        must_hold(front->rings[i].abi < XK_BLKIF_ABI_COUNT);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct xk_store *store = fake_store_new();
    char *text = xk_strndup((const char *)data, length);
    struct xk_blkif_front front;
    struct xk_error err;
    char *rest = NULL;
    int state;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        write_line(store, line);
    if (xk_front_read(store, "/f", &offer, &front, xk_deadline_in_ms(1000),
                      &err) == 0)
        check(&front);
    else
        must_hold(err.kind == XK_ERR_PROTOCOL);
    must_hold(xk_front_state(store, "/f", &state, xk_deadline_in_ms(1000),
                             &err) == 0);
    must_hold(state >= 0 && state <= XK_XENBUS_COUNT);
    free(text);
    xk_store_close(store);
    return 0;
}
