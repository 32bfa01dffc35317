/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine, its processors, memory and clock, and the devices that every
 * guest gets. */
#include "toolstack/kvm/plan_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/host.h"

enum {
    VCPUS_MAX = 255, /* more need an emulated IOMMU (x2APIC) */
};

/* The processor of an emulated guest: what every modern guest needs
 * (x86-64-v2), and RDRAND, without which a guest waits for entropy. Not "max":
 * its AVX is too inexact for some programs, its SMAP crashes a Xen in the
 * guest, and its RDTSCP crashes one with SVM. */
static const char tcg_cpu[] = "qemu64,ssse3=on,sse4.1=on,sse4.2=on,popcnt=on,"
                              "rdrand=on";

/* Processor features that a key switches. `otherwise` is xl's default. The
 * texts are appended to the model, by accelerator and by the key's value. */
static const struct {
    enum xk_key key;
    bool otherwise;
    const char *kvm[2], *tcg[2];
} cpu_keys[] = {
    {XK_KEY_NESTEDHVM,
     false,
     {",vmx=off,svm=off", ""},
     {",svm=off", ",svm=on,npt=on"}},
    {XK_KEY_NX, true, {",nx=off", ""}, {",nx=off", ""}},
    {XK_KEY_PAE, true, {",pae=off", ""}, {",pae=off", ""}},
};

static void
add_cpu(struct xk_kvm_plan *plan, const struct xk_domain_config *config)
{
    XK_CLEANUP_BUF struct xk_buf model = {0};

    xk_buf_puts(&model, plan->accelerated ? "host" : tcg_cpu);
    for (size_t i = 0; i < XK_ARRAY_SIZE(cpu_keys); i++) {
        bool on =
            xk_config_bool(config, cpu_keys[i].key, cpu_keys[i].otherwise);

        xk_buf_puts(&model, plan->accelerated ? cpu_keys[i].kvm[on]
                                              : cpu_keys[i].tcg[on]);
    }
    xk_kvm_plan_arg(plan, "-cpu");
    xk_kvm_plan_arg(plan, "%s", model.data);
}

/* On most hosts /dev/kvm belongs to a group, and QEMU has a uid of its own.
 * Never use root's group, which owns much more. */
static gid_t
choose_kvm_group(const struct stat *kvm)
{
    const mode_t group = S_IRGRP | S_IWGRP, others = S_IROTH | S_IWOTH;

    if ((kvm->st_mode & group) != group || (kvm->st_mode & others) == others)
        return (gid_t)-1;
    if (kvm->st_gid != 0)
        return kvm->st_gid;
    xk_warn("\"/dev/kvm\" belongs to group root, which QEMU is not in: give it "
            "to a group of its own (chgrp kvm /dev/kvm)");
    return (gid_t)-1;
}

static void
set_kvm_group(struct xk_kvm_plan *plan)
{
    struct stat st;

    if (geteuid() == 0 && stat("/dev/kvm", &st) == 0)
        plan->kvm_group = choose_kvm_group(&st);
}

static void
add_accelerator(struct xk_kvm_plan *plan)
{
    if (plan->accel == XK_KVM_ACCEL_BY_HOST)
        plan->accelerated = xk_kvm_accelerator(&plan->no_kvm_reason);
    else
        plan->accelerated = plan->accel == XK_KVM_ACCEL_KVM;
    if (plan->accelerated)
        set_kvm_group(plan);
    xk_kvm_plan_arg(plan, "-accel");
    xk_kvm_plan_arg(plan, "%s", plan->accelerated ? "kvm" : "tcg");
}

static int
add_smp(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
        struct xk_error *err)
{
    const struct xk_location *where = xk_kvm_key_place(
        config, xk_config_is_set(config, XK_KEY_MAXVCPUS) ? XK_KEY_MAXVCPUS
                                                          : XK_KEY_VCPUS);

    if (config->maxvcpus > VCPUS_MAX) {
        xk_fail(err, XK_ERR_UNSUPPORTED, "%u vcpus, at most %d on kvm",
                config->maxvcpus, VCPUS_MAX);
        return xk_kvm_part_failed(plan, where, err);
    }
    xk_kvm_plan_arg(plan, "-smp");
    xk_kvm_plan_arg(plan, "cpus=%u,maxcpus=%u,sockets=1,cores=%u,threads=1",
                    config->vcpus, config->maxvcpus, config->maxvcpus);
    return 0;
}

