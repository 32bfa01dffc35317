/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replays inputs through a fuzz target that is built without libFuzzer: the
 * files and directories given, or else the target's own corpus in the source
 * tree. A target aborts where its property does not hold.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

enum {
    INPUT_MAX = 32 * 1024 * 1024 /* bytes */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static int
run_file(const char *path)
{
    XK_CLEANUP_BUF struct xk_buf input = {0};
    struct xk_error err;

    if (xk_read_file(AT_FDCWD, path, INPUT_MAX, &input, &err) == -1) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    /* The name is what a person needs if the target aborts. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.length);
    return 0;
}

/* Returns how many inputs there were, or -1. */
static int
run_directory(const char *path, DIR *dir)
{
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(dir)) != NULL) {
        XK_CLEANUP_FREE char *file = xk_asprintf("%s/%s", path, entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        if (run_file(file) == -1)
            return -1;
        count++;
    }
    return count;
}

static int
run(const char *path)
{
    XK_CLEANUP_DIR DIR *dir = opendir(path);

    if (dir != NULL)
        return run_directory(path, dir);
    return run_file(path) == -1 ? -1 : 1;
}

/* tests/fuzz/corpus/NAME for the program NAME_fuzz, under $srcdir. */
static char *
own_corpus(const char *program)
{
    const char *srcdir = getenv("srcdir");
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    const char *suffix = strstr(name, "_fuzz");
    int length = suffix != NULL ? (int)(suffix - name) : (int)strlen(name);

    return xk_asprintf("%s/tests/fuzz/corpus/%.*s",
                       srcdir != NULL ? srcdir : ".", length, name);
}

int
main(int argc, char **argv)
{
    XK_CLEANUP_FREE char *corpus = own_corpus(argv[0]);
    int total = 0;

    if (argc == 1)
        total = run(corpus);
    for (int i = 1; i < argc && total >= 0; i++) {
        int count = run(argv[i]);

        total = count == -1 ? -1 : total + count;
    }
    if (total == 0)
        fprintf(stderr, "no input\n");
    return total > 0 ? 0 : 1;
}
