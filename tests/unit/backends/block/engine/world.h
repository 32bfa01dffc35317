/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backends, in processes of their own or in ours, on an image whose writes and
 * syncs finish when the test says so; and its flusher. */
#ifndef XK_TESTS_UNIT_BACKENDS_BLOCK_ENGINE_WORLD_H
#define XK_TESTS_UNIT_BACKENDS_BLOCK_ENGINE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/block/engine/engine.h"
#include "tests/fakes/slow_file.h"

enum {
    BLOCK = 4096,
    WAIT_MS = 20000,
    OLD = 0xaa,
    NEW = 0xbb,
};

struct backend {
    struct xk_loop loop;
    struct xk_engine *engine;
    struct xk_engine_queue *queue;
    bool knows_flushes; /* it found a flusher, and did not start one */
    uint8_t *buffer;
    int error;
    bool is_done;
};

extern char *folder, *flusher; /* flusher: path of its socket */
extern struct slow_file image;
extern struct xk_error err;
extern struct backend *running; /* the backend whose request we wait for */

int set_up(void **state);
int tear_down(void **state);
void make(bool with_loop); /* make the image */
const char *target(void);
struct xk_engine *open_engine(bool direct, int wait_ms);

int begin(struct backend *backend, bool direct, int wait_ms);
void end(struct backend *backend);
/* The done() of a request of `running`. */
void note(struct xk_io *io, int error);
/* Run a request and return its errno. */
int run(struct backend *backend, enum xk_io_kind kind, uint8_t fill);

/* Start a backend that writes OLD, flushes if `flush`, and waits to be
 * killed. */
pid_t start(bool direct, bool flush);
void await_killed(pid_t pid);
/* Kill a backend during its flush, which then fails if `fail`. */
void kill_while_it_flushes(bool direct, bool fail, bool kill_both);

/* Returns the flusher's pid; 0: there is none. */
pid_t flusher_pid(void);
void kill_flusher(void);
/* Wait for the end of a process that is not our child. */
void await_end_of(pid_t pid);

#endif
