/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about this host, and what it can do for a guest. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/process.h"
#include "base/util.h"
#include "toolstack/kvm/firmware.h"
#include "toolstack/kvm/host.h"
#include "toolstack/kvm/ops.h"

enum {
    PROC_FILE_MAX = 1 << 20,
    VERSION_DEADLINE_MS = 10000,
    VERSION_MAX = 4096,
    LIST_MAX = 4096,
};

/* ---- info ---- */

int
xk_kvm_probe(struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_kvm_qemu_path(err);

    return path != NULL ? 0 : -1;
}

/* The number after "NAME:" in a file of such lines; 0 if there is none. */
static double
number_of(const char *path, const char *name)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *line;

    if (xk_read_file(AT_FDCWD, path, PROC_FILE_MAX, &text, NULL) == -1 ||
        text.length == 0)
        return 0;
    line = strstr(text.data, name);
    if (line == NULL)
        return 0;
    line = strchr(line, ':');
    return line != NULL ? strtod(line + 1, NULL) : 0;
}

uint64_t
xk_kvm_available_mib(void)
{
    return (uint64_t)number_of("/proc/meminfo", "MemAvailable") / 1024;
}

/* How many numbers a list of sysfs such as "0-3,8" has; 1 if it cannot be
 * read. */
static int64_t
count_list(const char *path)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    int64_t count = 0;
    char *at;

    if (xk_read_file(AT_FDCWD, path, LIST_MAX, &text, NULL) == -1 ||
        text.length == 0)
        return 1;
    for (at = text.data; *at >= '0' && *at <= '9';) {
        long first = strtol(at, &at, 10);
        long last = *at == '-' ? strtol(at + 1, &at, 10) : first;

        count += last - first + 1;
        at += *at == ',';
    }
    return count > 0 ? count : 1;
}

static void
add_processors(struct xk_facts *facts)
{
    static const char threads[] =
        "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list";
    static const char package[] =
        "/sys/devices/system/cpu/cpu0/topology/core_siblings_list";
    int64_t per_core = count_list(threads);

    xk_facts_add_number(facts, "nr_cpus", sysconf(_SC_NPROCESSORS_ONLN));
    xk_facts_add_number(facts, "max_cpu_id", sysconf(_SC_NPROCESSORS_CONF) - 1);
    xk_facts_add_number(facts, "nr_nodes",
                        count_list("/sys/devices/system/node/online"));
    xk_facts_add_number(facts, "cores_per_socket",
                        count_list(package) / per_core);
    xk_facts_add_number(facts, "threads_per_core", per_core);
    xk_facts_add(facts, "cpu_mhz", "%.3f",
                 number_of("/proc/cpuinfo", "cpu MHz"));
}

static void
add_memory(struct xk_facts *facts)
{
    xk_facts_add_number(facts, "total_memory",
                        (int64_t)number_of("/proc/meminfo", "MemTotal") / 1024);
    xk_facts_add_number(facts, "free_memory", (int64_t)xk_kvm_available_mib());
}

/* Extract the version: "QEMU emulator version 7.2.22 (Debian ...)" without its
 * first words. */
static int
qemu_version(const char *path, char **version, struct xk_error *err)
{
    static const char words[] = "QEMU emulator version ";
    const char *const argv[] = {path, "--version", NULL};
    XK_CLEANUP_BUF struct xk_buf output = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    const char *text;
    int status;

    if (xk_process_run(argv, VERSION_MAX, &output, &errors,
                       xk_deadline_in_ms(VERSION_DEADLINE_MS), &status,
                       err) == -1)
        return -1;
    text = output.length > 0 ? output.data : "";
    if (status != 0 || strncmp(text, words, strlen(words)) != 0)
        return xk_fail(err, XK_ERR_HOST, "\"%s\" is not QEMU", path);
    text += strlen(words);
    *version = xk_strndup(text, strcspn(text, "\n"));
    return 0;
}

int
xk_kvm_qemu_version(int version[2], struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_kvm_qemu_path(err);
    XK_CLEANUP_FREE char *text = NULL;

    if (path == NULL || qemu_version(path, &text, err) == -1)
        return -1;
    if (sscanf(text, "%d.%d", &version[0], &version[1]) != 2)
        return xk_fail(err, XK_ERR_HOST, "\"%s\" does not say its version",
                       path);
    return 0;
}

