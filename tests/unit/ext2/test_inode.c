// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_inode.c - inode slots, times, device numbers, new inodes.
 */
#include "core_rig.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#include <ext2fs/ext3_extents.h>

#include "itime.h"

#define INO	((dxf_ino_t)13)

static void write_inode(struct core *c, const struct dxf_dinode *di)
{
	struct dxf_txn *t = core_begin(c);

	ck_assert_int_eq(dxf_dinode_write(c->e2, t, INO, di), 0);
	core_commit(t);
}

static void create_inode(struct core *c, struct dxf_dinode *di)
{
	struct dxf_txn *t = core_begin(c);

	ck_assert_int_eq(dxf_dinode_create(c->e2, t, INO, di), 0);
	core_commit(t);
}

static void fresh(struct core *c, struct dxf_dinode *di, mode_t mode)
{
	struct timespec now = { .tv_sec = 1700000000, .tv_nsec = 123456789 };

	dxf_dinode_fresh(c->e2, di, mode, 0, &now);
	di->generation = 77;
}

/* Compare what a slot can hold. */
static void assert_equal(const struct core *c, const struct dxf_dinode *a,
			 const struct dxf_dinode *b)
{
	ck_assert_uint_eq(a->mode, b->mode);
	ck_assert_uint_eq(a->uid, b->uid);
	ck_assert_uint_eq(a->gid, b->gid);
	ck_assert_uint_eq(a->nlink, b->nlink);
	ck_assert_uint_eq(a->size, b->size);
	ck_assert_uint_eq(a->sectors, b->sectors);
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->generation, b->generation);
	ck_assert_uint_eq(a->dtime, b->dtime);
	ck_assert_uint_eq(a->file_acl, b->file_acl);
	ck_assert_uint_eq(a->extra_isize, b->extra_isize);
	ck_assert_int_eq(memcmp(a->block, b->block, sizeof(a->block)), 0);
	ck_assert_int_eq(memcmp(&a->atime, &b->atime, sizeof(a->atime)), 0);
	ck_assert_int_eq(memcmp(&a->mtime, &b->mtime, sizeof(a->mtime)), 0);
	ck_assert_int_eq(memcmp(&a->ctime, &b->ctime, sizeof(a->ctime)), 0);
	if (c->g->inode_size > 128) {
		ck_assert_uint_eq(a->projid, b->projid);
		ck_assert_int_eq(memcmp(&a->crtime, &b->crtime,
					sizeof(a->crtime)), 0);
	}
}

static struct timespec random_time(struct core *c, struct dxf_dinode *di,
				   uint64_t *seed)
{
	struct timespec ts = {
		.tv_sec = DXF_TIME_MIN + (int64_t)
			(((uint64_t)core_random(seed) << 3) +
			 core_random(seed) % 8),
		.tv_nsec = core_random(seed) % 1000000000,
	};

	return dxf_dinode_clamp_time(c->e2, di, ts);
}

static void random_inode(struct core *c, struct dxf_dinode *di, uint64_t *seed)
{
	static const mode_t types[] = {
		S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK,
	};
	mode_t type = types[core_random(seed) % DXF_ARRAY_SIZE(types)];

	fresh(c, di, type | (core_random(seed) & 07777));
	di->uid = core_random(seed);
	di->gid = core_random(seed);
	di->nlink = core_random(seed) % 65000;
	di->size = core_random(seed) % c->g->block_size;
	if (S_ISREG(type))
		di->size = ((uint64_t)core_random(seed) << 16) %
			c->g->max_size_ind;
	di->sectors = core_random(seed);
	di->generation = core_random(seed);
	di->dtime = core_random(seed);
	di->flags |= core_random(seed) & 0xff;
	do {
		di->file_acl = core_random(seed) % c->g->nblocks;
	} while (dxf_ext2_is_fixed_block(c->e2, di->file_acl, 1));
	if (c->g->inode_size > 128)
		di->projid = core_random(seed);
	di->atime = random_time(c, di, seed);
	di->mtime = random_time(c, di, seed);
	di->ctime = random_time(c, di, seed);
	di->crtime = random_time(c, di, seed);
}

