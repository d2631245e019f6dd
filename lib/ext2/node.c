// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * node.c - the life of an inode in core.
 *
 * Owns nothing but the order in which a node's parts are set up and released;
 * the parts belong to bmap, balloc and dir.
 */
#include "node.h"

#include <assert.h>
#include <string.h>

#include "dir.h"
#include "runs.h"

void dxf_node_init(struct dxf_node *n, struct dxf_ext2 *e2, dxf_ino_t ino)
{
	assert(e2 && ino != 0);
	memset(n, 0, sizeof(*n));
	n->e2 = e2;
	n->ino = ino;
	dxf_mutex_init(&n->attr, DXF_RANK_ATTR);
}

void dxf_node_fini(struct dxf_node *n)
{
	if (n->index)
		dxf_dir_forget_index(n);
	assert(!n->index);
	dxf_balloc_drop_window(n->e2, &n->window);
	dxf_runs_fini(n);
	dxf_mutex_destroy(&n->attr);
}
