// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ckfs.c - the checker: superblock, groups, inodes, bitmaps, link counts.
 *
 * Must not use lib/: what it checks is what lib/ wrote.
 */
#include "ckfs_priv.h"
#include "must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define INODE_UNINIT	1u
#define BLOCK_UNINIT	2u

void ckfs_complain(struct ckfs *c, const char *fmt, ...)
{
	va_list ap;

	if (c->bad)
		return;
	c->bad = true;
	va_start(ap, fmt);
	vsnprintf(c->why, c->cap, fmt, ap);
	va_end(ap);
}

uint32_t ckfs_crc(uint32_t crc, const void *buf, size_t len)
{
	static uint32_t table[256];
	const uint8_t *p = buf;

	if (table[1] == 0) {
		for (uint32_t k = 0; k < 256; k++) {
			uint32_t v = k;

			for (int b = 0; b < 8; b++)
				v = v >> 1 ^ (v & 1 ? 0x82f63b78u : 0);
			table[k] = v;
		}
	}
	while (len-- > 0)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
	return crc;
}

bool ckfs_claim(struct ckfs *c, uint64_t blk, const char *who, uint32_t ino)
{
	if (blk < c->first || blk >= c->nblocks) {
		ckfs_complain(c, "inode %u: %s at block %lu", ino, who, blk);
		return false;
	}
	if (c->claimed[blk]) {
		ckfs_complain(c, "inode %u: %s at block %lu, which is taken",
			      ino, who, blk);
		return false;
	}
	c->claimed[blk] = 1;
	return true;
}

static bool read_super(struct ckfs *c)
{
	const uint8_t *s = c->sb;
	uint32_t bits = ckfs32(s + 24);

	if (ckfs16(s + 56) != 0xef53 || bits > 6)
		return false;
	c->bs = 1024u << bits;
	c->ninodes = ckfs32(s);
	c->nblocks = ckfs32(s + 4);
	c->first = ckfs32(s + 20);
	c->bpg = ckfs32(s + 32);
	c->ipg = ckfs32(s + 40);
	c->first_ino = ckfs32(s + 84);
	c->isize = ckfs16(s + 88);
	c->incompat = ckfs32(s + 96);
	c->ro_compat = ckfs32(s + 100);
	c->csum = c->ro_compat & CKFS_RO_CSUM;
	c->dsize = c->incompat & CKFS_INCOMPAT_64BIT ? ckfs16(s + 254) : 32;
	c->seed = c->incompat & CKFS_INCOMPAT_SEED ? ckfs32(s + 0x270) :
		ckfs_crc(~0u, s + 104, 16);
	if (c->bpg == 0 || c->nblocks * c->bs > c->size)
		return false;
	c->ngroups = (c->nblocks - c->first + c->bpg - 1) / c->bpg;
	return true;
}

static const uint8_t *desc_of(const struct ckfs *c, uint64_t g)
{
	return ckfs_blk(c, c->first + 1) + g * c->dsize;
}

static uint64_t desc_blk(const struct ckfs *c, uint64_t g, unsigned int at)
{
	const uint8_t *d = desc_of(c, g);
	uint64_t hi = c->dsize >= 64 ? ckfs32(d + 32 + at) : 0;

	return hi << 32 | ckfs32(d + at);
}

static uint32_t desc_num(const struct ckfs *c, uint64_t g, unsigned int at)
{
	const uint8_t *d = desc_of(c, g);
	uint32_t hi = c->dsize >= 64 ? ckfs16(d + 32 + at) : 0;

	return hi << 16 | ckfs16(d + at);
}

static bool is_power(uint64_t g, uint64_t of)
{
	while (g % of == 0)
		g /= of;
	return g == 1;
}

static bool has_super(const struct ckfs *c, uint64_t g)
{
	return g <= 1 || !(c->ro_compat & CKFS_RO_SPARSE) || is_power(g, 3) ||
	       is_power(g, 5) || is_power(g, 7);
}

static void claim_run(struct ckfs *c, uint64_t blk, uint64_t n, const char *who)
{
	for (uint64_t k = 0; k < n; k++)
		ckfs_claim(c, blk + k, who, 0);
}

static void claim_fixed(struct ckfs *c)
{
	uint64_t ngdt = (c->ngroups * c->dsize + c->bs - 1) / c->bs +
			ckfs16(c->sb + 0xce);
	uint64_t table = (uint64_t)c->ipg * c->isize / c->bs;

	for (uint64_t g = 0; g < c->ngroups; g++) {
		uint64_t start = c->first + g * c->bpg;

		if (has_super(c, g))
			claim_run(c, start, 1 + ngdt, "superblock");
		claim_run(c, desc_blk(c, g, 0), 1, "block bitmap");
		claim_run(c, desc_blk(c, g, 4), 1, "inode bitmap");
		claim_run(c, desc_blk(c, g, 8), table, "inode table");
	}
}

