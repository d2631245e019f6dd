/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing: what costs a transaction, what is stored how, full filesystems,
 * limits, privileges.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/xattr.h>

#include "file_model.h"

static struct fsx x;
static uint8_t buf[DXF_MIB], got[DXF_MIB];

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	fsx_mount(&x);
	for (size_t j = 0; j < sizeof(buf); j++)
		buf[j] = (uint8_t)(j * 131 / 7 + 1);
}

static ssize_t put(dxf_ino_t ino, uint64_t off, size_t len, unsigned int flags)
{
	return dxf_fs_write(x.fs, ino, off, buf, len, flags, &fsx_root);
}

/* A file that stays in the cache. */
static dxf_ino_t open_new(void)
{
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, "f");

	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDWR, false), 0);
	return ino;
}

START_TEST(test_write_append_of_a_mib_is_one_transaction)
{
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	ck_assert_int_eq(put(ino, 0, 10, 0), 10);
	txn_delta(&x);
	ck_assert_int_eq(put(ino, 10, DXF_MIB, 0), DXF_MIB);
	ck_assert_uint_eq(txn_delta(&x), 1);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 10, got, DXF_MIB), DXF_MIB);
	ck_assert_mem_eq(got, buf, DXF_MIB);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_overwrite_is_one_fence_and_no_transaction)
{
	struct dxf_persist_stats d;
	dxf_ino_t ino;

	setup(_i);
	ino = open_new();
	fsx_write(&x, ino, 0, 'z', 64 * 1024);
	txn_delta(&x);
	persist_delta(&x);
	ck_assert_int_eq(put(ino, 8192, 4096, 0), 4096);
	d = persist_delta(&x);
	ck_assert_uint_eq(txn_delta(&x), 0);
	ck_assert_uint_eq(d.calls[DXF_PERSIST_OP_FENCE], 1);
	ck_assert_uint_eq(d.calls[DXF_PERSIST_OP_COPY], 1);
	ck_assert_uint_eq(d.bytes_stored, 4096);
	ck_assert_uint_eq(d.bytes_nt, 4096);
	ck_assert_int_eq(put(ino, 100, 30, 0), 30);
	d = persist_delta(&x);
	ck_assert_uint_eq(d.calls[DXF_PERSIST_OP_FENCE], 1);
	ck_assert_uint_eq(d.lines_flushed, 2);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

/* The stretches a file lies in on media. */
static int count_runs(dxf_ino_t ino, uint64_t size)
{
	struct iovec iov[256];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 256 };
	int n;

	ck_assert_int_eq(dxf_fs_read_begin(x.fs, ino, 0, size, &r), size);
	n = r.niov;
	dxf_fs_read_end(x.fs, &r);
	return n;
}

START_TEST(test_write_interleaved_appenders_stay_together)
{
	dxf_ino_t ino[4];
	uint64_t off = 0;

	setup(_i);
	for (int f = 0; f < 4; f++) {
		char name[] = { 'f', '0' + f, 0 };

		ino[f] = fsx_create(&x, DXF_ROOT_INO, name);
		ck_assert_int_eq(dxf_fs_open_file(x.fs, ino[f], O_WRONLY,
						  false), 0);
	}
	for (; off < DXF_MIB; off += 4096) {
		for (int f = 0; f < 4; f++)
			ck_assert_int_eq(put(ino[f], off, 4096, 0), 4096);
	}
	for (int f = 0; f < 4; f++) {
		int n = count_runs(ino[f], off);

		/* 256 appends each. */
		ck_assert_msg(n <= 16, "file %d lies in %d runs", f, n);
		dxf_fs_release(x.fs, ino[f]);
	}
	fsx_finish(&x);
}
END_TEST

/* What the persist calls of an operation were, in order. */
static struct {
	int n;
	bool bulk_open;		/* data stored, not fenced yet */
	int early;		/* metadata stored meanwhile */
} order;