int
xk_kvm_info(struct xk_hypervisor *hv __attribute__((unused)),
            struct xk_facts *facts, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_kvm_qemu_path(err);
    XK_CLEANUP_FREE char *version = NULL;
    XK_CLEANUP_FREE char *reason = NULL;
    struct utsname name;
    bool fast;

    if (path == NULL || qemu_version(path, &version, err) == -1)
        return -1;
    if (uname(&name) == -1)
        return xk_fail_errno(err, "uname");
    xk_facts_add(facts, "host", "%s", name.nodename);
    xk_facts_add(facts, "release", "%s", name.release);
    xk_facts_add(facts, "version", "%s", name.version);
    xk_facts_add(facts, "machine", "%s", name.machine);
    add_processors(facts);
    add_memory(facts);
    fast = xk_kvm_accelerator(&reason);
    xk_facts_add(facts, "virt_caps", "%s", fast ? "hvm" : "");
    xk_facts_add(facts, "accelerator", "%s", fast ? "kvm" : "tcg");
    xk_facts_add(facts, "qemu_version", "%s", version);
    xk_facts_add(facts, "qemu_path", "%s", path);
    return 0;
}

/* ---- capabilities: each function returns the reason why not, owned by the
 * caller, or NULL ---- */

static char *
no_kvm(void)
{
    char *reason;

    xk_kvm_accelerator(&reason);
    return reason;
}

static char *
no_qemu(void)
{
    struct xk_error err;
    XK_CLEANUP_FREE char *path = xk_kvm_qemu_path(&err);

    return path != NULL ? NULL : xk_strdup(err.message);
}

static char *
no_seabios(void)
{
    static const char *const paths[] = {"/usr/share/seabios/bios-256k.bin",
                                        "/usr/share/qemu/bios-256k.bin",
                                        "/usr/local/share/qemu/bios-256k.bin"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(paths); i++) {
        if (access(paths[i], R_OK) == 0)
            return NULL;
    }
    return xk_strdup("not installed (Debian: apt install seabios)");
}

static char *
no_ovmf(void)
{
    return xk_kvm_ovmf_find() != NULL
               ? NULL
               : xk_strdup("not installed (Debian: apt install ovmf)");
}

static char *
no_access(const char *path)
{
    return access(path, R_OK | W_OK) == 0
               ? NULL
               : xk_asprintf("%s: %s", path, strerror(errno));
}

static char *
no_bridge(void)
{
    if (geteuid() != 0)
        return xk_strdup("needs root; type=user does not");
    return no_access("/dev/net/tun");
}

static char *
no_vhost_net(void)
{
    return no_access("/dev/vhost-net");
}

static char *
no_own_uid(void)
{
    return geteuid() == 0 ? NULL : xk_strdup("only root can give QEMU another");
}

static char *
no_io_uring(void)
{
    struct io_uring_params params = {0};
    int fd = (int)syscall(SYS_io_uring_setup, 1, &params);

    if (fd == -1)
        return xk_asprintf("io_uring: %s", strerror(errno));
    close(fd);
    return NULL;
}

static char *
nothing(void)
{
    return NULL;
}

static const struct {
    const char *key;
    char *(*why_not)(void);
} abilities[] = {
    {"qemu", no_qemu},           {"kvm_acceleration", no_kvm},
    {"seabios", no_seabios},     {"ovmf", no_ovmf},
    {"user_network", nothing},   {"bridge", no_bridge},
    {"vhost_net", no_vhost_net}, {"own_uid", no_own_uid},
    {"io_uring", no_io_uring},
};

int
xk_kvm_capabilities(struct xk_hypervisor *hv __attribute__((unused)),
                    struct xk_facts *facts,
                    struct xk_error *err __attribute__((unused)))
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(abilities); i++) {
        XK_CLEANUP_FREE char *reason = abilities[i].why_not();

        xk_facts_add_ability(facts, abilities[i].key, reason);
    }
    return 0;
}