/* ---- inodes ---- */

void ckfs_read_inode(const struct ckfs *c, uint32_t no, struct ckfs_ino *i)
{
	uint64_t table = desc_blk(c, (no - 1) / c->ipg, 8);
	const uint8_t *r = ckfs_blk(c, table) +
			   (uint64_t)((no - 1) % c->ipg) * c->isize;
	uint8_t le[4];

	i->no = no;
	i->raw = r;
	i->mode = ckfs16(r);
	i->nlink = ckfs16(r + 26);
	i->dtime = ckfs32(r + 20);
	i->blocks = ckfs32(r + 28) | (uint64_t)ckfs16(r + 0x74) << 32;
	i->flags = ckfs32(r + 32);
	i->gen = ckfs32(r + 100);
	i->acl = ckfs32(r + 104) | (uint64_t)ckfs16(r + 0x76) << 32;
	i->size = ckfs32(r + 4) | (uint64_t)ckfs32(r + 108) << 32;
	if (!c->csum)
		return;
	memcpy(le, &no, 4);
	i->seed = ckfs_crc(ckfs_crc(c->seed, le, 4), r + 100, 4);
}

static void check_inode_sum(struct ckfs *c, const struct ckfs_ino *i)
{
	uint8_t copy[1024];
	bool hi = c->isize > 128 && ckfs16(i->raw + 128) >= 4;
	uint32_t is = ckfs16(i->raw + 0x7c), crc;

	must(c->isize <= sizeof(copy));
	memcpy(copy, i->raw, c->isize);
	memset(copy + 0x7c, 0, 2);
	if (hi) {
		is |= (uint32_t)ckfs16(i->raw + 0x82) << 16;
		memset(copy + 0x82, 0, 2);
	}
	crc = ckfs_crc(i->seed, copy, c->isize);
	if (is != (hi ? crc : crc & 0xffff))
		ckfs_complain(c, "inode %u: checksum", i->no);
}

static void check_size(struct ckfs *c, const struct ckfs_ino *i,
		       const struct ckfs_map *m)
{
	uint64_t end = (uint64_t)(m->last + 1) * c->bs;

	if (i->mode >> 12 == 4 && (i->size != end || end == 0))
		ckfs_complain(c, "directory %u: size %lu", i->no, i->size);
	if (i->mode >> 12 == 8 && m->last_init >= 0 &&
	    i->size < (uint64_t)m->last_init * c->bs)
		ckfs_complain(c, "inode %u: size %lu, but block %ld", i->no,
			      i->size, (long)m->last_init);
	if (i->blocks != m->nblk * (c->bs / 512))
		ckfs_complain(c, "inode %u: i_blocks %lu, not %lu", i->no,
			      i->blocks, m->nblk * (c->bs / 512));
}

static void check_symlink(struct ckfs *c, const struct ckfs_ino *i,
			  const struct ckfs_map *m)
{
	const uint8_t *p = i->raw + 40;

	if (m->nblk == (i->acl != 0) &&
	    (i->size >= 60 || strnlen((const char *)p, 60) != i->size))
		ckfs_complain(c, "symlink %u", i->no);
}

static void check_inode(struct ckfs *c, struct ckfs_ino *i)
{
	unsigned int type = i->mode >> 12;
	struct ckfs_map m = { 0, -1, -1 };
	bool maps = type == 4 || type == 8 ||
		    (type == 10 && i->blocks > (i->acl ? c->bs / 512 : 0));

	if (c->csum)
		check_inode_sum(c, i);
	if (i->dtime != 0)
		ckfs_complain(c, "inode %u: in use, but with dtime", i->no);
	if (maps)
		ckfs_walk(c, i, &m, type == 4 ? ckfs_dir_block : NULL, NULL);
	if (type == 4)
		ckfs_dir_end(c, i);
	ckfs_xattr_inode(c, i);
	if (ckfs_xattr_block(c, i))
		m.nblk++;
	check_size(c, i, &m);
	if (type == 10)
		check_symlink(c, i, &m);
}

static bool uninit(const struct ckfs *c, uint64_t g, unsigned int flag)
{
	return c->csum && (ckfs16(desc_of(c, g) + 18) & flag);
}

bool ckfs_never_used(const struct ckfs *c, uint32_t no)
{
	uint64_t g = (no - 1) / c->ipg;

	return uninit(c, g, INODE_UNINIT) ||
	       (c->csum && (no - 1) % c->ipg >= c->ipg - desc_num(c, g, 28));
}

static bool is_blank(const struct ckfs *c, const struct ckfs_ino *i)
{
	return i->raw[0] == 0 && memcmp(i->raw, i->raw + 1, c->isize - 1) == 0;
}

