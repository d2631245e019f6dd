/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Setting sizes: cuts, tails, rules, times.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file_model.h"

static struct fsx x;
static uint8_t buf[64 * 1024];

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
}

static int try_size(dxf_ino_t ino, uint64_t size, unsigned int valid)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE | valid, .size = size };
	struct dxf_attr a;

	return dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a);
}

START_TEST(test_truncate_shrink_is_one_transaction)
{
	uint64_t before;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDWR, false), 0);
	before = fsx_free_blocks(&x);
	fsx_write(&x, ino, 0, 'a', 3 * DXF_MIB);
	fsx_write(&x, ino, DXF_GIB, 'a', 1000);
	txn_delta(&x);
	set_size(&x, ino, 0);
	ck_assert_uint_eq(txn_delta(&x), 1);
	ck_assert_uint_eq(fsx_free_blocks(&x), before);
	ck_assert_uint_eq(fsx_attr(&x, ino).blocks, 0);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_truncate_tail_is_zero_on_media)
{
	struct fsx_snap s;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	for (int i = 0; i < 4096; i += 8)
		memcpy(buf + i, "TAILTAIL", 8);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 4096, 0, &fsx_root),
			 4096);
	set_size(&x, ino, 3080);
	fsx_umount(&x);
	fsx_snap(&x, &s);
	/* The file's bytes are there, once; the blocks' behind it are free. */
	ck_assert_ptr_nonnull(memmem(s.bytes, s.size, buf, 3080));
	ck_assert_ptr_null(memmem(s.bytes, s.size, buf, 3088));
	fsx_snap_free(&s);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_truncate_of_no_file_is_refused)
{
	struct dxf_attr a;

	setup(_i);
	ck_assert_int_eq(try_size(DXF_ROOT_INO, 0, 0), -EISDIR);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "p",
				      S_IFIFO, 0, &a), 0);
	ck_assert_int_eq(try_size(a.ino, 0, 0), -EINVAL);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_int_eq(dxf_fs_symlink(x.fs, &fsx_root, DXF_ROOT_INO, "s",
					"t", &a), 0);
	ck_assert_int_eq(try_size(a.ino, 0, 0), -EINVAL);
	dxf_fs_forget(x.fs, a.ino, 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_truncate_beyond_limit_efbig)
{
	const struct dxf_geom *g;
	dxf_ino_t ino;
	uint64_t max;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	g = dxf_ext2_geom(dxf_fs_ext2(x.fs));
	max = fsx_attr(&x, ino).flags & FS_EXTENT_FL ? g->max_size_ext :
						       g->max_size_ind;
	ck_assert_int_eq(try_size(ino, max + 1, 0), -EFBIG);
	ck_assert_int_eq(try_size(ino, UINT64_MAX, 0), -EFBIG);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 0);
	set_size(&x, ino, max);
	fsx_remount(&x);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, max);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_truncate_protected_eperm)
{
	uint32_t ext;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	ext = fsx_attr(&x, ino).flags & FS_EXTENT_FL;
	fsx_write(&x, ino, 0, 'a', 100);
	for (int i = 0; i < 2; i++) {
		uint32_t fl = i ? FS_APPEND_FL : FS_IMMUTABLE_FL;

		ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | fl,
						 &fsx_root), 0);
		ck_assert_int_eq(try_size(ino, 50, 0), -EPERM);
		ck_assert_int_eq(try_size(ino, 500, 0), -EPERM);
		ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext, &fsx_root),
				 0);
	}
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 100);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_truncate_times_and_privileges)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_MTIME | DXF_SET_MODE,
		.mode = 06755,
		.mtime = { .tv_sec = 1000 },
	};
	struct dxf_attr a;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, NULL, &a), 0);
	/* truncate(2) to the size it has changes no data. */
	ck_assert_int_eq(try_size(ino, 100, 0), 0);
	ck_assert_int_eq(fsx_attr(&x, ino).mtime.tv_sec, 1000);
	/* ftruncate(2) and O_TRUNC say so anyhow. */
	ck_assert_int_eq(try_size(ino, 100, DXF_SET_OPEN), 0);
	ck_assert_int_gt(fsx_attr(&x, ino).mtime.tv_sec, 1000);
	ck_assert_int_eq(fsx_attr(&x, ino).mode & 07777, 06755);
	ck_assert_int_eq(try_size(ino, 10, DXF_SET_KILL_PRIV), 0);
	ck_assert_int_eq(fsx_attr(&x, ino).mode & 07777, 0755);
	/* A time given with it wins. */
	sa.valid = DXF_SET_SIZE | DXF_SET_MTIME;
	sa.size = 5;
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, NULL, &a), 0);
	ck_assert_int_eq(a.mtime.tv_sec, 1000);
	ck_assert_uint_eq(a.size, 5);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_open_trunc_empties)
{
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 100000);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_WRONLY | O_TRUNC,
					  false), 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 0);
	ck_assert_uint_eq(fsx_attr(&x, ino).blocks, 0);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

