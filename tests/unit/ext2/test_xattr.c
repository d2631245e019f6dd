// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_xattr.c - extended attributes against a naive model: both areas, shared
 * blocks, full filesystems, aborts and faults; images checked by e2fsck.
 */
#include <dirent.h>
#include <linux/posix_acl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "dir_rig.h"
#include "xattr_priv.h"

#define NAMES	24
#define FILES	3
#define MAX	4096

static const char *const configs[] = {
	"-t ext2 -b 1024 -I 128",
	"-t ext2 -b 1024 -I 256",
	"-t ext2 -b 4096 -I 256",
	"-t ext4 -b 1024 -I 256 -O ^has_journal",
	"-t ext4 -b 4096 -I 128 -O ^has_journal",
	"-t ext4 -b 4096 -I 512 -O ^has_journal",
	"-t ext4 -b 1024 -I 1024 -O ^has_journal",
	"-t ext2 -b 1024 -I 256 -O ^ext_attr",
};

#define NCONFIGS	(sizeof(configs) / sizeof(configs[0]))
#define EXT2_256	"-t ext2 -b 1024 -I 256"
#define EXT2_128	"-t ext2 -b 1024 -I 128"
#define EXT4_256	"-t ext4 -b 1024 -I 256 -O ^has_journal"

static struct rig r;
static struct dxf_node node[FILES];

static struct model {
	bool there;
	size_t len;
	uint8_t value[MAX];
} model[FILES][NAMES];

static void open_rig(const char *opts, unsigned int mib)
{
	memset(model, 0, sizeof(model));
	rig_open(&r, opts, mib, 1);
	for (int f = 0; f < FILES; f++) {
		dxf_node_init(&node[f], r.e2, r.file[f]);
		ck_assert_int_eq(dxf_dinode_read(r.e2, r.file[f], &node[f].di),
				 0);
	}
}

static void close_nodes(void)
{
	for (int f = 0; f < FILES; f++)
		dxf_node_fini(&node[f]);
}

static void check_and_drop(void)
{
	close_nodes();
	rig_check(&r);
	rig_reopen(&r);
	rig_drop(&r);
}

static void drop(void)
{
	close_nodes();
	rig_drop(&r);
}

/* One change as the layer above makes it. */
static int set(int f, const char *name, const void *value, size_t size,
	       int flags, bool commit)
{
	struct dxf_dinode di;
	struct dxf_txn *t;
	int err = dxf_txn_begin(r.mgr, 0, &t);

	if (err)
		return err;
	di = node[f].di;
	err = dxf_xattr_set(&node[f], &di, t, name, value, size, flags, 0);
	if (!err)
		err = dxf_dinode_write(r.e2, t, node[f].ino, &di);
	if (err || !commit) {
		dxf_txn_abort(t);
		return err;
	}
	err = dxf_txn_commit(t);
	if (!err)
		node[f].di = di;
	return err;
}

static ssize_t get(int f, const char *name, void *buf, size_t size)
{
	return dxf_xattr_get(&node[f], &node[f].di, name, buf, size);
}

static void name_of(int i, char name[300])
{
	static const char *const prefix[] = {
		"user.", "trusted.", "security.",
	};
	int len = sprintf(name, "%s%d", prefix[i % 3], i);
	/* Some long ones, one of them as long as can be. */
	int want = i == 7 ? 255 : i % 4 == 0 ? 10 + i : 0;

	for (; len < want; len++)
		name[len] = 'a' + (i + len) % 26 + (i % 5 ? 0 : 0x80);
	name[len] = '\0';
}

/* ---- the model ---- */

