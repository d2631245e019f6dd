/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn.h - what the kernel may cache and do by itself.
 *
 * The benchmark's servers are built with it too: they must be given the same
 * requests.
 */
#ifndef DXF_CONN_H
#define DXF_CONN_H

#include <stdint.h>

#include "fuse_api.h"

/*
 * Ask for what we want of what @conn offers, and for @more (FUSE_CAP_*).
 * Returns: what is asked for, but for the flags that rawreq.c sees to.
 */
uint32_t dxf_conn_want(struct fuse_conn_info *conn, uint32_t more);

#endif
