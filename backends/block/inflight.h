/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a backend has taken from its rings and not yet answered, in a mapped
 * file that outlives it: whoever takes its place after a SIGKILL does again
 * what was left, and the guest sees nothing.
 *
 * How it works. Requests are answered in any order and an answer lies where a
 * request lay, so a ring does not tell what is still to be done. For each
 * request taken its bytes are kept in a slot, with its number in the ring.
 * Two stores decide, each whole or not at all:
 *   - req_cons of this log: slots with that number or a later one were never
 *     taken, the ring still has them;
 *   - rsp_prod in the guest's ring: slots answered under a lower number are
 *     known to the guest, the others are answered again, in the same words.
 * So a killed process leaves each request to be either done again or answered
 * again, never twice answered. Doing a read or a write again is harmless: the
 * guest may not use its pages or its blocks before it is answered.
 *
 * Stores to a mapped file reach the page cache in program order whatever
 * becomes of the process; nothing here has to survive the host.
 */
#ifndef XK_BACKENDS_BLOCK_INFLIGHT_H
#define XK_BACKENDS_BLOCK_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/block/blkif_abi.h"
#include "base/error.h"

enum {
    XK_INFLIGHT_QUEUES_MAX = 16
};

struct xk_inflight;
struct xk_inflight_queue;

/* Which ring a part of the log is of: what the frontend wrote. */
struct xk_blkif_ring_id {
    uint32_t abi; /* enum xk_blkif_abi */
    uint32_t pages;
    uint32_t grefs[XK_BLKIF_RING_PAGES_MAX];
    uint32_t port;
};

/* What was promised to the frontend: a device keeps it for its whole life,
 * because frontends do not take back what they wrote for an earlier one. */
struct xk_inflight_offer {
    uint32_t queues;
    uint32_t ring_order;
    uint32_t segments;
};

/* Open or make the file. *offer is what to promise in a new log, and becomes
 * what an existing one promised; the room for its queues is taken, so that no
 * store can fail later. XK_ERR_PROTOCOL for a file that is no log. */
struct xk_inflight *xk_inflight_open(const char *path,
                                     struct xk_inflight_offer *offer,
                                     struct xk_error *err);
void xk_inflight_close(struct xk_inflight *log);

/* True if the file was made by xk_inflight_open(). */
bool xk_inflight_is_new(const struct xk_inflight *log);

/* A flush failed: what was written may be lost, for ever. Taken back only by
 * who noted it before a flush that then succeeded. */
void xk_inflight_set_poisoned(struct xk_inflight *log, bool poisoned);
bool xk_inflight_is_poisoned(const struct xk_inflight *log);

/* All that was written is flushed, and nobody has written since: what became of
 * flushes that are left does not matter any more. Set while nobody serves the
 * device; taken back, by who serves it next, before its first request. */
void xk_inflight_set_settled(struct xk_inflight *log, bool settled);
bool xk_inflight_is_settled(const struct xk_inflight *log);

/* Writes are kept by a process until they are flushed (engine.h, server): the
 * log knows which one, and whether it has any. A write that is done is noted; a
 * flush that is done notes what was written when it began. Queues may do both
 * at once: no write is forgotten that the flush began without. */
void xk_inflight_note_write(struct xk_inflight *log);
uint32_t xk_inflight_written(const struct xk_inflight *log);
void xk_inflight_note_flush(struct xk_inflight *log, uint32_t written);

/* The process that keeps them from now on. True where another one had some, and
 * has taken them with it. */
bool xk_inflight_change_server(struct xk_inflight *log, uint64_t server);

/* How many were offered. Of another there is no room, and none is looked at. */
unsigned xk_inflight_queues(const struct xk_inflight *log);
struct xk_inflight_queue *xk_inflight_queue(struct xk_inflight *log,
                                            unsigned number);

/* True if this part is of that ring, and was not ended. */
bool xk_inflight_is_of(const struct xk_inflight_queue *queue,
                       const struct xk_blkif_ring_id *id);
bool xk_inflight_is_open(const struct xk_inflight_queue *queue);

/* Begin anew, empty. */
void xk_inflight_begin(struct xk_inflight_queue *queue,
                       const struct xk_blkif_ring_id *id, uint32_t entries,
                       uint32_t req_cons);

/* The ring is let go of, all is answered. */
void xk_inflight_end(struct xk_inflight_queue *queue);

/* entry is the private copy of request number `index`. Counts once
 * xk_inflight_commit() moved req_cons past it. */
void xk_inflight_take(struct xk_inflight_queue *queue, unsigned slot,
                      uint32_t index, const void *entry);
void xk_inflight_commit(struct xk_inflight_queue *queue, uint32_t req_cons);

/* The answer lies in the ring under number `index`, perhaps not yet shown. */
void xk_inflight_answer(struct xk_inflight_queue *queue, unsigned slot,
                        uint32_t index, int16_t status);

/* The guest was shown the answer. */
void xk_inflight_release(struct xk_inflight_queue *queue, unsigned slot);

/* Whether the slot of that queue has a request that was taken and not answered;
 * then the bytes of it, and of which protocol they are. */
bool xk_inflight_is_undone(const struct xk_inflight *log, unsigned number,
                           unsigned slot, uint32_t *abi,
                           uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);

/* One request that a killed process left. */
struct xk_inflight_left {
    unsigned slot;
    bool answered; /* then status is what to say again */
    int16_t status;
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];
};

/* Calls back for each, with rsp_prod as the guest's ring shows it. Returns how
 * many there are, or -1 where ring and log contradict each other. */
int xk_inflight_recover(struct xk_inflight_queue *queue, uint32_t entries,
                        uint32_t rsp_prod, uint32_t *req_cons,
                        void (*found)(void *context,
                                      const struct xk_inflight_left *left),
                        void *context);

#endif
