/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rename: every kind over every kind, the rules, and what follows. */
#include "fs_fixture.h"

#include <fcntl.h>
#include <stdio.h>

#define ROOT	DXF_ROOT_INO

static struct fsx x;
static dxf_ino_t a, b;		/* two directories */

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
	a = fsx_mkdir(&x, ROOT, "a");
	b = fsx_mkdir(&x, ROOT, "b");
}

static int mv(dxf_ino_t from, const char *name, dxf_ino_t to,
	      const char *newname, unsigned int flags)
{
	return dxf_fs_rename(x.fs, &fsx_root, DXF_AT(from, name),
			     DXF_AT(to, newname), flags);
}

START_TEST(test_rename_file_within_directory)
{
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, a, "f");
	ck_assert_int_eq(mv(a, "f", a, "a-much-longer-name-than-before", 0), 0);
	ck_assert_uint_eq(fsx_lookup(&x, a, "f"), 0);
	ck_assert_uint_eq(fsx_lookup(&x, a, "a-much-longer-name-than-before"),
			  f);
	ck_assert_int_eq(mv(a, "f", a, "g", 0), -ENOENT);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_directory_across_moves_dotdot)
{
	dxf_ino_t d;

	setup(_i);
	d = fsx_mkdir(&x, a, "d");
	fsx_create(&x, d, "inside");
	ck_assert_int_eq(mv(a, "d", b, "e", 0), 0);
	ck_assert_uint_eq(fsx_lookup(&x, b, "e"), d);
	ck_assert_uint_eq(fsx_lookup(&x, d, ".."), b);
	ck_assert_uint_eq(fsx_attr(&x, a).nlink, 2);
	ck_assert_uint_eq(fsx_attr(&x, b).nlink, 3);
	ck_assert_uint_ne(fsx_lookup(&x, d, "inside"), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_over_file_frees_it)
{
	uint64_t blocks, inodes;
	dxf_ino_t f, g;

	setup(_i);
	f = fsx_create(&x, a, "f");
	fsx_create(&x, b, "other");
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	g = fsx_create(&x, b, "g");
	fsx_write(&x, g, 0, 'g', 100000);
	ck_assert_int_eq(mv(a, "f", b, "g", 0), 0);
	ck_assert_uint_eq(fsx_lookup(&x, b, "g"), f);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_over_open_file_keeps_it)
{
	char buf[4];
	dxf_ino_t g;

	setup(_i);
	fsx_create(&x, a, "f");
	g = fsx_create(&x, a, "g");
	fsx_write(&x, g, 0, 'g', 4);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, g, O_RDONLY, false), 0);
	ck_assert_int_eq(mv(a, "f", a, "g", 0), 0);
	ck_assert_uint_eq(fsx_attr(&x, g).nlink, 0);
	ck_assert_int_eq(dxf_fs_read(x.fs, g, 0, buf, 4), 4);
	ck_assert_mem_eq(buf, "gggg", 4);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 1);
	dxf_fs_release(x.fs, g);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_directory_over_empty_one)
{
	dxf_ino_t d;

	setup(_i);
	d = fsx_mkdir(&x, a, "d");
	fsx_mkdir(&x, b, "e");
	ck_assert_int_eq(mv(a, "d", b, "e", 0), 0);
	ck_assert_uint_eq(fsx_lookup(&x, b, "e"), d);
	ck_assert_uint_eq(fsx_attr(&x, a).nlink, 2);
	ck_assert_uint_eq(fsx_attr(&x, b).nlink, 3);
	/* And within one directory. */
	fsx_mkdir(&x, b, "f");
	ck_assert_int_eq(mv(b, "f", b, "e", 0), 0);
	ck_assert_uint_eq(fsx_attr(&x, b).nlink, 3);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_rules_of_kinds)
{
	dxf_ino_t d;

	setup(_i);
	fsx_create(&x, a, "f");
	d = fsx_mkdir(&x, b, "d");
	ck_assert_int_eq(mv(a, "f", b, "d", 0), -EISDIR);
	ck_assert_int_eq(mv(b, "d", a, "f", 0), -ENOTDIR);
	fsx_create(&x, d, "inside");
	fsx_mkdir(&x, a, "e");
	ck_assert_int_eq(mv(a, "e", b, "d", 0), -ENOTEMPTY);
	ck_assert_int_eq(mv(a, "f", b, "d", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(mv(a, "f", b, "x", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(mv(a, "f", b, "x", RENAME_WHITEOUT), -EINVAL);
	ck_assert_int_eq(mv(a, "f", b, "x", RENAME_EXCHANGE | RENAME_NOREPLACE),
			 -EINVAL);
	ck_assert_int_eq(mv(a, ".", b, "x", 0), -EBUSY);
	ck_assert_int_eq(mv(a, "f", b, "..", 0), -EBUSY);
	ck_assert_int_eq(mv(a, "f", b, "..", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(mv(a, "f", b, "y", RENAME_NOREPLACE), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_into_own_subtree_einval)
{
	dxf_ino_t d, e;

	setup(_i);
	d = fsx_mkdir(&x, a, "d");
	e = fsx_mkdir(&x, d, "e");
	ck_assert_int_eq(mv(ROOT, "a", a, "x", 0), -EINVAL);
	ck_assert_int_eq(mv(ROOT, "a", e, "x", 0), -EINVAL);
	ck_assert_int_eq(mv(a, "d", e, "x", 0), -EINVAL);
	ck_assert_int_eq(mv(ROOT, "a", e, "x", RENAME_EXCHANGE), -ENOENT);
	fsx_create(&x, e, "f");
	ck_assert_int_eq(mv(ROOT, "a", e, "f", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(mv(e, "f", ROOT, "a", RENAME_EXCHANGE), -EINVAL);
	fsx_mkdir(&x, e, "g");
	ck_assert_int_eq(mv(e, "g", ROOT, "a", 0), -ENOTEMPTY);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_same_inode_does_nothing)
{
	struct dxf_attr at;
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, a, "f");
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, b, "g", &at), 0);
	dxf_fs_forget(x.fs, f, 1);
	ck_assert_int_eq(mv(a, "f", b, "g", 0), 0);
	ck_assert_uint_eq(fsx_lookup(&x, a, "f"), f);
	ck_assert_uint_eq(fsx_lookup(&x, b, "g"), f);
	ck_assert_uint_eq(fsx_attr(&x, f).nlink, 2);
	ck_assert_int_eq(mv(a, "f", a, "f", 0), 0);
	ck_assert_int_eq(mv(a, "f", b, "g", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(mv(a, "f", b, "g", RENAME_NOREPLACE), -EEXIST);
	fsx_finish(&x);
}
END_TEST

/* Kinds by bit: _i / 3 is 0 file-file, 1 dir-file, 2 file-dir, 3 dir-dir. */
START_TEST(test_exchange_each_pair)
{
	bool one_dir = _i / 3 & 1, two_dir = _i / 3 & 2;
	dxf_ino_t one, two;

	setup(_i % 3);
	one = one_dir ? fsx_mkdir(&x, a, "x") : fsx_create(&x, a, "x");
	two = two_dir ? fsx_mkdir(&x, b, "y") : fsx_create(&x, b, "y");
	ck_assert_int_eq(mv(a, "x", b, "y", RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(fsx_lookup(&x, a, "x"), two);
	ck_assert_uint_eq(fsx_lookup(&x, b, "y"), one);
	ck_assert_uint_eq(fsx_attr(&x, a).nlink, two_dir ? 3 : 2);
	ck_assert_uint_eq(fsx_attr(&x, b).nlink, one_dir ? 3 : 2);
	if (one_dir)
		ck_assert_uint_eq(fsx_lookup(&x, one, ".."), b);
	if (two_dir)
		ck_assert_uint_eq(fsx_lookup(&x, two, ".."), a);
	fsx_remount(&x);
	ck_assert_uint_eq(fsx_lookup(&x, a, "x"), two);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_exchange_within_directory)
{
	dxf_ino_t one, two;

	setup(_i);
	one = fsx_mkdir(&x, a, "x");
	two = fsx_create(&x, a, "y");
	ck_assert_int_eq(mv(a, "x", a, "y", RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(fsx_lookup(&x, a, "x"), two);
	ck_assert_uint_eq(fsx_lookup(&x, a, "y"), one);
	ck_assert_uint_eq(fsx_attr(&x, a).nlink, 3);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_from_removed_directory_enoent)
{
	setup(_i);
	fsx_create(&x, a, "f");
	fsx_hold(&x, b);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "b"), 0);
	ck_assert_int_eq(mv(a, "f", b, "f", 0), -ENOENT);
	ck_assert_int_eq(mv(b, "f", a, "f", 0), -ENOENT);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_rename_fills_directory_without_growing)
{
	uint64_t size;
	char name[300], other[300];

	setup(_i);
	memset(name, 'n', 250);
	for (int i = 0; i < 14; i++) {
		snprintf(name + 240, 20, "%02d", i);
		fsx_create(&x, a, name);
	}
	size = fsx_attr(&x, a).size;
	memcpy(other, name, sizeof(name));
	other[0] = 'm';
	/* The name that goes leaves its room to the one that comes. */
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(mv(a, i % 2 ? other : name, a,
				    i % 2 ? name : other, 0), 0);
		ck_assert_uint_eq(fsx_attr(&x, a).size, size);
	}
	fsx_finish(&x);
}
END_TEST

/* ---- damage ---- */

START_TEST(test_rename_with_dotdot_in_a_circle_ends)
{
	char cmd[128];
	dxf_ino_t d, e;

	setup(_i);
	d = fsx_mkdir(&x, a, "d");
	e = fsx_mkdir(&x, d, "e");
	fsx_mkdir(&x, b, "f");
	fsx_umount(&x);
	/* d/.. becomes e: e - d - e - d ... */
	snprintf(cmd, sizeof(cmd), "unlink <%u>/..", d);
	fsx_debugfs(&x, cmd);
	snprintf(cmd, sizeof(cmd), "ln <%u> <%u>/..", e, d);
	fsx_debugfs(&x, cmd);
	x.opts.errors = DXF_ERRORS_CONTINUE;
	fsx_mount(&x);
	ck_assert_int_eq(mv(b, "f", e, "f", 0), -EUCLEAN);
	fsx_remove(&x);
}
END_TEST

START_TEST(test_directory_that_names_itself)
{
	char cmd[128];

	setup(_i);
	fsx_umount(&x);
	snprintf(cmd, sizeof(cmd), "ln <%u> <%u>/self", a, a);
	fsx_debugfs(&x, cmd);
	x.opts.errors = DXF_ERRORS_CONTINUE;
	fsx_mount(&x);
	ck_assert_uint_eq(fsx_lookup(&x, a, "self"), a);
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, a, "self"), -EUCLEAN);
	ck_assert_int_eq(mv(a, "self", a, "other", 0), -EUCLEAN);
	ck_assert_int_eq(mv(a, "self", b, "other", 0), -EUCLEAN);
	fsx_create(&x, b, "f");
	ck_assert_int_lt(mv(b, "f", a, "self", RENAME_EXCHANGE), 0);
	fsx_remove(&x);
}
END_TEST

START_TEST(test_entry_of_unused_inode_is_reported)
{
	struct dxf_attr at;
	char cmd[128];

	setup(_i);
	fsx_create(&x, a, "f");
	fsx_umount(&x);
	snprintf(cmd, sizeof(cmd), "ln <%u> <%u>/%s", _i ? 1000 : 7, a, "bad");
	fsx_debugfs(&x, cmd);
	x.opts.errors = DXF_ERRORS_CONTINUE;
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_lookup(x.fs, a, "bad", &at), -EUCLEAN);
	ck_assert_int_gt(x.messages, 0);
	ck_assert_int_eq(mv(a, "bad", b, "bad", 0), -EUCLEAN);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, a, "bad"), -EUCLEAN);
	ck_assert_uint_ne(fsx_lookup(&x, a, "f"), 0);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 120);
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_rename_file_within_directory);
	EACH(test_rename_directory_across_moves_dotdot);
	EACH(test_rename_over_file_frees_it);
	EACH(test_rename_over_open_file_keeps_it);
	EACH(test_rename_directory_over_empty_one);
	EACH(test_rename_rules_of_kinds);
	EACH(test_rename_into_own_subtree_einval);
	EACH(test_rename_same_inode_does_nothing);
	tcase_add_loop_test(t, test_exchange_each_pair, 0, 12);
	EACH(test_exchange_within_directory);
	EACH(test_rename_from_removed_directory_enoent);
	EACH(test_rename_fills_directory_without_growing);
	EACH(test_rename_with_dotdot_in_a_circle_ends);
	EACH(test_directory_that_names_itself);
	EACH(test_entry_of_unused_inode_is_reported);
}

int main(void)
{
	return run_tests("rename", add);
}
