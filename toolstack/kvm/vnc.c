/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/vnc.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/kvm/plan_internal.h"

enum {
    DISPLAY_MAX = 65535 - 5900,
    SEARCH_DISPLAYS = 9999, /* a host may have more guests than libxl's 99 */
    PASSWORD_BYTES = 8,     /* what VNC's authentication uses, RFC 6143 */
};

/* The layouts that QEMU ships (pc-bios/keymaps). */
static const char *const keymaps[] = {
    "ar", "bepo",  "cz", "da", "de",    "de-ch", "en-gb", "en-us", "es",
    "et", "fi",    "fo", "fr", "fr-be", "fr-ca", "fr-ch", "hr",    "hu",
    "is", "it",    "ja", "lt", "lv",    "mk",    "nl",    "no",    "pl",
    "pt", "pt-br", "ru", "sl", "sv",    "th",    "tr",
};

static bool
is_host_name(const char *text)
{
    if (!isalnum((unsigned char)text[0]))
        return false;
    for (; *text != '\0'; text++) {
        if (!isalnum((unsigned char)*text) && *text != '.' && *text != '-')
            return false;
    }
    return true;
}

static bool
is_ipv6(const char *text)
{
    struct in6_addr address;

    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Split "HOST", "HOST:N", "[V6]", "[V6]:N" or "V6" in place; *number is "" or
 * the digits. False if the text has none of these forms. */
static bool
split(char *text, char **host, const char **number)
{
    char *end;

    *number = "";
    *host = text;
    if (text[0] == '[') {
        *host = text + 1;
        end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        if (end[1] == ':')
            *number = end + 2;
        *end = '\0';
        return is_ipv6(*host) && (end[1] != ':' || **number != '\0');
    }
    if (is_ipv6(text))
        return true;
    end = strchr(text, ':');
    if (end != NULL) {
        *number = end + 1;
        *end = '\0';
    }
    return (*text == '\0' || is_host_name(text)) &&
           (end == NULL || **number != '\0');
}

int
xk_kvm_vnc_address(const char *listen, int64_t display, char **address,
                   int64_t *display_r, struct xk_error *err)
{
    XK_CLEANUP_FREE char *text = xk_strdup(listen);
    char *host;
    const char *number;
    uint64_t given;

    if (!split(text, &host, &number))
        return xk_fail(err, XK_ERR_CONFIG,
                       "vnclisten: \"%s\" is not ADDRESS or ADDRESS:DISPLAY",
                       listen);
    if (number[0] != '\0') {
        if (!xk_parse_u64(number, DISPLAY_MAX, &given))
            return xk_fail(err, XK_ERR_CONFIG,
                           "vnclisten: \"%s\" is not a display", number);
        display = (int64_t)given;
    }
    *display_r = display == -1 ? 0 : display;
    if (*display_r < 0 || *display_r > DISPLAY_MAX)
        return xk_fail(err, XK_ERR_CONFIG,
                       "VNC display %" PRId64 " is above %d", *display_r,
                       DISPLAY_MAX);
    *address = xk_asprintf(strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d",
                           host, (int)*display_r);
    return 0;
}

/* ---- vfb= ---- */

static int
set_flag(bool *flag, const char *key, const char *value, struct xk_error *err)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return xk_fail(err, XK_ERR_CONFIG, "vfb: %s is 0 or 1, not \"%s\"", key,
                       value);
    *flag = value[0] == '1';
    return 0;
}

static int
set_setting(struct xk_kvm_vnc *vnc, const char *key, const char *value,
            struct xk_error *err)
{
    bool flag = false;
    uint64_t number;

    if (strcmp(key, "vnc") == 0)
        return set_flag(&vnc->enabled, key, value, err);
    if (strcmp(key, "vncunused") == 0)
        return set_flag(&vnc->unused, key, value, err);
    if (strcmp(key, "vnclisten") == 0)
        vnc->listen = value;
    else if (strcmp(key, "vncpasswd") == 0)
        vnc->password = value;
    else if (strcmp(key, "keymap") == 0)
        vnc->keymap = value;
    else if (strcmp(key, "vncdisplay") == 0) {
        if (!xk_parse_u64(value, DISPLAY_MAX, &number))
            return xk_fail(err, XK_ERR_CONFIG,
                           "vfb: vncdisplay is a number, not \"%s\"", value);
        vnc->display = (int64_t)number;
    } else if (strcmp(key, "sdl") == 0) {
        if (set_flag(&flag, key, value, err) == -1)
            return -1;
        if (flag)
            return xk_fail(err, XK_ERR_UNSUPPORTED,
                           "vfb: xk opens no window on the host; use "
                           "vnc=1");
    } else if (strcmp(key, "opengl") != 0 && strcmp(key, "display") != 0 &&
               strcmp(key, "xauthority") != 0 && strcmp(key, "type") != 0)
        return xk_fail(err, XK_ERR_CONFIG, "vfb: unknown option \"%s\"", key);
    return 0;
}