static void verify_file(int f)
{
	char list[NAMES * 300], name[300];
	uint8_t buf[MAX];
	ssize_t len, all = 0;

	for (int i = 0; i < NAMES; i++) {
		name_of(i, name);
		len = get(f, name, buf, sizeof(buf));
		if (!model[f][i].there) {
			ck_assert_int_eq(len, -ENODATA);
			continue;
		}
		ck_assert_int_eq(len, model[f][i].len);
		ck_assert_mem_eq(buf, model[f][i].value, len);
		ck_assert_int_eq(get(f, name, NULL, 0), len);
		if (len > 1)
			ck_assert_int_eq(get(f, name, buf, len - 1), -ERANGE);
		all += strlen(name) + 1;
	}
	len = dxf_xattr_list(&node[f], &node[f].di, list, sizeof(list));
	ck_assert_int_eq(len, all);
	ck_assert_int_eq(dxf_xattr_list(&node[f], &node[f].di, NULL, 0), all);
	if (all > 1)
		ck_assert_int_eq(dxf_xattr_list(&node[f], &node[f].di, list,
						all - 1), -ERANGE);
	for (int i = 0; i < NAMES; i++) {
		bool found = false;

		name_of(i, name);
		for (const char *p = list; p < list + all; p += strlen(p) + 1)
			found |= !strcmp(p, name);
		ck_assert_int_eq(found, model[f][i].there);
	}
}

static size_t random_len(void)
{
	switch (rig_random(&r, 8)) {
	case 0:
		return 0;
	case 1:
		return rig_random(&r, r.g->block_size);
	case 2:
		return rig_random(&r, 200);
	default:
		return rig_random(&r, 24);
	}
}

/* Returns: whether something changed. */
static bool random_step(bool commit)
{
	int f = rig_random(&r, FILES), i = rig_random(&r, NAMES), err;
	struct model *m = &model[f][i];
	uint8_t value[MAX];
	size_t len = random_len();
	char name[300];

	name_of(i, name);
	if (m->there && rig_random(&r, 2)) {
		ck_assert_int_eq(set(f, name, NULL, 0, 0, commit), 0);
		m->there &= !commit;
		return commit;
	}
	for (size_t k = 0; k < len; k++)
		value[k] = rig_random(&r, 256);
	err = set(f, name, value, len, 0, commit);
	ck_assert_msg(!err || err == -ENOSPC, "%d", err);
	if (err || !commit)
		return false;
	m->there = true;
	m->len = len;
	memcpy(m->value, value, len);
	return true;
}

START_TEST(test_xattr_random_changes_follow_model)
{
	int changes = 0;

	open_rig(configs[_i], 32);
	for (int round = 0; round < 3000; round++) {
		changes += random_step(rig_random(&r, 6) != 0);
		if (round % 50 == 0)
			verify_file(round / 50 % FILES);
	}
	ck_assert_int_gt(changes, 500);
	for (int f = 0; f < FILES; f++)
		verify_file(f);
	close_nodes();
	rig_check(&r);
	rig_reopen(&r);
	for (int f = 0; f < FILES; f++) {
		dxf_node_init(&node[f], r.e2, r.file[f]);
		ck_assert_int_eq(dxf_dinode_read(r.e2, r.file[f], &node[f].di),
				 0);
		verify_file(f);
	}
	ck_assert_int_eq(r.messages, 0);
	drop();
}
END_TEST

START_TEST(test_xattr_all_removed_leaves_nothing)
{
	struct dxf_ext2_counts before, after;
	char name[300];

	open_rig(configs[_i], 32);
	dxf_ext2_counts(r.e2, &before);
	for (int i = 0; i < NAMES; i++) {
		name_of(i, name);
		if (!set(0, name, "value", 5, 0, true))
			model[0][i].there = true;
	}
	for (int i = 0; i < NAMES; i++) {
		name_of(i, name);
		if (model[0][i].there)
			ck_assert_int_eq(set(0, name, NULL, 0, 0, true), 0);
	}
	dxf_ext2_counts(r.e2, &after);
	ck_assert_uint_eq(after.free_blocks, before.free_blocks);
	ck_assert_uint_eq(node[0].di.file_acl, 0);
	ck_assert_uint_eq(node[0].di.sectors, 0);
	ck_assert_int_eq(dxf_xattr_list(&node[0], &node[0].di, NULL, 0), 0);
	check_and_drop();
}
END_TEST

