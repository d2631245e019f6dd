// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ckfs_xattr.c - extended attributes, in the inode and in a block.
 */
#include <stdlib.h>

#include "ckfs_priv.h"
#include "must.h"

#define XATTR_MAGIC	0xea020000u
#define HEADER		32u

struct area {
	struct ckfs *c;
	struct ckfs_ino *i;
	const uint8_t *base;	/* what value offsets count from */
	uint32_t len;
	bool hashed;		/* every entry must have its hash */
	uint8_t taken[4096];	/* per byte */
};

static void take(struct area *a, uint32_t from, uint32_t len)
{
	if (from > a->len || len > a->len - from) {
		ckfs_complain(a->c, "inode %u: xattr out of bounds", a->i->no);
		return;
	}
	for (uint32_t k = from; k < from + len; k++) {
		if (a->taken[k])
			ckfs_complain(a->c, "inode %u: xattrs overlap",
				      a->i->no);
		a->taken[k] = 1;
	}
}

static uint32_t hash_of(const uint8_t *e, const uint8_t *val, uint32_t size)
{
	uint32_t h = 0;

	for (uint32_t k = 0; k < e[0]; k++)
		h = h << 5 ^ h >> 27 ^ e[16 + k];
	for (uint32_t k = 0; k < (size + 3) / 4; k++)
		h = (h << 16 | h >> 16) ^ ckfs32(val + 4 * k);
	return h;
}

static void check_entry(struct area *a, const uint8_t *e)
{
	uint32_t off = ckfs16(e + 2), size = ckfs32(e + 8);
	uint32_t hash = ckfs32(e + 12);

	if (size > a->len) {
		ckfs_complain(a->c, "inode %u: size of xattr", a->i->no);
		return;
	}
	take(a, off, (size + 3) & ~3u);
	if (off + size <= a->len && (a->hashed || hash != 0) &&
	    hash_of(e, a->base + off, size) != hash)
		ckfs_complain(a->c, "inode %u: hash of xattr", a->i->no);
}

/* Entries from @at on, up to a word of zeros. */
static void check_area(struct area *a, uint32_t at)
{
	take(a, 0, at);
	while (at + 4 <= a->len && ckfs32(a->base + at) != 0) {
		const uint8_t *e = a->base + at;
		uint32_t len = (16u + e[0] + 3) & ~3u;

		take(a, at, len);
		if (a->c->bad)
			return;
		check_entry(a, e);
		at += len;
	}
	if (at + 4 > a->len)
		ckfs_complain(a->c, "inode %u: xattrs have no end", a->i->no);
}

void ckfs_xattr_inode(struct ckfs *c, struct ckfs_ino *i)
{
	uint32_t extra = c->isize > 128 ? ckfs16(i->raw + 128) : 0;
	uint32_t head = 128 + extra + 4;
	struct area *a;

	if (extra == 0 || head + 4 > c->isize ||
	    ckfs32(i->raw + head - 4) != XATTR_MAGIC)
		return;
	a = calloc(1, sizeof(*a));
	must(a != NULL);
	a->c = c;
	a->i = i;
	a->base = i->raw + head;
	a->len = c->isize - head;
	check_area(a, 0);
	free(a);
}

static void check_block_sum(struct ckfs *c, struct ckfs_ino *i,
			    const uint8_t *p)
{
	uint8_t *copy = malloc(c->bs), le[8];
	uint32_t crc;

	must(copy != NULL);
	memcpy(copy, p, c->bs);
	memset(copy + 16, 0, 4);
	memcpy(le, &i->acl, 8);
	crc = ckfs_crc(ckfs_crc(c->seed, le, 8), copy, c->bs);
	if (ckfs32(p + 16) != crc)
		ckfs_complain(c, "inode %u: checksum of xattr block", i->no);
	free(copy);
}

bool ckfs_xattr_block(struct ckfs *c, struct ckfs_ino *i)
{
	const uint8_t *p;
	struct area *a;

	if (i->acl == 0)
		return false;
	if (i->acl >= c->nblocks) {
		ckfs_complain(c, "inode %u: xattrs at block %lu", i->no,
			      i->acl);
		return false;
	}
	if (c->users[i->acl]++ > 0 || !ckfs_claim(c, i->acl, "xattrs", i->no))
		return true;
	p = ckfs_blk(c, i->acl);
	if (ckfs32(p) != XATTR_MAGIC || ckfs32(p + 8) != 1)
		ckfs_complain(c, "inode %u: xattr block", i->no);
	a = calloc(1, sizeof(*a));
	must(a != NULL && c->bs <= sizeof(a->taken));
	*a = (struct area){ .c = c, .i = i, .base = p, .len = c->bs,
			    .hashed = true };
	check_area(a, HEADER);
	free(a);
	if (c->csum)
		check_block_sum(c, i, p);
	return true;
}
