/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxl's JSON comes with all of libxl, and so with the part that looks up the
 * user a device model runs as; a static libc would load the host's own for
 * that. Nothing here has a device model, so nobody is found.
 */
#include <errno.h>
#include <pwd.h>
#include <stddef.h>

/* Called in place of those without the prefix (the linker's --wrap). */
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
                      size_t size, struct passwd **found);
int __wrap_getpwuid_r(uid_t user, struct passwd *entry, char *buffer,
                      size_t size, struct passwd **found);

int
__wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer,
                  size_t size, struct passwd **found)
{
    (void)name;
    (void)entry;
    (void)buffer;
    (void)size;
    *found = NULL;
    return ENOENT;
}

int
__wrap_getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size,
                  struct passwd **found)
{
    (void)user;
    (void)entry;
    (void)buffer;
    (void)size;
    *found = NULL;
    return ENOENT;
}