/* debugfs reads what was set. */
START_TEST(test_xattr_debugfs_reads_the_same)
{
	uint8_t value[300], back[400];
	char cmd[256];
	size_t len;
	FILE *f;

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = i * 7 + 1;
	open_rig(configs[_i], 32);
	ck_assert_int_eq(set(0, "user.small", value, 5, 0, true), 0);
	ck_assert_int_eq(set(0, "user.big", value, sizeof(value), 0, true), 0);
	close_nodes();
	rig_check(&r);
	snprintf(cmd, sizeof(cmd),
		 "debugfs -R 'ea_get -f /dev/stdout /file0 user.big' %s 2>/dev/null",
		 r.path);
	f = popen(cmd, "r");
	ck_assert_ptr_nonnull(f);
	len = fread(back, 1, sizeof(back), f);
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_uint_eq(len, sizeof(value));
	ck_assert_mem_eq(back, value, len);
	rig_reopen(&r);
	rig_drop(&r);
}
END_TEST

/* ---- contract ---- */

START_TEST(test_xattr_create_of_existing_is_eexist)
{
	open_rig(EXT2_256, 16);
	ck_assert_int_eq(set(0, "user.a", "x", 1, XATTR_CREATE, true), 0);
	ck_assert_int_eq(set(0, "user.a", "y", 1, XATTR_CREATE, true),
			 -EEXIST);
	drop();
}
END_TEST

START_TEST(test_xattr_replace_of_missing_is_enodata)
{
	open_rig(EXT2_256, 16);
	ck_assert_int_eq(set(0, "user.a", "x", 1, XATTR_REPLACE, true),
			 -ENODATA);
	ck_assert_int_eq(set(0, "user.a", NULL, 0, 0, true), -ENODATA);
	drop();
}
END_TEST

START_TEST(test_xattr_bad_names_are_refused)
{
	char longest[300];
	char buf[8];

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "user.", 5);
	longest[5 + 256] = '\0';
	open_rig(EXT2_256, 16);
	ck_assert_int_eq(get(0, "foo.bar", buf, 8), -EOPNOTSUPP);
	ck_assert_int_eq(get(0, "system.other", buf, 8), -EOPNOTSUPP);
	ck_assert_int_eq(get(0, "system.posix_acl_access2", buf, 8),
			 -EOPNOTSUPP);
	ck_assert_int_eq(get(0, "user.", buf, 8), -EINVAL);
	ck_assert_int_eq(set(0, longest, "x", 1, 0, true), -ERANGE);
	longest[5 + 255] = '\0';
	ck_assert_int_eq(set(0, longest, "x", 1, 0, true), 0);
	ck_assert_int_eq(get(0, longest, buf, 8), 1);
	drop();
}
END_TEST

START_TEST(test_xattr_too_big_is_enospc_and_changes_nothing)
{
	static uint8_t value[70000];
	struct image before;

	open_rig(configs[_i], 16);
	ck_assert_int_eq(set(0, "user.a", "x", 1, 0, true), 0);
	rig_snapshot(&r, &before);
	ck_assert_int_eq(set(0, "user.b", value, r.g->block_size, 0, true),
			 -ENOSPC);
	ck_assert_int_eq(set(0, "user.b", value, sizeof(value), 0, true),
			 -ERANGE);
	rig_same(&r, &before);
	rig_free_image(&before);
	check_and_drop();
}
END_TEST

START_TEST(test_xattr_same_value_changes_nothing)
{
	uint8_t value[200] = { 1 };
	struct image before;
	dxf_blk_t blk;

	open_rig(EXT2_128, 16);
	ck_assert_int_eq(set(0, "user.a", value, sizeof(value), 0, true), 0);
	blk = node[0].di.file_acl;
	rig_snapshot(&r, &before);
	ck_assert_int_eq(set(0, "user.a", value, sizeof(value), 0, true), 0);
	ck_assert_uint_eq(node[0].di.file_acl, blk);
	rig_same(&r, &before);
	rig_free_image(&before);
	drop();
}
END_TEST

