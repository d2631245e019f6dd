// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_hostile.c - directories and extended attributes whose bytes were spoilt
 * at random: every operation ends, with a result or an error of its contract,
 * and reads nothing it should not (run it under the address sanitizer).
 *
 * With metadata_csum the checksum is put right again after the damage, so that
 * what lies behind it is reached.
 */
#include <dirent.h>
#include <stdio.h>

#include "dir_rig.h"
#include "xattr_priv.h"

#define ROUNDS	2500
#define NAMES	400

static struct rig r;
static int damaged;		/* errors seen: the test tests something */

static void peek(dxf_off_t off, void *buf, size_t len)
{
	ck_assert_int_eq(dxf_load(r.region, off, buf, len), 0);
}

static void poke(dxf_off_t off, const void *buf, size_t len)
{
	ck_assert_int_eq(dxf_persist_copy(r.region, off, buf, len,
					  DXF_PERSIST_TEMPORAL), 0);
}

/* Spoil some of the bytes, more often near the start. */
static void spoil(uint8_t *buf, uint32_t len)
{
	static const uint8_t likely[] = { 0, 1, 4, 8, 12, 0x7f, 0x80, 0xff };

	for (uint32_t n = 1 + rig_random(&r, 4); n; n--) {
		uint32_t at = rig_random(&r, rig_random(&r, 2) ? len :
					 DXF_MIN(len, 64u));

		buf[at] = rig_random(&r, 2) ? rig_random(&r, 256) :
			likely[rig_random(&r, sizeof(likely))];
	}
}

static void expect(int err)
{
	switch (err) {
	case -EUCLEAN:
		damaged++;
		break;
	case 0:
	case -ENOENT:
	case -ENOSPC:
	case -EFBIG:
		break;
	default:
		ck_abort_msg("error %d", err);
	}
}

/* ---- directories ---- */

static int count(void *ctx, const struct dxf_dirent *de)
{
	uint64_t *n = ctx;

	ck_assert_uint_gt(de->name_len, 0);
	ck_assert_ptr_null(memchr(de->name, '/', de->name_len));
	ck_assert_uint_eq(strlen(de->name), de->name_len);
	++*n;
	return 0;
}

static void use_dir(void)
{
	uint64_t n = 0;
	int err;

	expect(dxf_dir_iterate(&r.dir, rig_random(&r, 3) *
			       rig_random(&r, 1 << 16), count, &n));
	ck_assert_uint_le(n, r.dir.di.size / 12);
	err = dxf_dir_is_empty(&r.dir);
	expect(err > 0 ? 0 : err);
	for (int i = 0; i < 4; i++) {
		struct dxf_dirent de;
		char name[256];
		size_t len = rig_name(&r, rig_random(&r, NAMES), name);

		err = dxf_dir_lookup(&r.dir, name, len, &de);
		expect(err);
		if (!err)
			ck_assert_mem_eq(de.name, name, len);
	}
}

/* Changes; all of them are forgotten. */
static void change_dir(void)
{
	struct dxf_txn *t = rig_begin(&r);
	struct dxf_dinode di = r.dir.di;
	struct dxf_dirent de;
	char name[256];
	size_t len;

	len = rig_name(&r, NAMES + rig_random(&r, 50), name);
	expect(dxf_dir_insert(&r.dir, &di, t, name, len, r.file[0], DT_REG));
	len = rig_name(&r, rig_random(&r, NAMES), name);
	if (!dxf_dir_lookup(&r.dir, name, len, &de))
		expect(dxf_dir_remove(&r.dir, &di, t, &de));
	if (!dxf_dir_lookup(&r.dir, "..", 2, &de))
		expect(dxf_dir_replace(&r.dir, &di, t, &de, 11, DT_DIR));
	dxf_txn_abort(t);
}

