/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/xen/world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

static char *
program_path(void)
{
    XK_CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);

    assert_non_null(self);
    *strrchr(self, '/') = '\0';
    return xk_asprintf("%s/xk-backend", self);
}

int
xen_world_set_up(struct xen_world *world, const char *script)
{
    struct xk_uuid uuid;

    world->scratch = scratch_new();
    world->image = xk_asprintf("%s/image", world->scratch);
    world->program = program_path();
    world->xen.store = fake_store_new();
    xk_uuid_random(&uuid);
    if (xk_write_file(AT_FDCWD, world->image, "", 0, false, &world->err) ==
            -1 ||
        truncate(world->image, XEN_WORLD_IMAGE_BYTES) == -1 ||
        xk_write_file(AT_FDCWD, world->program, script, strlen(script), false,
                      &world->err) == -1 ||
        chmod(world->program, 0700) == -1 ||
        xk_state_open(&world->state, &world->err) == -1)
        return -1;
    world->record =
        xk_record_create(&world->state, &uuid, "fake", "create", &world->err);
    world->xen.base.state = &world->state;
    return world->record == NULL ? -1 : 0;
}

void
xen_world_tear_down(struct xen_world *world)
{
    unlink(world->program);
    xk_store_close(world->xen.store);
    xk_record_close(world->record);
    xk_state_close(&world->state);
    scratch_free(world->scratch);
    free(world->image);
    free(world->program);
}

void
xen_world_assert_done(const struct xen_world *world, int r)
{
    if (r == -1)
        fail_msg("%s", world->err.message);
}
