// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inode.c - inode slots: media to struct dxf_dinode and back.
 *
 * Owns the layout of struct ext2_inode_large and the slot's checksum; must not
 * know what the map or the xattrs in it mean.  A slot is changed as a copy of
 * its bytes, so that what is unknown here stays.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "inode_check.h"
#include "itime.h"
#include "load.h"
#include "node.h"

/* A slot as on media; the bytes behind the known fields are xattrs. */
union slot {
	struct ext2_inode_large i;
	uint8_t raw[4096];
};

#define FIELD_END(f) \
	(offsetof(struct ext2_inode_large, f) + \
	 sizeof(((struct ext2_inode_large *)0)->f) - EXT2_GOOD_OLD_INODE_SIZE)

/* Does an inode with @extra_isize have field @f of the large part? */
#define HAS(extra_isize, f)	((extra_isize) >= FIELD_END(f))

uint32_t dxf_inode_csum_seed(const struct dxf_ext2 *e2, dxf_ino_t ino,
			     uint32_t generation)
{
	uint32_t crc = dxf_crc32c(e2->csum_seed, &ino, sizeof(ino));

	return dxf_crc32c(crc, &generation, sizeof(generation));
}

/* The checksum over @s with its own fields taken as zero. */
static uint32_t slot_csum(const struct dxf_ext2 *e2, dxf_ino_t ino,
			  union slot *s, bool has_hi)
{
	uint16_t lo = s->i.osd2.linux2.l_i_checksum_lo;
	uint16_t hi = s->i.i_checksum_hi;
	uint32_t crc;

	s->i.osd2.linux2.l_i_checksum_lo = 0;
	if (has_hi)
		s->i.i_checksum_hi = 0;
	crc = dxf_inode_csum_seed(e2, ino, s->i.i_generation);
	crc = dxf_crc32c(crc, s->raw, e2->geom.inode_size);
	s->i.osd2.linux2.l_i_checksum_lo = lo;
	if (has_hi)
		s->i.i_checksum_hi = hi;
	return crc;
}

static bool has_csum_hi(const struct dxf_ext2 *e2, const union slot *s)
{
	return e2->geom.inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
		HAS(s->i.i_extra_isize, i_checksum_hi);
}

static bool csum_ok(const struct dxf_ext2 *e2, dxf_ino_t ino, union slot *s)
{
	bool hi = has_csum_hi(e2, s);
	uint32_t want = s->i.osd2.linux2.l_i_checksum_lo;
	uint32_t crc;

	if (!e2->geom.has_csum)
		return true;
	crc = slot_csum(e2, ino, s, hi);
	if (hi)
		want |= (uint32_t)s->i.i_checksum_hi << 16;
	return dxf_csum_fits(want, hi ? crc : (uint16_t)crc);
}

static void set_csum(const struct dxf_ext2 *e2, dxf_ino_t ino, union slot *s)
{
	bool hi = has_csum_hi(e2, s);
	uint32_t crc;

	if (!e2->geom.has_csum)
		return;
	crc = slot_csum(e2, ino, s, hi);
	s->i.osd2.linux2.l_i_checksum_lo = (uint16_t)crc;
	if (hi)
		s->i.i_checksum_hi = (uint16_t)(crc >> 16);
}

static int load_bytes(struct dxf_ext2 *e2, dxf_ino_t ino, union slot *s,
		      size_t len)
{
	assert(len <= e2->geom.inode_size && len <= sizeof(s->raw));
	return dxf_ext2_read(e2, ino, dxf_inode_slot_off(e2, ino), s->raw,
			     len);
}

static int load_slot(struct dxf_ext2 *e2, dxf_ino_t ino, union slot *s)
{
	return load_bytes(e2, ino, s, e2->geom.inode_size);
}

/* The part of a slot with all that encode() changes; xattrs are behind it. */
static size_t known_size(const struct dxf_ext2 *e2)
{
	return DXF_MIN((size_t)e2->geom.inode_size,
		       sizeof(struct ext2_inode_large));
}

/* What has to be read of a slot: the checksum is over all of it. */
static size_t needed_size(const struct dxf_ext2 *e2)
{
	return e2->geom.has_csum ? e2->geom.inode_size : known_size(e2);
}

