/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SeaBIOS is built into QEMU and needs no argument. OVMF is two flash images:
 * the code, which all domains share read-only, and the variables, of which each
 * domain has a copy in its record. Both are given as block nodes.
 */
#include "toolstack/kvm/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/plan_internal.h"

static const char vars_name[] = "firmware-vars.fd"; /* in the record */

enum {
    FLASH_MAX = 16 << 20
};

/* The usual paths: Debian, Fedora, Arch, openSUSE, Gentoo. */
static const struct xk_kvm_ovmf places[] = {
    {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
    {"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
    {"/usr/share/edk2/x64/OVMF_CODE.4m.fd",
     "/usr/share/edk2/x64/OVMF_VARS.4m.fd"},
    {"/usr/share/qemu/ovmf-x86_64-code.bin",
     "/usr/share/qemu/ovmf-x86_64-vars.bin"},
    {"/usr/share/edk2-ovmf/OVMF_CODE.fd", "/usr/share/edk2-ovmf/OVMF_VARS.fd"},
};

enum kind {
    SEABIOS,
    OVMF,
    PATH,
    ROMBIOS,
    PVGRUB,
};

static const struct {
    const char *word;
    enum kind kind;
} words[] = {
    {"bios", SEABIOS},    {"seabios", SEABIOS}, {"uefi", OVMF},
    {"ovmf", OVMF},       {"rombios", ROMBIOS}, {"pvgrub32", PVGRUB},
    {"pvgrub64", PVGRUB},
};

const struct xk_kvm_ovmf *
xk_kvm_ovmf_find(void)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(places); i++) {
        if (access(places[i].code, R_OK) == 0 &&
            access(places[i].vars, R_OK) == 0)
            return &places[i];
    }
    return NULL;
}

/* A copy that is lost with QEMU, for a domain without a record. */
static int
forgetful_vars(const char *template, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_CLOSE int fd = memfd_create("xk-vars", MFD_CLOEXEC);

    if (xk_read_file(AT_FDCWD, template, FLASH_MAX, &text, err) == -1)
        return -1;
    if (fd == -1 || xk_write_all(fd, text.data, text.length) == -1)
        return xk_fail_errno(err, "copy \"%s\" to memory", template);
    return xk_take_fd(&fd);
}

/* Open the domain's copy of the variables; the first call makes it from the
 * template. The copy is written whole and renamed, so a killed xk leaves either
 * none or a complete one. */
static int
open_vars(struct xk_kvm_plan *plan, const char *template, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_CLOSE int fd = -1;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

    if (plan->record_dir_fd == -1)
        return forgetful_vars(template, err);
    fd = openat(plan->record_dir_fd, vars_name, flags);
    if (fd != -1)
        return xk_take_fd(&fd);
    if (errno != ENOENT)
        return xk_fail_errno(err, "open \"%s\"", vars_name);
    if (xk_read_file(AT_FDCWD, template, FLASH_MAX, &text, err) == -1 ||
        xk_write_file(plan->record_dir_fd, vars_name, text.data, text.length,
                      false, err) == -1)
        return -1;
    fd = openat(plan->record_dir_fd, vars_name, flags);
    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", vars_name);
    return xk_take_fd(&fd);
}

/* Add a flash image as a block node, and name the node in -machine. */
static void
add_flash(struct xk_kvm_plan *plan, int unit, const char *node, int set,
          bool read_only)
{
    struct xk_json_writer *w = xk_kvm_option_open(plan, "-blockdev");
    char path[32];

    snprintf(path, sizeof(path), "/dev/fdset/%d", set);
    xk_json_put_string(w, "driver", "raw");
    xk_json_put_string(w, "node-name", node);
    xk_json_put_bool(w, "read-only", read_only);
    xk_json_open_object(w, "file");
    xk_json_put_string(w, "driver", "file");
    xk_json_put_string(w, "filename", path);
    xk_json_put_string(w, "locking", read_only ? "off" : "on");
    xk_json_put_bool(w, "read-only", read_only);
    xk_json_put_bool(w, "auto-read-only", false);
    xk_json_close_object(w);
    xk_kvm_option_close(plan);
    xk_buf_printf(&plan->layout->machine, ",pflash%d=%s", unit, node);
}

static int
add_ovmf(struct xk_kvm_plan *plan, const char *code, const char *vars,
         struct xk_error *err)
{
    XK_CLEANUP_CLOSE int code_fd = -1;
    XK_CLEANUP_CLOSE int vars_fd = -1;

