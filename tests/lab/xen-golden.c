/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The golden rows for the suite that asks xl:
 *
 *   xen-golden write ROWS DIR    each row's configuration, as DIR/NAME.cfg
 *   xen-golden print ROWS DIR    what xk makes of it for libxl, as
 *                                DIR/NAME.json; needs Xen
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xentoollog.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/unit/toolstack/xen/golden.h"

static void
write_file(const char *folder, const char *name, const char *suffix,
           const char *text)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s%s", folder, name, suffix);
    FILE *file = fopen(path, "w");

    if (file == NULL || fputs(text, file) == EOF || fclose(file) == EOF) {
        perror(path);
        exit(99);
    }
}

/* The whole JSON, or the error in its place: the suite compares it. */
static void
print(libxl_ctx *ctx, const struct golden *row, const char *folder)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_error err = {0};
    XK_CLEANUP_JSON struct xk_json *json = golden_json(ctx, row->config, &err);
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);

    if (json != NULL)
        xk_json_put_value(writer, NULL, json);
    else
        xk_json_put_string(writer, NULL, err.message);
    xk_json_writer_free(writer);
    write_file(folder, row->name, ".json", text.data);
}

static libxl_ctx *
open_libxl(void)
{
    xentoollog_logger_stdiostream *logger =
        xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);
    libxl_ctx *ctx = NULL;

    if (logger == NULL || libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0,
                                          (xentoollog_logger *)logger) != 0) {
        fprintf(stderr, "xen-golden: libxl finds no Xen\n");
        exit(1);
    }
    return ctx;
}

int
main(int argc, char **argv)
{
    struct goldens goldens;
    libxl_ctx *ctx = NULL;

    if (argc != 4 ||
        (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "print") != 0)) {
        fprintf(stderr, "usage: xen-golden write|print ROWS DIR\n");
        return 2;
    }
    goldens_read(argv[2], &goldens);
    if (strcmp(argv[1], "print") == 0)
        ctx = open_libxl();
    for (size_t i = 0; i < goldens.count; i++) {
        if (ctx != NULL)
            print(ctx, &goldens.rows[i], argv[3]);
        else
            write_file(argv[3], goldens.rows[i].name, ".cfg",
                       goldens.rows[i].config);
    }
    goldens_free(&goldens);
    if (ctx != NULL)
        libxl_ctx_free(ctx);
    return 0;
}
