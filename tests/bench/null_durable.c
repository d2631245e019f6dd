/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_durable.c - what making a change durable costs by itself: as many
 * stores, flushes and fences as daxfuse has, of bytes that mean nothing.
 *
 * How many they are is what benchinproc counts for the library's operations, on
 * ext2 without checksums.  In place the first line is an inode's, which comes
 * behind that of the change before; the second one a directory's, which is full
 * after some changes; the others, as of bitmaps and descriptors, are the same
 * each time.
 *
 * Invariant: the caller holds the tree's lock or the file's; the thread that
 * stores executes the fences.
 */
#include "null.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "persist.h"
#include "region.h"

#define REGION		(64 * DXF_MIB)
#define LINE		64u
/* The log, and lines that are the same each time, are before. */
#define INODES		DXF_MIB
#define DIRECTORIES	(16 * DXF_MIB)
#define BLOCKS		(32 * DXF_MIB)

static const struct {
	unsigned int logged;	/* bytes of the slot */
	unsigned int lines;	/* stored in place and flushed */
	unsigned int data;	/* bytes of a fresh block, fenced first */
} work[] = {
	[NULL_CREATE] = { 320, 7, 0 },
	[NULL_UNLINK] = { 192, 5, 0 },
	[NULL_RENAME] = { 128, 3, 0 },
	[NULL_ATTR] = { 112, 3, 0 },
	[NULL_FREE] = { 256, 5, 0 },
	[NULL_GROW] = { 256, 6, 4096 },
};

static struct dxf_region *region;
static char bytes[4096];
static _Atomic uint64_t next;

int null_durable_setup(void)
{
	return dxf_region_open_anon(&region, REGION, false);
}

/* Where line @i of the change @nr is. */
static dxf_off_t place(unsigned int i, uint64_t nr)
{
	if (i == 0)
		return INODES + nr * 128 % (DIRECTORIES - INODES);
	if (i == 1)
		return DIRECTORIES + nr / 16 * 4096 % (BLOCKS - DIRECTORIES) +
		       nr % 16 * 2 * LINE;
	return 16384 + i * 4096;
}

static dxf_off_t block(uint64_t nr)
{
	return BLOCKS + nr * sizeof(bytes) % (REGION - BLOCKS);
}

void null_durable(enum null_change what)
{
	uint64_t nr;
	unsigned int i;
	int err = 0;

	if (region == NULL)
		return;
	assert(what < sizeof(work) / sizeof(work[0]));
	nr = next++;
	if (work[what].data != 0) {
		err |= dxf_persist_copy(region, block(nr), bytes,
					work[what].data, DXF_PERSIST_DATA);
		dxf_persist_fence(region);
	}
	err |= dxf_persist_copy(region, 0, bytes, work[what].logged,
				DXF_PERSIST_DATA);
	dxf_persist_fence(region);
	for (i = 0; i < work[what].lines; i++)
		err |= dxf_persist_copy(region, place(i, nr), bytes,
					sizeof(uint64_t),
					DXF_PERSIST_TEMPORAL);
	dxf_persist_fence(region);
	err |= dxf_persist_copy(region, 8192, bytes, sizeof(uint64_t),
				DXF_PERSIST_TEMPORAL);
	assert(err == 0);
	(void)err;
}
