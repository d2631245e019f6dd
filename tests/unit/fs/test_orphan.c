/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unlinked inodes: while they are open, at a crash, and when space is short. */
#include "fs_fixture.h"

#include <fcntl.h>
#include <stdio.h>

#include "image.h"

#define ROOT	DXF_ROOT_INO

static struct fsx x;

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
}

/* A file of @len bytes, open and without a name. */
static dxf_ino_t zombie(const char *name, size_t len)
{
	dxf_ino_t ino = fsx_create(&x, ROOT, name);

	if (len > 0)
		fsx_write(&x, ino, 0, name[0], len);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDWR, false), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, name), 0);
	return ino;
}

/* The media as a crash leaves them become the image; then mounted again. */
static void crash(void)
{
	struct fsx_snap s;

	fsx_snap(&x, &s);
	fsx_drop(&x);
	fsx_restore(&x, &s);
	fsx_snap_free(&s);
}

START_TEST(test_unlinked_open_file_works_until_release)
{
	char buf[5000];
	dxf_ino_t f;
	uint64_t blocks, inodes;

	setup(_i);
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	f = zombie("z", 5000);
	fsx_write(&x, f, 5000, 'y', 5000);
	ck_assert_int_eq(dxf_fs_read(x.fs, f, 5000, buf, 5000), 5000);
	ck_assert_int_eq(buf[4999], 'y');
	ck_assert_uint_eq(fsx_attr(&x, f).nlink, 0);
	dxf_fs_release(x.fs, f);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_unlinked_inode_number_is_kept_until_forget)
{
	struct dxf_attr a;
	dxf_ino_t f;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "f", S_IFREG, 0,
				      &a), 0);
	f = a.ino;
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_uint_ne(fsx_create(&x, ROOT, "g"), f);
	dxf_fs_forget(x.fs, f, 1);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, f, &a), -ESTALE);
	fsx_settle(&x);
	ck_assert_uint_eq(fsx_create(&x, ROOT, "h"), f);
	fsx_finish(&x);
}
END_TEST

/* Any member may go first: the first, one in the middle, the last. */
START_TEST(test_orphans_leave_list_in_any_order)
{
	enum { N = 6 };
	unsigned int seed = (unsigned int)_i + 1;
	dxf_ino_t f[N];
	char name[2] = "a";

	setup(_i % 3);
	for (int i = 0; i < N; i++, name[0]++)
		f[i] = zombie(name, 3000);
	ck_assert_uint_eq(fsx_stats(&x).zombies, N);
	for (int left = N; left > 0; left--) {
		int i = rand_r(&seed) % left;

		dxf_fs_release(x.fs, f[i]);
		f[i] = f[left - 1];
		ck_assert_uint_eq(fsx_stats(&x).zombies, left - 1);
	}
	fsx_finish(&x);
}
END_TEST

START_TEST(test_unmount_frees_what_is_still_open)
{
	setup(_i);
	zombie("a", 100000);
	zombie("b", 0);
	fsx_hold(&x, fsx_mkdir(&x, ROOT, "d"));
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "d"), 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_crash_with_orphans_recovers_at_mount)
{
	uint64_t blocks, inodes;
	dxf_ino_t keep;
	char v[500];

	setup(_i);
	keep = fsx_create(&x, ROOT, "keep");
	fsx_write(&x, keep, 0, 'k', 50000);
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	memset(v, 'v', sizeof(v));
	for (int i = 0; i < 5; i++) {
		dxf_ino_t ino = zombie("a", 70000 * (size_t)i);

		ck_assert_int_eq(dxf_fs_setxattr(x.fs, ino, "user.a", v,
				sizeof(v), 0, false, &fsx_root), 0);
	}
	fsx_hold(&x, fsx_mkdir(&x, ROOT, "d"));
	ck_assert_int_eq(dxf_fs_rmdir(x.fs, ROOT, "d"), 0);
	dxf_fs_release(x.fs, zombie("one-more", 10));
	crash();
	/* The image was clean when it was mounted: its own orphans go. */
	x.opts.force = true;
	fsx_mount(&x);
	/* In the background, or else by the unmount. */
	fsx_remount(&x);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	ck_assert_uint_eq(fsx_attr(&x, keep).size, 50000);
	ck_assert_uint_eq(dxf_ext2_orphan_head(dxf_fs_ext2(x.fs)), 0);
	fsx_umount(&x);
	ck_assert_int_eq(image_run(x.region, "e2fsck -fy $IMG >/dev/null", true,
				   NULL, 0) & ~1, 0);
	fsx_check(&x);
	fsx_remove(&x);
}
END_TEST

