/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network frontend of domain 0. Each of its queues has two rings: that of
 * frames to send, with the event channel, and that of frames to receive.
 */
#ifndef XK_TESTS_LAB_FRONTENDS_NET_NET_H
#define XK_TESTS_LAB_FRONTENDS_NET_NET_H

#include "backends/net/netif_abi.h"
#include "tests/fakes/netif_entry.h"
#include "tests/lab/frontends/common/cases.h"

struct net_options {
    unsigned queues; /* of the frontend; 0: 1 */
};

static inline unsigned
net_tx(unsigned queue)
{
    return 2 * queue;
}

static inline unsigned
net_rx(unsigned queue)
{
    return 2 * queue + 1;
}

void net_make_rings(struct loop_device *device);
void net_write_rings(struct loop_device *device);

/* A slot over data page `page`. */
void net_put(struct loop_device *device, unsigned queue, uint16_t id,
             unsigned page, uint16_t offset, uint16_t size, uint16_t flags);
void net_put_entry(struct loop_device *device, unsigned queue,
                   struct netif_entry entry);
void net_push(struct loop_device *device, unsigned queue);
/* The next response is that one. */
void net_must_answer(struct loop_device *device, unsigned queue, uint16_t id,
                     int16_t status);
/* A member of the backend's status. */
int64_t net_count(struct loop_device *device, const char *name);

extern const struct loop_case net_conformance_cases[];
extern const size_t net_conformance_count;
extern const struct loop_case net_hostile_cases[];
extern const size_t net_hostile_count;
extern const struct loop_case net_kill_cases[];
extern const size_t net_kill_count;

#endif
