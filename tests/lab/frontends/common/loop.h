/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frontend of domain 0 for a backend of domain 0: pages from gntalloc,
 * ports from evtchn, nodes in the real store. Each device has an xk-backend of
 * its own, which the frontend starts as a toolstack would.
 *
 * A case that finds what it must not find ends with fail_case().
 */
#ifndef XK_TESTS_LAB_FRONTENDS_COMMON_LOOP_H
#define XK_TESTS_LAB_FRONTENDS_COMMON_LOOP_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xenevtchn.h>

#include "tests/fakes/front_ring.h"
#include "xenstore-helpers/store.h"

enum {
    LOOP_RINGS_MAX = 8,
    LOOP_RING_PAGES_MAX = 16,
    LOOP_DATA_PAGES = 300,
    LOOP_WAIT_MS = 30000,
};

struct loop_ring {
    xenevtchn_handle *events;
    uint32_t port;
    uint8_t *pages;
    unsigned page_count;
    uint32_t grefs[LOOP_RING_PAGES_MAX];
    uint64_t index; /* gntalloc's */
    struct front_ring front;
};

struct loop_device {
    void *own; /* the kind's */
    struct xk_store *store;
    unsigned devid;
    char front[64], back[64], folder[64];
    int gntalloc;
    pid_t backend;
    unsigned ring_count;
    struct loop_ring rings[LOOP_RINGS_MAX];
    uint8_t *data; /* LOOP_DATA_PAGES, granted for writing */
    uint32_t *data_grefs;
    uint64_t data_index;
    uint32_t read_only_gref; /* one more page, granted for reading */
    uint8_t *read_only_page;
    uint64_t read_only_index;
};

/* What a program's kind of device differs in; each program has one kind. */
struct loop_kind {
    const char *name;         /* for xk-backend */
    const char *front, *back; /* in the store */
    unsigned first_devid, devid_step;
    void (*make)(struct loop_device *device, const void *options);
    void (*drop)(struct loop_device *device);
    /* Nodes of both ends, beside those of any device. */
    void (*write_nodes)(struct loop_device *device);
    /* Members of device.json, likewise; the caller's. */
    char *(*members)(const struct loop_device *device);
    void (*connect)(struct loop_device *device);
    void (*must_serve)(struct loop_device *device);
};
extern const struct loop_kind loop_kind;

extern sigjmp_buf loop_failed;
void fail_case(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
#define MUST(condition, ...)                                                   \
    do {                                                                       \
        if (!(condition))                                                      \
            fail_case(__VA_ARGS__);                                            \
    } while (0)

/* Both ends in the store at state 1, nobody started. */
struct loop_device *loop_new(const void *options);

/* The same, and a backend at InitWait. */
struct loop_device *loop_open(const void *options);

/* Pages granted to domain 0. */
uint8_t *loop_allocate(struct loop_device *device, unsigned pages,
                       bool writable, uint32_t *grefs, uint64_t *index);
void loop_give_back(struct loop_device *device, void *memory, unsigned pages,
                    uint64_t index);

/* Starts a backend: -1 once it is ready, else its exit status. said: its line
 * on the ready descriptor. */
int loop_start(struct loop_device *device, char *said, size_t size);

/* Rings made and written to the store, state 3, then 4 with the backend. */
void loop_connect(struct loop_device *device);

/* Closes in order, with checks that nothing stays. */
void loop_close(struct loop_device *device);
/* By force; the second prints the backend's log, after a failed case. */
void loop_free(struct loop_device *device);
void loop_abandon(struct loop_device *device);
/* Add a ring; port: with an event channel of its own, else with that of the
 * ring before it. */
void loop_make_ring(struct loop_device *device, unsigned pages,
                    size_t entry_bytes, bool port);
void loop_drop_rings(struct loop_device *device);

void loop_write(struct loop_device *device, const char *name, const char *fmt,
                ...) __attribute__((format(printf, 3, 4)));
void loop_remove(struct loop_device *device, const char *name);
void loop_back_write(struct loop_device *device, const char *name,
                     const char *value);
/* "" where there is no such node; the text lasts until the next call. */
const char *loop_back_read(struct loop_device *device, const char *name);
void loop_set_state(struct loop_device *device, int state);
int loop_back_state(struct loop_device *device);
void loop_await(struct loop_device *device, int state);

void loop_push(struct loop_device *device, unsigned ring);
void loop_kick(struct loop_device *device, unsigned ring);
/* NULL: none comes in time. */
const uint8_t *loop_await_response(struct loop_device *device, unsigned ring,
                                   int ms);

/* It is served. */
void loop_must_serve(struct loop_device *device);
/* Ended as a toolstack does it; what is connected stays. */
void loop_stop(struct loop_device *device);
/* What the next backend is told. */
void loop_write_json(struct loop_device *device);
bool loop_is_alive(const struct loop_device *device);
void loop_kill(struct loop_device *device);
/* One line asked over the control socket; the answer lasts until the next. */
const char *loop_control(struct loop_device *device, const char *question);

/* A loop over kills, or over something else that is done often: false once
 * there were `most` of them, or once they took a third of XK_SAMPLE_S seconds
 * (tests/suite.bash), but ten at least. */
struct loop_kills {
    unsigned most, count;
    int64_t end_ns; /* set by the first call */
};
bool loop_kills_again(struct loop_kills *kills);

/* What the backend's process has. */
struct loop_usage {
    unsigned files;    /* open descriptors */
    unsigned grants;   /* mappings of granted pages */
    unsigned ports;    /* event channels of all of dom0's programs */
    unsigned resident; /* pages */
};
struct loop_usage loop_usage(const struct loop_device *device);

/* A backend that takes over: it is connected once it is ready. */
void loop_start_again(struct loop_device *device);
/* A case: a backend that is killed before the frontend connects. */
void loop_kill_unconnected(struct loop_device *device);
/* The device is Closing, its backend goes on, and its error has the word. */
void loop_must_have_stopped(struct loop_device *device, const char *word);
/* The backend ends by itself, with its nodes; the device is freed. */
void loop_must_end(struct loop_device *device);
/* The frontend closes, and is at the beginning again, without rings. */
void loop_begin_again(struct loop_device *device);

#endif
