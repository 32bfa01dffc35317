/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths in xenstore. The caller frees them. */
#ifndef XK_XENSTORE_HELPERS_PATHS_H
#define XK_XENSTORE_HELPERS_PATHS_H

#include "base/uuid.h"

char *xk_path_domain(unsigned domid);           /* /local/domain/N */
char *xk_path_domain_name(unsigned domid);      /* .../name */
char *xk_path_domain_vm(unsigned domid);        /* .../vm: holds a /vm/ path */
char *xk_path_control_shutdown(unsigned domid); /* .../control/shutdown */
char *xk_path_control_feature(unsigned domid, const char *feature);
char *xk_path_console_tty(unsigned domid, unsigned number);
char *xk_path_serial_tty(unsigned domid);     /* .../serial/0/tty */
char *xk_path_libxl(unsigned domid);          /* /libxl/N */
char *xk_path_vm(const struct xk_uuid *uuid); /* /vm/UUID */

/* The two ends of a device. kind is "vbd" or "vif" for the frontend; for the
 * backend it is the backend's own name of the kind. */
char *xk_path_frontend(unsigned domid, const char *kind, unsigned devid);
char *xk_path_backend(unsigned backend_domid, const char *kind, unsigned domid,
                      unsigned devid);

#endif
