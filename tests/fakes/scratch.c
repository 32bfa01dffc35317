/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

char *
scratch_new(void)
{
    const char *folder = getenv("TMPDIR");
    char *path = xk_asprintf("%s/xk-test-XXXXXX", folder ? folder : "/tmp");
    XK_CLEANUP_FREE char *state = NULL;

    if (mkdtemp(path) == NULL)
        abort();
    state = xk_asprintf("%s/state", path);
    setenv("XK_STATE_DIR", state, 1);
    return path;
}

void
scratch_free(char *path)
{
    xk_remove_tree(AT_FDCWD, path, NULL);
    free(path);
}

size_t
scratch_count(const char *path, const char *below)
{
    XK_CLEANUP_FREE char *whole = xk_asprintf("%s/%s", path, below);
    XK_CLEANUP_DIR DIR *dir = opendir(whole);
    struct dirent *entry;
    size_t count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count +=
            strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    return count;
}