START_TEST(test_xattr_small_goes_to_the_inode_big_to_the_block)
{
	uint8_t value[200] = { 1 };

	open_rig(EXT4_256, 16);
	ck_assert_int_eq(set(0, "user.small", "x", 1, 0, true), 0);
	ck_assert_uint_eq(node[0].di.file_acl, 0);
	ck_assert_int_eq(set(0, "user.big", value, sizeof(value), 0, true), 0);
	ck_assert_uint_ne(node[0].di.file_acl, 0);
	ck_assert_uint_eq(node[0].di.sectors, r.g->block_size / 512);
	/* Made small it moves into the inode, and the block goes. */
	ck_assert_int_eq(set(0, "user.big", value, 8, 0, true), 0);
	ck_assert_uint_eq(node[0].di.file_acl, 0);
	ck_assert_uint_eq(node[0].di.sectors, 0);
	check_and_drop();
}
END_TEST

/* ---- ACLs ---- */

static const uint8_t acl_xattr[] = {
	2, 0, 0, 0,
	ACL_USER_OBJ, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
	ACL_USER, 0, 6, 0, 0xe8, 3, 0, 0,
	ACL_GROUP_OBJ, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
	ACL_MASK, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
	ACL_OTHER, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
};

START_TEST(test_xattr_acl_comes_back)
{
	static const char *const names[] = {
		"system.posix_acl_access", "system.posix_acl_default",
	};
	char list[64];
	uint8_t buf[64];

	open_rig(configs[_i], 16);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(set(0, names[i], acl_xattr, sizeof(acl_xattr),
				     0, true), 0);
		ck_assert_int_eq(get(0, names[i], buf, sizeof(buf)),
				 sizeof(acl_xattr));
		ck_assert_mem_eq(buf, acl_xattr, sizeof(acl_xattr));
	}
	ck_assert_int_eq(dxf_xattr_list(&node[0], &node[0].di, list,
					sizeof(list)),
			 strlen(names[0]) + strlen(names[1]) + 2);
	check_and_drop();
}
END_TEST

START_TEST(test_xattr_malformed_acl_is_einval)
{
	open_rig(EXT2_256, 16);
	ck_assert_int_eq(set(0, "system.posix_acl_access", acl_xattr,
			     sizeof(acl_xattr) - 8, 0, true), -EINVAL);
	drop();
}
END_TEST

/* ---- shared blocks ---- */

