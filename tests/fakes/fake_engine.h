/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An engine that fails, holds and reorders requests. For one queue. */
#ifndef XK_TESTS_FAKES_FAKE_ENGINE_H
#define XK_TESTS_FAKES_FAKE_ENGINE_H

#include <pthread.h>

#include "backends/block/engine/engine.h"

enum {
    FAKE_ENGINE_HELD_MAX = 512
};

struct fake_engine {
    struct xk_engine base;
    _Atomic int fail_next; /* errno for the next request; 0: none */
    _Atomic bool hold;     /* keep requests until release */
    _Atomic bool backwards;
    pthread_mutex_t lock;
    char seen[4096]; /* one letter per request: R W F D */
    size_t count;
    struct xk_io *held[FAKE_ENGINE_HELD_MAX];
    size_t held_count;
    int release_fd;
    struct xk_loop_op release_op;
    uint64_t release_value;
    uint64_t bytes;
};

/* The queue's device owns the engine: xk_engine_close(&fake->base). */
struct fake_engine *fake_engine_new(uint64_t bytes);
const char *fake_engine_seen(struct fake_engine *fake);
/* Wait until that many requests came. */
bool fake_engine_wait(struct fake_engine *fake, size_t count);
/* Finish all held requests, and hold no more. */
void fake_engine_release(struct fake_engine *fake);

#endif
