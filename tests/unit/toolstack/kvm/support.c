/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/kvm/support.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"
#include "toolstack/find.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/host.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/kvm/teardown.h"
#include "toolstack/record_config.h"

enum {
    SOON_MS = 20000, /* several tests share the machine, and TCG is slow */
    LOG_MAX = 16 << 20,
};

/* Port 0x602: the ACPI button is wanted; 0x600: it was pressed; 0x604: off.
 * 0x3f8: the serial port. 0x64: the keyboard controller, which resets. 0x505:
 * pvpanic. */
/* clang-format off */
static const unsigned char guest[] = {
    0xfa, /* 7c00: cli */
    0x31, 0xc0, /* 7c01: xor %ax,%ax */
    0x8e, 0xd8, /* 7c03: mov %ax,%ds */
    0xba, 0x02, 0x06, /* 7c05: mov $0x602,%dx */
    0xb8, 0x00, 0x01, /* 7c08: mov $0x100,%ax */
    0xef, /* 7c0b: out %ax,(%dx) */
    0xb0, 0x52, /* 7c0c: mov $0x52,%al */
    0xe8, 0x32, 0x00, /* 7c0e: call 0x7c43 */
    0xba, 0x00, 0x06, /* 7c11: mov $0x600,%dx */
    0xed, /* 7c14: in (%dx),%ax */
    0xf6, 0xc4, 0x01, /* 7c15: test $0x1,%ah */
    0x75, 0x2e, /* 7c18: jne 0x7c48 */
    0xba, 0xfd, 0x03, /* 7c1a: mov $0x3fd,%dx */
    0xec, /* 7c1d: in (%dx),%al */
    0xa8, 0x01, /* 7c1e: test $0x1,%al */
    0x74, 0xef, /* 7c20: je 0x7c11 */
    0xba, 0xf8, 0x03, /* 7c22: mov $0x3f8,%dx */
    0xec, /* 7c25: in (%dx),%al */
    0x3c, 0x70, /* 7c26: cmp $0x70,%al */
    0x74, 0x1e, /* 7c28: je 0x7c48 */
    0x3c, 0x72, /* 7c2a: cmp $0x72,%al */
    0x74, 0x23, /* 7c2c: je 0x7c51 */
    0x3c, 0x63, /* 7c2e: cmp $0x63,%al */
    0x74, 0x25, /* 7c30: je 0x7c57 */
    0x3c, 0x74, /* 7c32: cmp $0x74,%al */
    0x74, 0x29, /* 7c34: je 0x7c5f */
    0x3c, 0x66, /* 7c36: cmp $0x66,%al */
    0x74, 0x2b, /* 7c38: je 0x7c65 */
    0x3c, 0x6c, /* 7c3a: cmp $0x6c,%al */
    0x74, 0x2e, /* 7c3c: je 0x7c6c */
    0xe8, 0x02, 0x00, /* 7c3e: call 0x7c43 */
    0xeb, 0xce, /* 7c41: jmp 0x7c11 */
    0xba, 0xf8, 0x03, /* 7c43: mov $0x3f8,%dx */
    0xee, /* 7c46: out %al,(%dx) */
    0xc3, /* 7c47: ret */
    0xba, 0x04, 0x06, /* 7c48: mov $0x604,%dx */
    0xb8, 0x00, 0x20, /* 7c4b: mov $0x2000,%ax */
    0xef, /* 7c4e: out %ax,(%dx) */
    0xeb, 0xc0, /* 7c4f: jmp 0x7c11 */
    0xb0, 0xfe, /* 7c51: mov $0xfe,%al */
    0xe6, 0x64, /* 7c53: out %al,$0x64 */
    0xeb, 0xba, /* 7c55: jmp 0x7c11 */
    0xba, 0x05, 0x05, /* 7c57: mov $0x505,%dx */
    0xb0, 0x01, /* 7c5a: mov $0x1,%al */
    0xee, /* 7c5c: out %al,(%dx) */
    0xeb, 0xb2, /* 7c5d: jmp 0x7c11 */
    0x0f, 0x01, 0x1e, 0x7e, 0x7c, /* 7c5f: lidtw 0x7c7e */
    0xcc, /* 7c64: int3 */
    0xb0, 0x78, /* 7c65: mov $0x78,%al */
    0xe8, 0xd9, 0xff, /* 7c67: call 0x7c43 */
    0xeb, 0xf9, /* 7c6a: jmp 0x7c65 */
    0xb9, 0x00, 0x00, /* 7c6c: mov $0x0,%cx */
    0xba, 0x05, 0x05, /* 7c6f: mov $0x505,%dx */
    0xb0, 0x02, /* 7c72: mov $0x2,%al */
    0xee, /* 7c74: out %al,(%dx) */
    0xe2, 0xfd, /* 7c75: loop 0x7c74 */
    0xb0, 0x6c, /* 7c77: mov $0x6c,%al */
    0xe8, 0xc7, 0xff, /* 7c79: call 0x7c43 */
    0xeb, 0x93, /* 7c7c: jmp 0x7c11 */
};
/* clang-format on */