int
xk_kvm_vnc_parse_vfb(const char *vfb, char **text, struct xk_kvm_vnc *vnc,
                     struct xk_error *err)
{
    char *rest = xk_strdup(vfb);
    char *part;

    *text = rest;
    *vnc = (struct xk_kvm_vnc){.enabled = true, .display = -1, .unused = true};
    while ((part = strsep(&rest, ",")) != NULL) {
        char *value = strchr(part, '=');

        part += strspn(part, " ");
        if (part[0] == '\0')
            continue;
        if (value == NULL)
            return xk_fail(err, XK_ERR_CONFIG, "vfb: \"%s\" is not KEY=VALUE",
                           part);
        *value++ = '\0';
        if (set_setting(vnc, part, value, err) == -1)
            return -1;
    }
    return 0;
}

/* ---- arguments ---- */

static int
add_keymap(struct xk_kvm_plan *plan, const char *keymap, struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(keymaps); i++) {
        if (strcmp(keymaps[i], keymap) == 0) {
            xk_kvm_plan_arg(plan, "-k");
            xk_kvm_plan_arg(plan, "%s", keymap);
            return 0;
        }
    }
    return xk_fail(err, XK_ERR_CONFIG,
                   "no keymap \"%s\"; for example en-us, en-gb, de, fr",
                   keymap);
}

/* By descriptor, because any user may read a command line. */
static int
add_password(struct xk_kvm_plan *plan, const char *password,
             struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_json_writer *w;
    char path[32];

    if (!plan->dry) {
        fd = memfd_create("xk-secret", MFD_CLOEXEC);
        if (fd == -1 || xk_write_all(fd, password, strlen(password)) == -1)
            return xk_fail_errno(err, "keep the VNC password");
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d",
             xk_kvm_plan_fd(plan, xk_take_fd(&fd), "VNC password"));
    w = xk_kvm_option_open(plan, "-object");
    xk_json_put_string(w, "qom-type", "secret");
    xk_json_put_string(w, "id", "vnc-password");
    xk_json_put_string(w, "file", path);
    xk_kvm_option_close(plan);
    return 0;
}

/* Warn if the screen is open to everybody who can reach the address. */
static void
warn_of_password(struct xk_kvm_plan *plan, const struct xk_kvm_vnc *vnc,
                 bool secret, const char *address)
{
    if (!secret)
        xk_kvm_part_warn(plan, vnc->where,
                         "anybody who can reach %s can use the screen: set "
                         "vncpasswd, or omit address and display for a socket "
                         "that is root's",
                         address);
}

static int
add_tcp(struct xk_kvm_plan *plan, const struct xk_kvm_vnc *vnc, bool secret,
        struct xk_buf *value, struct xk_error *err)
{
    XK_CLEANUP_FREE char *address = NULL;
    int64_t display = 0;

    if (xk_kvm_vnc_address(vnc->listen != NULL ? vnc->listen : "127.0.0.1",
                           vnc->display, &address, &display, err) == -1)
        return -1;
    warn_of_password(plan, vnc, secret, address);
    xk_buf_puts(value, address);
    if (vnc->unused)
        xk_buf_printf(value, ",to=%" PRId64,
                      display + SEARCH_DISPLAYS > DISPLAY_MAX
                          ? DISPLAY_MAX
                          : display + SEARCH_DISPLAYS);
    return 0;
}

bool
xk_kvm_vnc_is_tcp(const struct xk_kvm_vnc *vnc)
{
    return (vnc->listen != NULL && vnc->listen[0] != '\0') ||
           vnc->display != -1;
}

int
xk_kvm_vnc_add(struct xk_kvm_plan *plan, const struct xk_kvm_vnc *vnc,
               struct xk_error *err)
{
    bool secret = vnc->password != NULL && vnc->password[0] != '\0';
    XK_CLEANUP_BUF struct xk_buf value = {0};

    if (vnc->keymap != NULL && vnc->keymap[0] != '\0' &&
        add_keymap(plan, vnc->keymap, err) == -1)
        return -1;
    if (!vnc->enabled)
        return 0;
    plan->screen = !xk_kvm_vnc_is_tcp(vnc);
    if (plan->screen)
        xk_buf_puts(&value, "none");
    else if (add_tcp(plan, vnc, secret, &value, err) == -1)
        return -1;
    if (secret && strlen(vnc->password) > PASSWORD_BYTES)
        xk_kvm_part_warn(plan, vnc->where,
                         "VNC uses only the first %d characters of a password",
                         PASSWORD_BYTES);
    if (secret && add_password(plan, vnc->password, err) == -1)
        return -1;
    if (secret)
        xk_buf_puts(&value, ",password-secret=vnc-password");
    xk_kvm_plan_arg(plan, "-vnc");
    xk_kvm_plan_arg(plan, "%s", value.data);
    return 0;
}