/* A size that was set, and blocks behind it that were not yet freed. */
START_TEST(test_interrupted_truncate_is_finished)
{
	uint64_t size = _i % 2 ? 5600 : 5000;
	char cmd[160], buf[6000];
	struct dxf_attr a;
	dxf_ino_t f;

	setup(_i / 2);
	f = fsx_create(&x, ROOT, "f");
	fsx_write(&x, f, 0, 'f', 305000);
	fsx_umount(&x);
	snprintf(cmd, sizeof(cmd), "sif <%u> size 5000", f);
	fsx_debugfs(&x, cmd);
	snprintf(cmd, sizeof(cmd), "ssv last_orphan %u", f);
	fsx_debugfs(&x, cmd);
	fsx_mount(&x);
	/* Its bytes are sound in either case, also behind the old end. */
	if (_i % 2)
		fsx_write(&x, f, 5500, 'g', 100);
	ck_assert_int_eq(dxf_fs_read(x.fs, f, 0, buf, sizeof(buf)),
			 (ssize_t)size);
	ck_assert_int_eq(buf[4999], 'f');
	if (_i % 2)
		ck_assert_int_eq(buf[5000], 0);
	fsx_remount(&x);
	a = fsx_attr(&x, f);
	ck_assert_uint_eq(a.size, size);
	ck_assert_uint_eq(a.blocks, dxf_align_up(size, a.blksize) / 512);
	ck_assert_uint_eq(dxf_ext2_orphan_head(dxf_fs_ext2(x.fs)), 0);
	fsx_finish(&x);
}
END_TEST

/* Write the orphan list's head and links behind the filesystem's back. */
START_TEST(test_damaged_orphan_list_ends)
{
	char cmd[160];
	dxf_ino_t f, g;

	setup(_i / 3);
	f = fsx_create(&x, ROOT, "f");
	g = fsx_create(&x, ROOT, "g");
	fsx_umount(&x);
	switch (_i % 3) {
	case 0:		/* a circle */
		snprintf(cmd, sizeof(cmd), "sif <%u> dtime %u", f, g);
		fsx_debugfs(&x, cmd);
		snprintf(cmd, sizeof(cmd), "sif <%u> dtime %u", g, f);
		break;
	case 1:		/* out of range */
		snprintf(cmd, sizeof(cmd), "sif <%u> dtime 4000000000", f);
		break;
	default:	/* an inode that is not in use */
		snprintf(cmd, sizeof(cmd), "sif <%u> dtime %u", f, g + 100);
		break;
	}
	fsx_debugfs(&x, cmd);
	snprintf(cmd, sizeof(cmd), "ssv last_orphan %u", f);
	fsx_debugfs(&x, cmd);
	x.opts.errors = DXF_ERRORS_CONTINUE;
	x.opts.force = true;
	x.messages = 0;
	fsx_mount(&x);
	ck_assert_int_gt(x.messages, 0);
	/* Both have names: their data stay. */
	ck_assert_uint_eq(fsx_lookup(&x, ROOT, "f"), f);
	ck_assert_uint_eq(fsx_lookup(&x, ROOT, "g"), g);
	/* And the list still works. */
	dxf_fs_release(x.fs, zombie("z", 5000));
	fsx_remove(&x);
}
END_TEST

START_TEST(test_read_only_mount_leaves_orphans)
{
	struct fsx_snap s;

	setup(_i);
	zombie("a", 10000);
	crash();
	x.opts.ro = true;
	fsx_snap(&x, &s);
	fsx_watch(&x);
	fsx_mount(&x);
	fsx_lookup(&x, ROOT, "lost+found");
	fsx_umount(&x);
	fsx_same(&x, &s);
	fsx_snap_free(&s);
	fsx_remove(&x);
}
END_TEST

/* ---- tmpfile ---- */

