/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small guest that a real QEMU boots: 512 bytes that print 'R' on the serial
 * port once they run, echo input, power off when the ACPI button is pressed,
 * and obey some letters.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_KVM_SUPPORT_H
#define XK_TESTS_UNIT_TOOLSTACK_KVM_SUPPORT_H

#include "toolstack/seam/domain_ops.h"
#include "toolstack/seam/monitor_ops.h"

/* For calls that return -1 and set world->err on failure. */
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
    GUEST_FLOOD = 'f',       /* print 'x' forever */
    GUEST_CRASH_LOADS = 'l', /* 65536 of pvpanic's other event, print 'l' */
};

struct kvm_world {
    char *scratch;
    char *image; /* of the guest */
    struct xk_state state;
    struct xk_hypervisor *hv;
    struct xk_error err;
    struct xk_domain domain; /* the domain of kvm_build() */
};

/* Return whether QEMU is installed and the driver can work; if not, say why. */
bool kvm_is_possible(void);

/* Setup and teardown for cmocka; the latter ends all QEMUs that are left. */
int kvm_setup(void **context);
int kvm_teardown(void **context);

struct xk_deadline kvm_soon(void);

/* Return a configuration, owned by the caller, of a domain of that name that
 * boots the guest; `more` is further lines. */
struct xk_domain_config *kvm_config(struct kvm_world *world, const char *name,
                                    const char *more);

/* Make the domain's record, locked. */
struct xk_record *kvm_record(struct kvm_world *world,
                             const struct xk_domain_config *config);

/* Build world->domain, and start it. */
void kvm_build(struct kvm_world *world, const char *more);
void kvm_start(struct kvm_world *world, const char *more);

/* Type on the domain's console. */
void kvm_type(struct kvm_world *world, char key);

/* Count a byte in the domain's console.log. */
size_t kvm_printed(const struct kvm_world *world, char byte);

/* Wait until the domain's console.log has the byte that often. */
void kvm_wait_printed(struct kvm_world *world, char byte, size_t count);

/* Wait until the domain is in that state; returns its reason. */
enum xk_stop_reason kvm_wait_state(struct kvm_world *world,
                                   enum xk_domain_state state);
enum xk_domain_state kvm_state(struct kvm_world *world);

/* Its QEMU. */
struct xk_process kvm_process(const struct kvm_world *world);

#endif