/* Let file 1 share the block of file 0. */
static void share(void)
{
	struct dxf_dinode di = node[1].di;
	struct dxf_xarea a;
	struct dxf_txn *t = rig_begin(&r);
	dxf_blk_t blk = node[0].di.file_acl;
	uint32_t crc;

	ck_assert_uint_ne(blk, 0);
	ck_assert_int_eq(dxf_xblock_load(&node[0], &node[0].di, &a), 0);
	dxf_put_le32(a.buf + 4, 2);
	dxf_put_le32(a.buf + 16, 0);
	crc = dxf_crc32c(r.e2->csum_seed, &blk, 8);
	crc = dxf_crc32c(crc, a.buf, r.g->block_size);
	dxf_put_le32(a.buf + 16, r.g->has_csum ? crc : 0);
	ck_assert_int_eq(dxf_txn_store(t, dxf_blk_off(r.g, blk), a.buf,
				       r.g->block_size), 0);
	di.file_acl = blk;
	di.sectors += r.g->block_size / 512;
	ck_assert_int_eq(dxf_dinode_write(r.e2, t, node[1].ino, &di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	node[1].di = di;
}

static const char *const shared_configs[] = {
	EXT2_128, "-t ext4 -b 1024 -I 128 -O ^has_journal",
};

START_TEST(test_xattr_shared_block_is_copied_by_a_change)
{
	uint8_t value[200] = { 1 }, buf[200];

	open_rig(shared_configs[_i], 16);
	ck_assert_int_eq(set(0, "user.a", value, sizeof(value), 0, true), 0);
	share();
	ck_assert_int_eq(get(1, "user.a", buf, 200), 200);
	ck_assert_int_eq(set(1, "user.b", "x", 1, 0, true), 0);
	ck_assert_uint_ne(node[1].di.file_acl, node[0].di.file_acl);
	ck_assert_int_eq(get(1, "user.a", buf, 200), 200);
	ck_assert_int_eq(get(0, "user.b", buf, 200), -ENODATA);
	ck_assert_int_eq(get(0, "user.a", buf, 200), 200);
	check_and_drop();
}
END_TEST

START_TEST(test_xattr_shared_block_is_dropped_by_the_last)
{
	struct dxf_ext2_counts before, after;
	struct dxf_dinode di;
	struct dxf_txn *t;

	open_rig(shared_configs[_i], 16);
	dxf_ext2_counts(r.e2, &before);
	ck_assert_int_eq(set(0, "user.a", "value", 5, 0, true), 0);
	share();
	ck_assert_int_eq(set(0, "user.a", NULL, 0, 0, true), 0);
	ck_assert_uint_eq(node[0].di.file_acl, 0);
	dxf_ext2_counts(r.e2, &after);
	ck_assert_uint_eq(after.free_blocks, before.free_blocks - 1);

	t = rig_begin(&r);
	di = node[1].di;
	ck_assert_int_eq(dxf_xattr_free_block(&node[1], &di, t), 0);
	ck_assert_uint_eq(di.file_acl, 0);
	ck_assert_uint_eq(di.sectors, 0);
	ck_assert_int_eq(dxf_dinode_write(r.e2, t, node[1].ino, &di), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	node[1].di = di;
	dxf_ext2_counts(r.e2, &after);
	ck_assert_uint_eq(after.free_blocks, before.free_blocks);
	check_and_drop();
}
END_TEST

/* ---- a full filesystem ---- */

static void take_all_blocks(void)
{
	dxf_blk_t blk;
	uint32_t got;

	while (!dxf_balloc_reserve(r.e2, NULL, r.g->first_block, 1 << 20,
				   DXF_BALLOC_RESERVED_OK, &blk, &got))
		;
}

START_TEST(test_xattr_no_block_free_changes_in_place)
{
	uint8_t buf[8];
	dxf_blk_t blk;

	open_rig(shared_configs[_i], 2);
	ck_assert_int_eq(set(0, "user.a", "old", 3, 0, true), 0);
	blk = node[0].di.file_acl;
	take_all_blocks();
	ck_assert_int_eq(set(0, "user.a", "newer", 5, 0, true), 0);
	ck_assert_uint_eq(node[0].di.file_acl, blk);
	ck_assert_int_eq(get(0, "user.a", buf, 8), 5);
	ck_assert_mem_eq(buf, "newer", 5);
	ck_assert_int_eq(set(1, "user.a", "x", 1, 0, true), -ENOSPC);
	check_and_drop();
}
END_TEST

START_TEST(test_xattr_no_block_free_shared_is_enospc)
{
	uint8_t buf[8];

	open_rig(shared_configs[_i], 2);
	ck_assert_int_eq(set(0, "user.a", "old", 3, 0, true), 0);
	share();
	take_all_blocks();
	ck_assert_int_eq(set(1, "user.a", "newer", 5, 0, true), -ENOSPC);
	ck_assert_int_eq(get(1, "user.a", buf, 8), 3);
	check_and_drop();
}
END_TEST

/* ---- faults ---- */

static void prepare(int op)
{
	uint8_t value[300] = { 1 };

	ck_assert_int_eq(set(0, "user.a", "small", 5, 0, true), 0);
	ck_assert_int_eq(set(0, "user.b", value, 300, 0, true), 0);
	if (op == 4)
		share();
}

static int fault_op(int op)
{
	uint8_t value[300] = { 2 };

	switch (op) {
	case 0:
		return set(0, "user.c", value, 300, 0, true);
	case 1:
		return set(0, "user.a", "other", 5, 0, true);
	case 2:
		return set(0, "user.b", NULL, 0, 0, true);
	case 3:
		return set(0, "system.posix_acl_access", acl_xattr,
			   sizeof(acl_xattr), 0, true);
	default:
		return set(1, "user.b", value, 200, 0, true);
	}
}

/* Fail the @nth call.  Returns: was it reached? */
static bool fault_once(const char *opts, enum dxf_fault_kind kind, int op,
		       uint64_t nth)
{
	struct image before;
	bool reached;
	int err;

	open_rig(opts, 8);
	prepare(op);
	rig_snapshot(&r, &before);
	dxf_fault_arm(kind, nth);
	err = fault_op(op);
	reached = dxf_fault_disarm();
	/* The search for a block may get past a bitmap it could not read. */
	ck_assert_msg(reached ? err || kind == DXF_FAULT_LOAD : !err,
		      "%d, call %llu", err, (unsigned long long)nth);
	if (err && dxf_txnmgr_is_ro(r.mgr)) {
		/* A store in place failed: read-only from now on. */
		ck_assert_int_eq(kind, DXF_FAULT_PERSIST);
		drop();
	} else {
		if (err)
			rig_same(&r, &before);
		check_and_drop();
	}
	rig_free_image(&before);
	return reached;
}

START_TEST(test_xattr_fault_changes_nothing)
{
	static const enum dxf_fault_kind kinds[] = {
		DXF_FAULT_ALLOC, DXF_FAULT_LOAD, DXF_FAULT_PERSIST,
	};
	uint64_t nth = 1;

	while (fault_once(configs[_i / 15 ? 3 : 0], kinds[_i % 3], _i / 3 % 5,
			  nth))
		ck_assert_uint_lt(++nth, 500);
	ck_assert_uint_gt(nth, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("xattr");
	TCase *tc = tcase_create("xattr");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_xattr_random_changes_follow_model, 0,
			    NCONFIGS);
	tcase_add_loop_test(tc, test_xattr_all_removed_leaves_nothing, 0,
			    NCONFIGS);
	tcase_add_loop_test(tc, test_xattr_debugfs_reads_the_same, 0,
			    NCONFIGS);
	tcase_add_test(tc, test_xattr_create_of_existing_is_eexist);
	tcase_add_test(tc, test_xattr_replace_of_missing_is_enodata);
	tcase_add_test(tc, test_xattr_bad_names_are_refused);
	tcase_add_loop_test(tc,
		test_xattr_too_big_is_enospc_and_changes_nothing, 0, NCONFIGS);
	tcase_add_test(tc, test_xattr_same_value_changes_nothing);
	tcase_add_test(tc,
		test_xattr_small_goes_to_the_inode_big_to_the_block);
	tcase_add_loop_test(tc, test_xattr_acl_comes_back, 0, NCONFIGS);
	tcase_add_test(tc, test_xattr_malformed_acl_is_einval);
	tcase_add_loop_test(tc, test_xattr_shared_block_is_copied_by_a_change,
			    0, 2);
	tcase_add_loop_test(tc, test_xattr_shared_block_is_dropped_by_the_last,
			    0, 2);
	tcase_add_loop_test(tc, test_xattr_no_block_free_changes_in_place, 0,
			    2);
	tcase_add_loop_test(tc, test_xattr_no_block_free_shared_is_enospc, 0,
			    2);
	tcase_add_loop_test(tc, test_xattr_fault_changes_nothing, 0, 30);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