/* ---- round trips ---- */

START_TEST(test_inode_what_is_written_is_read)
{
	struct dxf_dinode di, back;
	uint64_t seed = (uint64_t)_i;
	struct core c;

	core_open_config(&c, _i);
	for (int n = 0; n < 300; n++) {
		random_inode(&c, &di, &seed);
		if (n % 3 == 0)
			create_inode(&c, &di);
		else
			write_inode(&c, &di);
		ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &back), 0);
		assert_equal(&c, &di, &back);
	}
	core_close(&c);
}
END_TEST

/* libext2fs, which knows nothing of ours, must see the same. */
START_TEST(test_inode_debugfs_reads_the_same)
{
	struct dxf_dinode di;
	struct core c;
	char out[4096];

	core_open_config(&c, _i);
	fresh(&c, &di, S_IFREG | 0641);
	di.uid = 70001;
	di.gid = 70002;
	di.nlink = 3;
	di.size = 123456;
	create_inode(&c, &di);
	ck_assert_int_eq(image_run(c.region,
		"debugfs -R 'stat <13>' $IMG", false, out, sizeof(out)), 0);
	ck_assert_ptr_nonnull(strstr(out, "Mode:  0641"));
	ck_assert_ptr_nonnull(strstr(out, "Generation: 77"));
	ck_assert_ptr_nonnull(strstr(out, "User: 70001"));
	ck_assert_ptr_nonnull(strstr(out, "Group: 70002"));
	ck_assert_ptr_nonnull(strstr(out, "Links: 3"));
	ck_assert_ptr_nonnull(strstr(out, "Size: 123456"));
	ck_assert_ptr_null(strstr(out, "checksum does not match"));
	if (c.g->inode_size > 128)
		ck_assert_ptr_nonnull(strstr(out, "mtime: 0x6553f100:1d6f3454"));
	core_close(&c);
}
END_TEST

START_TEST(test_inode_root_of_mke2fs_is_read)
{
	struct dxf_dinode di;
	struct core c;

	core_open_config(&c, _i);
	ck_assert_int_eq(dxf_dinode_read(c.e2, DXF_ROOT_INO, &di), 0);
	ck_assert(S_ISDIR(di.mode));
	ck_assert_uint_eq(di.nlink, 3);
	ck_assert_uint_eq(di.size, c.g->block_size);
	ck_assert_uint_eq(di.sectors, c.g->block_size / 512);
	ck_assert_int_eq(dxf_dinode_read(c.e2, 11, &di), 0);
	ck_assert_int_eq(dxf_dinode_read(c.e2, 12, &di), -ESTALE);
	ck_assert_int_eq(dxf_dinode_read(c.e2, 0, &di), -EINVAL);
	ck_assert_int_eq(dxf_dinode_read(c.e2, c.g->ninodes + 1, &di),
			 -EINVAL);
	ck_assert_int_eq(c.messages, 0);
	core_close(&c);
}
END_TEST

/* What mke2fs wrote, written again unchanged, is not one byte different. */
START_TEST(test_inode_rewriting_changes_nothing)
{
	static const dxf_ino_t inos[] = { 2, 8, 11 };
	struct dxf_dinode di;
	struct core c;
	struct dxf_txn *t;
	void *before;

	core_open_config(&c, _i);
	before = image_snapshot(c.region);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(inos); i++) {
		if (dxf_dinode_read(c.e2, inos[i], &di) == -ESTALE)
			continue;
		t = core_begin(&c);
		ck_assert_int_eq(dxf_dinode_write(c.e2, t, inos[i], &di), 0);
		core_commit(t);
	}
	core_assert_same(&c, before);
	free(before);
	core_close(&c);
}
END_TEST