bool
kvm_is_possible(void)
{
    struct xk_error err = {0};
    XK_CLEANUP_FREE char *path = xk_kvm_qemu_path(&err);
    XK_CLEANUP_CLOSE int pidfd = -1;
    struct xk_process self;

    if (path == NULL) {
        fprintf(stderr, "skipped: %s\n", err.message);
        return false;
    }
    if (xk_process_identify(getpid(), &self))
        pidfd = xk_process_open(&self);
    if (pidfd == -1)
        fprintf(stderr, "skipped: no pidfd_open(2): an old kernel or "
                        "valgrind\n");
    return pidfd != -1;
}

struct xk_deadline
kvm_soon(void)
{
    return xk_deadline_in_ms(SOON_MS);
}

static void
write_image(const char *path)
{
    unsigned char sector[512] = {[510] = 0x55, [511] = 0xaa};
    XK_CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    memcpy(sector, guest, sizeof(guest));
    if (fd == -1 || xk_write_all(fd, sector, sizeof(sector)) == -1 ||
        ftruncate(fd, 1 << 20) == -1)
        abort();
}

int
kvm_setup(void **context)
{
    struct kvm_world *world = XK_NEW(struct kvm_world);

    world->scratch = scratch_new();
    world->image = xk_asprintf("%s/guest.img", world->scratch);
    write_image(world->image);
    world->domain.domid = -1;
    *context = world;
    if (xk_state_open(&world->state, &world->err) == -1)
        return -1;
    world->hv = xk_kvm_ops.open(&world->state, &world->err);
    return world->hv == NULL ? -1 : 0;
}

static void
end_all(struct kvm_world *world)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count = 0;

    xk_state_list(&world->state, &uuids, &count, NULL);
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(&world->state, &uuids[i], NULL);

        if (record != NULL)
            xk_kvm_end_process(record->dir_fd, kvm_soon(), NULL);
    }
}

int
kvm_teardown(void **context)
{
    struct kvm_world *world = *context;

    end_all(world);
    xk_domain_close(&world->domain);
    xk_kvm_ops.close(world->hv);
    xk_state_close(&world->state);
    scratch_free(world->scratch);
    free(world->image);
    free(world);
    return 0;
}

struct xk_domain_config *
kvm_config(struct kvm_world *world, const char *name, const char *more)
{
    struct xk_problems problems = {0};
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = '%s'\ntype = 'hvm'\nmemory = 32\nvif = []\n"
                    "disk = ['format=raw,vdev=xvda,access=ro,target=%s']\n%s\n",
                    name, world->image, more);
    struct xk_domain_config *config = xk_config_parse(
        name, text, strlen(text), NULL, 0, &problems, &world->err);

    if (config == NULL)
        fail_msg("%s", world->err.message);
    xk_problems_free(&problems);
    return config;
}

struct xk_record *
kvm_record(struct kvm_world *world, const struct xk_domain_config *config)
{
    struct xk_record *record = xk_record_create(&world->state, &config->uuid,
                                                "kvm", "test", &world->err);

    if (record == NULL || xk_record_save_config(record, config, NULL) == -1)
        fail_msg("%s", world->err.message);
    return record;
}