static void check_inodes(struct ckfs *c, uint8_t *used)
{
	for (uint32_t no = 1; no <= c->ninodes; no++) {
		struct ckfs_map bad;
		struct ckfs_ino i;

		used[no] = no < c->first_ino;
		if (ckfs_never_used(c, no))
			continue;
		ckfs_read_inode(c, no, &i);
		if (i.nlink == 0) {
			if (c->csum && !is_blank(c, &i))
				check_inode_sum(c, &i);
			/* The bad blocks, which nobody else may have. */
			if (no == 1)
				ckfs_walk(c, &i, &bad, NULL, NULL);
			if (i.dtime == 0 && i.mode != 0)
				ckfs_complain(c, "inode %u: deleted, but "
					      "without dtime", no);
			continue;
		}
		if (no == 7 || no == 1)
			continue;
		used[no] = 1;
		check_inode(c, &i);
	}
}

static void check_links(struct ckfs *c)
{
	for (uint32_t no = 2; no <= c->ninodes; no++) {
		struct ckfs_ino i;

		if ((no != 2 && no < c->first_ino) ||
		    ckfs_never_used(c, no))
			continue;
		ckfs_read_inode(c, no, &i);
		if (i.nlink != c->links[no])
			ckfs_complain(c, "inode %u: %u links, not %u", no,
				      i.nlink, c->links[no]);
	}
	for (uint64_t b = c->first; b < c->nblocks; b++) {
		if (c->users[b] > 0 &&
		    ckfs32(ckfs_blk(c, b) + 4) != c->users[b])
			ckfs_complain(c, "xattr block %lu: refcount", b);
	}
}

/* ---- groups ---- */

static bool bit(const uint8_t *map, uint64_t n)
{
	return map[n / 8] >> (n % 8) & 1;
}

/* What is behind a bitmap's last bit in its block must be set. */
static bool padded(const struct ckfs *c, const uint8_t *map, uint32_t nbits)
{
	for (uint32_t k = nbits / 8; k < c->bs; k++) {
		if (map[k] != 0xff)
			return false;
	}
	return true;
}

struct group {
	uint64_t free_blocks, free_inodes, dirs;
};

static void check_block_bitmap(struct ckfs *c, uint64_t g, struct group *n)
{
	const uint8_t *map = ckfs_blk(c, desc_blk(c, g, 0));

	if (!uninit(c, g, BLOCK_UNINIT) && !padded(c, map, c->bpg))
		ckfs_complain(c, "group %lu: end of block bitmap", g);
	for (uint64_t k = 0; k < c->bpg; k++) {
		uint64_t blk = c->first + g * c->bpg + k;
		bool want = blk >= c->nblocks || c->claimed[blk];

		if (!uninit(c, g, BLOCK_UNINIT) && bit(map, k) != want)
			ckfs_complain(c, "block %lu: %s in the bitmap", blk,
				      want ? "free" : "used");
		n->free_blocks += !want;
	}
}

static void check_inode_bitmap(struct ckfs *c, uint64_t g, const uint8_t *used,
			       struct group *n)
{
	const uint8_t *map = ckfs_blk(c, desc_blk(c, g, 4));

	if (!uninit(c, g, INODE_UNINIT) && !padded(c, map, c->ipg))
		ckfs_complain(c, "group %lu: end of inode bitmap", g);
	for (uint32_t k = 0; k < c->ipg; k++) {
		uint32_t no = (uint32_t)(g * c->ipg + k + 1);

		if (!uninit(c, g, INODE_UNINIT) && bit(map, k) != used[no])
			ckfs_complain(c, "inode %u: %s in the bitmap", no,
				      used[no] ? "free" : "used");
		n->free_inodes += !used[no];
		n->dirs += c->dotdot[no] != 0;
	}
}

static void check_desc_sums(struct ckfs *c, uint64_t g)
{
	const uint8_t *d = desc_of(c, g);
	uint32_t mask = c->dsize >= 64 ? ~0u : 0xffff, crc, no = (uint32_t)g;
	uint32_t bb = ckfs16(d + 24), ib = ckfs16(d + 26);
	uint8_t copy[64];

	if (c->dsize >= 64) {
		bb |= (uint32_t)ckfs16(d + 0x38) << 16;
		ib |= (uint32_t)ckfs16(d + 0x3a) << 16;
	}
	memcpy(copy, d, c->dsize);
	memset(copy + 30, 0, 2);
	crc = ckfs_crc(ckfs_crc(c->seed, &no, 4), copy, c->dsize);
	if ((crc & 0xffff) != ckfs16(d + 30))
		ckfs_complain(c, "group %lu: checksum", g);
	crc = ckfs_crc(c->seed, ckfs_blk(c, desc_blk(c, g, 0)), c->bpg / 8);
	if (!uninit(c, g, BLOCK_UNINIT) && (crc & mask) != bb)
		ckfs_complain(c, "group %lu: checksum of block bitmap", g);
	crc = ckfs_crc(c->seed, ckfs_blk(c, desc_blk(c, g, 4)), c->ipg / 8);
	if (!uninit(c, g, INODE_UNINIT) && (crc & mask) != ib)
		ckfs_complain(c, "group %lu: checksum of inode bitmap", g);
}