static void reseal(uint8_t *buf, dxf_lblk_t lblk)
{
	static const uint8_t zero[4];
	uint32_t bs = r.g->block_size, seed, crc, at, limit, n;
	uint8_t *tail = buf + bs - DXF_DIR_TAIL;

	seed = dxf_inode_csum_seed(r.e2, r.dir.ino, r.dir.di.generation);
	if (!(r.dir.di.flags & EXT2_INDEX_FL) || tail[7] == 0xde) {
		crc = dxf_crc32c(seed, buf, bs - DXF_DIR_TAIL);
		dxf_put_le32(tail + 8, crc);
		return;
	}
	at = lblk ? 8 : 32;
	limit = dxf_get_le16(buf + at);
	n = dxf_get_le16(buf + at + 2);
	if (at + limit * 8 + 8 > bs || n > limit)
		return;
	tail = buf + at + limit * 8;
	crc = dxf_crc32c(seed, buf, at + n * 8);
	crc = dxf_crc32c(crc, tail, 4);
	dxf_put_le32(tail + 4, dxf_crc32c(crc, zero, 4));
}

static void spoil_dir(void)
{
	uint8_t old[2][DXF_DIR_MAX_BLOCK], bad[DXF_DIR_MAX_BLOCK];
	uint64_t nblk = r.dir.di.size >> r.g->block_bits;
	uint32_t bs = r.g->block_size;
	struct dxf_run run[2];

	for (int i = 0; i < 2; i++) {
		/* The first block is the root of an htree. */
		dxf_lblk_t lblk = rig_random(&r, 3) ? rig_random(&r, nblk) : 0;

		ck_assert_int_eq(dxf_bmap_lookup(&r.dir, &r.dir.di, lblk, 1,
						 &run[i]), 0);
		peek(dxf_blk_off(r.g, run[i].pblk), old[i], bs);
		memcpy(bad, old[i], bs);
		spoil(bad, bs);
		if (r.g->has_csum)
			reseal(bad, lblk);
		poke(dxf_blk_off(r.g, run[i].pblk), bad, bs);
	}
	rig_forget(&r);
	use_dir();
	change_dir();
	use_dir();
	for (int i = 1; i >= 0; i--)
		poke(dxf_blk_off(r.g, run[i].pblk), old[i], bs);
}

static void spoil_dirs(void)
{
	damaged = 0;
	for (int i = 0; i < ROUNDS; i++)
		spoil_dir();
	ck_assert_int_gt(damaged, ROUNDS / 4);
	ck_assert_int_gt(r.messages, 0);
	rig_forget(&r);
	rig_verify(&r);
	rig_drop(&r);
}

static const char *const configs[] = {
	"-t ext2 -b 1024",
	"-t ext2 -b 4096",
	"-t ext2 -b 1024 -O ^filetype",
	"-t ext4 -b 1024 -O ^has_journal",
	"-t ext4 -b 1024 -O ^has_journal,^metadata_csum",
};

START_TEST(test_hostile_linear_directory_is_survived)
{
	rig_open(&r, configs[_i], 16, NAMES);
	for (uint32_t i = 0; i < NAMES; i++)
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
	spoil_dirs();
}
END_TEST

START_TEST(test_hostile_htree_is_survived)
{
	rig_open(&r, configs[3 + _i], 16, 6000);
	for (uint32_t i = 0; i < 6000; i++)
		ck_assert_int_eq(rig_insert(&r, i, true), 0);
	rig_check(&r);
	ck_assert_int_eq(rig_run("e2fsck -fyD %s >/dev/null 2>&1", r.path) &
			 ~0x100, 0);
	rig_reopen(&r);
	ck_assert(r.dir.di.flags & EXT2_INDEX_FL);
	damaged = 0;
	for (int i = 0; i < ROUNDS / 10; i++)
		spoil_dir();
	ck_assert_int_gt(damaged, 0);
	rig_forget(&r);
	rig_verify(&r);
	rig_drop(&r);
}
END_TEST

/* ---- extended attributes ---- */

static struct dxf_node node;

static void expect_xattr(ssize_t err)
{
	switch (err) {
	case -EUCLEAN:
		damaged++;
		break;
	case -ENODATA:
	case -ENOSPC:
	case -ERANGE:
		break;
	default:
		ck_assert_int_ge(err, 0);
	}
}

