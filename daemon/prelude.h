/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prelude.h - what is settled before anything is opened or forked: whether
 * there is something to mount at all, and as whom.
 */
#ifndef DXF_PRELUDE_H
#define DXF_PRELUDE_H

#include <stdbool.h>

#include "err.h"
#include "options.h"

/*
 * Enter the mount namespace that mount(8) was told of - before anything else.
 * Returns: 0; -errno with a sentence in @err.
 */
int dxf_prelude_enter_namespace(const struct dxf_options *o,
				struct dxf_err *err);

/*
 * Is there nothing to do, and that is well?  mount(8)'s -f; a source that does
 * not exist and `nofail`; and for `mount -a`, which does not recognise a line
 * that begins with `daxfuse#`, a source that is mounted on that directory
 * already, by a daemon that lives.
 */
bool dxf_prelude_is_done(const struct dxf_options *o);

/*
 * Become the user of `setuid=`, with that user's groups and no others, for
 * good.  There must be one thread.
 * Returns: 0; -errno with a sentence in @err.
 */
int dxf_prelude_become_user(const struct dxf_options *o, struct dxf_err *err);

#endif