START_TEST(test_inode_unknown_fields_stay)
{
	struct dxf_dinode di;
	struct core c;
	uint8_t slot[512], back[512];
	size_t end;

	core_open_config(&c, _i);
	if (c.g->has_csum) {
		core_close(&c);
		return;
	}
	fresh(&c, &di, S_IFREG | 0600);
	create_inode(&c, &di);
	ck_assert_int_eq(dxf_load(c.region, dxf_inode_slot_off(c.e2, INO),
				  slot, c.g->inode_size), 0);
	/* i_version, i_faddr, l_i_reserved, and all behind the fields. */
	memset(slot + 0x24, 0xa1, 4);
	memset(slot + 0x70, 0xa2, 4);
	memset(slot + 0x7e, 0xa3, 2);
	end = 128 + di.extra_isize;
	if (end > 128)
		memset(slot + end, 0xa4, c.g->inode_size - end);
	ck_assert_int_eq(dxf_persist_copy(c.region,
		dxf_inode_slot_off(c.e2, INO), slot, c.g->inode_size, 0), 0);
	di.uid = 5;
	write_inode(&c, &di);
	ck_assert_int_eq(dxf_load(c.region, dxf_inode_slot_off(c.e2, INO),
				  back, c.g->inode_size), 0);
	slot[2] = 5;
	ck_assert_int_eq(memcmp(slot, back, c.g->inode_size), 0);
	core_close(&c);
}
END_TEST

START_TEST(test_inode_create_clears_what_was_there)
{
	struct dxf_dinode di, back;
	uint8_t slot[512];
	struct core c;
	size_t end;

	core_open_config(&c, _i);
	memset(slot, 0xee, sizeof(slot));
	ck_assert_int_eq(dxf_persist_copy(c.region,
		dxf_inode_slot_off(c.e2, INO), slot, c.g->inode_size, 0), 0);
	fresh(&c, &di, S_IFREG | 0600);
	create_inode(&c, &di);
	ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &back), 0);
	assert_equal(&c, &di, &back);
	ck_assert_int_eq(dxf_load(c.region, dxf_inode_slot_off(c.e2, INO),
				  slot, c.g->inode_size), 0);
	end = 128 + di.extra_isize;
	for (size_t i = end; i < c.g->inode_size; i++)
		ck_assert_uint_eq(slot[i], 0);
	core_close(&c);
}
END_TEST

/* ---- sizes and counts ---- */

START_TEST(test_inode_large_file_feature_is_set_when_needed)
{
	struct ext2_super_block sb;
	struct dxf_dinode di;
	struct core c;

	core_open(&c, "-t ext2 -b 4096 -O ^large_file,^resize_inode", 16);
	fresh(&c, &di, S_IFREG | 0600);
	di.size = 0x7fffffff;
	create_inode(&c, &di);
	core_read_super(&c, &sb);
	ck_assert(!ext2fs_has_feature_large_file(&sb));
	di.size++;
	write_inode(&c, &di);
	core_read_super(&c, &sb);
	ck_assert(ext2fs_has_feature_large_file(&sb));
	core_close(&c);
}
END_TEST

START_TEST(test_inode_sectors_beyond_the_format_are_efbig)
{
	struct dxf_dinode di, back;
	struct core c;
	struct dxf_txn *t;

	core_open(&c, "-t ext2 -b 4096", 16);
	fresh(&c, &di, S_IFREG | 0600);
	di.sectors = UINT32_MAX;
	create_inode(&c, &di);
	di.sectors++;
	t = core_begin(&c);
	ck_assert_int_eq(dxf_dinode_write(c.e2, t, INO, &di), -EFBIG);
	dxf_txn_abort(t);
	core_close(&c);

	core_open(&c, "-t ext4 -b 4096 -O ^has_journal", 16);
	for (int bit = 30; bit < 51; bit++) {
		fresh(&c, &di, S_IFREG | 0600);
		di.sectors = (uint64_t)1 << bit;
		create_inode(&c, &di);
		ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &back), 0);
		ck_assert_uint_eq(back.sectors, di.sectors);
		ck_assert_int_eq((back.flags & EXT4_HUGE_FILE_FL) != 0,
				 bit >= 48);
	}
	di.sectors = (uint64_t)1 << 51;
	t = core_begin(&c);
	ck_assert_int_eq(dxf_dinode_write(c.e2, t, INO, &di), -EFBIG);
	dxf_txn_abort(t);
	core_close(&c);
}
END_TEST

/* ---- times ---- */

