/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_durable.c - what a filesystem cannot leave out, by itself: as many
 * stores, flushes and fences as daxfuse has, of bytes that mean nothing; and so
 * much time of each request.
 *
 * How many they are is in one table, which never has more than daxfuse: `run
 * --only persisted` counts those of both for each row, side by side, and fails
 * where the table does not follow (persisted.py says how closely).
 *
 * In place the first line is an inode's, which comes behind that of the change
 * before; the second one a directory's, which is full after some changes; the
 * others, as of bitmaps and descriptors, are the same each time.
 *
 * Invariant: the caller holds the tree's lock or the file's; the thread that
 * stores executes the fences.
 */
#include "null.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "persist.h"
#include "region.h"

#define REGION		(64 * DXF_MIB)
#define LINE		64u
/* The log, and lines that are the same each time, are before. */
#define INODES		DXF_MIB
#define DIRECTORIES	(16 * DXF_MIB)
#define BLOCKS		(32 * DXF_MIB)
#define BLOCK		4096u

/*
 * A transaction is its slot in the log, a fence, what it changes in place, a
 * fence, and the mark in the log that it is done, which is not flushed.
 */
static const struct {
	unsigned int logged;	/* bytes of the slot; 0: no transaction */
	unsigned int lines;	/* stored in place, without the mark */
	unsigned int changes;	/* that one transaction makes */
} work[] = {
	[NULL_CREATE] = { 256, 5, 1 },
	[NULL_UNLINK] = { 192, 5, 1 },
	[NULL_RENAME] = { 128, 2, 1 },
	[NULL_ATTR] = { 128, 1, 1 },
	[NULL_FREE] = { 1344, 21, 16 },
	[NULL_FIRST] = { 256, 4, 1 },
	[NULL_GROW] = { 192, 4, 1 },
	[NULL_EXTEND] = { 128, 1, 1 },
	[NULL_OVER] = { 0, 0, 1 },
};

static struct dxf_region *region;
static char bytes[BLOCK];
static _Atomic uint64_t next, freed;

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
		return DIRECTORIES + nr / 16 * BLOCK % (BLOCKS - DIRECTORIES) +
		       nr % 16 * 2 * LINE;
	return 16384 + i * BLOCK;
}

static int put_line(dxf_off_t off, unsigned int flags)
{
	return dxf_persist_copy(region, off, bytes, sizeof(uint64_t),
				DXF_PERSIST_TEMPORAL | flags);
}

/* Does a transaction come with this change? */
static bool is_due(enum null_change what)
{
	return work[what].changes == 1 ||
	       (freed++ + 1) % work[what].changes == 0;
}

void null_durable(enum null_change what)
{
	uint64_t nr;
	unsigned int i;
	int err;

	assert(what < sizeof(work) / sizeof(work[0]));
	if (region == NULL || work[what].logged == 0 || !is_due(what))
		return;
	nr = next++;
	err = dxf_persist_copy(region, 0, bytes, work[what].logged,
			       DXF_PERSIST_DATA);
	dxf_persist_fence(region);
	for (i = 0; i < work[what].lines; i++)
		err |= put_line(place(i, nr), 0);
	dxf_persist_fence(region);
	err |= put_line(8192, DXF_PERSIST_NOFLUSH);
	assert(err == 0);
	(void)err;
}

/* Blocks that were not the file's are filled to their last byte. */
static int put_data(const char *buf, size_t at, size_t len, bool fresh)
{
	dxf_off_t to = BLOCKS + at % (REGION - BLOCKS - 2 * DXF_MIB);
	size_t rest = fresh ? -(at + len) % BLOCK : 0;
	int err = 0;

	for (size_t n; len > 0; buf += n, to += n, len -= n) {
		n = DXF_MIN(len, (size_t)DXF_MIB);
		err |= dxf_persist_copy_padded(region, to, buf, n,
					       n == len ? rest : 0);
	}
	return err;
}

void null_durable_write(const char *buf, size_t at, size_t len, size_t size)
{
	size_t blocks = (size + BLOCK - 1) / BLOCK * BLOCK;
	bool grows = at + len > blocks;
	int err;

	if (region == NULL)
		return;
	err = put_data(buf, at, len, grows);
	dxf_persist_fence(region);
	assert(err == 0);
	(void)err;
	null_durable(grows ? (size == 0 ? NULL_FIRST : NULL_GROW) :
		     at + len > size ? NULL_EXTEND : NULL_OVER);
}

size_t null_durable_counts(char *text, size_t size)
{
	struct dxf_persist_stats st;
	int n;

	if (region == NULL)
		return 0;
	dxf_persist_get_stats(region, &st);
	n = snprintf(text, size, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
		     st.bytes_stored, st.bytes_nt, st.lines_flushed,
		     st.calls[DXF_PERSIST_OP_FENCE]);
	assert(n > 0 && (size_t)n < size);
	return (size_t)n;
}

/* ---- time ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void null_spend(void)
{
	uint64_t end;

	if (null_conf.spend == 0)
		return;
	end = now_ns() + null_conf.spend;
	while (now_ns() < end)
		;
}
