/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

char *
xk_program_find(const char *name, struct xk_error *err)
{
    XK_CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);
    XK_CLEANUP_FREE char *path = NULL;
    const char *slash = self != NULL ? strrchr(self, '/') : NULL;

    if (slash != NULL) {
        path = xk_asprintf("%.*s/%s", (int)(slash - self), self, name);
        if (access(path, X_OK) == 0)
            return XK_TAKE(path);
        free(path);
    }
    path = xk_asprintf("%s/%s", XK_LIBEXEC, name);
    if (access(path, X_OK) == 0)
        return XK_TAKE(path);
    xk_fail(err, XK_ERR_HOST,
            "%s is not there: this xk was built without it, or not installed "
            "whole",
            path);
    return NULL;
}