void
kvm_build(struct kvm_world *world, const char *more)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        kvm_config(world, "guest", more);

    xk_domain_close(&world->domain);
    world->domain.record = kvm_record(world, config);
    world->domain.uuid = config->uuid;
    world->domain.name = xk_strdup(config->name);
    if (xk_kvm_ops.domain->build(world->hv, world->domain.record, config,
                                 kvm_soon(), &world->err) == -1)
        fail_msg("%s", world->err.message);
}

void
kvm_start(struct kvm_world *world, const char *more)
{
    kvm_build(world, more);
    if (xk_kvm_ops.domain->unpause(world->hv, &world->domain, kvm_soon(),
                                   &world->err) == -1)
        fail_msg("%s", world->err.message);
    kvm_wait_printed(world, 'R', 1);
}

void
kvm_type(struct kvm_world *world, char key)
{
    XK_CLEANUP_CLOSE int fd =
        openat(world->domain.record->dir_fd, XK_KVM_FOLDER "/" XK_KVM_FIFO,
               O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, &key, 1), 1);
}

size_t
kvm_printed(const struct kvm_world *world, char byte)
{
    XK_CLEANUP_LIVE struct xk_kvm_live live =
        xk_kvm_live_of(world->domain.record->dir_fd, XK_KVM_LOG_CONSOLE);
    int gathered = xk_kvm_log_gather(world->domain.record->dir_fd,
                                     XK_KVM_LOG_CONSOLE, &live);
    XK_CLEANUP_CLOSE int fd = openat(world->domain.record->dir_fd,
                                     XK_KVM_FILE_CONSOLE, O_RDONLY | O_CLOEXEC);
    off_t offset = 0;
    char text[4096];
    size_t count = 0;
    ssize_t got;

    assert_int_equal(gathered, 0);
    assert_int_not_equal(fd, -1);
    while ((got = pread(fd, text, sizeof(text), offset)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            count += text[i] == byte;
        offset += got;
    }
    assert_int_equal(got, 0);
    return count;
}

void
kvm_wait_printed(struct kvm_world *world, char byte, size_t count)
{
    struct xk_console console;

    if (xk_kvm_ops.domain->console(world->hv, &world->domain, 0, &console,
                                   &world->err) == -1)
        fail_msg("%s", world->err.message);
    while (kvm_printed(world, byte) < count) {
        char skipped[4096];

        if (xk_deadline_poll(kvm_soon(), console.change_fd, POLLIN, "guest",
                             &world->err) == -1)
            fail_msg("%s", world->err.message);
        if (read(console.change_fd, skipped, sizeof(skipped)) == -1)
            fail();
    }
    xk_console_close(&console);
}

static struct xk_domain_info
get(struct kvm_world *world)
{
    struct xk_domain_info info = {.domid = -1};

    if (xk_kvm_ops.domain->get(world->hv, &world->domain, &info, kvm_soon(),
                               &world->err) == -1)
        fail_msg("%s", world->err.message);
    xk_domain_info_free(&(struct xk_domain_info){.name = XK_TAKE(info.name)});
    return info;
}

enum xk_domain_state
kvm_state(struct kvm_world *world)
{
    return get(world).state;
}

enum xk_stop_reason
kvm_wait_state(struct kvm_world *world, enum xk_domain_state state)
{
    uint64_t cookie = 0;
    struct xk_domain_info info;

    while ((info = get(world)).state != state) {
        if (xk_kvm_ops.domain->wait(world->hv, &world->domain, &cookie,
                                    kvm_soon(), &world->err) == -1)
            fail_msg("in state \"%s\" still", xk_domain_state_name(info.state));
    }
    return info.stop_reason;
}

struct xk_process
kvm_process(const struct kvm_world *world)
{
    struct xk_process process;

    assert_int_equal(xk_kvm_identity_load(world->domain.record->dir_fd,
                                          &process, NULL, NULL),
                     0);
    return process;
}