static void check_groups(struct ckfs *c, const uint8_t *used,
			 struct ckfs_counts *sum)
{
	for (uint64_t g = 0; g < c->ngroups; g++) {
		struct group n = { 0 };

		check_block_bitmap(c, g, &n);
		check_inode_bitmap(c, g, used, &n);
		if (desc_num(c, g, 12) != n.free_blocks)
			ckfs_complain(c, "group %lu: %u free blocks, not %lu",
				      g, desc_num(c, g, 12), n.free_blocks);
		if (desc_num(c, g, 14) != n.free_inodes)
			ckfs_complain(c, "group %lu: %u free inodes, not %lu",
				      g, desc_num(c, g, 14), n.free_inodes);
		if (desc_num(c, g, 16) != n.dirs)
			ckfs_complain(c, "group %lu: %u directories, not %lu",
				      g, desc_num(c, g, 16), n.dirs);
		if (c->csum)
			check_desc_sums(c, g);
		sum->free_blocks += n.free_blocks;
		sum->free_inodes += n.free_inodes;
	}
}

static void check_super(struct ckfs *c, const struct ckfs_counts *sum)
{
	const uint8_t *s = c->sb;

	if (ckfs32(s + 12) != sum->free_blocks)
		ckfs_complain(c, "superblock: %u free blocks, not %lu",
			      ckfs32(s + 12), sum->free_blocks);
	if (ckfs32(s + 16) != sum->free_inodes)
		ckfs_complain(c, "superblock: %u free inodes, not %lu",
			      ckfs32(s + 16), sum->free_inodes);
	if (sum->orphan != 0)
		ckfs_complain(c, "superblock: orphan %u", sum->orphan);
	if (!sum->valid)
		ckfs_complain(c, "superblock: not clean");
}

/* The first run of what lies in the boot-loader inode. */
static void find_log(struct ckfs *c, struct ckfs_counts *n)
{
	struct ckfs_ino i;
	uint64_t blk;

	ckfs_read_inode(c, 5, &i);
	if (i.mode >> 12 != 8)
		return;
	blk = i.flags & 0x80000 ? ckfs32(i.raw + 40 + 12 + 8) :
		ckfs32(i.raw + 40);
	n->log_start = blk * c->bs;
	n->log_end = n->log_start + i.size;
}

static void check_all(struct ckfs *c, unsigned int flags,
		      struct ckfs_counts *n)
{
	uint8_t *used = calloc(c->ninodes + 1, 1);

	c->claimed = calloc(c->nblocks, 1);
	c->users = calloc(c->nblocks, sizeof(uint16_t));
	c->links = calloc(c->ninodes + 1, sizeof(uint16_t));
	c->parent = calloc(c->ninodes + 1, sizeof(uint32_t));
	c->dotdot = calloc(c->ninodes + 1, sizeof(uint32_t));
	must(used && c->claimed && c->users && c->links && c->parent &&
	       c->dotdot);
	if (c->csum && ckfs32(c->sb + 0x3fc) != ckfs_crc(~0u, c->sb, 0x3fc))
		ckfs_complain(c, "superblock: checksum");
	claim_fixed(c);
	check_inodes(c, used);
	check_links(c);
	ckfs_dir_connected(c);
	check_groups(c, used, n);
	find_log(c, n);
	if (!(flags & CKFS_MOUNTED))
		check_super(c, n);
	free(used);
	free(c->claimed);
	free(c->users);
	free(c->links);
	free(c->parent);
	free(c->dotdot);
}

bool ckfs_check(const uint8_t *img, uint64_t size, unsigned int flags,
		struct ckfs_counts *out, char *why, size_t cap)
{
	struct ckfs c = {
		.img = img, .sb = img + 1024, .size = size,
		.why = why, .cap = cap,
	};
	struct ckfs_counts n = { 0 };

	if (!read_super(&c)) {
		ckfs_complain(&c, "superblock");
		return false;
	}
	n.orphan = ckfs32(c.sb + 232);
	n.valid = ckfs16(c.sb + 58) & 1;
	check_all(&c, flags, &n);
	if (!c.bad && out != NULL)
		*out = n;
	return !c.bad;
}

void ckfs_seal_super(uint8_t *sb)
{
	uint32_t crc = ckfs_crc(~0u, sb, 0x3fc);

	if (ckfs32(sb + 100) & CKFS_RO_CSUM)
		memcpy(sb + 0x3fc, &crc, 4);
}
