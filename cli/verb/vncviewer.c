/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "cli/invocation.h"
#include "toolstack/find.h"
#include "toolstack/seam/domain_ops.h"

enum {
    OPTION_AUTOPASS,
    OPTION_VIEWER,
    OPTION_COUNT,
};

enum {
    FIRST_PORT = 5900,
    DISPLAYS = 100, /* viewers take a larger number for a port */
};

/* Viewers that take a URL. The others take a path, or HOST:DISPLAY. */
static const char *const url_viewers[] = {"remote-viewer", "krdc", "vinagre"};

static bool
wants_url(const char *viewer)
{
    const char *slash = strrchr(viewer, '/');
    const char *name = slash != NULL ? slash + 1 : viewer;

    for (size_t i = 0; i < XK_ARRAY_SIZE(url_viewers); i++) {
        if (strcmp(name, url_viewers[i]) == 0)
            return true;
    }
    return false;
}

/* Format the address of the screen for the viewer. The caller frees it. */
static char *
format_place(const char *viewer, const struct xk_screen *screen)
{
    bool url = wants_url(viewer);
    const char *address = screen->address;
    unsigned display = screen->port - FIRST_PORT;
    const char *open = "", *close = "";

    if (screen->path != NULL)
        return xk_asprintf("%s%s", url ? "vnc+unix://" : "", screen->path);
    if (strchr(address, ':') != NULL)
        open = "[", close = "]";
    if (url)
        return xk_asprintf("vnc://%s%s%s:%u", open, address, close,
                           screen->port);
    if (screen->port >= FIRST_PORT && display < DISPLAYS)
        return xk_asprintf("%s%s%s:%u", open, address, close, display);
    return xk_asprintf("%s%s%s::%u", open, address, close, screen->port);
}

/* Find the first executable of that name in a list of directories. Returns its
 * path with symbolic links resolved, which the caller frees; NULL: none. */
static char *
find_program(const char *name, const char *folders)
{
    while (folders != NULL && folders[0] != '\0') {
        size_t length = strcspn(folders, ":");
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%.*s/%s", (int)length, folders, name);
        char *real = access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;

        if (real != NULL)
            return real;
        folders += length + (folders[length] == ':');
    }
    return NULL;
}

/* Return whether the viewer is TigerVNC's, which fails on an option -autopass
 * and reads the environment. "vncviewer" may be a link to any viewer. */
static bool
reads_environment(const char *viewer)
{
    XK_CLEANUP_FREE char *real = strchr(viewer, '/') != NULL
                                     ? realpath(viewer, NULL)
                                     : find_program(viewer, getenv("PATH"));
    const char *path = real != NULL ? real : viewer;
    const char *slash = strrchr(path, '/');

    return strstr(slash != NULL ? slash : path, "tigervnc") != NULL;
}

/* Pass the password on the viewer's standard input, as xl does. */
static int
hand_password(const char *password, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = memfd_create("xk-password", MFD_CLOEXEC);

    if (fd == -1 || xk_write_all(fd, password, strlen(password)) == -1 ||
        lseek(fd, 0, SEEK_SET) == -1 || dup2(fd, STDIN_FILENO) == -1)
        return xk_fail_errno(err, "hand the password to the viewer");
    return 0;
}

static int
become_viewer(const struct xk_invocation *invocation,
              const struct xk_screen *screen, struct xk_error *err)
{
    const char *viewer = xk_option_value(invocation, OPTION_VIEWER);
    XK_CLEANUP_FREE char *place = NULL;
    bool autopass = xk_option_given(invocation, OPTION_AUTOPASS);

    if (viewer == NULL)
        viewer = getenv("VNCVIEWER");
    if (viewer == NULL || viewer[0] == '\0')
        viewer = "vncviewer";
    if (autopass && screen->password == NULL)
        return xk_fail(err, XK_ERR_CONFIG,
                       "the screen of this domain has no password");
    if (autopass && wants_url(viewer))
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "\"%s\" cannot be handed a password", viewer);
    if (autopass && reads_environment(viewer)) {
        setenv("VNC_PASSWORD", screen->password, 1);
        autopass = false;
    }
    if (autopass && hand_password(screen->password, err) == -1)
        return -1;
    place = format_place(viewer, screen);
    execlp(viewer, viewer, place, autopass ? "-autopass" : (char *)NULL,
           (char *)NULL);
    if (errno == ENOENT)
        return xk_fail(err, XK_ERR_HOST,
                       "no program \"%s\": install a viewer, such as "
                       "tigervnc-viewer, or name one with --viewer",
                       viewer);
    return xk_fail_errno(err, "run \"%s\"", viewer);
}

static void
put_json(struct xk_invocation *invocation, const struct xk_domain *domain,
         const struct xk_screen *screen)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&invocation->out, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "name", domain->name);
    xk_json_put_string(writer, "path", screen->path);
    xk_json_put_string(writer, "address", screen->address);
    if (screen->path == NULL)
        xk_json_put_integer(writer, "port", screen->port);
    else
        xk_json_put_null(writer, "port");
    xk_json_put_bool(writer, "has_password", screen->password != NULL);
    xk_json_close_object(writer);
}

static int
run_vncviewer(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_screen screen = {0};
    int r;

    if (xk_domain_find(&invocation->host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1)
        return -1;
    r = xk_hv_screen(domain.hv, &domain, &screen, invocation->deadline, err);
    if (r == 0 && invocation->json)
        put_json(invocation, &domain, &screen);
    else if (r == 0)
        r = become_viewer(invocation, &screen, err);
    xk_screen_free(&screen);
    return r;
}

static const struct xk_option options[] = {
    [OPTION_AUTOPASS] =
        XK_FLAG('a', "autopass",
                "hand the password to the viewer, by its option "
                "-autopass, or by VNC_PASSWORD to TigerVNC's"),
    [OPTION_VIEWER] =
        XK_VALUE(0, "viewer", XK_ARG_TEXT, "PROGRAM", "the program to run"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_vncviewer = {
    .name = "vncviewer",
    .summary = "open the screen of a domain in a VNC viewer",
    .details =
        "Runs a VNC viewer: the one of --viewer, else of the environment "
        "variable VNCVIEWER, else vncviewer. It is given the path of a socket, "
        "which TigerVNC's viewer and remote-viewer accept, or, if the "
        "configuration asks for a port, an address. With --json the verb "
        "prints where the screen is and runs nothing.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 10,
    .needs_host = true,
    .run = run_vncviewer,
};
