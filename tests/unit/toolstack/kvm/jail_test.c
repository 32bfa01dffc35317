/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a QEMU started by root can and cannot do. A child of its own makes each
 * attempt. */
#include "toolstack/kvm/jail.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"

static char *scratch;

static int
setup(void **context)
{
    (void)context;
    scratch = scratch_new();
    return 0;
}

static int
teardown(void **context)
{
    (void)context;
    scratch_free(scratch);
    return 0;
}

/* ---- attempts: 0, or -1 with errno ---- */

static int
make(const char *name, mode_t mode)
{
    char *path = xk_asprintf("%s/%s", scratch, name);

    return open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
}

static int
make_file(void)
{
    return make("plain", 0600);
}

static int
make_setuid_file(void)
{
    return make("setuid", S_ISUID | 0755);
}

static int
make_setgid_file(void)
{
    return make("setgid", S_ISGID | 0755);
}

static int
make_setuid_node(void)
{
    return mknod(xk_asprintf("%s/node", scratch), S_IFREG | S_ISUID | 0755, 0);
}

static int
open_to_all(void)
{
    return chmod(scratch, 0755);
}

static int
set_uid_bit(void)
{
    return chmod(scratch, S_ISUID | 0755);
}

static int
set_uid_bit_by_descriptor(void)
{
    return fchmod(open(scratch, O_RDONLY), S_ISUID | 0755);
}

static int
set_gid_bit_by_place(void)
{
    return fchmodat(AT_FDCWD, scratch, S_ISGID | 0755, 0);
}

static int
open_by_structure(void)
{
    struct open_how how = {.flags = O_RDONLY};

    return (int)syscall(SYS_openat2, AT_FDCWD, scratch, &how, sizeof(how));
}

static int
set_up_ring(void)
{
    struct io_uring_params params = {0};

    return (int)syscall(SYS_io_uring_setup, 1, &params);
}

static int
keep_tap(void)
{
    return ioctl(STDIN_FILENO, TUNSETPERSIST, 1);
}

static int
give_tap_away(void)
{
    return ioctl(STDIN_FILENO, TUNSETOWNER, 1000);
}

static int
use_tap(void)
{
    return ioctl(open("/dev/null", O_RDONLY), TUNSETOFFLOAD, 0);
}

static int
set_socket(int option, const void *value, socklen_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return setsockopt(fd, SOL_SOCKET, option, value, size);
}

static int
linger(void)
{
    const struct linger long_time = {1, 1000};

    return set_socket(SO_LINGER, &long_time, sizeof(long_time));
}

static int
reuse_address(void)
{
    const int yes = 1;

    return set_socket(SO_REUSEADDR, &yes, sizeof(yes));
}

static int
take_lease(void)
{
    return fcntl(make("leased", 0600), F_SETLEASE, F_WRLCK);
}

static int
signal_parent(void)
{
    return kill(getppid(), 0);
}

static int
signal_all(void)
{
    return kill(-1, 0);
}

static int
signal_self(void)
{
    return kill(getpid(), 0);
}

/* Set upper bits of the argument, which the kernel ignores. */
static int
linger_with_a_wide_number(void)
{
    const struct linger long_time = {1, 1000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return (int)syscall(SYS_setsockopt, fd, SOL_SOCKET | 1L << 40,
                        SO_LINGER | 1L << 40, &long_time, sizeof(long_time));
}

/* ---- trying them ---- */

static int
enter_and(int (*attempt)(void))
{
    umask(0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
        xk_kvm_jail_enter(NULL) == -1)
        return 255;
    return attempt() == -1 ? errno : 0;
}

static int
try_in_jail(int (*attempt)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(enter_and(attempt));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
what_outlives_qemu_or_keeps_others_waiting_is_refused(void **context)
{
    static const struct {
        const char *what;
        int (*attempt)(void);
        int errnum;
    } rows[] = {
        {"make a file", make_file, 0},
        {"make a set-user-ID file", make_setuid_file, EPERM},
        {"make a set-group-ID file", make_setgid_file, EPERM},
        {"make a set-user-ID node", make_setuid_node, EPERM},
        {"chmod", open_to_all, 0},
        {"chmod u+s", set_uid_bit, EPERM},
        {"fchmod u+s", set_uid_bit_by_descriptor, EPERM},
        {"fchmodat g+s", set_gid_bit_by_place, EPERM},
        {"openat2", open_by_structure, ENOSYS},
        {"io_uring_setup", set_up_ring, ENOSYS},
        {"keep a TAP", keep_tap, EPERM},
        {"give a TAP away", give_tap_away, EPERM},
        {"use a TAP", use_tap, ENOTTY},
        {"linger", linger, EPERM},
        {"linger, with a wide number", linger_with_a_wide_number, EPERM},
        {"reuse an address", reuse_address, 0},
        {"take a lease", take_lease, EPERM},
        {"signal another", signal_parent, EPERM},
        {"signal all", signal_all, EPERM},
        {"signal itself", signal_self, 0},
    };

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        int errnum = try_in_jail(rows[i].attempt);

        if (errnum != rows[i].errnum)
            fail_msg("%s: error %d", rows[i].what, errnum);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_outlives_qemu_or_keeps_others_waiting_is_refused, setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
