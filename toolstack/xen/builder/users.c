/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replaces the libc functions that look up users. Linking libxl for its JSON
 * links the code that looks up the device model's user, too, and for that a
 * static libc would load the host's shared libraries. xk-build makes no domain
 * with a device model, so these functions find nobody.
 */
#include <errno.h>
#include <pwd.h>
#include <stddef.h>

/* The linker's --wrap makes calls of the functions without prefix call these.
 */
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