void dxf_dinode_ahead(const struct dxf_ext2 *e2, dxf_ino_t ino)
{
	dxf_load_ahead(e2->region, dxf_inode_slot_off(e2, ino),
		       needed_size(e2));
}

/* ---- decoding ---- */

static uint64_t decode_size(const struct dxf_ext2 *e2,
			    const struct ext2_inode_large *i)
{
	bool high = S_ISREG(i->i_mode) ||
		(S_ISDIR(i->i_mode) && e2->geom.has_large_dir);

	return high ? i->i_size | (uint64_t)i->i_size_high << 32 : i->i_size;
}

static uint64_t decode_sectors(const struct dxf_ext2 *e2,
			       const struct ext2_inode_large *i)
{
	uint64_t n = i->i_blocks;

	if (!e2->geom.has_huge_file)
		return n;
	n |= (uint64_t)i->osd2.linux2.l_i_blocks_hi << 32;
	return (i->i_flags & EXT4_HUGE_FILE_FL) != 0 ?
		n << (e2->geom.block_bits - 9) : n;
}

static void decode_times(const struct ext2_inode_large *i,
			 struct dxf_dinode *di)
{
	uint16_t n = di->extra_isize;

	di->atime = dxf_time_decode(i->i_atime, HAS(n, i_atime_extra) ?
				    i->i_atime_extra : 0);
	di->mtime = dxf_time_decode(i->i_mtime, HAS(n, i_mtime_extra) ?
				    i->i_mtime_extra : 0);
	di->ctime = dxf_time_decode(i->i_ctime, HAS(n, i_ctime_extra) ?
				    i->i_ctime_extra : 0);
	if (HAS(n, i_crtime))
		di->crtime = dxf_time_decode(i->i_crtime,
			HAS(n, i_crtime_extra) ? i->i_crtime_extra : 0);
}

static void decode(const struct dxf_ext2 *e2, const union slot *s,
		   struct dxf_dinode *di)
{
	const struct ext2_inode_large *i = &s->i;

	memset(di, 0, sizeof(*di));
	if (e2->geom.inode_size > EXT2_GOOD_OLD_INODE_SIZE)
		di->extra_isize = i->i_extra_isize;
	di->mode = i->i_mode;
	di->uid = i->i_uid | (uid_t)i->osd2.linux2.l_i_uid_high << 16;
	di->gid = i->i_gid | (gid_t)i->osd2.linux2.l_i_gid_high << 16;
	di->nlink = i->i_links_count;
	di->size = decode_size(e2, i);
	di->sectors = decode_sectors(e2, i);
	di->flags = i->i_flags;
	di->generation = i->i_generation;
	di->dtime = i->i_dtime;
	di->file_acl = i->i_file_acl;
	if (e2->geom.has_64bit)
		di->file_acl |=
			(dxf_blk_t)i->osd2.linux2.l_i_file_acl_high << 32;
	if (HAS(di->extra_isize, i_projid))
		di->projid = i->i_projid;
	decode_times(i, di);
	static_assert(sizeof(di->block) == sizeof(i->i_block), "layout");
	memcpy(di->block, i->i_block, sizeof(di->block));
}

static bool is_unused(const union slot *s)
{
	return s->i.i_mode == 0 && s->i.i_links_count == 0;
}

static bool extra_ok(const struct dxf_ext2 *e2, const union slot *s)
{
	uint32_t room = e2->geom.inode_size - EXT2_GOOD_OLD_INODE_SIZE;

	return room == 0 || (s->i.i_extra_isize <= room &&
			     s->i.i_extra_isize % 4 == 0);
}

