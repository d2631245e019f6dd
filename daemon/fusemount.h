/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fusemount.h - whether FUSE can be used here, and the mount itself.
 */
#ifndef DXF_FUSEMOUNT_H
#define DXF_FUSEMOUNT_H

#include "err.h"

struct dxf_session;

/*
 * Can this process mount at all: /dev/fuse, and for a user fusermount3?  Asked
 * before the image is touched.
 * Returns: 0; -errno with a sentence in @err that says what is missing.
 */
int dxf_fusemount_check(struct dxf_err *err);

/* From now on what libfuse says is kept for the sentence of a failed mount. */
void dxf_fusemount_listen(void);

/*
 * The sentence that @what went wrong, and what libfuse or fusermount3 said.
 * Returns: -@ret.
 */
int dxf_fusemount_failed(struct dxf_err *err, int ret, const char *what);

/*
 * Mount s->se, libfuse's session, at @at.  What fusermount3 prints becomes the
 * sentence.  No other thread runs.
 * Returns: 0; -errno with a sentence in @err.
 */
int dxf_fusemount_do(struct dxf_session *s, const char *at,
		     struct dxf_err *err);

#endif
