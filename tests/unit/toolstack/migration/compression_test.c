/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"
#include "toolstack/migration/compression.h"

enum {
    CHUNK = 64 << 10,
    TOTAL = 256 << 20,
};

/* Send everything at these costs per byte. Returns the share sent compressed.
 */
static double
send_all(enum xk_compression how, int64_t plain_ns, int64_t compressed_ns)
{
    struct xk_compression_choice choice = {.how = how};
    uint64_t compressed = 0;

    for (uint64_t sent = 0; sent < TOTAL; sent += CHUNK) {
        bool packs = xk_compression_next(&choice);

        compressed += packs ? CHUNK : 0;
        xk_compression_took(&choice, CHUNK,
                            CHUNK * (packs ? compressed_ns : plain_ns));
    }
    return (double)compressed / TOTAL;
}

static void
what_was_asked_for_is_done(void **state)
{
    (void)state;
    assert_true(send_all(XK_COMPRESSION_NONE, 100, 1) == 0);
    assert_true(send_all(XK_COMPRESSION_ZSTD, 1, 100) == 1);
}

static void
by_itself_the_cheaper_way_is_gone(void **state)
{
    (void)state;
    assert_true(send_all(XK_COMPRESSION_AUTO, 100, 10) > 0.95);
    assert_true(send_all(XK_COMPRESSION_AUTO, 1, 10) < 0.05);
}

/* The link slows down in the middle. */
static void
a_change_is_noticed(void **state)
{
    struct xk_compression_choice choice = {.how = XK_COMPRESSION_AUTO};
    uint64_t compressed = 0;

    (void)state;
    for (uint64_t sent = 0; sent < TOTAL; sent += CHUNK) {
        bool packs = xk_compression_next(&choice);
        int64_t plain_ns = sent < TOTAL / 2 ? 1 : 100;

        compressed += packs && sent >= TOTAL / 2 ? CHUNK : 0;
        xk_compression_took(&choice, CHUNK, CHUNK * (packs ? 10 : plain_ns));
    }
    assert_true(compressed > TOTAL / 2 - (80 << 20));
}

static void
names_are_read(void **state)
{
    enum xk_compression how = XK_COMPRESSION_NONE;

    (void)state;
    assert_true(xk_compression_by_name("auto", &how));
    assert_int_equal(how, XK_COMPRESSION_AUTO);
    assert_false(xk_compression_by_name("lz4", &how));
    assert_false(xk_compression_by_name("", &how));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_for_is_done),
        cmocka_unit_test(by_itself_the_cheaper_way_is_gone),
        cmocka_unit_test(a_change_is_noticed),
        cmocka_unit_test(names_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