static const struct {
	int64_t sec;
	uint32_t lo, epoch;
} times[] = {
	{ -((int64_t)1 << 31), 0x80000000, 0 },		/* 1901 */
	{ -1, 0xffffffff, 0 },
	{ 0, 0, 0 },
	{ 0x7fffffff, 0x7fffffff, 0 },			/* 2038 */
	{ 0x80000000, 0x80000000, 1 },
	{ 0xffffffff, 0xffffffff, 1 },
	{ 0x100000000, 0, 1 },
	{ 0x17fffffff, 0x7fffffff, 1 },			/* 2174 */
	{ 0x180000000, 0x80000000, 2 },
	{ 0x27fffffff, 0x7fffffff, 2 },			/* 2310 */
	{ 0x280000000, 0x80000000, 3 },
	{ 0x37fffffff, 0x7fffffff, 3 },			/* 2446 */
};

START_TEST(test_time_encoding_is_the_kernels)
{
	struct timespec ts = {
		.tv_sec = times[_i].sec, .tv_nsec = 999999999,
	};
	struct timespec back;
	uint32_t extra = dxf_time_extra(ts);

	ck_assert_uint_eq((uint32_t)ts.tv_sec, times[_i].lo);
	ck_assert_uint_eq(extra & 3, times[_i].epoch);
	ck_assert_uint_eq(extra >> 2, 999999999);
	back = dxf_time_decode(times[_i].lo, extra);
	ck_assert_int_eq(back.tv_sec, ts.tv_sec);
	ck_assert_int_eq(back.tv_nsec, ts.tv_nsec);
}
END_TEST

START_TEST(test_time_out_of_range_is_clamped)
{
	struct timespec ts = { .tv_sec = INT64_MAX, .tv_nsec = 5 };

	ck_assert_int_eq(dxf_time_clamp(ts, true).tv_sec, 0x37fffffff);
	ck_assert_int_eq(dxf_time_clamp(ts, true).tv_nsec, 0);
	ck_assert_int_eq(dxf_time_clamp(ts, false).tv_sec, 0x7fffffff);
	ts.tv_sec = INT64_MIN;
	ck_assert_int_eq(dxf_time_clamp(ts, true).tv_sec, -0x80000000LL);
	ts.tv_sec = 100;
	ck_assert_int_eq(dxf_time_clamp(ts, true).tv_nsec, 5);
	ck_assert_int_eq(dxf_time_clamp(ts, false).tv_nsec, 0);
}
END_TEST

START_TEST(test_inode_times_of_any_value_are_stored_clamped)
{
	struct dxf_dinode di, back;
	struct core c;

	core_open_config(&c, _i);
	fresh(&c, &di, S_IFREG | 0600);
	di.atime = (struct timespec){ INT64_MAX, 999999999 };
	di.mtime = (struct timespec){ INT64_MIN, 0 };
	di.ctime = (struct timespec){ 0x90000000, 17 };
	create_inode(&c, &di);
	ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &back), 0);
	di.atime = dxf_dinode_clamp_time(c.e2, &di, di.atime);
	di.mtime = dxf_dinode_clamp_time(c.e2, &di, di.mtime);
	di.ctime = dxf_dinode_clamp_time(c.e2, &di, di.ctime);
	assert_equal(&c, &di, &back);
	core_close(&c);
}
END_TEST

/* ---- device numbers ---- */

START_TEST(test_inode_device_numbers_round_trip)
{
	static const struct {
		unsigned int maj, min;
		uint32_t w0, w1;
	} devs[] = {
		{ 8, 1, 0x0801, 0 },
		{ 255, 255, 0xffff, 0 },
		{ 256, 0, 0, 0x10000 },
		{ 8, 256, 0, 0x00100800 },
		{ 4095, 1048575, 0, 0xffffffff },
		{ 259, 4660, 0, 0x01210334 },
	};
	struct dxf_dinode di;
	uint32_t w[2];

	memset(&di, 0xff, sizeof(di));
	for (size_t i = 0; i < DXF_ARRAY_SIZE(devs); i++) {
		dev_t d = makedev(devs[i].maj, devs[i].min);

		dxf_dinode_set_rdev(&di, d);
		memcpy(w, di.block, sizeof(w));
		ck_assert_uint_eq(w[0], devs[i].w0);
		ck_assert_uint_eq(w[1], devs[i].w1);
		ck_assert_uint_eq(dxf_dinode_get_rdev(&di), d);
	}
}
END_TEST

