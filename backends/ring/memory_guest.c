/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/ring/memory_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

struct memory_guest {
    struct xk_guest base;
    struct xk_memory *memory;
    int to_guest;
    bool bound[XK_GUEST_PORTS_MAX];
};

static struct memory_guest *
of(struct xk_guest *guest)
{
    return (struct memory_guest *)guest;
}

struct xk_memory *
xk_memory_new(uint32_t pages)
{
    struct xk_memory *memory = XK_NEW(struct xk_memory);
    size_t bytes = (size_t)pages * XK_GUEST_PAGE_BYTES;

    memory->count = pages;
    memory->access = (_Atomic uint8_t *)xk_calloc(pages, 1);
    memory->fd = memfd_create("guest", MFD_CLOEXEC);
    if (memory->fd == -1 || ftruncate(memory->fd, (off_t)bytes) == -1)
        abort();
    memory->pages = (uint8_t *)mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                    MAP_SHARED, memory->fd, 0);
    if (memory->pages == MAP_FAILED)
        abort();
    return memory;
}

void
xk_memory_free(struct xk_memory *memory)
{
    munmap(memory->pages, (size_t)memory->count * XK_GUEST_PAGE_BYTES);
    close(memory->fd);
    free((void *)memory->access);
    free(memory);
}

uint8_t *
xk_memory_page(struct xk_memory *memory, uint32_t gref)
{
    return memory->pages + (size_t)gref * XK_GUEST_PAGE_BYTES;
}

static bool
allows(const struct xk_memory *memory, uint32_t gref, bool writing)
{
    if (gref >= memory->count)
        return false;
    switch ((enum xk_memory_access)memory->access[gref]) {
    case XK_MEMORY_READ_WRITE:
        return true;
    case XK_MEMORY_READ_ONLY:
        return !writing;
    case XK_MEMORY_NONE:
        break;
    }
    return false;
}

/* Map the same pages a second time, like a mapped grant. */
static void *
map_pages(struct xk_guest *guest, const uint32_t *grefs, unsigned count,
          struct xk_error *err)
{
    struct xk_memory *memory = of(guest)->memory;
    uint8_t *address;

    for (unsigned i = 0; i < count; i++) {
        if (!allows(memory, grefs[i], true)) {
            xk_fail(err, XK_ERR_PROTOCOL, "page %u is not granted", grefs[i]);
            return NULL;
        }
    }
    address = (uint8_t *)mmap(NULL, (size_t)count * XK_GUEST_PAGE_BYTES,
                              PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED)
        abort();
    for (unsigned i = 0; i < count; i++) {
        if (mmap(address + (size_t)i * XK_GUEST_PAGE_BYTES, XK_GUEST_PAGE_BYTES,
                 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory->fd,
                 (off_t)grefs[i] * XK_GUEST_PAGE_BYTES) == MAP_FAILED)
            abort();
    }
    memory->maps += (int)count;
    return address;
}

static void
unmap_pages(struct xk_guest *guest, void *address, unsigned count)
{
    munmap(address, (size_t)count * XK_GUEST_PAGE_BYTES);
    of(guest)->memory->maps -= (int)count;
}

static void
copy_one(struct xk_memory *memory, struct xk_guest_copy *copy)
{
    uint8_t *foreign;

    copy->status = -1;
    if (copy->offset + copy->length > XK_GUEST_PAGE_BYTES ||
        !allows(memory, copy->gref, copy->to_guest))
        return;
    foreign = xk_memory_page(memory, copy->gref) + copy->offset;
    if (copy->to_guest)
        memcpy(foreign, copy->local, copy->length);
    else
        memcpy(copy->local, foreign, copy->length);
    copy->status = XK_GUEST_COPY_OK;
}

static unsigned
steps_of(const struct xk_guest_copy *copy)
{
    size_t offset = (uintptr_t)copy->local % XK_GUEST_PAGE_BYTES;

    return offset + copy->length > XK_GUEST_PAGE_BYTES ? 2 : 1;
}

static int
copy_pages(struct xk_guest *guest, struct xk_guest_copy *copies, unsigned count)
{
    struct xk_memory *memory = of(guest)->memory;

    memory->copy_calls++;
    if (memory->copies_to_fail > 0) {
        memory->copies_to_fail--;
        return -1;
    }
    for (unsigned i = 0; i < count; i++) {
        memory->copy_steps += steps_of(&copies[i]);
        copy_one(memory, &copies[i]);
    }
    return 0;
}

static int
bind_port(struct xk_guest *guest, unsigned number, uint32_t port,
          struct xk_error *err)
{
    if (port == 0)
        return xk_fail(err, XK_ERR_PROTOCOL, "port 0 is not offered");
    of(guest)->bound[number] = true;
    return 0;
}

static void
unbind_ports(struct xk_guest *guest)
{
    memset(of(guest)->bound, 0, sizeof(of(guest)->bound));
}

static void
notify_guest(struct xk_guest *guest, unsigned number)
{
    uint64_t one = 1;

    if (!of(guest)->bound[number])
        return;
    of(guest)->memory->notified[number]++;
    if (write(of(guest)->to_guest, &one, sizeof(one)) != sizeof(one))
        abort();
}

static void
close_guest(struct xk_guest *guest)
{
    free(guest);
}

static const struct xk_guest_ops memory_ops = {
    .map = map_pages,
    .unmap = unmap_pages,
    .copy = copy_pages,
    .bind = bind_port,
    .unbind = unbind_ports,
    .notify = notify_guest,
    .close = close_guest,
};

struct xk_guest *
xk_memory_guest_new(struct xk_memory *memory, int to_backend, int to_guest)
{
    struct memory_guest *guest = XK_NEW(struct memory_guest);

    guest->base = (struct xk_guest){
        .ops = &memory_ops,
        .event_fd = to_backend,
        .event_bytes = sizeof(uint64_t),
    };
    guest->memory = memory;
    guest->to_guest = to_guest;
    return &guest->base;
}
