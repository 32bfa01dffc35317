/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Build a plan: its arguments, descriptors and JSON options. */
#include "toolstack/kvm/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/plan_internal.h"

void
xk_kvm_plan_init(struct xk_kvm_plan *plan, bool dry)
{
    memset(plan, 0, sizeof(*plan));
    plan->dry = dry;
    plan->uid = geteuid();
    plan->gid = getegid();
    plan->kvm_group = (gid_t)-1;
    plan->record_dir_fd = -1;
    plan->deadline = xk_deadline_never();
    plan->now = time(NULL);
    plan->layout = XK_NEW(struct xk_kvm_layout);
    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++)
        plan->logs[i] = XK_KVM_LIVE_NONE;
}

static void
free_layout(struct xk_kvm_layout *layout)
{
    if (layout == NULL)
        return;
    for (size_t i = 0; i < layout->image_count; i++)
        free(layout->images[i].vdev);
    free(layout->images);
    xk_buf_free(&layout->machine);
    if (layout->writer != NULL)
        xk_json_writer_free(layout->writer);
    xk_buf_free(&layout->option);
    free(layout);
}

void
xk_kvm_plan_free(struct xk_kvm_plan *plan)
{
    for (size_t i = 0; i < plan->argc; i++)
        free(plan->argv[i]);
    free(plan->argv);
    for (size_t i = 0; i < plan->fd_count; i++) {
        if (plan->fds[i].fd != -1)
            close(plan->fds[i].fd);
        free(plan->fds[i].what);
    }
    free(plan->fds);
    xk_kvm_live_close_all(plan->logs);
    for (size_t i = 0; i < plan->tap_count; i++)
        free(plan->tap_names[i]);
    free(plan->tap_names);
    free(plan->no_kvm_reason);
    free_layout(plan->layout);
    memset(plan, 0, sizeof(*plan));
}

/* Keep argv NULL-terminated: XK_GROW() zeroes the element behind the last. */
static void
take_arg(struct xk_kvm_plan *plan, char *text)
{
    XK_GROW(plan->argv, plan->argc + 1);
    plan->argv[plan->argc++] = text;
    plan->argv[plan->argc] = NULL;
}

void
xk_kvm_plan_arg(struct xk_kvm_plan *plan, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    take_arg(plan, xk_vasprintf(fmt, args));
    va_end(args);
}

static int
take_fd(struct xk_kvm_plan *plan, int fd, char *what)
{
    XK_GROW(plan->fds, plan->fd_count);
    plan->fds[plan->fd_count] = (struct xk_kvm_plan_fd){fd, what};
    return XK_KVM_FIRST_FD + (int)plan->fd_count++;
}

int
xk_kvm_plan_fd(struct xk_kvm_plan *plan, int fd, const char *fmt, ...)
{
    va_list args;
    char *what;

    va_start(args, fmt);
    what = xk_vasprintf(fmt, args);
    va_end(args);
    return take_fd(plan, fd, what);
}

void
xk_kvm_plan_fd_name(const struct xk_kvm_plan *plan, int number,
                    char name[XK_KVM_FD_NAME_SIZE])
{
    snprintf(name, XK_KVM_FD_NAME_SIZE, "%s%d", plan->live ? "fd" : "", number);
}

int
xk_kvm_plan_fdset(struct xk_kvm_plan *plan, int fd, const char *fmt, ...)
{
    va_list args;
    char *what;
    int number;

    va_start(args, fmt);
    what = xk_vasprintf(fmt, args);
    va_end(args);
    number = take_fd(plan, fd, what);
    xk_kvm_plan_arg(plan, "-add-fd");
    xk_kvm_plan_arg(plan, "fd=%d,set=%d", number, number);
    return number;
}

struct xk_json_writer *
xk_kvm_option_open(struct xk_kvm_plan *plan, const char *option)
{
    struct xk_kvm_layout *layout = plan->layout;

    xk_kvm_plan_arg(plan, "%s", option);
    layout->writer = xk_json_writer_new(&layout->option, false);
    xk_json_open_object(layout->writer, NULL);
    return layout->writer;
}

void
xk_kvm_option_close(struct xk_kvm_plan *plan)
{
    struct xk_kvm_layout *layout = plan->layout;

    xk_json_close_object(layout->writer);
    xk_json_writer_free(XK_TAKE(layout->writer));
    take_arg(plan, xk_buf_take(&layout->option));
}

