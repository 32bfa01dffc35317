/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/suspend.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "toolstack/xen/driver_internal.h"
#include "xenstore-helpers/paths.h"

#define FILE_NAME "suspend"

enum word {
    WORD_NONE,     /* no request, or the guest has acknowledged it */
    WORD_SUSPEND,  /* a request to suspend */
    WORD_QUIET,    /* ours: we have not requested yet, or have withdrawn */
    WORD_GIVEN_UP, /* ours: acknowledged, but nobody waits for it any more */
    WORD_OTHER,    /* another toolstack's */
};

#define BYTES(text)                                                            \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }

static const struct {
    const char *bytes;
    size_t length;
} words[] = {
    [WORD_NONE] = BYTES(""),
    [WORD_SUSPEND] = BYTES("suspend"),
    [WORD_QUIET] = BYTES("\0xk: idle"),
    [WORD_GIVEN_UP] = BYTES("\0xk: late"),
};
static_assert(XK_ARRAY_SIZE(words) == WORD_OTHER, "bytes for each known word");

/* The word that replaces each word. An unknown word belongs to another
 * toolstack and stays. */
typedef enum word replacement[WORD_OTHER + 1];

/* An earlier request may still be pending, so keep WORD_SUSPEND and, if the
 * file exists (expect_again), WORD_GIVEN_UP. */
static const replacement expect_first = {
    [WORD_NONE] = WORD_QUIET,  [WORD_SUSPEND] = WORD_SUSPEND,
    [WORD_QUIET] = WORD_QUIET, [WORD_GIVEN_UP] = WORD_QUIET,
    [WORD_OTHER] = WORD_OTHER,
};
static const replacement expect_again = {
    [WORD_NONE] = WORD_QUIET,  [WORD_SUSPEND] = WORD_SUSPEND,
    [WORD_QUIET] = WORD_QUIET, [WORD_GIVEN_UP] = WORD_GIVEN_UP,
    [WORD_OTHER] = WORD_OTHER,
};

/* A guest that acknowledges in a transaction, as Linux does, notices that the
 * request has gone. No WORD_NONE remains, so withdrawing can be repeated. */
static const replacement withdraw = {
    [WORD_NONE] = WORD_GIVEN_UP, [WORD_SUSPEND] = WORD_QUIET,
    [WORD_QUIET] = WORD_QUIET,   [WORD_GIVEN_UP] = WORD_GIVEN_UP,
    [WORD_OTHER] = WORD_OTHER,
};

bool
xk_xen_is_suspended(const struct xk_xen_domain *domain)
{
    return domain->state == XK_STATE_SHUTDOWN &&
           domain->stop_reason == XK_STOP_SUSPEND;
}

/* ---- the file ---- */

static int
remember(const struct xk_record *record, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        openat(record->dir_fd, FILE_NAME,
               O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd == -1
               ? xk_fail_errno(err, "make \"%s/" FILE_NAME "\"", record->path)
               : 0;
}

bool
xk_suspend_may_be_left(const struct xk_record *record)
{
    return faccessat(record->dir_fd, FILE_NAME, F_OK, 0) == 0;
}

void
xk_suspend_forget(const struct xk_record *record)
{
    unlinkat(record->dir_fd, FILE_NAME, 0);
}

/* ---- the node ---- */

static enum word
find_word(const struct xk_buf *value)
{
    for (int word = 0; word < WORD_OTHER; word++) {
        if (value->length == words[word].length &&
            memcmp(value->data, words[word].bytes, value->length) == 0)
            return (enum word)word;
    }
    return WORD_OTHER;
}

/* A domain without the node cannot be asked through it: WORD_OTHER. */
static int
read_word(struct xk_store *store, uint32_t tx, const char *path,
          enum word *word, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};
    struct xk_error why = {0};

    *word = WORD_OTHER;
    if (xk_store_read_bytes(store, tx, path, XK_STORE_VALUE_MAX, &value,
                            deadline, &why) == 0) {
        *word = find_word(&value);
        return 0;
    }
    if (why.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

struct change {
    const char *path;
    const enum word *by;
    enum word now;
};

static int
replace_word(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct change *change = context;
    enum word before;

    if (read_word(store, tx, change->path, &before, deadline, err) == -1)
        return -1;
    change->now = change->by[before];
    if (change->now == before)
        return 0;
    return xk_store_write_bytes(store, tx, change->path,
                                words[change->now].bytes,
                                words[change->now].length, deadline, err);
}

static int
replace(struct xk_xen *xen, unsigned domid, const replacement by,
        enum word *now, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_path_control_shutdown(domid);
    struct change change = {.path = path, .by = by};

    if (xk_xen_need_store(xen, deadline, err) == -1 ||
        xk_store_transact(xen->store, replace_word, &change,
                          xk_xen_store_deadline(deadline), err) == -1)
        return -1;
    *now = change.now;
    return 0;
}

/* ---- a request ---- */

/* Write the word before the file: once the file exists, WORD_NONE counts as the
 * guest's acknowledgement. */
int
xk_suspend_expect(struct xk_xen *xen, const struct xk_record *record,
                  unsigned domid, struct xk_deadline deadline,
                  struct xk_error *err)
{
    enum word now;

    if (replace(xen, domid,
                xk_suspend_may_be_left(record) ? expect_again : expect_first,
                &now, deadline, err) == -1)
        return -1;
    return remember(record, err);
}

int
xk_suspend_withdraw(struct xk_xen *xen, const struct xk_record *record,
                    unsigned domid, struct xk_deadline deadline,
                    struct xk_error *err)
{
    enum word now;

    if (!xk_suspend_may_be_left(record))
        return 0;
    if (replace(xen, domid, withdraw, &now, deadline, err) == -1)
        return -1;
    if (now != WORD_GIVEN_UP)
        xk_suspend_forget(record);
    return 0;
}

bool
xk_suspend_is_left(struct xk_xen *xen, const struct xk_record *record,
                   unsigned domid, struct xk_deadline deadline)
{
    XK_CLEANUP_FREE char *path = xk_path_control_shutdown(domid);
    struct xk_error err = {0};
    enum word word;

    return xk_suspend_may_be_left(record) &&
           xk_xen_need_store(xen, deadline, NULL) == 0 &&
           read_word(xen->store, XK_STORE_NO_TX, path, &word,
                     xk_xen_store_deadline(deadline), &err) == 0 &&
           word == WORD_GIVEN_UP;
}
