/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab.h - a region into which crash states are put, to be mounted, looked at,
 * unmounted and checked.
 *
 * It remembers which pages a state and its recovery touched, so that the next
 * state costs a few pages and not an image.
 */
#ifndef CRASH_LAB_H
#define CRASH_LAB_H

#include "states.h"
#include "trace.h"
#include "tree.h"

struct lab {
	struct dxf_region *region;
	const uint8_t *img;		/* its bytes, to read */
	uint64_t size;
	struct dxf_fs_opts opts;
	uint8_t *dirty;			/* per page: not as in owner's durable */
	const struct model *owner;
	struct trace *rec;		/* if set: gets what recovery does */
	bool orphans;			/* some were seen since the mount */
	bool e2fsck;			/* hold the checker against it */
	uint64_t recovered, compared;
	char why[2048];
};

void lab_init(struct lab *l, uint64_t size, const struct dxf_fs_opts *opts);
void lab_free(struct lab *l);
/* The media are as @s from now on. */
void lab_put(struct lab *l, struct model *m, const struct state *s);
/*
 * Mount, take the picture, unmount, check.
 * Returns: true and *@got, which tree_free() releases; false: l->why.
 */
bool lab_look(struct lab *l, struct tree *got);
/*
 * Hold the checker against e2fsck on the media as they are, broken as a crash
 * left them.  Changes counters of the superblock: put the state again.
 * Returns: true; false: l->why.
 */
bool lab_opinions(struct lab *l);
/* A region that holds @img, guarded. */
struct dxf_region *lab_region(const uint8_t *img, uint64_t size);
const uint8_t *lab_bytes(struct dxf_region *r);

#endif
