/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err.h - one sentence for the user, carried up from where the cause is known.
 *
 * Functions that open or set up things take a struct dxf_err: on failure it
 * holds one sentence that names the thing and the way out, ready to be printed
 * behind "daxfuse: ".  Operations on a running filesystem return -errno alone.
 */
#ifndef DXF_ERR_H
#define DXF_ERR_H

struct dxf_err {
	char text[1024];
};

/*
 * Set the sentence - a NULL @e is allowed and ignored.
 * Returns: -@err, so that a caller can `return dxf_err_set(e, EINVAL, ...)`.
 */
int dxf_err_set(struct dxf_err *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
