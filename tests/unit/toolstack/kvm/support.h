/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small guest that is booted by a real QEMU: 512 bytes that print 'R' on the
 * serial port once they run, echo what is typed, power off when the ACPI button
 * is pressed, and obey some letters.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_KVM_SUPPORT_H
#define XK_TESTS_UNIT_TOOLSTACK_KVM_SUPPORT_H

#include "toolstack/seam/domain_ops.h"
#include "toolstack/seam/monitor_ops.h"

/* Of calls that return -1 where they fail, with what they say in world->err. */
#define HAS_FAILED(call) assert_int_equal(call, -1)
#define WORKS(world, call)                                                     \
    do {                                                                       \
        if ((call) == -1)                                                      \
            fail_msg("%s", (world)->err.message);                              \
    } while (0)

enum guest_key {
    GUEST_POWEROFF = 'p',
    GUEST_REBOOT = 'r',
    GUEST_PANIC = 'c', /* pvpanic */
    GUEST_TRIPLE_FAULT = 't',
    GUEST_FLOOD = 'f',       /* print 'x' without end */
    GUEST_CRASH_LOADS = 'l', /* 65536 of pvpanic's other event, print 'l' */
};

struct kvm_world {
    char *scratch;
    char *image; /* of the guest */
    struct xk_state state;
    struct xk_hypervisor *hv;
    struct xk_error err;
    struct xk_domain domain; /* the one of kvm_build() */
};

/* True where QEMU is installed and the driver can work; else says why not. */
bool kvm_is_possible(void);

/* cmocka's setup and teardown; the latter ends all QEMUs that are left. */
int kvm_setup(void **context);
int kvm_teardown(void **context);

struct xk_deadline kvm_soon(void);

/* A domain of that name that boots the guest, `more` being lines of its
 * configuration. The caller's. */
struct xk_domain_config *kvm_config(struct kvm_world *world, const char *name,
                                    const char *more);

/* Make its record, locked. */
struct xk_record *kvm_record(struct kvm_world *world,
                             const struct xk_domain_config *config);

/* Build world->domain, and start it. */
void kvm_build(struct kvm_world *world, const char *more);
void kvm_start(struct kvm_world *world, const char *more);

/* Type on its console. */
void kvm_type(struct kvm_world *world, char key);

/* How often a byte stands in its console.log. */
size_t kvm_printed(const struct kvm_world *world, char byte);

/* Wait until its console.log holds the byte so often. */
void kvm_wait_printed(struct kvm_world *world, char byte, size_t count);

/* Wait until it is in that state; returns its reason. */
enum xk_stop_reason kvm_wait_state(struct kvm_world *world,
                                   enum xk_domain_state state);
enum xk_domain_state kvm_state(struct kvm_world *world);

/* Its QEMU. */
struct xk_process kvm_process(const struct kvm_world *world);

#endif
