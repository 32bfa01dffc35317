/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several drivers over one state directory: "alpha", which other toolstacks
 * make domains of as well, "beta", which is ours alone, and "gamma", which
 * cannot run here. Each has a world of its own (tests/fakes/fake_hypervisor.h).
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_DRIVERS_WORLD_H
#define XK_TESTS_UNIT_TOOLSTACK_DRIVERS_WORLD_H

#include "toolstack/host_drivers.h"

enum {
    ALPHA,
    BETA,
    GAMMA,
    DRIVERS
};

extern const char *const driver_names[DRIVERS];
extern char *driver_worlds[DRIVERS];
extern unsigned drivers_opened[DRIVERS]; /* how often */

struct fixture {
    char *scratch;
    char *log; /* what is warned of */
    int saved_stderr;
    struct xk_host host;
    struct xk_error err;
};

struct xk_deadline soon(void);
/* Under that --hypervisor, without a monitor. */
int open_host(struct fixture *f, const char *wanted);
int setup(void **context);
int teardown(void **context);
/* As the next verb does, under that --hypervisor. */
void reopen(struct fixture *f, const char *wanted);
/* How often the text was warned of. */
unsigned times_told(const struct fixture *f, const char *text);
/* uuid NULL: any. */
int try_create(struct fixture *f, const char *driver, const char *name,
               const char *uuid);
void create(struct fixture *f, const char *driver, const char *name);
/* A domain that another toolstack made. */
void make_stranger(int driver, const char *uuid, const char *name);
/* Which must be there. */
struct xk_domain find(struct fixture *f, const char *name);
/* With which error. */
enum xk_error_kind find_fails(struct fixture *f, const char *name);
/* Whose it is, and its state. */
void assert_state(struct fixture *f, const char *name, const char *driver,
                  enum xk_domain_state state);
char *uuid_of(struct fixture *f, const char *name);
/* All that return text: to be freed. */
char *path_in_record(struct fixture *f, const char *uuid, const char *file);
/* Its record becomes one of another driver, or (NULL) of none. */
void give_record_to(struct fixture *f, const char *uuid, const char *driver);
/* As a verb that was killed leaves it. */
void begin(struct fixture *f, const char *uuid, const char *operation);
bool is_recorded(struct fixture *f, const char *uuid);
bool is_in_world(int driver, const char *uuid);
/* The guest stops by itself. */
void stop(struct fixture *f, const char *name);
/* To a file of the scratch folder; it is destroyed. */
void save(struct fixture *f, const char *name);
/* From that file. */
int restore(struct fixture *f);
int apply_policy(struct fixture *f, const char *uuid);

#endif
