/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ckfs_priv.h - between the files of the checker.
 */
#ifndef CRASH_CKFS_PRIV_H
#define CRASH_CKFS_PRIV_H

#include <string.h>

#include "ckfs.h"

#define CKFS_INCOMPAT_FILETYPE	0x0002u
#define CKFS_INCOMPAT_64BIT	0x0080u
#define CKFS_INCOMPAT_SEED	0x2000u
#define CKFS_RO_SPARSE		0x0001u
#define CKFS_RO_CSUM		0x0400u

struct ckfs {
	const uint8_t *img, *sb;
	uint64_t size, nblocks, first, ngroups;
	uint32_t bs, ninodes, ipg, bpg, isize, dsize, first_ino;
	uint32_t incompat, ro_compat, seed;
	bool csum;
	uint8_t *claimed;		/* per block: 1 claimed */
	uint16_t *links;		/* per inode: entries that name it */
	uint16_t *users;		/* per block: inodes with it as xattrs */
	uint32_t *parent;		/* per inode: directory that names it */
	uint32_t *dotdot;		/* per inode: what ".." says */
	char *why;
	size_t cap;
	bool bad;
};

struct ckfs_ino {
	uint32_t no, gen, flags, nlink, dtime;
	uint16_t mode;
	uint64_t size, blocks, acl;
	uint32_t seed;			/* of its checksums */
	const uint8_t *raw;
};

/* A block of a file, as the map says; not 0. */
typedef void ckfs_block_fn(struct ckfs *c, struct ckfs_ino *i, uint64_t lblk,
			   uint64_t pblk, void *ctx);

static inline uint16_t ckfs16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ckfs32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline const uint8_t *ckfs_blk(const struct ckfs *c, uint64_t blk)
{
	return c->img + blk * c->bs;
}

/* Remember the first complaint. */
void ckfs_complain(struct ckfs *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
uint32_t ckfs_crc(uint32_t crc, const void *buf, size_t len);
/* Claim a block for one owner.  Returns: may it be looked at? */
bool ckfs_claim(struct ckfs *c, uint64_t blk, const char *who, uint32_t ino);
/* Behind what the group ever used of its table: e2fsck does not look. */
bool ckfs_never_used(const struct ckfs *c, uint32_t no);
void ckfs_read_inode(const struct ckfs *c, uint32_t no, struct ckfs_ino *i);

/* ---- ckfs_map.c ---- */

struct ckfs_map {
	uint64_t nblk;			/* with the map's own */
	int64_t last, last_init;	/* logical blocks, -1: none */
};

/* Claim everything that the inode maps; @fn (may be NULL) for data blocks. */
void ckfs_walk(struct ckfs *c, struct ckfs_ino *i, struct ckfs_map *m,
	       ckfs_block_fn *fn, void *ctx);

/* ---- ckfs_dir.c ---- */

/* One block of a directory. */
void ckfs_dir_block(struct ckfs *c, struct ckfs_ino *i, uint64_t lblk,
		    uint64_t pblk, void *ctx);
/* Names that are there twice; call behind the last block. */
void ckfs_dir_end(struct ckfs *c, struct ckfs_ino *i);
/* Every directory hangs below the root, where its ".." says. */
void ckfs_dir_connected(struct ckfs *c);

/* ---- ckfs_xattr.c ---- */

void ckfs_xattr_inode(struct ckfs *c, struct ckfs_ino *i);
/* Returns: has it a block of its own or one that is shared? */
bool ckfs_xattr_block(struct ckfs *c, struct ckfs_ino *i);

#endif