/* ---- new inodes ---- */

START_TEST(test_inode_fresh_inherits_as_the_kind_allows)
{
	uint32_t all = EXT2_SYNC_FL | EXT2_DIRSYNC_FL | EXT2_NODUMP_FL |
		EXT2_NOATIME_FL | EXT2_IMMUTABLE_FL | EXT2_APPEND_FL |
		EXT2_TOPDIR_FL | FS_DAX_FL | EXT2_INDEX_FL;
	struct timespec now = { .tv_sec = 5 };
	struct dxf_dinode di;
	struct core c;

	core_open(&c, "-t ext2", 16);
	dxf_dinode_fresh(c.e2, &di, S_IFDIR | 0755, all, &now);
	ck_assert_uint_eq(di.flags, EXT2_SYNC_FL | EXT2_DIRSYNC_FL |
			  EXT2_NODUMP_FL | EXT2_NOATIME_FL | FS_DAX_FL);
	ck_assert_uint_eq(di.nlink, 2);
	dxf_dinode_fresh(c.e2, &di, S_IFREG | 0644, all, &now);
	ck_assert_uint_eq(di.flags, EXT2_SYNC_FL | EXT2_NODUMP_FL |
			  EXT2_NOATIME_FL | FS_DAX_FL);
	ck_assert_uint_eq(di.nlink, 1);
	dxf_dinode_fresh(c.e2, &di, S_IFCHR | 0644, all, &now);
	ck_assert_uint_eq(di.flags, EXT2_NODUMP_FL | EXT2_NOATIME_FL);
	core_close(&c);
}
END_TEST

START_TEST(test_inode_fresh_has_extents_where_the_format_has)
{
	static const uint8_t root[] = { 0x0a, 0xf3, 0, 0, 4, 0, 0, 0 };
	struct timespec now = { .tv_sec = 5 };
	struct dxf_dinode di;
	struct core c;

	core_open(&c, "-t ext4 -O ^has_journal", 16);
	dxf_dinode_fresh(c.e2, &di, S_IFREG | 0644, 0, &now);
	ck_assert_uint_eq(di.flags, EXT4_EXTENTS_FL);
	ck_assert_int_eq(memcmp(di.block, root, sizeof(root)), 0);
	dxf_dinode_fresh(c.e2, &di, S_IFIFO | 0644, 0, &now);
	ck_assert_uint_eq(di.flags, 0);
	core_close(&c);
}
END_TEST

/* ---- damage ---- */

static void store_raw(struct core *c, const struct ext2_inode_large *raw)
{
	ck_assert_int_eq(dxf_persist_copy(c->region,
		dxf_inode_slot_off(c->e2, INO), raw, sizeof(*raw), 0), 0);
}

enum damage {
	BAD_TYPE, BAD_EXTRA, BAD_EXTRA_ALIGN, BAD_ACL, BAD_ACL_META,
	BAD_INLINE, BAD_ENCRYPT, BAD_CASEFOLD, BAD_EXT_MAGIC, BAD_EXT_ENTRIES,
	BAD_EXT_MAX, BAD_EXT_DEPTH, BAD_SIZE, BAD_LINK_SIZE, NDAMAGES,
};

static void damage(struct core *c, struct ext2_inode_large *raw, int what)
{
	struct ext3_extent_header *eh =
		(struct ext3_extent_header *)raw->i_block;

	switch (what) {
	case BAD_TYPE: raw->i_mode = 0170644; break;
	case BAD_EXTRA: raw->i_extra_isize = 132; break;
	case BAD_EXTRA_ALIGN: raw->i_extra_isize = 30; break;
	case BAD_ACL: raw->i_file_acl = (uint32_t)c->g->nblocks; break;
	case BAD_ACL_META: raw->i_file_acl = 1; break;
	case BAD_INLINE: raw->i_flags |= EXT4_INLINE_DATA_FL; break;
	case BAD_ENCRYPT: raw->i_flags |= EXT4_ENCRYPT_FL; break;
	case BAD_CASEFOLD: raw->i_flags |= EXT4_CASEFOLD_FL; break;
	case BAD_EXT_MAGIC: eh->eh_magic++; break;
	case BAD_EXT_ENTRIES: eh->eh_entries = 5; break;
	case BAD_EXT_MAX: eh->eh_max = 5; break;
	case BAD_EXT_DEPTH: eh->eh_depth = 6; break;
	case BAD_SIZE: raw->i_size_high = 0x80000000; break;
	case BAD_LINK_SIZE:
		raw->i_mode = S_IFLNK | 0777;
		raw->i_size = c->g->block_size + 1;
		break;
	}
}

