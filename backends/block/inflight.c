/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The in-flight log: a header, then one part for each queue with a slot for
 * each ring entry. inflight.h explains which stores decide.
 *
 * A slot's state and index are one 64-bit word, so they change together. Each
 * function writes the data first and the word that makes it valid last, with
 * release order. A reader after a kill therefore never sees a word without its
 * data. The same holds for the file: its magic is written last.
 */
#include "backends/block/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    MAGIC = 0x6b6c6278, /* "xblk" */
    LOG_VERSION = 1,
};

enum slot_state {
    SLOT_FREE,
    SLOT_TAKEN,    /* index: of the request */
    SLOT_ANSWERED, /* index: of the response */
};

struct slot {
    _Atomic uint64_t word; /* index << 16 | state */
    int16_t status;
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];
};

struct xk_inflight_queue {
    _Atomic uint32_t open;
    struct xk_blkif_ring_id id;
    _Atomic uint32_t req_cons;
    struct slot slots[XK_BLKIF_RING_ENTRIES_MAX];
};

struct header {
    uint32_t magic;
    uint32_t version;
    struct xk_inflight_offer offer;
    _Atomic uint32_t poisoned;
    _Atomic uint32_t unflushed; /* number of the last unflushed write, or 0 */
    uint64_t server;
    _Atomic uint32_t settled;
};

struct file {
    union {
        struct header header;
        uint8_t page[XK_BLKIF_PAGE_BYTES];
    };
    struct xk_inflight_queue queues[XK_INFLIGHT_QUEUES_MAX];
};

struct xk_inflight {
    int fd;
    bool is_new;
    _Atomic uint32_t writes; /* the last number given to a write */
    struct file *file;
};

static bool
offer_is_sane(const struct xk_inflight_offer *offer)
{
    return offer->queues >= 1 && offer->queues <= XK_INFLIGHT_QUEUES_MAX &&
           offer->ring_order <= XK_BLKIF_RING_ORDER_MAX &&
           offer->segments >= XK_BLKIF_DIRECT_SEGMENTS &&
           offer->segments <= XK_BLKIF_MAX_SEGMENTS;
}

/* Allocate disk space now, so that a full file system is reported here and not
 * when a guest connects. */
static int
take_room(const struct xk_inflight *log, size_t length, struct xk_error *err)
{
    int rc = posix_fallocate(log->fd, 0, (off_t)length);

    return rc == 0 ? 0
                   : xk_fail(err, XK_ERR_SYSTEM, "make room: %s", strerror(rc));
}

static int
take_room_for(const struct xk_inflight *log,
              const struct xk_inflight_offer *offer, struct xk_error *err)
{
    return take_room(log,
                     offsetof(struct file, queues) +
                         offer->queues * sizeof(struct xk_inflight_queue),
                     err);
}

/* The magic is written last: an incomplete log does not have it and is made
 * again. */
static int
make_log(struct xk_inflight *log, const struct xk_inflight_offer *offer,
         struct xk_error *err)
{
    struct header *header = &log->file->header;

    if (take_room_for(log, offer, err) == -1)
        return -1;
    log->is_new = true;
    header->version = LOG_VERSION;
    header->offer = *offer;
    __atomic_store_n(&header->magic, MAGIC, __ATOMIC_RELEASE);
    return 0;
}

/* Adopt the log in the file, or make one. An older xk allocated no space for
 * unconnected queues, so allocate it for an adopted log too. */
static int
adopt_or_make(struct xk_inflight *log, struct xk_inflight_offer *offer,
              struct xk_error *err)
{
    struct header *header = &log->file->header;

    if (header->magic == 0)
        return make_log(log, offer, err);
    if (header->magic != MAGIC || header->version != LOG_VERSION ||
        !offer_is_sane(&header->offer))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "not a log of this version of xk: detach the device "
                       "and attach it again");
    *offer = header->offer;
    return take_room_for(log, offer, err);
}

static int
map_log(struct xk_inflight *log, struct xk_error *err)
{
    void *memory;

    if (ftruncate(log->fd, sizeof(struct file)) == -1)
        return xk_fail_errno(err, "make room");
    if (take_room(log, XK_BLKIF_PAGE_BYTES, err) == -1)
        return -1;
    memory = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED,
                  log->fd, 0);
    if (memory == MAP_FAILED)
        return xk_fail_errno(err, "map");
    log->file = (struct file *)memory;
    return 0;
}

struct xk_inflight *
xk_inflight_open(const char *path, struct xk_inflight_offer *offer,
                 struct xk_error *err)
{
    struct xk_inflight *log = XK_NEW(struct xk_inflight);

    log->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log->fd == -1)
        xk_fail_errno(err, "open");
    else if (map_log(log, err) == 0 && adopt_or_make(log, offer, err) == 0) {
        log->writes = log->file->header.unflushed;
        return log;
    }
    xk_wrap(err, "in-flight log \"%s\"", path);
    xk_inflight_close(log);
    return NULL;
}

void
xk_inflight_close(struct xk_inflight *log)
{
    if (log == NULL)
        return;
    if (log->file != NULL)
        munmap(log->file, sizeof(struct file));
    if (log->fd != -1)
        close(log->fd);
    free(log);
}

bool
xk_inflight_is_new(const struct xk_inflight *log)
{
    return log->is_new;
}

void
xk_inflight_set_poisoned(struct xk_inflight *log, bool poisoned)
{
    log->file->header.poisoned = poisoned;
}

bool
xk_inflight_is_poisoned(const struct xk_inflight *log)
{
    return log->file->header.poisoned != 0;
}

void
xk_inflight_set_settled(struct xk_inflight *log, bool settled)
{
    atomic_store(&log->file->header.settled, settled);
}