int dxf_dinode_read(struct dxf_ext2 *e2, dxf_ino_t ino, struct dxf_dinode *out)
{
	struct dxf_dinode di;
	const char *what;
	union slot s;
	int ret;

	if (ino < 1 || ino > e2->geom.ninodes)
		return -EINVAL;
	ret = load_bytes(e2, ino, &s, needed_size(e2));
	if (ret < 0)
		return ret;
	/* A slot that was never used has no checksum either. */
	if (is_unused(&s))
		return -ESTALE;
	if (!csum_ok(e2, ino, &s))
		return dxf_ext2_corrupt(e2, ino, 0,
					"the inode's checksum is wrong");
	if (!extra_ok(e2, &s))
		return dxf_ext2_corrupt(e2, ino, 0, "i_extra_isize is %u",
					s.i.i_extra_isize);
	decode(e2, &s, &di);
	what = dxf_inode_check(e2, &di);
	if (what != NULL)
		return dxf_ext2_corrupt(e2, ino, 0, "%s", what);
	*out = di;
	return 0;
}

int dxf_dinode_glance(struct dxf_ext2 *e2, dxf_ino_t ino,
		      struct dxf_dinode *out)
{
	union slot s;

	assert(ino >= 1 && ino <= e2->geom.ninodes);
	/* past the report of dxf_ext2_read() */
	if (dxf_txn_read(e2->txnmgr, dxf_inode_slot_off(e2, ino), s.raw,
			 needed_size(e2)) != 0 ||
	    is_unused(&s) || !csum_ok(e2, ino, &s) || !extra_ok(e2, &s))
		return -EAGAIN;
	decode(e2, &s, out);
	return dxf_inode_check(e2, out) == NULL ? 0 : -EAGAIN;
}

static bool is_zero(const struct dxf_ext2 *e2, const union slot *s)
{
	return s->raw[0] == 0 &&
		memcmp(s->raw, s->raw + 1, e2->geom.inode_size - 1) == 0;
}

int dxf_dinode_read_bad(struct dxf_ext2 *e2, struct dxf_dinode *out)
{
	struct dxf_dinode di;
	union slot s;
	int ret = load_slot(e2, EXT2_BAD_INO, &s);

	if (ret < 0)
		return ret;
	if (!is_zero(e2, &s) && !csum_ok(e2, EXT2_BAD_INO, &s))
		return dxf_ext2_corrupt(e2, EXT2_BAD_INO, 0,
					"the inode's checksum is wrong");
	decode(e2, &s, &di);
	if (!is_unused(&s) || di.file_acl != 0 ||
	    di.extra_isize > e2->geom.inode_size - EXT2_GOOD_OLD_INODE_SIZE ||
	    (di.flags & (EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL)) != 0)
		return dxf_ext2_corrupt(e2, EXT2_BAD_INO, 0,
					"it does not list bad blocks");
	*out = di;
	return 0;
}

/* ---- encoding ---- */

static void encode_size(const struct dxf_ext2 *e2, const struct dxf_dinode *di,
			struct ext2_inode_large *i)
{
	bool high = S_ISREG(di->mode) ||
		(S_ISDIR(di->mode) && e2->geom.has_large_dir);

	i->i_size = (uint32_t)di->size;
	if (high)
		i->i_size_high = (uint32_t)(di->size >> 32);
}

/* Returns: 0; -EFBIG. */
static int encode_sectors(const struct dxf_ext2 *e2,
			  const struct dxf_dinode *di,
			  struct ext2_inode_large *i)
{
	unsigned int shift = e2->geom.block_bits - 9;
	uint64_t n = di->sectors;

	i->i_flags = di->flags & ~(uint32_t)EXT4_HUGE_FILE_FL;
	if (!e2->geom.has_huge_file && n > UINT32_MAX)
		return -EFBIG;
	if (n >> 48 != 0) {
		n >>= shift;
		i->i_flags |= EXT4_HUGE_FILE_FL;
	}
	if (n >> 48 != 0)
		return -EFBIG;
	i->i_blocks = (uint32_t)n;
	if (e2->geom.has_huge_file)
		i->osd2.linux2.l_i_blocks_hi = (uint16_t)(n >> 32);
	return 0;
}

static void encode_times(const struct dxf_dinode *di,
			 struct ext2_inode_large *i)
{
	uint16_t n = di->extra_isize;
	struct timespec atime, mtime, ctime, crtime;

