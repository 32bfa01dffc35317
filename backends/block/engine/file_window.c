/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One bit per page says that the page is known to be allocated. If a range is
 * not known, one look with SEEK_DATA and SEEK_HOLE marks up to LOOK_BYTES.
 */
#include "backends/block/engine/file_window.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    PAGE_BYTES = 4096,
    WORD_PAGES = 64,
    LOOK_BYTES = 64 * 1024 * 1024, /* at a time, to bound how long it takes */
};

struct xk_file_window {
    int fd;
    uint64_t bytes;
    uint8_t *memory;
    _Atomic uint64_t *allocated; /* one bit per page */
    size_t words;
};

static size_t
count_words(uint64_t bytes)
{
    return (size_t)(bytes / PAGE_BYTES / WORD_PAGES + 1);
}

struct xk_file_window *
xk_file_window_new(int fd, uint64_t bytes, bool read_only)
{
    struct xk_file_window *window = XK_NEW(struct xk_file_window);
    void *bits;

    window->fd = fd;
    window->bytes = bytes;
    window->words = count_words(bytes);
    window->memory =
        (uint8_t *)mmap(NULL, bytes, PROT_READ | (read_only ? 0 : PROT_WRITE),
                        MAP_SHARED | MAP_NORESERVE, fd, 0);
    bits = mmap(NULL, window->words * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    window->allocated = bits == MAP_FAILED ? NULL : (_Atomic uint64_t *)bits;
    if (window->memory == MAP_FAILED)
        window->memory = NULL;
    if (window->memory == NULL || window->allocated == NULL) {
        xk_file_window_free(window);
        return NULL;
    }
    return window;
}

void
xk_file_window_free(struct xk_file_window *window)
{
    if (window == NULL)
        return;
    if (window->memory != NULL)
        munmap(window->memory, window->bytes);
    if (window->allocated != NULL)
        munmap((void *)window->allocated, window->words * sizeof(uint64_t));
    free(window);
}

/* Returns a word with the bits `first` to `last` set. */
static uint64_t
bits_between(uint64_t first, uint64_t last)
{
    return UINT64_MAX << first & UINT64_MAX >> (WORD_PAGES - 1 - last);
}

/* Returns the bits that the pages `first` to `last` have in that word. */
static uint64_t
bits_of(uint64_t word, uint64_t first, uint64_t last)
{
    uint64_t from = word * WORD_PAGES;

    return bits_between(first > from ? first - from : 0,
                        last < from + WORD_PAGES - 1 ? last - from
                                                     : WORD_PAGES - 1);
}

static bool
is_known(const struct xk_file_window *window, uint64_t first, uint64_t last)
{
    for (uint64_t word = first / WORD_PAGES; word <= last / WORD_PAGES;
         word++) {
        uint64_t bits = bits_of(word, first, last);

        if ((window->allocated[word] & bits) != bits)
            return false;
    }
    return true;
}

static void
mark(struct xk_file_window *window, uint64_t first, uint64_t last)
{
    for (uint64_t word = first / WORD_PAGES; word <= last / WORD_PAGES; word++)
        window->allocated[word] |= bits_of(word, first, last);
}

/* Mark the allocated pages from offset to the next hole, which may begin within
 * a page. */
static void
look(struct xk_file_window *window, uint64_t offset)
{
    off_t start = lseek(window->fd, (off_t)offset, SEEK_DATA);
    off_t end;

    if (start == -1 || (uint64_t)start > offset)
        return;
    end = lseek(window->fd, (off_t)offset, SEEK_HOLE);
    if (end == -1 || (uint64_t)end <= offset)
        return;
    if ((uint64_t)end > window->bytes)
        end = (off_t)window->bytes;
    if ((uint64_t)end > offset + LOOK_BYTES)
        end = (off_t)(offset + LOOK_BYTES);
    mark(window, offset / PAGE_BYTES, ((uint64_t)end - 1) / PAGE_BYTES);
}

void *
xk_file_window_at(struct xk_file_window *window, uint64_t offset,
                  uint64_t length)
{
    uint64_t first = offset / PAGE_BYTES;
    uint64_t last;

    if (length == 0 || offset > window->bytes ||
        length > window->bytes - offset)
        return NULL;
    last = (offset + length - 1) / PAGE_BYTES;
    if (!is_known(window, first, last)) {
        look(window, first * PAGE_BYTES);
        if (!is_known(window, first, last))
            return NULL;
    }
    return window->memory + offset;
}

void
xk_file_window_forget(struct xk_file_window *window, uint64_t offset,
                      uint64_t length)
{
    if (length == 0 || offset >= window->bytes)
        return;
    if (length > window->bytes - offset)
        length = window->bytes - offset;
    for (uint64_t word = offset / PAGE_BYTES / WORD_PAGES;
         word <= (offset + length - 1) / PAGE_BYTES / WORD_PAGES; word++)
        window->allocated[word] &= ~bits_of(word, offset / PAGE_BYTES,
                                            (offset + length - 1) / PAGE_BYTES);
}
