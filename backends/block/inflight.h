/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The in-flight log: the requests that a backend has taken from its rings and
 * not yet answered, in a mapped file. The file outlives the process, so after
 * a SIGKILL the next backend does the remaining requests again, and the guest
 * notices nothing.
 *
 * How it works. Requests are answered in any order, and a response overwrites
 * a request's place in the ring, so the ring does not show which requests
 * remain. The log keeps the bytes of each request taken in a slot, with its
 * index in the ring. Two stores decide, and each is atomic:
 *   - req_cons of this log: a slot with that index or a later one was never
 *     taken; its request is still in the ring;
 *   - rsp_prod in the guest's ring: a slot answered under a lower index was
 *     seen by the guest; any other answer is given again, with the same status.
 * So each request that a killed process left is either done again or answered
 * again, and never answered twice. Doing a read or a write again is harmless:
 * the guest must not use its pages or its blocks before it has the answer.
 *
 * Stores to a mapped file reach the page cache in program order even if the
 * process is killed. The log need not survive a crash of the host.
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

/* Identifies the ring that a part of the log belongs to, by the frontend's
 * nodes. */
struct xk_blkif_ring_id {
    uint32_t abi; /* enum xk_blkif_abi */
    uint32_t pages;
    uint32_t grefs[XK_BLKIF_RING_PAGES_MAX];
    uint32_t port;
};

/* What the frontend was offered. A device keeps its offer for its whole life,
 * because frontends do not take back nodes that they wrote for an earlier
 * offer. */
struct xk_inflight_offer {
    uint32_t queues;
    uint32_t ring_order;
    uint32_t segments;
};

/* Open or create the log, which the caller closes. *offer is stored in a new
 * log, and replaced by the offer of an existing one. Disk space for all queues
 * is allocated, so that no store can fail later. XK_ERR_PROTOCOL if the file is
 * not a log of this version. */
struct xk_inflight *xk_inflight_open(const char *path,
                                     struct xk_inflight_offer *offer,
                                     struct xk_error *err);
void xk_inflight_close(struct xk_inflight *log);

/* Returns true if xk_inflight_open() created the log. */
bool xk_inflight_is_new(const struct xk_inflight *log);

/* Mark that a flush failed, so that data written may be lost for ever. Only a
 * caller that set the mark before its own flush may clear it, if that flush
 * succeeds. */
void xk_inflight_set_poisoned(struct xk_inflight *log, bool poisoned);
bool xk_inflight_is_poisoned(const struct xk_inflight *log);

/* Mark that all data written is flushed and nobody has written since, so that
 * the result of flushes in the log no longer matters. Set it only while nobody
 * serves the device. The next process that serves it clears the mark before its
 * first request. */
void xk_inflight_set_settled(struct xk_inflight *log, bool settled);
bool xk_inflight_is_settled(const struct xk_inflight *log);

/* If a process keeps writes until they are flushed (xk_engine.server), the log
 * notes which process, and whether it has unflushed writes. Call note_write()
 * when a write is done. When a flush is done, pass note_flush() the value that
 * written() had before the flush began. Queues may call both at the same time:
 * a write that finished after the flush began stays noted. */
void xk_inflight_note_write(struct xk_inflight *log);
uint32_t xk_inflight_written(const struct xk_inflight *log);
void xk_inflight_note_flush(struct xk_inflight *log, uint32_t written);

/* Note the process that keeps writes from now on. Returns true if another
 * process kept unflushed writes, which are lost. */
bool xk_inflight_change_server(struct xk_inflight *log, uint64_t server);

/* Returns how many queues were offered. The log has space for these only. */
unsigned xk_inflight_queues(const struct xk_inflight *log);
struct xk_inflight_queue *xk_inflight_queue(struct xk_inflight *log,
                                            unsigned number);

/* Returns true if the queue's part of the log belongs to that ring and was not
 * ended. */
bool xk_inflight_is_of(const struct xk_inflight_queue *queue,
                       const struct xk_blkif_ring_id *id);
/* Returns true if it belongs to some ring and was not ended. */
bool xk_inflight_is_open(const struct xk_inflight_queue *queue);

/* Begin an empty log for the ring `id`. */
void xk_inflight_begin(struct xk_inflight_queue *queue,
                       const struct xk_blkif_ring_id *id, uint32_t entries,
                       uint32_t req_cons);

/* End it: the ring is unmapped and all its requests are answered. */
void xk_inflight_end(struct xk_inflight_queue *queue);

/* Keep the request with that index; entry is its private copy. It counts as
 * taken once xk_inflight_commit() has moved req_cons past it. */
void xk_inflight_take(struct xk_inflight_queue *queue, unsigned slot,
                      uint32_t index, const void *entry);
void xk_inflight_commit(struct xk_inflight_queue *queue, uint32_t req_cons);

/* Note that the response is in the ring at `index`, published or not. */
void xk_inflight_answer(struct xk_inflight_queue *queue, unsigned slot,
                        uint32_t index, int16_t status);

/* Free the slot: its response is published. */
void xk_inflight_release(struct xk_inflight_queue *queue, unsigned slot);

/* Returns true if the slot of that queue holds a request that was taken and not
 * answered; then also its bytes and their protocol. */
bool xk_inflight_is_undone(const struct xk_inflight *log, unsigned number,
                           unsigned slot, uint32_t *abi,
                           uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);

/* A request that a killed process left. */
struct xk_inflight_left {
    unsigned slot;
    bool answered; /* then answer it again, with `status` */
    int16_t status;
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];
};

/* Call found() for each request left, given the ring's published rsp_prod.
 * Returns how many there are, or -1 if the ring and the log contradict each
 * other. */
int xk_inflight_recover(struct xk_inflight_queue *queue, uint32_t entries,
                        uint32_t rsp_prod, uint32_t *req_cons,
                        void (*found)(void *context,
                                      const struct xk_inflight_left *left),
                        void *context);

#endif