START_TEST(test_inode_damage_is_reported)
{
	struct ext2_inode_large raw;
	struct dxf_dinode di;
	struct core c;

	core_open(&c, "-t ext4 -O ^has_journal,^metadata_csum -I 256", 16);
	fresh(&c, &di, S_IFREG | 0600);
	create_inode(&c, &di);
	ck_assert_int_eq(dxf_load(c.region, dxf_inode_slot_off(c.e2, INO),
				  &raw, sizeof(raw)), 0);
	damage(&c, &raw, _i);
	store_raw(&c, &raw);
	ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &di), -EUCLEAN);
	ck_assert_int_ge(c.messages, 1);
	ck_assert(dxf_ext2_errors_pending(c.e2));
	core_close(&c);
}
END_TEST

START_TEST(test_inode_extents_without_the_feature_are_reported)
{
	struct ext2_inode_large raw;
	struct dxf_dinode di;
	struct core c;

	core_open(&c, "-t ext2 -I 256", 16);
	fresh(&c, &di, S_IFREG | 0600);
	create_inode(&c, &di);
	ck_assert_int_eq(dxf_load(c.region, dxf_inode_slot_off(c.e2, INO),
				  &raw, sizeof(raw)), 0);
	raw.i_flags |= EXT4_EXTENTS_FL;
	store_raw(&c, &raw);
	ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &di), -EUCLEAN);
	core_close(&c);
}
END_TEST

START_TEST(test_inode_wrong_checksum_is_reported)
{
	struct dxf_dinode di;
	struct core c;
	uint8_t byte;

	core_open(&c, "-t ext4 -O ^has_journal,metadata_csum -I 256", 16);
	for (dxf_off_t off = 0; off < 256; off += 7) {
		fresh(&c, &di, S_IFREG | 0600);
		core_reopen(&c);
		create_inode(&c, &di);
		ck_assert_int_eq(dxf_load(c.region,
			dxf_inode_slot_off(c.e2, INO) + off, &byte, 1), 0);
		byte ^= 0x10;
		ck_assert_int_eq(dxf_persist_copy(c.region,
			dxf_inode_slot_off(c.e2, INO) + off, &byte, 1, 0), 0);
		ck_assert_int_eq(dxf_dinode_read(c.e2, INO, &di), -EUCLEAN);
	}
	core_close(&c);
}
END_TEST

START_TEST(test_inode_any_bytes_are_read_or_refused)
{
	static const char *const args[] = {
		"-t ext2 -b 1024 -I 128", "-t ext4 -O ^has_journal,"
		"^metadata_csum -b 1024 -I 256",
	};
	uint8_t good[256], slot[256];
	uint64_t seed = (uint64_t)_i;
	struct dxf_dinode di;
	struct core c;
	int ret;

	core_open(&c, args[_i], 8);
	fresh(&c, &di, S_IFREG | 0600);
	create_inode(&c, &di);
	ck_assert_int_eq(dxf_load(c.region, dxf_inode_slot_off(c.e2, INO),
				  good, c.g->inode_size), 0);
	for (int n = 0; n < 20000; n++) {
		memcpy(slot, good, sizeof(slot));
		for (int k = 0; k < 1 + n % 4; k++)
			slot[core_random(&seed) % c.g->inode_size] =
				(uint8_t)core_random(&seed);
		CORE_CHECK(dxf_persist_copy(c.region,
			dxf_inode_slot_off(c.e2, INO), slot, c.g->inode_size,
			0) == 0);
		ret = dxf_dinode_read(c.e2, INO, &di);
		CORE_CHECK(ret == 0 || ret == -EUCLEAN || ret == -ESTALE);
		if (ret != 0)
			continue;
		CORE_CHECK(di.extra_isize <= c.g->inode_size - 128);
		CORE_CHECK(di.mtime.tv_nsec < 1000000000);
	}
	core_close(&c);
}
END_TEST