static void note_order(void *ctx, const struct dxf_persist_event *ev)
{
	order.n++;
	if (ev->op == DXF_PERSIST_OP_FENCE)
		order.bulk_open = false;
	else if (ev->op != DXF_PERSIST_OP_COPY &&
		 ev->op != DXF_PERSIST_OP_ZERO)
		return;
	else if (!(ev->flags & DXF_PERSIST_TEMPORAL))
		order.bulk_open = true;
	else if (order.bulk_open)
		order.early++;
}

/* Data and zeroed rests are durable before what makes them reachable. */
START_TEST(test_write_fences_data_before_metadata)
{
	dxf_ino_t ino;

	setup(_i);
	ino = open_new();
	fsx_write(&x, ino, 0, 'z', 100);
	dxf_persist_set_hook(x.region, note_order, NULL);
	ck_assert_int_eq(put(ino, 100, 10000, 0), 10000);
	ck_assert_int_eq(put(ino, 50000, 10000, 0), 10000);
	ck_assert_int_eq(put(ino, 30000, 10000, 0), 10000);
	set_size(&x, ino, 5000);
	set_size(&x, ino, 90000);
	ck_assert_int_eq(dxf_fs_fallocate(x.fs, ino, 0, 0, 90000, false,
					  &fsx_root), 0);
	ck_assert_int_eq(put(ino, 20000, 10000, 0), 10000);
	ck_assert_int_eq(dxf_fs_copy_range(x.fs, ino, 0, ino, 100000, 5000, 0,
					   &fsx_root), 5000);
	dxf_persist_set_hook(x.region, NULL, NULL);
	ck_assert_int_gt(order.n, 20);
	ck_assert_int_eq(order.early, 0);
	/* Nor is anything left to a fence of somebody else. */
	ck_assert(!order.bulk_open);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_full_is_short_then_enospc)
{
	struct dxf_attr a;
	uint64_t off = 0;
	dxf_ino_t ino;
	ssize_t n;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	do {
		n = put(ino, off, DXF_MIB, 0);
		off += n > 0 ? n : 0;
	} while (n > 0);
	ck_assert_int_eq(n, -ENOSPC);
	a = fsx_attr(&x, ino);
	ck_assert_uint_eq(a.size, off);
	/* No block is left behind for want of one of the map. */
	ck_assert_uint_le(fsx_free_blocks(&x), 1);
	ck_assert_int_eq(put(ino, 0, 4096, 0), 4096);
	ck_assert_int_eq(put(ino, off, 1, 0), -ENOSPC);
	fsx_umount(&x);
	fsx_check(&x);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "f"), 0);
	ck_assert_uint_ge(fsx_free_blocks(&x), off / a.blksize);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_full_behind_the_end_keeps_size)
{
	dxf_ino_t ino, last;
	uint64_t off = 0;
	ssize_t n;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "g");
	last = fsx_create(&x, DXF_ROOT_INO, "last");
	ck_assert_int_eq(put(ino, 0, 10, 0), 10);
	do {
		n = put(fsx_lookup(&x, DXF_ROOT_INO, "f") ?:
			fsx_create(&x, DXF_ROOT_INO, "f"), off, DXF_MIB, 0);
		off += n > 0 ? n : 0;
	} while (n > 0);
	/* One that was of no use there, since it needed two. */
	n = put(last, 0, 1, 0);
	ck_assert(n == 1 || n == -ENOSPC);
	ck_assert_int_eq(put(ino, 1000000, 5000, 0), -ENOSPC);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 10);
	ck_assert_int_eq(put(ino, 5, 100000, 0),
			 fsx_attr(&x, ino).blksize - 5);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_reserved_blocks_are_roots)
{
	const struct dxf_cred user = { .uid = 1000, .gid = 1000 };
	uint64_t off = 0, left;
	dxf_ino_t ino;
	ssize_t n;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	do {
		n = dxf_fs_write(x.fs, ino, off, buf, DXF_MIB, 0, &user);
		off += n > 0 ? n : 0;
	} while (n > 0);
	ck_assert_int_eq(n, -ENOSPC);
	left = fsx_free_blocks(&x);
	ck_assert_uint_gt(left, 100);
	ck_assert_int_eq(put(ino, off, 4096, 0), 4096);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_enospc_takes_zombies_blocks)
{
	struct dxf_attr a, b;
	uint64_t off = 0;
	ssize_t n;

	setup(_i);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "z",
				      S_IFREG, 0, &a), 0);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "f",
				      S_IFREG, 0, &b), 0);
	ck_assert_int_eq(put(a.ino, 0, DXF_MIB, 0), DXF_MIB);
	do {
		n = put(b.ino, off, DXF_MIB, 0);
		off += n > 0 ? n : 0;
	} while (n > 0);
	ck_assert_int_eq(n, -ENOSPC);
	/* The kernel has not forgotten it yet. */
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "z"), 0);
	ck_assert_int_eq(put(b.ino, off, DXF_MIB / 2, 0), DXF_MIB / 2);
	dxf_fs_forget(x.fs, a.ino, 1);
	dxf_fs_forget(x.fs, b.ino, 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_unlinked_open_file_lives)
{
	struct dxf_attr a;
	uint64_t before;

	setup(_i);
	before = fsx_free_blocks(&x);
	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, DXF_ROOT_INO, "f",
				      S_IFREG, 0, &a), 0);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, a.ino, O_RDWR, false), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "f"), 0);
	dxf_fs_forget(x.fs, a.ino, 1);
	ck_assert_int_eq(put(a.ino, 0, 100000, 0), 100000);
	set_size(&x, a.ino, 50000);
	ck_assert_int_eq(dxf_fs_read(x.fs, a.ino, 0, got, 100000), 50000);
	ck_assert_mem_eq(got, buf, 50000);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, a.ino, false), 0);
	dxf_fs_release(x.fs, a.ino);
	ck_assert_uint_eq(fsx_free_blocks(&x), before);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_at_format_limit_efbig)
{
	dxf_ino_t ino;
	const struct dxf_geom *g;
	uint64_t max;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	g = dxf_ext2_geom(dxf_fs_ext2(x.fs));
	max = fsx_attr(&x, ino).flags & FS_EXTENT_FL ? g->max_size_ext :
						       g->max_size_ind;
	ck_assert_int_eq(put(ino, max, 1, 0), -EFBIG);
	ck_assert_int_eq(put(ino, UINT64_MAX - 10, 100, 0), -EFBIG);
	ck_assert_int_eq(put(ino, max - 100, 200, 0), 100);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, max);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, max - 100, got, 200), 100);
	ck_assert_mem_eq(got, buf, 100);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_protected_eperm)
{
	uint32_t ext;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	ext = fsx_attr(&x, ino).flags & FS_EXTENT_FL;
	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | FS_APPEND_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(put(ino, 99, 10, 0), -EPERM);
	ck_assert_int_eq(put(ino, 99, 1, DXF_WRITE_CACHE), 1);
	ck_assert_int_eq(put(ino, 100, 10, 0), 10);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_WRONLY, false), -EPERM);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_WRONLY | O_APPEND |
					  O_TRUNC, false), -EPERM);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_WRONLY | O_APPEND,
					  false), 0);
	dxf_fs_release(x.fs, ino);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext | FS_IMMUTABLE_FL,
					 &fsx_root), 0);
	ck_assert_int_eq(put(ino, 110, 10, 0), -EPERM);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDWR | O_APPEND, false),
			 -EPERM);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDONLY, false), 0);
	dxf_fs_release(x.fs, ino);
	ck_assert_uint_eq(fsx_attr(&x, ino).size, 110);
	ck_assert_int_eq(dxf_fs_setflags(x.fs, ino, ext, &fsx_root), 0);
	fsx_finish(&x);
}
END_TEST

