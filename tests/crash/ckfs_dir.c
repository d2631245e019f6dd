// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ckfs_dir.c - directories: entries, names, checksums, connectivity.
 */
#include <stdlib.h>

#include "ckfs_priv.h"
#include "must.h"

#define FL_INDEX	0x1000u
#define MAX_NAMES	8192

/* Hashes of the names of the directory that is being read. */
static uint64_t names[MAX_NAMES];
static size_t nnames;

static const uint8_t type_of_mode[16] = {
	[1] = 5, [2] = 3, [4] = 2, [6] = 4, [8] = 1, [10] = 7, [12] = 6,
};

static uint64_t hash(const uint8_t *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	while (len-- > 0)
		h = (h ^ *s++) * 0x100000001b3u;
	return h;
}

static void dots(struct ckfs *c, struct ckfs_ino *i, const uint8_t *e,
		 unsigned int nth)
{
	if (nth == 0 && (e[6] != 1 || e[8] != '.' || ckfs32(e) != i->no))
		ckfs_complain(c, "directory %u: \".\"", i->no);
	if (nth == 1 && (e[6] != 2 || memcmp(e + 8, "..", 2) != 0))
		ckfs_complain(c, "directory %u: \"..\"", i->no);
	if (nth == 1)
		c->dotdot[i->no] = ckfs32(e);
}

static void entry(struct ckfs *c, struct ckfs_ino *i, const uint8_t *e,
		  bool dot)
{
	uint32_t no = ckfs32(e);
	struct ckfs_ino t;

	if (no > c->ninodes || (no < c->first_ino && no != 2)) {
		ckfs_complain(c, "directory %u: entry of inode %u", i->no, no);
		return;
	}
	ckfs_read_inode(c, no, &t);
	if (t.nlink == 0 || ckfs_never_used(c, no))
		ckfs_complain(c, "directory %u: entry of free inode %u", i->no,
			      no);
	if ((c->incompat & CKFS_INCOMPAT_FILETYPE) &&
	    e[7] != type_of_mode[t.mode >> 12])
		ckfs_complain(c, "directory %u: type of inode %u", i->no, no);
	c->links[no]++;
	if (memchr(e + 8, '\0', e[6]) != NULL ||
	    memchr(e + 8, '/', e[6]) != NULL)
		ckfs_complain(c, "directory %u: characters of a name", i->no);
	if (dot)
		return;
	if (t.mode >> 12 == 4 && c->parent[no] != 0)
		ckfs_complain(c, "directory %u has two names", no);
	c->parent[no] = i->no;
	must(nnames < MAX_NAMES);
	names[nnames++] = hash(e + 8, e[6]);
}

/* Entries up to the block's end or its tail. */
static void entries(struct ckfs *c, struct ckfs_ino *i, const uint8_t *p,
		    uint64_t lblk)
{
	unsigned int nth = 0;
	uint32_t at = 0, len;

	for (; at < c->bs; at += len, nth++) {
		const uint8_t *e = p + at;

		len = ckfs16(e + 4);
		if (len == 0 && c->bs == 65536)
			len = c->bs;
		if (len < 8 || len % 4 != 0 || at + len > c->bs ||
		    8u + e[6] > len) {
			ckfs_complain(c, "directory %u: entry at %lu+%u",
				      i->no, lblk, at);
			return;
		}
		if (lblk == 0 && nth < 2)
			dots(c, i, e, nth);
		if (ckfs32(e) != 0)
			entry(c, i, e, lblk == 0 && nth < 2);
	}
}

static bool is_index(const struct ckfs *c, const struct ckfs_ino *i,
		     const uint8_t *p, uint64_t lblk)
{
	if (!(i->flags & FL_INDEX))
		return false;
	return lblk == 0 || (ckfs32(p) == 0 && ckfs16(p + 4) == c->bs);
}

static void check_index_sum(struct ckfs *c, struct ckfs_ino *i,
			    const uint8_t *p, uint64_t lblk)
{
	static const uint8_t none[4];
	uint32_t at = lblk == 0 ? 32 : 8, crc;
	const uint8_t *tail = p + at + 8 * ckfs16(p + at);

	if (tail + 8 > p + c->bs) {
		ckfs_complain(c, "directory %u: index limit", i->no);
		return;
	}
	crc = ckfs_crc(i->seed, p, at + 8u * ckfs16(p + at + 2));
	crc = ckfs_crc(crc, tail, 4);
	if (ckfs32(tail + 4) != ckfs_crc(crc, none, 4))
		ckfs_complain(c, "directory %u: checksum of index", i->no);
}

void ckfs_dir_block(struct ckfs *c, struct ckfs_ino *i, uint64_t lblk,
		    uint64_t pblk, void *ctx)
{
	const uint8_t *p = ckfs_blk(c, pblk), *tail = p + c->bs - 12;

	if (lblk == 0)
		nnames = 0;
	entries(c, i, p, lblk);
	if (!c->csum)
		return;
	if (is_index(c, i, p, lblk)) {
		check_index_sum(c, i, p, lblk);
		return;
	}
	if (ckfs32(tail) != 0 || ckfs16(tail + 4) != 12 || tail[7] != 0xde)
		ckfs_complain(c, "directory %u: no tail", i->no);
	else if (ckfs32(tail + 8) != ckfs_crc(i->seed, p, c->bs - 12))
		ckfs_complain(c, "directory %u: checksum of block %lu", i->no,
			      lblk);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void ckfs_dir_end(struct ckfs *c, struct ckfs_ino *i)
{
	qsort(names, nnames, sizeof(names[0]), by_value);
	for (size_t k = 1; k < nnames; k++) {
		if (names[k] == names[k - 1])
			ckfs_complain(c, "directory %u: a name twice", i->no);
	}
	nnames = 0;
}

void ckfs_dir_connected(struct ckfs *c)
{
	if (c->dotdot[2] != 2)
		ckfs_complain(c, "the root's \"..\" is %u", c->dotdot[2]);
	for (uint32_t no = c->first_ino; no <= c->ninodes; no++) {
		uint32_t at = no, steps = 0;

		if (c->dotdot[no] == 0)
			continue;
		if (c->parent[no] != c->dotdot[no])
			ckfs_complain(c, "directory %u: \"..\" is %u, not %u",
				      no, c->dotdot[no], c->parent[no]);
		while (at != 2 && at != 0 && steps++ < c->ninodes)
			at = c->parent[at];
		if (at != 2)
			ckfs_complain(c, "directory %u is not connected", no);
	}
}
