/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A script of the user's own, run as libxl runs it: as root, with "online" and
 * "offline" and "type_if=vif". Its environment has what libxl puts there, and
 * beside that what the script would read from xenstore, so that it can do
 * without one (KVM).
 *
 * Source: get_hotplug_env() in tools/libs/light/libxl_linux.c of Xen 4.17.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/run.h"
#include "net-helpers/plug_internal.h"

enum {
    OUTPUT_MAX = 16 * 1024,
    VARIABLES_MAX = 16,
};

#define SEARCH_PATH                                                            \
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- the file ---- */

/* The caller frees the path. */
static char *
path_of(const struct xk_plug *plug)
{
    return plug->script[0] == '/'
               ? xk_strdup(plug->script)
               : xk_asprintf(XK_PLUG_SCRIPTS "/%s", plug->script);
}

static int
check_file(const char *path, struct xk_error *err)
{
    struct stat st;

    if (stat(path, &st) == -1)
        return xk_fail(err, XK_ERR_CONFIG, "script \"%s\": %s", path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "script \"%s\" is not an executable file", path);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
        (st.st_mode & S_IWOTH) != 0 ||
        ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0))
        return xk_fail(err, XK_ERR_CONFIG,
                       "script \"%s\" is not safe to run as root: it must "
                       "belong to root, and others may not write to it",
                       path);
    return 0;
}

static int
read_words(const struct xk_plug *plug, struct xk_error *err)
{
    if (plug->script[0] != '/' &&
        (plug->script[0] == '\0' || strchr(plug->script, '/') != NULL))
        return xk_fail(err, XK_ERR_CONFIG,
                       "script \"%s\" is neither an absolute path nor a name "
                       "in " XK_PLUG_SCRIPTS,
                       plug->script);
    return 0;
}

static int
check(const struct xk_plug *plug, struct xk_deadline deadline,
      struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = path_of(plug);

    (void)deadline;
    return check_file(path, err);
}

/* ---- its environment ---- */

struct environment {
    char *items[VARIABLES_MAX + 1]; /* ended by NULL */
    size_t count;
};

static void
put(struct environment *environment, const char *name, const char *value)
{
    if (value != NULL && environment->count < VARIABLES_MAX)
        environment->items[environment->count++] =
            xk_asprintf("%s=%s", name, value);
}

static void
free_environment(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->items[i]);
}

/* "netdev" is there even if it is empty, as with libxl. */
static void
fill(struct environment *environment, const struct xk_plug *plug,
     const struct xk_plug_card *card, const char *path)
{
    XK_CLEANUP_FREE char *mtu =
        card->mtu != 0 ? xk_asprintf("%u", card->mtu) : NULL;

    environment->items[environment->count++] = xk_strdup(SEARCH_PATH);
    put(environment, "LANG", "C");
    put(environment, "script", path);
    put(environment, "vif", card->device);
    put(environment, "netdev",
        plug->gatewaydev != NULL ? plug->gatewaydev : "");
    put(environment, "bridge", plug->bridge);
    put(environment, "ip", plug->ip);
    put(environment, "mac", card->mac);
    put(environment, "mtu", mtu);
    put(environment, "vifname", card->vifname);
    put(environment, "XK_DOMAIN", card->domain);
    if (card->store == NULL)
        return;
    put(environment, "XENBUS_TYPE", "vif");
    put(environment, "XENBUS_PATH", card->store);
    put(environment, "XENBUS_BASE_PATH", "backend");
}

/* ---- running it ---- */

static void
log_output(const char *path, struct xk_buf *output)
{
    XK_CLEANUP_FREE char *text =
        xk_strndup(output->data != NULL ? output->data : "", output->length);
    char *state = NULL;

    for (char *line = strtok_r(text, "\n", &state); line != NULL;
         line = strtok_r(NULL, "\n", &state)) {
        XK_CLEANUP_BUF struct xk_buf safe = {0};

        xk_log_escape(&safe, line);
        xk_info("%s: %s", path, safe.data);
    }
}

/* What it said last, for an error. The caller frees it. */
static char *
last_line(const struct xk_buf *output)
{
    XK_CLEANUP_FREE char *text =
        xk_strndup(output->data != NULL ? output->data : "", output->length);
    XK_CLEANUP_BUF struct xk_buf safe = {0};
    size_t end = strlen(text);
    const char *line;

    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        text[--end] = '\0';
    line = strrchr(text, '\n');
    xk_buf_puts(&safe, "");
    xk_log_escape(&safe, line != NULL ? line + 1 : text);
    return xk_buf_take(&safe);
}

static int
judge(const char *path, const char *command, int status,
      const struct xk_buf *output, struct xk_error *err)
{
    XK_CLEANUP_FREE char *said = last_line(output);
    const char *colon = said[0] != '\0' ? ": " : "";

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return xk_fail(err, XK_ERR_FAILED, "\"%s %s\" was killed by signal %d",
                       path, command, WTERMSIG(status));
    return xk_fail(err, XK_ERR_FAILED,
                   "\"%s %s\" failed with exit status %d%s%.500s", path,
                   command, WEXITSTATUS(status), colon, said);
}

static int
run(const struct xk_plug *plug, const struct xk_plug_card *card,
    const char *command, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = path_of(plug);
    XK_CLEANUP_BUF struct xk_buf output = {0};
    const char *const argv[] = {path, command, "type_if=vif", NULL};
    struct environment environment = {0};
    int status = 0, r;

    fill(&environment, plug, card, path);
    r = xk_run(
        argv, (const char *const *)environment.items, OUTPUT_MAX, &output,
        xk_deadline_min(deadline, xk_deadline_in_ms(XK_PLUG_MS)), &status, err);
    free_environment(&environment);
    log_output(path, &output);
    if (r == -1)
        return xk_wrap(err, "script %s", command);
    return judge(path, command, status, &output, err);
}

static int
go_online(const struct xk_plug *plug, const struct xk_plug_card *card,
          struct xk_deadline deadline, struct xk_error *err)
{
    return run(plug, card, "online", deadline, err);
}

/* What it does is its own affair, but its file must be as safe as it was. */
static int
go_offline(const struct xk_plug *plug, const struct xk_plug_card *card,
           struct xk_deadline deadline, struct xk_error *err)
{
    return check(plug, deadline, err) == -1
               ? -1
               : run(plug, card, "offline", deadline, err);
}

const struct xk_plug_ops xk_plug_script_ops = {
    .leaves = true,
    .takes_address = true,
    .read = read_words,
    .check = check,
    .in = go_online,
    .out = go_offline,
};