	atime = dxf_time_clamp(di->atime, HAS(n, i_atime_extra));
	mtime = dxf_time_clamp(di->mtime, HAS(n, i_mtime_extra));
	ctime = dxf_time_clamp(di->ctime, HAS(n, i_ctime_extra));
	crtime = dxf_time_clamp(di->crtime, HAS(n, i_crtime_extra));
	i->i_atime = (uint32_t)atime.tv_sec;
	i->i_mtime = (uint32_t)mtime.tv_sec;
	i->i_ctime = (uint32_t)ctime.tv_sec;
	if (HAS(n, i_atime_extra))
		i->i_atime_extra = dxf_time_extra(atime);
	if (HAS(n, i_mtime_extra))
		i->i_mtime_extra = dxf_time_extra(mtime);
	if (HAS(n, i_ctime_extra))
		i->i_ctime_extra = dxf_time_extra(ctime);
	if (HAS(n, i_crtime))
		i->i_crtime = (uint32_t)crtime.tv_sec;
	if (HAS(n, i_crtime_extra))
		i->i_crtime_extra = dxf_time_extra(crtime);
}

static int encode(const struct dxf_ext2 *e2, const struct dxf_dinode *di,
		  union slot *s)
{
	struct ext2_inode_large *i = &s->i;

	assert(di->nlink <= UINT16_MAX && (di->mode & ~0177777u) == 0);
	i->i_mode = (uint16_t)di->mode;
	i->i_uid = (uint16_t)di->uid;
	i->osd2.linux2.l_i_uid_high = (uint16_t)(di->uid >> 16);
	i->i_gid = (uint16_t)di->gid;
	i->osd2.linux2.l_i_gid_high = (uint16_t)(di->gid >> 16);
	i->i_links_count = (uint16_t)di->nlink;
	encode_size(e2, di, i);
	i->i_generation = di->generation;
	i->i_dtime = di->dtime;
	i->i_file_acl = (uint32_t)di->file_acl;
	if (e2->geom.has_64bit)
		i->osd2.linux2.l_i_file_acl_high =
			(uint16_t)(di->file_acl >> 32);
	if (e2->geom.inode_size > EXT2_GOOD_OLD_INODE_SIZE)
		i->i_extra_isize = di->extra_isize;
	if (HAS(di->extra_isize, i_projid))
		i->i_projid = di->projid;
	encode_times(di, i);
	memcpy(i->i_block, di->block, sizeof(di->block));
	return encode_sectors(e2, di, i);
}

/* Stage the first @len bytes of the slot. */
static int store(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		 const struct dxf_dinode *di, union slot *s, size_t len)
{
	int ret;

	assert(len >= known_size(e2) && len <= e2->geom.inode_size);
	assert(di->extra_isize <=
	       e2->geom.inode_size - EXT2_GOOD_OLD_INODE_SIZE);
	ret = encode(e2, di, s);
	if (ret == 0 && S_ISREG(di->mode) && di->size > INT32_MAX)
		ret = dxf_ext2_need_feature(e2, t, DXF_FEATURE_LARGE_FILE);
	if (ret < 0)
		return ret;
	set_csum(e2, ino, s);
	return dxf_txn_store(t, dxf_inode_slot_off(e2, ino), s->raw, len);
}

int dxf_dinode_write(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		     const struct dxf_dinode *di)
{
	size_t len = known_size(e2);
	union slot s;
	int ret;

	ret = load_bytes(e2, ino, &s, needed_size(e2));
	return ret == 0 ? store(e2, t, ino, di, &s, len) : ret;
}

int dxf_dinode_create(struct dxf_ext2 *e2, struct dxf_txn *t, dxf_ino_t ino,
		      struct dxf_dinode *di)
{
	union slot s;

	memset(&s, 0, sizeof(s));
	di->extra_isize = (uint16_t)e2->want_extra_isize;
	return store(e2, t, ino, di, &s, e2->geom.inode_size);
}

void dxf_dinode_image(const struct dxf_ext2 *e2, dxf_ino_t ino,
		      const struct dxf_dinode *di, uint8_t *raw)
{
	union slot s;

	memset(&s, 0, sizeof(s));
	/* It fails for block counts that no log has. */
	(void)encode(e2, di, &s);
	set_csum(e2, ino, &s);
	memcpy(raw, s.raw, e2->geom.inode_size);
}