bool
xk_inflight_is_settled(const struct xk_inflight *log)
{
    return atomic_load(&log->file->header.settled) != 0;
}

void
xk_inflight_note_write(struct xk_inflight *log)
{
    uint32_t number = ++log->writes;

    if (number == 0) /* wrapped around; 0 means none */
        number = ++log->writes;
    log->file->header.unflushed = number;
}

uint32_t
xk_inflight_written(const struct xk_inflight *log)
{
    return log->file->header.unflushed;
}

/* Clear the mark only if no later write has changed it, atomically. */
void
xk_inflight_note_flush(struct xk_inflight *log, uint32_t written)
{
    atomic_compare_exchange_strong(&log->file->header.unflushed, &written, 0);
}

bool
xk_inflight_change_server(struct xk_inflight *log, uint64_t server)
{
    struct header *header = &log->file->header;
    bool lost = header->server != server && header->unflushed != 0;

    header->server = server;
    return lost;
}

unsigned
xk_inflight_queues(const struct xk_inflight *log)
{
    return log->file->header.offer.queues;
}

struct xk_inflight_queue *
xk_inflight_queue(struct xk_inflight *log, unsigned number)
{
    return &log->file->queues[number];
}

bool
xk_inflight_is_open(const struct xk_inflight_queue *queue)
{
    return queue->open == 1;
}

bool
xk_inflight_is_of(const struct xk_inflight_queue *queue,
                  const struct xk_blkif_ring_id *id)
{
    return queue->open == 1 && memcmp(&queue->id, id, sizeof(*id)) == 0;
}

void
xk_inflight_begin(struct xk_inflight_queue *queue,
                  const struct xk_blkif_ring_id *id, uint32_t entries,
                  uint32_t req_cons)
{
    queue->open = 0;
    for (uint32_t i = 0; i < entries; i++)
        queue->slots[i].word = SLOT_FREE;
    queue->id = *id;
    queue->req_cons = req_cons;
    queue->open = 1;
}

void
xk_inflight_end(struct xk_inflight_queue *queue)
{
    queue->open = 0;
}

static void
set(struct slot *slot, uint32_t index, enum slot_state state)
{
    atomic_store_explicit(&slot->word, (uint64_t)index << 16 | state,
                          memory_order_release);
}

void
xk_inflight_take(struct xk_inflight_queue *queue, unsigned slot, uint32_t index,
                 const void *entry)
{
    memcpy(queue->slots[slot].entry, entry, XK_BLKIF_ENTRY_BYTES_MAX);
    set(&queue->slots[slot], index, SLOT_TAKEN);
}

void
xk_inflight_commit(struct xk_inflight_queue *queue, uint32_t req_cons)
{
    atomic_store_explicit(&queue->req_cons, req_cons, memory_order_release);
}

void
xk_inflight_answer(struct xk_inflight_queue *queue, unsigned slot,
                   uint32_t index, int16_t status)
{
    queue->slots[slot].status = status;
    set(&queue->slots[slot], index, SLOT_ANSWERED);
}

void
xk_inflight_release(struct xk_inflight_queue *queue, unsigned slot)
{
    set(&queue->slots[slot], 0, SLOT_FREE);
}

/* Indices wrap around at 2^32. */
static bool
is_before(uint32_t index, uint32_t limit)
{
    return (int32_t)(index - limit) < 0;
}

bool
xk_inflight_is_undone(const struct xk_inflight *log, unsigned number,
                      unsigned slot, uint32_t *abi,
                      uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX])
{
    const struct xk_inflight_queue *queue = &log->file->queues[number];
    uint32_t pages = queue->id.pages;
    uint64_t word;

    *abi = queue->id.abi;
    if (queue->open != 1 || *abi >= XK_BLKIF_ABI_COUNT || pages == 0 ||
        pages > XK_BLKIF_RING_PAGES_MAX ||
        slot >= xk_blkif_ring_entries((enum xk_blkif_abi) * abi, pages))
        return false;
    word = queue->slots[slot].word;
    memcpy(entry, queue->slots[slot].entry, XK_BLKIF_ENTRY_BYTES_MAX);
    return (word & 0xffff) == SLOT_TAKEN &&
           is_before((uint32_t)(word >> 16), queue->req_cons);
}

static bool
is_left(struct slot *slot, uint32_t req_cons, uint32_t rsp_prod)
{
    uint64_t word = slot->word;
    uint32_t index = (uint32_t)(word >> 16);

    switch ((enum slot_state)(word & 0xffff)) {
    case SLOT_TAKEN:
        return is_before(index, req_cons);
    case SLOT_ANSWERED:
        return !is_before(index, rsp_prod);
    case SLOT_FREE:
        break;
    }
    return false;
}

int
xk_inflight_recover(struct xk_inflight_queue *queue, uint32_t entries,
                    uint32_t rsp_prod, uint32_t *req_cons,
                    void (*found)(void *context,
                                  const struct xk_inflight_left *left),
                    void *context)
{
    uint32_t cons = queue->req_cons;
    uint32_t count = 0;

    for (unsigned i = 0; i < entries; i++) {
        struct slot *slot = &queue->slots[i];
        struct xk_inflight_left left = {.slot = i};

        if (!is_left(slot, cons, rsp_prod)) {
            set(slot, 0, SLOT_FREE);
            continue;
        }
        left.answered = (slot->word & 0xffff) == SLOT_ANSWERED;
        left.status = slot->status;
        memcpy(left.entry, slot->entry, sizeof(left.entry));
        count++;
        found(context, &left);
    }
    *req_cons = cons;
    return count == (uint32_t)(cons - rsp_prod) ? (int)count : -1;
}
