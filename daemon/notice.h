/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notice.h - tell the kernel what it cannot know.
 *
 * It keeps attributes until it has itself done something that changes them.
 * Where an operation changes more than the kernel expects (an open that counts
 * as an access, a write that takes setuid away, blocks that are allocated when a
 * page is written back, chattr), it is told to ask
 * again, before the reply: whoever made the call then sees the change.
 */
#ifndef DXF_NOTICE_H
#define DXF_NOTICE_H

#include <sys/types.h>
#include <time.h>

#include "session.h"

/* The kernel is to ask for the attributes again. */
void dxf_attr_changed(struct dxf_session *s, dxf_ino_t ino);

struct dxf_watch {
	bool on;
	dxf_ino_t ino;
	mode_t mode;
	uint64_t blocks;
	struct timespec atime;
};

/* Remember mode, blocks and access time, if @on. */
void dxf_watch_begin(struct dxf_watch *w, struct dxf_session *s,
		     dxf_ino_t ino, bool on);
/* Tell the kernel if one of them changed. */
void dxf_watch_end(const struct dxf_watch *w, struct dxf_session *s);

#endif