static void
add_clock(struct xk_kvm_plan *plan, const struct xk_domain_config *config)
{
    int64_t offset_s = xk_config_integer(config, XK_KEY_RTC_TIMEOFFSET, 0);
    bool local = xk_config_bool(config, XK_KEY_LOCALTIME, false);
    time_t base = plan->now;
    struct tm tm;
    char text[32];

    xk_kvm_plan_arg(plan, "-rtc");
    if (offset_s == 0) {
        xk_kvm_plan_arg(plan, "base=%s,clock=host,driftfix=slew",
                        local ? "localtime" : "utc");
        return;
    }
    if (local)
        base += localtime_r(&plan->now, &tm)->tm_gmtoff;
    base += (time_t)offset_s;
    gmtime_r(&base, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    xk_kvm_plan_arg(plan, "base=%s,clock=host,driftfix=slew", text);
}

/* Begin the value of -machine; firmware adds to it. */
static void
begin_machine(struct xk_kvm_plan *plan, const struct xk_domain_config *config)
{
    struct xk_buf *machine = &plan->layout->machine;

    xk_buf_printf(machine, "%s,usb=off,vmport=off,dump-guest-core=off",
                  plan->machine != NULL ? plan->machine : "q35");
    if (!xk_config_bool(config, XK_KEY_ACPI, true))
        xk_buf_puts(machine, ",acpi=off");
    if (!xk_config_bool(config, XK_KEY_HPET, true))
        xk_buf_puts(machine, ",hpet=off");
}

/* The balloon's target is set over QMP; the rate limit keeps a guest from
 * burning the host's time with entropy. */
static void
add_common_devices(struct xk_kvm_plan *plan,
                   const struct xk_domain_config *config)
{
    struct xk_json_writer *w;

    w = xk_kvm_device_open(plan, "virtio-balloon-pci", "balloon",
                           XK_KVM_SLOT_BALLOON);
    xk_json_put_bool(w, "free-page-reporting", true);
    xk_kvm_option_close(plan);

    w = xk_kvm_option_open(plan, "-object");
    xk_json_put_string(w, "qom-type", "rng-builtin");
    xk_json_put_string(w, "id", "entropy");
    xk_kvm_option_close(plan);
    w = xk_kvm_device_open(plan, "virtio-rng-pci", "rng", XK_KVM_SLOT_RNG);
    xk_json_put_string(w, "rng", "entropy");
    xk_json_put_integer(w, "max-bytes", 4096);
    xk_json_put_integer(w, "period", 1000);
    xk_kvm_option_close(plan);

    w = xk_kvm_option_open(plan, "-device");
    xk_json_put_string(w, "driver", "pvpanic");
    xk_json_put_string(w, "id", "panic");
    xk_kvm_option_close(plan);

    if (xk_config_is_set(config, XK_KEY_ON_WATCHDOG)) {
        xk_kvm_device_open(plan, "i6300esb", "watchdog", XK_KVM_SLOT_WATCHDOG);
        xk_kvm_option_close(plan);
    }
}

/* Sleep states that the chipset hides if a key disables them. */
static void
add_sleep_states(struct xk_kvm_plan *plan,
                 const struct xk_domain_config *config)
{
    static const struct {
        enum xk_key key;
        const char *property;
    } states[] = {
        {XK_KEY_ACPI_S3, "disable_s3"},
        {XK_KEY_ACPI_S4, "disable_s4"},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(states); i++) {
        if (xk_config_bool(config, states[i].key, true))
            continue;
        xk_kvm_plan_arg(plan, "-global");
        xk_kvm_plan_arg(plan, "driver=ICH9-LPC,property=%s,value=1",
                        states[i].property);
    }
}

static int
begin_argv(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
           struct xk_error *err)
{
    static const char *const first[] = {"-nodefaults", "-no-user-config",
                                        "-display", "none"};
    const char *override =
        xk_config_string(config, XK_KEY_DEVICE_MODEL_OVERRIDE);
    XK_CLEANUP_FREE char *program = NULL;
    XK_CLEANUP_FREE char *name = xk_kvm_escape(config->name);
    char uuid[XK_UUID_TEXT_SIZE];

    program = override != NULL ? xk_strdup(override) : xk_kvm_qemu_path(err);
    if (program == NULL)
        return -1;
    if (program[0] != '/' || access(program, X_OK) == -1) {
        xk_fail(err, XK_ERR_CONFIG,
                "\"%s\" is not the absolute path of a program", program);
        if (xk_kvm_part_failed(
                plan, xk_kvm_key_place(config, XK_KEY_DEVICE_MODEL_OVERRIDE),
                err) == -1)
            return -1;
    }
    xk_uuid_format(&config->uuid, uuid);
    xk_kvm_plan_arg(plan, "%s", program);
    for (size_t i = 0; i < XK_ARRAY_SIZE(first); i++)
        xk_kvm_plan_arg(plan, "%s", first[i]);
    xk_kvm_plan_arg(plan, "-name");
    xk_kvm_plan_arg(plan, "guest=%s", name);
    xk_kvm_plan_arg(plan, "-uuid");
    xk_kvm_plan_arg(plan, "%s", uuid);
    return 0;
}

int
xk_kvm_part_machine(struct xk_kvm_plan *plan,
                    const struct xk_domain_config *config, struct xk_error *err)
{
    if (begin_argv(plan, config, err) == -1)
        return -1;
    begin_machine(plan, config);
    add_accelerator(plan);
    add_cpu(plan, config);
    if (add_smp(plan, config, err) == -1)
        return -1;
    xk_kvm_plan_arg(plan, "-m");
    xk_kvm_plan_arg(plan, "%" PRIu64 "M", config->maxmem_mib);
    add_clock(plan, config);
    add_sleep_states(plan, config);
    add_common_devices(plan, config);
    return 0;
}

/* The arguments that xl appends, for every domain and for its type. */
int
xk_kvm_part_last(struct xk_kvm_plan *plan,
                 const struct xk_domain_config *config,
                 struct xk_error *err __attribute__((unused)))
{
    const enum xk_key keys[] = {
        XK_KEY_DEVICE_MODEL_ARGS,
        config->type == XK_TYPE_HVM ? XK_KEY_DEVICE_MODEL_ARGS_HVM
                                    : XK_KEY_DEVICE_MODEL_ARGS_PV,
    };
    char bus[XK_KVM_BUS_MAX];

    /* Fewer spare ports if disks and network cards took the room; none that
     * the guest did not have where it comes from. */
    for (int i = 0; i < XK_KVM_SPARE_PORTS && plan->port_count == 0; i++) {
        if (xk_kvm_port_add(plan, bus, NULL) == -1)
            break;
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(keys); i++) {
        const struct xk_value *value = &config->values[keys[i]];

        for (size_t k = 0; k < value->item_count; k++)
            xk_kvm_plan_arg(plan, "%s", value->items[k]);
    }
    return 0;
}
