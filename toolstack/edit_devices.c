/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/edit_devices.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/edit.h"

int
xk_edit_bad_spec(const char *spec, const struct xk_problems *problems,
                 struct xk_error *err)
{
    const struct xk_problem *first = NULL;

    for (size_t i = 0; first == NULL && i < problems->count; i++) {
        if (problems->items[i].severity == XK_PROBLEM_ERROR)
            first = &problems->items[i];
    }
    return xk_fail(err, first != NULL ? first->kind : XK_ERR_CONFIG,
                   "\"%s\": %s", spec,
                   first != NULL ? first->message : "it is not understood");
}

/* ---- attach ---- */

struct attach {
    struct xk_host *host;
    const struct xk_edit_kind *kind;
    const char *spec;
};

/* A new device must not take another's place; so an undo, which is by force,
 * takes away nobody's device. */
static int
need_room(const struct xk_domain *domain, const struct xk_edit_kind *kind,
          unsigned number, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("%u", number);
    struct xk_device_search search = {.name = text};

    if (kind->search(domain, &search, deadline, err) == -1)
        return -1;
    if (!search.found)
        return 0;
    return xk_fail(err, XK_ERR_IN_USE,
                   "its guest still uses the %s that had this name before; "
                   "that %s goes when the guest releases it, or now with "
                   "xk %s --force",
                   kind->noun, kind->noun, kind->detaching);
}

static int
apply_attach(const struct xk_edit *edit, const struct xk_domain *domain,
             struct xk_domain_config *config, struct xk_change *change,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct attach *attach = edit->context;
    const struct xk_edit_kind *kind = attach->kind;

    if (kind->add(attach->host, domain, config, attach->spec, &change->number,
                  deadline, err) == -1)
        return -1;
    return need_room(domain, kind, change->number, deadline, err);
}

int
xk_edit_attach(struct xk_host *host, struct xk_domain *domain,
               const struct xk_edit_kind *kind, const char *spec,
               struct xk_deadline deadline, struct xk_error *err)
{
    const struct attach attach = {host, kind, spec};
    const struct xk_edit edit = {
        .what = kind->what, .apply = apply_attach, .context = &attach};

    return xk_edit_run(host, domain, &edit, deadline, err);
}

/* ---- detach ---- */

struct detach {
    const struct xk_edit_kind *kind;
    const char *name;
    bool force;
};

/* The device is not in the configuration, but the guest may have kept it after
 * a detach. */
static int
apply_to_kept(const struct xk_domain *domain, const struct detach *detach,
              struct xk_change *change, struct xk_deadline deadline,
              struct xk_error *err)
{
    struct xk_device_search search = {.name = detach->name};
    struct xk_error ignored;

    if (!detach->force || err->kind != XK_ERR_NOT_FOUND ||
        detach->kind->search(domain, &search, deadline, &ignored) == -1 ||
        !search.found)
        return -1;
    change->number = search.number;
    return 0;
}

static int
apply_detach(const struct xk_edit *edit, const struct xk_domain *domain,
             struct xk_domain_config *config, struct xk_change *change,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct detach *detach = edit->context;

    change->force = detach->force;
    if (detach->kind->take_out(config, detach->name, &change->number, err) == 0)
        return xk_hv_check_detach(domain->hv, domain, change, err);
    return apply_to_kept(domain, detach, change, deadline, err);
}

int
xk_edit_detach(struct xk_host *host, struct xk_domain *domain,
               const struct xk_edit_kind *kind, const char *name, bool force,
               struct xk_deadline deadline, struct xk_error *err)
{
    const struct detach detach = {kind, name, force};
    const struct xk_edit edit = {.what = kind->what,
                                 .apply = apply_detach,
                                 .context = &detach,
                                 .stands = true};

    return xk_edit_run(host, domain, &edit, deadline, err);
}