    if (!plan->dry) {
        code_fd = xk_kvm_open_readable(code, "firmware", err);
        if (code_fd == -1)
            return -1;
        vars_fd = plan->probe
                      ? xk_kvm_open_readable(vars, "firmware variables", err)
                      : open_vars(plan, vars, err);
        if (vars_fd == -1)
            return -1;
    }
    add_flash(
        plan, 0, "firmware-code",
        xk_kvm_plan_fdset(plan, xk_take_fd(&code_fd), "firmware %s", code),
        true);
    add_flash(plan, 1, "firmware-vars",
              xk_kvm_plan_fdset(plan, xk_take_fd(&vars_fd),
                                "variables made from %s", vars),
              false);
    return 0;
}

/* The variables of "X/OVMF_CODE.fd" are in "X/OVMF_VARS.fd"; any other file is
 * a complete BIOS. */
static int
add_path(struct xk_kvm_plan *plan, const char *path, struct xk_error *err)
{
    static const char *const pairs[][2] = {{"CODE", "VARS"}, {"code", "vars"}};
    const char *base = strrchr(path, '/') + 1;
    int number;

    for (size_t i = 0; i < XK_ARRAY_SIZE(pairs); i++) {
        const char *at = strstr(base, pairs[i][0]);
        XK_CLEANUP_FREE char *vars = NULL;

        if (at == NULL)
            continue;
        vars = xk_asprintf("%.*s%s%s", (int)(at - path), path, pairs[i][1],
                           at + 4);
        return add_ovmf(plan, path, vars, err);
    }
    number = xk_kvm_plan_file(plan, path, "firmware", NULL, err);
    if (number == -1)
        return -1;
    xk_kvm_plan_arg(plan, "-bios");
    xk_kvm_plan_arg(plan, "/proc/self/fd/%d", number);
    return 0;
}

static int
add_installed_ovmf(struct xk_kvm_plan *plan, struct xk_error *err)
{
    const struct xk_kvm_ovmf *ovmf = xk_kvm_ovmf_find();

    if (ovmf == NULL)
        return xk_fail(err, XK_ERR_HOST,
                       "OVMF is not installed (Debian: apt install ovmf)");
    return add_ovmf(plan, ovmf->code, ovmf->vars, err);
}

static int
add_kind(struct xk_kvm_plan *plan, enum kind kind, const char *text,
         struct xk_error *err)
{
    switch (kind) {
    case SEABIOS:
        return 0;
    case OVMF:
        return add_installed_ovmf(plan, err);
    case PATH:
        return add_path(plan, text, err);
    case ROMBIOS:
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "rombios does not exist on kvm; use seabios");
    case PVGRUB:
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s starts only on Xen; give kernel= and ramdisk=, or "
                       "boot the disk with type=\"hvm\"",
                       text);
    }
    return 0;
}

static int
kind_of(const char *text, enum kind *kind, struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *kind = words[i].kind;
            return 0;
        }
    }
    *kind = PATH;
    if (text[0] == '/')
        return 0;
    return xk_fail(err, XK_ERR_CONFIG,
                   "\"%s\" is not a firmware: bios, seabios, uefi, ovmf, or an "
                   "absolute path",
                   text);
}

static int
nothing_to_boot(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
                struct xk_error *err)
{
    xk_fail(err, XK_ERR_UNSUPPORTED,
            "a %s domain without kernel= does not start on kvm; give kernel= "
            "and ramdisk=, or boot the disk with type=\"hvm\"",
            xk_domain_type_name(config->type));
    return xk_kvm_part_failed(plan, xk_kvm_key_place(config, XK_KEY_TYPE), err);
}

int
xk_kvm_firmware_add(struct xk_kvm_plan *plan,
                    const struct xk_domain_config *config, struct xk_error *err)
{
    static const enum xk_key keys[] = {XK_KEY_BIOS_PATH_OVERRIDE,
                                       XK_KEY_FIRMWARE, XK_KEY_BIOS};
    bool kernel = xk_config_is_set(config, XK_KEY_KERNEL);
    enum kind kind = SEABIOS;

    for (size_t i = 0; i < XK_ARRAY_SIZE(keys); i++) {
        const char *text = xk_config_string(config, keys[i]);

        if (text == NULL)
            continue;
        if (kind_of(text, &kind, err) == -1 ||
            add_kind(plan, kind, text, err) == -1)
            return xk_kvm_part_failed(plan, xk_kvm_key_place(config, keys[i]),
                                      err);
        break;
    }
    if (config->type != XK_TYPE_HVM && !kernel && kind != OVMF && kind != PATH)
        return nothing_to_boot(plan, config, err);
    return 0;
}
