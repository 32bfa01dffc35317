/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/record_look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    LOOK_MAX = 8192, /* bytes of a configuration */
    PATH_SIZE = XK_UUID_TEXT_SIZE + 16,
};

/* Read a file of a record, at most `size` bytes. */
static ssize_t
look(const struct xk_state *state, const struct xk_uuid *uuid, const char *file,
     char *text, size_t size)
{
    char id[XK_UUID_TEXT_SIZE], path[PATH_SIZE];
    XK_CLEANUP_CLOSE int fd = -1;

    xk_uuid_format(uuid, id);
    snprintf(path, sizeof(path), "%s/%s", id, file);
    fd = openat(state->domains_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd == -1 ? -1 : read(fd, text, size);
}

/* JSON may write any other character in another way. */
static bool
is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return name[strspn(name, plain)] == '\0';
}

/* One read must suffice: only an odd configuration is longer. */
bool
xk_record_may_hold(const struct xk_state *state, const struct xk_uuid *uuid,
                   const char *const *texts, size_t count)
{
    char text[LOOK_MAX];
    ssize_t got = look(state, uuid, "config.json", text, sizeof(text));

    if (got <= 0 || got == (ssize_t)sizeof(text))
        return true;
    for (size_t i = 0; i < count; i++) {
        if (memmem(text, (size_t)got, texts[i], strlen(texts[i])) != NULL)
            return true;
    }
    return false;
}

bool
xk_record_may_be_named(const struct xk_state *state, const struct xk_uuid *uuid,
                       const char *const *names, size_t count)
{
    bool may = false;

    for (size_t i = 0; !may && i < count; i++) {
        XK_CLEANUP_FREE char *member = xk_asprintf("\"name\":\"%s\"", names[i]);
        const char *const texts[] = {member};

        may = !is_plain(names[i]) || xk_record_may_hold(state, uuid, texts, 1);
    }
    return may;
}

static bool
is_there(const struct xk_state *state, const struct xk_uuid *uuid)
{
    char id[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, id);
    return faccessat(state->domains_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The name of a driver is a word; xk wrote nothing else. */
static bool
take_name(char *name, size_t length)
{
    name[length] = '\0';
    return length > 0 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

enum xk_record_owner
xk_record_owner(const struct xk_state *state, const struct xk_uuid *uuid,
                char name[XK_DRIVER_NAME_SIZE])
{
    ssize_t got =
        look(state, uuid, XK_RECORD_DRIVER, name, XK_DRIVER_NAME_SIZE - 1);

    if (got == -1 && errno == ENOENT)
        return is_there(state, uuid) ? XK_RECORD_UNNAMED : XK_RECORD_GONE;
    return got != -1 && take_name(name, (size_t)got) ? XK_RECORD_OWNED
                                                     : XK_RECORD_ODD;
}