struct xk_json_writer *
xk_kvm_device_open(struct xk_kvm_plan *plan, const char *driver, const char *id,
                   unsigned slot)
{
    struct xk_json_writer *writer = xk_kvm_option_open(plan, "-device");
    char address[16];

    snprintf(address, sizeof(address), "%02x.0", slot);
    xk_json_put_string(writer, "driver", driver);
    xk_json_put_string(writer, "id", id);
    xk_json_put_string(writer, "bus", "pcie.0");
    xk_json_put_string(writer, "addr", address);
    return writer;
}

int
xk_kvm_port_add(struct xk_kvm_plan *plan, char bus[XK_KVM_BUS_MAX],
                struct xk_error *err)
{
    unsigned number = plan->layout->ports;
    unsigned slot = XK_KVM_SLOT_PORT + number / 8;
    struct xk_json_writer *writer;
    char address[16];

    if (slot > XK_KVM_SLOT_PORT_LAST)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "more than %d disks and network cards",
                       (XK_KVM_SLOT_PORT_LAST - XK_KVM_SLOT_PORT + 1) * 8);
    plan->layout->ports++;
    snprintf(bus, XK_KVM_BUS_MAX, "port%u", number);
    snprintf(address, sizeof(address), "%02x.%u", slot, number % 8);
    writer = xk_kvm_option_open(plan, "-device");
    xk_json_put_string(writer, "driver", "pcie-root-port");
    xk_json_put_string(writer, "id", bus);
    xk_json_put_string(writer, "bus", "pcie.0");
    xk_json_put_string(writer, "addr", address);
    xk_json_put_integer(writer, "chassis", number + 1);
    if (number % 8 == 0)
        xk_json_put_bool(writer, "multifunction", true);
    xk_kvm_option_close(plan);
    return 0;
}

bool
xk_kvm_boots_from(const struct xk_kvm_plan *plan, enum xk_kvm_boot_class class)
{
    return plan->layout->boot_next[class] != 0;
}

void
xk_kvm_put_boot_index(struct xk_kvm_plan *plan, struct xk_json_writer *writer,
                      enum xk_kvm_boot_class class)
{
    if (xk_kvm_boots_from(plan, class) && !plan->live)
        xk_json_put_integer(writer, "bootindex",
                            plan->layout->boot_next[class]++);
}

char *
xk_kvm_escape(const char *text)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    xk_buf_puts(&buf, "");
    for (; *text != '\0'; text++) {
        if (*text == ',')
            xk_buf_puts(&buf, ",");
        xk_buf_append(&buf, text, 1);
    }
    return xk_buf_take(&buf);
}

const struct xk_location *
xk_kvm_key_place(const struct xk_domain_config *config, enum xk_key key)
{
    return &config->values[key].where;
}

int
xk_kvm_part_failed(struct xk_kvm_plan *plan, const struct xk_location *where,
                   struct xk_error *err)
{
    bool is_of_list = err->kind == XK_ERR_CONFIG || err->kind == XK_ERR_HOST ||
                      err->kind == XK_ERR_UNSUPPORTED;

    if (plan->problems != NULL && is_of_list) {
        /* The file asked for something that kvm lacks. */
        if (err->kind == XK_ERR_UNSUPPORTED)
            err->kind = XK_ERR_CONFIG;
        xk_problem_add_error(plan->problems, where, err);
        return 0;
    }
    if (where != NULL && where->file != NULL && where->line != 0)
        return xk_wrap(err, "%s:%u:%u", where->file, where->line,
                       where->column);
    return -1;
}

void
xk_kvm_part_warn(struct xk_kvm_plan *plan, const struct xk_location *where,
                 const char *fmt, ...)
{
    XK_CLEANUP_FREE char *text = NULL;
    va_list args;

    if (plan->problems == NULL)
        return;
    va_start(args, fmt);
    text = xk_vasprintf(fmt, args);
    va_end(args);
    xk_problem_add(plan->problems, XK_PROBLEM_WARNING, where, "%s", text);
}

int
xk_kvm_plan_domain(struct xk_kvm_plan *plan,
                   const struct xk_domain_config *config, struct xk_error *err)
{
    static int (*const parts[])(struct xk_kvm_plan *,
                                const struct xk_domain_config *,
                                struct xk_error *) = {
        xk_kvm_part_machine, xk_kvm_part_boot,    xk_kvm_part_disks,
        xk_kvm_part_vifs,    xk_kvm_part_display, xk_kvm_part_last,
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(parts); i++) {
        if (parts[i](plan, config, err) == -1)
            return -1;
    }
    return 0;
}
