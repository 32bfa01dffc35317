/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

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
};

enum {
    FIRST_PORT = 5900,
    DISPLAYS = 100, /* what viewers take for one, and not for a port */
};

/* Viewers that want a URL. The others take a path, or HOST:DISPLAY. */
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

/* What the viewer is to be given. */
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

/* The first file of that name in a list of directories, without symbolic
 * links; NULL: none. */
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

/* TigerVNC's ends at an option -autopass, and reads the environment.
 * "vncviewer" is a name for any. */
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

/* The password on its standard input, as xl has it. */
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
        return xk_fail(err, XK_ERR_CONFIG, "its screen has no password");
    if (autopass && wants_url(viewer))
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "\"%s\" can be handed no password", viewer);
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

const struct xk_command xk_command_vncviewer = {
    .name = "vncviewer",
    .summary = "look at the screen of a domain",
    .details =
        "Runs a VNC viewer: that of --viewer, else of the environment's "
        "VNCVIEWER, else vncviewer. It is given the path of a socket, which "
        "that of TigerVNC takes as well as remote-viewer does, or, where the "
        "configuration asks for a port, an address. With --json it says where "
        "the screen is and runs nothing.",
    .options =
        (const struct xk_option[]){
            [OPTION_AUTOPASS] = {'a', "autopass", XK_ARG_NONE, NULL,
                                 "hand the password to the viewer, as its "
                                 "option -autopass, or TigerVNC's from "
                                 "VNC_PASSWORD, reads it",
                                 NULL},
            [OPTION_VIEWER] = {0, "viewer", XK_ARG_TEXT, "PROGRAM",
                               "the program to run", NULL},
            {0}},
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 10,
    .needs_host = true,
    .run = run_vncviewer,
};
