/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
xk_take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

void
xk_cleanup_free(void *pointer_to_pointer)
{
    void *pointer;

    memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
    free(pointer);
}

void
xk_cleanup_close(const int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

void
xk_cleanup_file(FILE **file)
{
    int saved = errno;

    if (*file != NULL)
        fclose(*file);
    errno = saved;
}

void
xk_cleanup_dir(DIR **dir)
{
    int saved = errno;

    if (*dir != NULL)
        closedir(*dir);
    errno = saved;
}