static mode_t mode_after_write(dxf_ino_t ino, mode_t mode, uint64_t off,
			       unsigned int flags)
{
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = mode };
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, NULL, &a), 0);
	ck_assert_int_eq(put(ino, off, 10, flags), 10);
	return fsx_attr(&x, ino).mode & 07777;
}

START_TEST(test_write_strips_suid_when_asked)
{
	const unsigned int kill = DXF_WRITE_KILL_PRIV;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 10);
	ck_assert_int_eq(mode_after_write(ino, 06777, 0, 0), 06777);
	ck_assert_int_eq(mode_after_write(ino, 06777, 0, kill), 0777);
	ck_assert_int_eq(mode_after_write(ino, 06777, 5000, kill), 0777);
	ck_assert_int_eq(mode_after_write(ino, 02767, 0, kill), 02767);
	ck_assert_int_eq(mode_after_write(ino, 04755, 0, kill), 0755);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_strips_capability)
{
	static const char cap[] = "security.capability";
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 100);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(dxf_fs_setxattr(x.fs, ino, cap, "0123", 4, 0,
						 false, &fsx_root), 0);
		ck_assert_int_eq(put(ino, i * 6000, 10, 0), 10);
		ck_assert_int_eq(dxf_fs_getxattr(x.fs, ino, cap, NULL, 0),
				 -ENODATA);
	}
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_deferred_edges_are_flushed_once)
{
	struct dxf_persist_stats d;
	dxf_ino_t ino;

	setup(_i);
	fsx_umount(&x);
	x.opts.durability = DXF_DURABILITY_FSYNC;
	fsx_mount(&x);
	ino = open_new();
	fsx_write(&x, ino, 0, 'z', 64 * 1024);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	persist_delta(&x);
	ck_assert_int_eq(put(ino, 100, 5000, 0), 5000);
	d = persist_delta(&x);
	ck_assert_uint_eq(d.lines_flushed, 0);
	ck_assert_uint_gt(d.bytes_nt, 4000);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	d = persist_delta(&x);
	ck_assert_uint_ge(d.lines_flushed, 2);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	ck_assert_uint_eq(persist_delta(&x).lines_flushed, 0);
	/* Bulk meets an edge that was left in the cache: that goes first. */
	ck_assert_int_eq(put(ino, 100, 20, 0), 20);
	ck_assert_uint_eq(persist_delta(&x).lines_flushed, 0);
	ck_assert_int_eq(put(ino, 0, 4096, 0), 4096);
	ck_assert_uint_gt(persist_delta(&x).lines_flushed, 0);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_write_times_move_and_persist)
{
	struct dxf_setattr sa = {
		.valid = DXF_SET_MTIME | DXF_SET_ATIME,
		.mtime = { .tv_sec = 1000 },
		.atime = { .tv_sec = 2000 },
	};
	struct dxf_attr a, b;
	dxf_ino_t ino;

	setup(_i);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'a', 100);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &sa, &fsx_root, &a), 0);
	ck_assert_int_eq(put(ino, 0, 0, 0), 0);
	ck_assert_int_eq(fsx_attr(&x, ino).mtime.tv_sec, 1000);
	ck_assert_int_eq(put(ino, 0, 10, 0), 10);
	a = fsx_attr(&x, ino);
	ck_assert_int_gt(a.mtime.tv_sec, 1000);
	ck_assert_int_eq(a.atime.tv_sec, 2000);
	fsx_remount(&x);
	b = fsx_attr(&x, ino);
	ck_assert_int_eq(a.mtime.tv_sec, b.mtime.tv_sec);
	ck_assert_int_eq(a.ctime.tv_sec, b.ctime.tv_sec);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_write_append_of_a_mib_is_one_transaction);
	EACH(test_write_overwrite_is_one_fence_and_no_transaction);
	EACH(test_write_interleaved_appenders_stay_together);
	EACH(test_write_fences_data_before_metadata);
	EACH(test_write_full_is_short_then_enospc);
	EACH(test_write_full_behind_the_end_keeps_size);
	EACH(test_write_reserved_blocks_are_roots);
	EACH(test_write_enospc_takes_zombies_blocks);
	EACH(test_write_unlinked_open_file_lives);
	EACH(test_write_at_format_limit_efbig);
	EACH(test_write_protected_eperm);
	EACH(test_write_strips_suid_when_asked);
	EACH(test_write_strips_capability);
	EACH(test_write_deferred_edges_are_flushed_once);
	EACH(test_write_times_move_and_persist);
}

int main(void)
{
	return run_tests("write", add);
}