static void use_xattrs(void)
{
	struct dxf_dinode di = node.di;
	char buf[DXF_XATTR_MAX_AREA];
	struct dxf_txn *t;

	expect_xattr(dxf_xattr_list(&node, &di, buf, sizeof(buf)));
	expect_xattr(dxf_xattr_list(&node, &di, buf, 10));
	expect_xattr(dxf_xattr_get(&node, &di, "user.a", buf, sizeof(buf)));
	expect_xattr(dxf_xattr_get(&node, &di, "user.big", buf, sizeof(buf)));
	expect_xattr(dxf_xattr_get(&node, &di, "system.posix_acl_access", buf,
				   sizeof(buf)));
	t = rig_begin(&r);
	expect_xattr(dxf_xattr_set(&node, &di, t, "user.new", buf, 30, 0, 0));
	dxf_txn_abort(t);
	di = node.di;
	t = rig_begin(&r);
	expect_xattr(dxf_xattr_set(&node, &di, t, "user.big", NULL, 0, 0, 0));
	dxf_txn_abort(t);
	di = node.di;
	t = rig_begin(&r);
	expect_xattr(dxf_xattr_free_block(&node, &di, t));
	dxf_txn_abort(t);
}

static void set(const char *name, const void *value, size_t size)
{
	struct dxf_dinode di = node.di;
	struct dxf_txn *t = rig_begin(&r);

	ck_assert_int_eq(dxf_xattr_set(&node, &di, t, name, value, size, 0, 0),
			 0);
	ck_assert_int_eq(dxf_dinode_write(r.e2, t, node.ino, &di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	node.di = di;
}

static void open_xattrs(const char *opts)
{
	static const uint8_t acl[] = {
		2, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0, 4, 0, 7, 0, 0, 0, 0, 0,
		32, 0, 7, 0, 0, 0, 0, 0,
	};
	uint8_t value[400] = { 1 };

	rig_open(&r, opts, 16, 1);
	dxf_node_init(&node, r.e2, r.file[0]);
	ck_assert_int_eq(dxf_dinode_read(r.e2, node.ino, &node.di), 0);
	set("user.a", "short", 5);
	set("system.posix_acl_access", acl, sizeof(acl));
	set("user.big", value, sizeof(value));
	set("trusted.x", value, 100);
	ck_assert_uint_ne(node.di.file_acl, 0);
	damaged = 0;
}

static void spoil_range(dxf_off_t off, uint32_t len)
{
	uint8_t old[DXF_XATTR_MAX_AREA], bad[DXF_XATTR_MAX_AREA];

	peek(off, old, len);
	for (int i = 0; i < ROUNDS; i++) {
		memcpy(bad, old, len);
		spoil(bad, len);
		poke(off, bad, len);
		use_xattrs();
	}
	poke(off, old, len);
	ck_assert_int_gt(damaged, ROUNDS / 4);
	dxf_node_fini(&node);
	rig_drop(&r);
}

START_TEST(test_hostile_xattr_block_is_survived)
{
	open_xattrs(_i ? "-t ext2 -b 4096 -I 256" : "-t ext2 -b 1024 -I 128");
	spoil_range(dxf_blk_off(r.g, node.di.file_acl), r.g->block_size);
}
END_TEST

START_TEST(test_hostile_xattrs_in_inode_are_survived)
{
	uint32_t skip;

	open_xattrs(_i ? "-t ext2 -b 1024 -I 256" : "-t ext2 -b 1024 -I 512");
	skip = 128 + node.di.extra_isize;
	spoil_range(dxf_inode_slot_off(r.e2, node.ino) + skip,
		    r.g->inode_size - skip);
}
END_TEST

START_TEST(test_hostile_xattr_block_number_is_survived)
{
	static const dxf_blk_t numbers[] = {
		1, 2, 3, 1 << 30, (dxf_blk_t)1 << 47, 16383, 16384,
	};

	open_xattrs("-t ext2 -b 1024 -I 128");
	node.di.file_acl = numbers[_i];
	use_xattrs();
	ck_assert_int_gt(damaged, 0);
	dxf_node_fini(&node);
	rig_drop(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hostile");
	TCase *tc = tcase_create("hostile");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_hostile_linear_directory_is_survived, 0,
			    5);
	tcase_add_loop_test(tc, test_hostile_htree_is_survived, 0, 2);
	tcase_add_loop_test(tc, test_hostile_xattr_block_is_survived, 0, 2);
	tcase_add_loop_test(tc, test_hostile_xattrs_in_inode_are_survived, 0,
			    2);
	tcase_add_loop_test(tc, test_hostile_xattr_block_number_is_survived, 0,
			    7);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