/* ---- the fault plan ---- */

static const enum dxf_fault_kind kinds[] = {
	DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
	DXF_FAULT_HOSTALLOC,
};

static int write_large(struct core *c, const struct dxf_dinode *di)
{
	struct dxf_txn *t;
	int ret;

	ret = dxf_txn_begin(c->mgr, 0, &t);
	if (ret < 0)
		return ret;
	ret = dxf_dinode_write(c->e2, t, INO, di);
	if (ret == 0)
		return dxf_txn_commit(t);
	dxf_txn_abort(t);
	return ret;
}

START_TEST(test_inode_fault_leaves_the_slot)
{
	struct dxf_dinode di;
	struct core c;
	void *before;
	bool hit = true;
	int ret = -1;

	core_open(&c, "-t ext4 "
		  "-O ^has_journal,^large_file,^resize_inode,metadata_csum", 16);
	fresh(&c, &di, S_IFREG | 0600);
	create_inode(&c, &di);
	before = image_snapshot(c.region);
	di.size = (uint64_t)1 << 33;
	di.uid = 1234567;
	for (uint64_t n = 1; hit; n++) {
		ck_assert_uint_lt(n, 200);
		core_reopen(&c);
		dxf_fault_arm(kinds[_i], n);
		ret = write_large(&c, &di);
		hit = dxf_fault_disarm();
		ck_assert_int_eq(ret < 0, hit);
		if (ret < 0)
			core_assert_same(&c, before);
	}
	ck_assert_int_eq(ret, 0);
	free(before);
	core_close(&c);
}
END_TEST

static void add_damage(Suite *s)
{
	TCase *tc = tcase_create("damage");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_inode_damage_is_reported, 0, NDAMAGES);
	tcase_add_test(tc, test_inode_extents_without_the_feature_are_reported);
	tcase_add_test(tc, test_inode_wrong_checksum_is_reported);
	tcase_add_loop_test(tc, test_inode_any_bytes_are_read_or_refused, 0,
			    2);
	tcase_add_loop_test(tc, test_inode_fault_leaves_the_slot, 0,
			    DXF_ARRAY_SIZE(kinds));
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("inode");
	TCase *tc = tcase_create("every format");
	int n = core_nconfigs;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_inode_what_is_written_is_read, 0, n);
	tcase_add_loop_test(tc, test_inode_debugfs_reads_the_same, 0, n);
	tcase_add_loop_test(tc, test_inode_root_of_mke2fs_is_read, 0, n);
	tcase_add_loop_test(tc, test_inode_rewriting_changes_nothing, 0, n);
	tcase_add_loop_test(tc, test_inode_unknown_fields_stay, 0, n);
	tcase_add_loop_test(tc, test_inode_create_clears_what_was_there, 0, n);
	tcase_add_loop_test(tc,
		test_inode_times_of_any_value_are_stored_clamped, 0, n);
	suite_add_tcase(s, tc);
	tc = tcase_create("fields");
	tcase_add_test(tc, test_inode_large_file_feature_is_set_when_needed);
	tcase_add_test(tc, test_inode_sectors_beyond_the_format_are_efbig);
	tcase_add_loop_test(tc, test_time_encoding_is_the_kernels, 0,
			    DXF_ARRAY_SIZE(times));
	tcase_add_test(tc, test_time_out_of_range_is_clamped);
	tcase_add_test(tc, test_inode_device_numbers_round_trip);
	tcase_add_test(tc, test_inode_fresh_inherits_as_the_kind_allows);
	tcase_add_test(tc, test_inode_fresh_has_extents_where_the_format_has);
	suite_add_tcase(s, tc);
	add_damage(s);
	return s;
}

int main(void)
{
	return core_run(suite());
}