/* ---- what does not fit one transaction ---- */

struct big {
	char path[64];
	struct dxf_region *region;
	struct dxf_fs *fs;
};

static int shell(const char *fmt, const char *path)
{
	char cmd[256];
	int status;

	snprintf(cmd, sizeof(cmd), fmt, path);
	status = system(cmd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void big_mount(struct big *b)
{
	const struct dxf_region_opts o = { .ro = false };
	struct dxf_fs_opts opts;

	dxf_fs_default_opts(&opts);
	ck_assert_int_eq(dxf_region_open(&b->region, b->path, &o, NULL), 0);
	ck_assert_int_eq(dxf_fs_open(&b->fs, b->region, &opts, NULL), 0);
}

static void big_umount(struct big *b)
{
	ck_assert_int_eq(dxf_fs_close(b->fs), 0);
	dxf_region_close(b->region);
	ck_assert_int_eq(shell("e2fsck -fn %s >/dev/null 2>&1", b->path), 0);
}

/* Bitmaps of 3 GiB in blocks of 1 KiB are more than a transaction holds. */
START_TEST(test_truncate_huge_is_cut)
{
	struct big b = { .path = "/dev/shm/dxf-big-XXXXXX" };
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = 5000 };
	struct dxf_fs_stats s, s2;
	struct dxf_attr a;
	struct statvfs v, v2;

	close(mkstemp(b.path));
	ck_assert_int_eq(shell("mke2fs -q -F -t ext4 -O ^has_journal -b 1024 "
			       "-N 2048 -E lazy_itable_init=1 %s 4G", b.path),
			 0);
	big_mount(&b);
	ck_assert_int_eq(dxf_fs_mknod(b.fs, &fsx_root, DXF_ROOT_INO, "f",
				      S_IFREG, 0, &a), 0);
	dxf_fs_statfs(b.fs, &v);
	ck_assert_int_eq(dxf_fs_write(b.fs, a.ino, 0, buf, 6000, 0, &fsx_root),
			 6000);
	ck_assert_int_eq(dxf_fs_fallocate(b.fs, a.ino, 0, 0, 3 * DXF_GIB,
					  false, &fsx_root), 0);
	dxf_fs_get_stats(b.fs, &s);
	ck_assert_int_eq(dxf_fs_setattr(b.fs, a.ino, &sa, &fsx_root, &a), 0);
	dxf_fs_get_stats(b.fs, &s2);
	ck_assert_uint_gt(s2.transactions, s.transactions + 2);
	ck_assert_uint_eq(a.size, 5000);
	ck_assert_uint_eq(a.blocks, 10);
	ck_assert_uint_eq(s2.zombies, 0);
	dxf_fs_statfs(b.fs, &v2);
	ck_assert_uint_eq(v.f_bfree, v2.f_bfree + 5);
	dxf_fs_forget(b.fs, a.ino, 1);
	big_umount(&b);
	unlink(b.path);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_truncate_shrink_is_one_transaction);
	EACH(test_truncate_tail_is_zero_on_media);
	EACH(test_truncate_of_no_file_is_refused);
	EACH(test_truncate_beyond_limit_efbig);
	EACH(test_truncate_protected_eperm);
	EACH(test_truncate_times_and_privileges);
	EACH(test_open_trunc_empties);
	tcase_add_test(tc, test_truncate_huge_is_cut);
}

int main(void)
{
	return run_tests("truncate", add);
}
