/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "image-helpers/lock.h"

enum {
    READ = 1 << XK_IMAGE_READ,
    WRITE = 1 << XK_IMAGE_WRITE,
    RESIZE = 1 << XK_IMAGE_RESIZE,
    ALL = READ | WRITE | RESIZE,
    USES = 3,
};

static int image;

/* Another description of the image. */
static int
open_again(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("/proc/self/fd/%d", image);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_int_not_equal(fd, -1);
    return fd;
}

static bool
is_locked(int byte)
{
    XK_CLEANUP_CLOSE int fd = open_again();
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    assert_int_equal(fcntl(fd, F_OFD_GETLK, &lock), 0);
    return lock.l_type != F_UNLCK;
}

/* Which use takes the lock of a byte, and which is refused for it, in QEMU:
 * 100 and following say what the holder does, 200 and following what others may
 * not do. */
static const struct {
    int byte;
    int taken_by;
    int refused;
} bytes[] = {
    {99, 0, 0},
    {100, ALL, 0},              /* reads */
    {101, WRITE | RESIZE, ALL}, /* writes */
    {102, 0, 0},                /* writes what is there already */
    {103, RESIZE, ALL},         /* resizes */
    {104, 0, 0},
    {200, 0, ALL}, /* others may not read */
    {201, ALL, WRITE | RESIZE},
    {202, 0, 0},
    {203, ALL, RESIZE},
    {204, 0, 0},
};

static void
a_use_takes_the_bytes_that_qemu_takes(void **context)
{
    (void)context;
    for (int use = 0; use < USES; use++) {
        XK_CLEANUP_CLOSE int fd = open_again();

        assert_int_equal(xk_image_locks_take(fd, (enum xk_image_use)use), 0);
        for (size_t i = 0; i < XK_ARRAY_SIZE(bytes); i++) {
            if (is_locked(bytes[i].byte) != !!(bytes[i].taken_by & 1 << use))
                fail_msg("use %d, byte %d", use, bytes[i].byte);
        }
    }
}

static void
a_use_is_refused_for_the_bytes_that_qemu_refuses_it_for(void **context)
{
    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(bytes); i++) {
        XK_CLEANUP_CLOSE int other = open_again();
        struct flock lock = {.l_type = F_RDLCK,
                             .l_whence = SEEK_SET,
                             .l_start = bytes[i].byte,
                             .l_len = 1};

        assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), 0);
        for (int use = 0; use < USES; use++) {
            if (xk_image_locks_conflict(image, (enum xk_image_use)use) !=
                !!(bytes[i].refused & 1 << use))
                fail_msg("use %d, byte %d", use, bytes[i].byte);
        }
    }
}

static void
only_readers_share_an_image(void **context)
{
    (void)context;
    for (int first = 0; first < USES; first++) {
        XK_CLEANUP_CLOSE int one = open_again();

        assert_int_equal(xk_image_locks_take(one, (enum xk_image_use)first), 0);
        assert_false(xk_image_locks_conflict(one, (enum xk_image_use)first));
        for (int next = 0; next < USES; next++) {
            XK_CLEANUP_CLOSE int other = open_again();

            assert_int_equal(
                xk_image_locks_take(other, (enum xk_image_use)next), 0);
            assert_int_equal(
                xk_image_locks_conflict(other, (enum xk_image_use)next),
                first != XK_IMAGE_READ || next != XK_IMAGE_READ);
        }
    }
}

static void
what_is_released_is_in_nobodys_way(void **context)
{
    XK_CLEANUP_CLOSE int fd = open_again();

    (void)context;
    for (int use = 0; use < USES; use++) {
        assert_int_equal(xk_image_locks_take(fd, (enum xk_image_use)use), 0);
        xk_image_locks_release(fd, (enum xk_image_use)use);
        assert_false(xk_image_locks_conflict(image, XK_IMAGE_RESIZE));
    }
}

static int
setup(void **context)
{
    (void)context;
    image = memfd_create("image", MFD_CLOEXEC);
    return image == -1 ? -1 : 0;
}

static int
teardown(void **context)
{
    (void)context;
    return close(image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_use_takes_the_bytes_that_qemu_takes),
        cmocka_unit_test(
            a_use_is_refused_for_the_bytes_that_qemu_refuses_it_for),
        cmocka_unit_test(only_readers_share_an_image),
        cmocka_unit_test(what_is_released_is_in_nobodys_way),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
