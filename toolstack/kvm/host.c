/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

static const char qemu_name[] = "qemu-system-x86_64";

/* Searched after PATH: a service may run without one. */
static const char usual_folders[] = "/usr/local/bin:/usr/bin:/usr/libexec";

/* Return the path of the program in the first folder of a ':'-separated list
 * that has it. */
static char *
search(const char *folders)
{
    while (folders != NULL && *folders != '\0') {
        size_t length = strcspn(folders, ":");
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%.*s/%s", (int)length, folders, qemu_name);

        if (path[0] == '/' && access(path, X_OK) == 0)
            return XK_TAKE(path);
        folders += length + (folders[length] == ':');
    }
    return NULL;
}

char *
xk_kvm_qemu_path(struct xk_error *err)
{
    const char *given = getenv("XK_QEMU");
    char *path;

    if (given != NULL && given[0] != '\0') {
        if (given[0] == '/' && access(given, X_OK) == 0)
            return xk_strdup(given);
        xk_fail(err, XK_ERR_HOST,
                "XK_QEMU is \"%s\", which is not the absolute path of a "
                "program",
                given);
        return NULL;
    }
    path = search(getenv("PATH"));
    if (path == NULL)
        path = search(usual_folders);
    if (path == NULL)
        xk_fail(err, XK_ERR_HOST,
                "%s is not installed (Debian: apt install qemu-system-x86)",
                qemu_name);
    return path;
}

char *
xk_kvm_processor_flags(void)
{
    XK_CLEANUP_FILE FILE *file = fopen("/proc/cpuinfo", "re");
    XK_CLEANUP_FREE char *line = NULL;
    size_t room = 0;

    while (file != NULL && getline(&line, &room, file) != -1) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "flags", 5) != 0 || colon == NULL)
            continue;
        colon += 1 + strspn(colon + 1, " ");
        return xk_strndup(colon, strcspn(colon, "\n"));
    }
    return xk_strdup("");
}

/* Whether the first processor has vmx or svm. */
static bool
processor_can(void)
{
    XK_CLEANUP_FREE char *flags = xk_kvm_processor_flags();
    char *state = NULL;

    for (char *word = strtok_r(flags, " ", &state); word != NULL;
         word = strtok_r(NULL, " ", &state)) {
        if (strcmp(word, "vmx") == 0 || strcmp(word, "svm") == 0)
            return true;
    }
    return false;
}

bool
xk_kvm_accelerator(char **reason)
{
    XK_CLEANUP_CLOSE int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    *reason = NULL;
    if (fd == -1)
        *reason = xk_asprintf("/dev/kvm: %s", strerror(errno));
    else if (!processor_can())
        *reason = xk_strdup("/dev/kvm is there, but the processor has neither "
                            "vmx nor svm");
    return *reason == NULL;
}
