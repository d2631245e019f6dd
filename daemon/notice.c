/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notice.c - tell the kernel what it cannot know.
 */
#include "notice.h"

#include "fuse_api.h"
#include "ino.h"

void dxf_attr_changed(struct dxf_session *s, dxf_ino_t ino)
{
	/* a negative offset: attributes only; it fails when the inode is not
	 * in the kernel's cache, where nothing is stale then */
	fuse_lowlevel_notify_inval_inode(s->se, dxf_node_of_ino(ino), -1, 0);
}

void dxf_watch_begin(struct dxf_watch *w, struct dxf_session *s,
		     dxf_ino_t ino, bool on)
{
	struct dxf_attr a;

	w->on = on && dxf_fs_getattr(s->fs, ino, &a) == 0;
	if (!w->on)
		return;
	w->ino = ino;
	w->mode = a.mode;
	w->blocks = a.blocks;
	w->atime = a.atime;
}

void dxf_watch_end(const struct dxf_watch *w, struct dxf_session *s)
{
	struct dxf_attr a;

	if (!w->on || dxf_fs_getattr(s->fs, w->ino, &a) != 0)
		return;
	assert(a.ino == w->ino);
	if (a.mode != w->mode || a.blocks != w->blocks ||
	    a.atime.tv_sec != w->atime.tv_sec ||
	    a.atime.tv_nsec != w->atime.tv_nsec)
		dxf_attr_changed(s, w->ino);
}