START_TEST(test_tmpfile_vanishes_without_a_name)
{
	uint64_t blocks, inodes;
	struct dxf_attr a;

	setup(_i);
	blocks = fsx_free_blocks(&x);
	inodes = fsx_free_inodes(&x);
	ck_assert_int_eq(dxf_fs_tmpfile(x.fs, &fsx_root, ROOT, 0666, &a), 0);
	ck_assert_uint_eq(a.nlink, 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0644);
	fsx_write(&x, a.ino, 0, 't', 20000);
	dxf_fs_release(x.fs, a.ino);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 1);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_uint_eq(fsx_free_blocks(&x), blocks);
	ck_assert_uint_eq(fsx_free_inodes(&x), inodes);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_tmpfile_linked_stays)
{
	struct dxf_attr a, b;

	setup(_i);
	zombie("before", 0);
	ck_assert_int_eq(dxf_fs_tmpfile(x.fs, &fsx_root, ROOT, 0600, &a), 0);
	zombie("after", 0);
	fsx_write(&x, a.ino, 0, 't', 20000);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, a.ino, ROOT, "name",
				     &b), 0);
	ck_assert_uint_eq(b.nlink, 1);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 2);
	dxf_fs_release(x.fs, a.ino);
	dxf_fs_forget(x.fs, a.ino, 2);
	fsx_remount(&x);
	ck_assert_uint_eq(fsx_lookup(&x, ROOT, "name"), a.ino);
	ck_assert_uint_eq(fsx_attr(&x, a.ino).size, 20000);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_unlinked_file_cannot_be_linked_again)
{
	struct dxf_attr a;
	dxf_ino_t f;

	setup(_i);
	f = zombie("f", 0);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, f, ROOT, "g",
				     &a), -ENOENT);
	/* A tmpfile that had a name, too. */
	ck_assert_int_eq(dxf_fs_tmpfile(x.fs, &fsx_root, ROOT, 0600, &a), 0);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, a.ino, ROOT, "t", &a), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "t"), 0);
	ck_assert_int_eq(dxf_fs_link(x.fs, &fsx_root, a.ino, ROOT, "t",
				     &a), -ENOENT);
	fsx_finish(&x);
}
END_TEST

/* ---- space ---- */

/* Fill what is left with files; returns how many, the last one short. */
static int fill_up(void)
{
	static char buf[65536];
	char name[16];
	ssize_t n = sizeof(buf);
	int i;

	for (i = 0; n == (ssize_t)sizeof(buf); i++) {
		struct dxf_attr a;
		uint64_t off = 0;

		snprintf(name, sizeof(name), "fill%d", i);
		if (dxf_fs_mknod(x.fs, &fsx_root, ROOT, name, S_IFREG, 0,
				 &a) != 0)
			break;
		while (off < 1 << 20 && n == (ssize_t)sizeof(buf)) {
			n = dxf_fs_write(x.fs, a.ino, off, buf, sizeof(buf), 0,
					 &fsx_root);
			off += sizeof(buf);
		}
		dxf_fs_forget(x.fs, a.ino, 1);
	}
	return i;
}

START_TEST(test_no_space_takes_back_forgotten_zombies)
{
	struct dxf_attr a, b;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "big", S_IFREG, 0,
				      &a), 0);
	fsx_write(&x, a.ino, 0, 'b', 400000);
	fill_up();
	ck_assert_uint_eq(fsx_free_blocks(&x), 0);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "d", S_IFDIR, 0,
				      &b), -ENOSPC);
	/* Unlinked, but the lookup was not given back yet. */
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "big"), 0);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "d", S_IFDIR, 0,
				      &b), 0);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, a.ino, O_RDONLY, false),
			 -ESTALE);
	ck_assert_uint_eq(fsx_attr(&x, a.ino).blocks, 0);
	ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, a.ino, 0, &b), -ESTALE);
	dxf_fs_forget(x.fs, a.ino, 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_no_space_leaves_open_zombies)
{
	struct dxf_attr b;
	char buf[10];
	dxf_ino_t f;

	setup(_i);
	f = zombie("zzz", 400000);
	fill_up();
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, ROOT, "d", S_IFDIR, 0,
				      &b), -ENOSPC);
	ck_assert_int_eq(dxf_fs_read(x.fs, f, 399990, buf, 10), 10);
	ck_assert_mem_eq(buf, "zzzzzzzzzz", 10);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
	tcase_set_timeout(t, 120);
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_unlinked_open_file_works_until_release);
	EACH(test_unlinked_inode_number_is_kept_until_forget);
	tcase_add_loop_test(t, test_orphans_leave_list_in_any_order, 0, 30);
	EACH(test_unmount_frees_what_is_still_open);
	EACH(test_crash_with_orphans_recovers_at_mount);
	tcase_add_loop_test(t, test_interrupted_truncate_is_finished, 0, 6);
	tcase_add_loop_test(t, test_damaged_orphan_list_ends, 0, 9);
	EACH(test_read_only_mount_leaves_orphans);
	EACH(test_tmpfile_vanishes_without_a_name);
	EACH(test_tmpfile_linked_stays);
	EACH(test_unlinked_file_cannot_be_linked_again);
	EACH(test_no_space_takes_back_forgotten_zombies);
	EACH(test_no_space_leaves_open_zombies);
}

int main(void)
{
	return run_tests("orphan", add);
}
