/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsync on page media: what it writes, counted.  All ranges are started before
 * the first is waited for, one barrier ends it, and it is the file's own data
 * and metadata, whatever else is dirty and however large the filesystem is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirty.h"
#include "file_model.h"
#include "node.h"

#define MAX_RANGES	512

static struct fsx x;

static struct {
	int nstarts, nwaits, nbarriers, nlate;
	uint64_t bytes;
	struct {
		dxf_off_t off;
		uint64_t len;
	} r[MAX_RANGES];
} seen;

/* A transaction can begin: so whoever waits for media holds no lock of it. */
static void check_unlocked(void)
{
	struct dxf_txn *t;

	ck_assert_int_eq(dxf_txn_begin(dxf_ext2_txnmgr(dxf_fs_ext2(x.fs)), 0,
				       &t), 0);
	dxf_txn_abort(t);
}

static void watch(void *ctx, const struct dxf_persist_event *ev)
{
	switch (ev->op) {
	case DXF_PERSIST_OP_START:
		seen.nstarts++;
		seen.nlate += seen.nwaits > 0;
		break;
	case DXF_PERSIST_OP_WAIT:
		ck_assert_int_lt(seen.nwaits, MAX_RANGES);
		seen.r[seen.nwaits].off = ev->off;
		seen.r[seen.nwaits++].len = ev->len;
		seen.bytes += ev->len;
		check_unlocked();
		break;
	case DXF_PERSIST_OP_MSYNC:
		seen.nbarriers++;
		check_unlocked();
		break;
	default:
		break;
	}
}

static bool wrote(dxf_off_t off)
{
	for (int i = 0; i < seen.nwaits; i++)
		if (off >= seen.r[i].off && off - seen.r[i].off < seen.r[i].len)
			return true;
	return false;
}

static bool wrote_slot(dxf_ino_t ino)
{
	return wrote(dxf_inode_slot_off(dxf_fs_ext2(x.fs), ino));
}

static void forget(void)
{
	memset(&seen, 0, sizeof(seen));
}

/* One fsync; it must have been one step. */
static void fsync_of(dxf_ino_t ino)
{
	forget();
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	ck_assert_int_eq(seen.nstarts, seen.nwaits);
	ck_assert_int_eq(seen.nlate, 0);
	ck_assert_int_le(seen.nbarriers, 1);
	ck_assert_int_eq(seen.nbarriers, seen.nwaits > 0);
}

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	to_page_media(&x);
	x.opts.commit = 3600;
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	dxf_persist_set_hook(x.region, watch, NULL);
	forget();
}

static void teardown(void)
{
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_finish(&x);
}

/* Made and open, so that it stays in the cache. */
static dxf_ino_t open_new(dxf_ino_t dir, const char *name, mode_t type)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_mknod(x.fs, &fsx_root, dir, name, type | 0700,
				      0, &a), 0);
	return a.ino;
}

static void drop(dxf_ino_t ino)
{
	dxf_fs_forget(x.fs, ino, 1);
}

static dxf_off_t media_of(dxf_ino_t ino, uint64_t off)
{
	struct iovec iov;
	struct dxf_fs_read r = { .iov = &iov, .max_iov = 1 };
	const void *base;
	dxf_off_t at;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 1,
						  DXF_ACCESS_READ, &base), 0);
	ck_assert_int_eq(dxf_fs_read_begin(x.fs, ino, off, 1, &r), 1);
	at = (const char *)iov.iov_base - (const char *)base;
	dxf_fs_read_end(x.fs, &r);
	return at;
}

START_TEST(test_fsync_writes_the_file_and_no_other)
{
	enum { N = 100 };
	dxf_ino_t other[N], ino;
	char name[16];

	setup(_i);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "other%d", i);
		other[i] = open_new(DXF_ROOT_INO, name, S_IFREG);
		fsx_write(&x, other[i], 0, 'o', 20000);
	}
	ino = open_new(DXF_ROOT_INO, "f", S_IFREG);
	fsx_write(&x, ino, 0, 'f', 3000);
	fsync_of(ino);
	ck_assert(wrote(media_of(ino, 0)));
	ck_assert(wrote_slot(ino));
	for (int i = 0; i < N; i++)
		ck_assert(!wrote(media_of(other[i], 8192)));
	/* Data; slots of file and root, name, bitmaps, descriptors, super. */
	ck_assert_uint_le(seen.bytes, 9 * DXF_DIRTY_SMALL);
	fsync_of(ino);
	ck_assert_int_eq(seen.nwaits, 0);
	for (int i = 0; i < N; i++)
		drop(other[i]);
	drop(ino);
	teardown();
}
END_TEST

START_TEST(test_fsync_writes_new_directories_above)
{
	dxf_ino_t a, b, c, side, f;

	setup(_i);
	a = open_new(DXF_ROOT_INO, "a", S_IFDIR);
	b = open_new(a, "b", S_IFDIR);
	c = open_new(b, "c", S_IFDIR);
	f = open_new(c, "f", S_IFREG);
	for (int i = 0; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof(name), "x%d", i);
		side = open_new(a, name, S_IFREG);
		fsx_write(&x, side, 0, 's', 9000);
	}
	fsync_of(f);
	ck_assert(wrote_slot(a) && wrote_slot(b) && wrote_slot(c));
	ck_assert(wrote_slot(f) && wrote_slot(DXF_ROOT_INO));
	ck_assert(!wrote(media_of(side, 8191)));
	/* They are there by now: a second file costs itself alone. */
	drop(f);
	f = open_new(c, "g", S_IFREG);
	fsync_of(f);
	ck_assert(wrote_slot(f));
	ck_assert_uint_le(seen.bytes, 7 * DXF_DIRTY_SMALL);
	ck_assert_int_eq(dxf_fs_rename(x.fs, &fsx_root, DXF_AT(b, "c"),
				       DXF_AT(DXF_ROOT_INO, "moved"), 0), 0);
	/* A directory that moved is a new one to what lies below. */
	fsync_of(f);
	ck_assert(wrote_slot(c) && wrote_slot(b) && wrote_slot(DXF_ROOT_INO));
	/* Lookups are left over. */
	dxf_persist_set_hook(x.region, NULL, NULL);
	ck_assert_int_eq(fsx_drop(&x), 0);
	fsx_check(&x);
	fsx_remove(&x);
}
END_TEST

START_TEST(test_fsync_after_reuse_writes_all_that_was_freed)
{
	dxf_ino_t old, f, other;

	setup(_i);
	old = open_new(DXF_ROOT_INO, "old", S_IFREG);
	fsx_write(&x, old, 0, 'o', 20000);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, old, false), 0);
	other = open_new(DXF_ROOT_INO, "other", S_IFREG);
	fsx_write(&x, other, 0, 'o', 100);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, DXF_ROOT_INO, "old"), 0);
	drop(old);
	fsx_settle(&x);
	f = open_new(DXF_ROOT_INO, "f", S_IFREG);
	/* The same slot: on media "old" still names it. */
	ck_assert_uint_eq(f, old);
	fsync_of(f);
	ck_assert(wrote_slot(other));
	ck_assert_uint_eq(seen.nbarriers, 1);
	fsx_write(&x, f, 0, 'f', 100);
	fsync_of(f);
	drop(other);
	drop(f);
	teardown();
}
END_TEST

START_TEST(test_fsync_after_eviction_writes_all)
{
	dxf_ino_t ino, dir;

	setup(_i);
	dir = fsx_mkdir(&x, DXF_ROOT_INO, "d");
	ino = fsx_create(&x, dir, "f");
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 1);
	fsync_of(ino);
	ck_assert(wrote_slot(ino) && wrote_slot(dir));
	fsync_of(ino);
	ck_assert_int_eq(seen.nwaits, 0);
	teardown();
}
END_TEST

START_TEST(test_fsync_directory_writes_names_and_inodes)
{
	dxf_ino_t dir, f, far;

	setup(_i);
	dir = open_new(DXF_ROOT_INO, "d", S_IFDIR);
	far = open_new(DXF_ROOT_INO, "far", S_IFREG);
	fsx_write(&x, far, 0, 'x', 50000);
	f = open_new(dir, "f", S_IFREG);
	fsync_of(dir);
	ck_assert(wrote_slot(dir) && wrote_slot(f));
	ck_assert(!wrote(media_of(far, 30000)));
	ck_assert_int_eq(dxf_fs_unlink(x.fs, dir, "f"), 0);
	fsync_of(dir);
	ck_assert(wrote_slot(dir));
	fsync_of(dir);
	ck_assert_int_eq(seen.nwaits, 0);
	drop(dir);
	drop(f);
	drop(far);
	teardown();
}
END_TEST

/* Many directory changes: the list becomes "all" and recovers from it. */
START_TEST(test_fsync_directory_of_many_changes)
{
	dxf_ino_t dir;
	char name[16];

	setup(_i);
	dir = open_new(DXF_ROOT_INO, "d", S_IFDIR);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		drop(open_new(dir, name, S_IFREG));
	}
	ck_assert_int_eq(dxf_fs_fsync(x.fs, dir, false), 0);
	fsync_of(dir);
	ck_assert_int_eq(seen.nwaits, 0);
	drop(open_new(dir, "last", S_IFREG));
	fsync_of(dir);
	ck_assert_int_gt(seen.nwaits, 0);
	drop(dir);
	teardown();
}
END_TEST

/* ---- the size of the filesystem ---- */

struct cost {
	int ranges, barriers;
	uint64_t bytes;
};

static void shell(const char *fmt, const char *path)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), fmt, path);
	ck_assert_int_eq(system(cmd), 0);
}

static struct cost cost_on(const char *mke2fs)
{
	const struct dxf_region_opts o = {
		.granularity = DXF_GRANULARITY_PAGE,
	};
	char path[] = "/dev/shm/dxf-fsync-XXXXXX";
	dxf_ino_t dir, f, other;
	struct cost c;

	close(mkstemp(path));
	shell(mke2fs, path);
	dxf_fs_default_opts(&x.opts);
	x.opts.commit = 3600;
	ck_assert_int_eq(dxf_region_open(&x.region, path, &o, NULL), 0);
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	dxf_persist_set_hook(x.region, watch, NULL);
	dir = open_new(DXF_ROOT_INO, "d", S_IFDIR);
	other = open_new(DXF_ROOT_INO, "other", S_IFREG);
	f = open_new(dir, "f", S_IFREG);
	for (int i = 0; i < 16; i++) {
		fsx_write(&x, other, i * 100000, 'o', 30000);
		fsx_write(&x, f, i * 100000, 'f', 5000);
	}
	fsync_of(f);
	c = (struct cost){ seen.nwaits, seen.nbarriers, seen.bytes };
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_drop(&x);
	dxf_region_close(x.region);
	unlink(path);
	return c;
}

START_TEST(test_fsync_cost_does_not_grow_with_the_filesystem)
{
#define MKE2FS	"mke2fs -q -F -t ext2 -b 4096 -O ^resize_inode " \
		"-N 65536 %s "
	struct cost gib = cost_on(MKE2FS "1G"), tib = cost_on(MKE2FS "1T");

	printf("1 GiB: %d ranges, %d bytes, %d barrier; 1 TiB: %d, %d, %d\n",
	       gib.ranges, (int)gib.bytes, gib.barriers, tib.ranges,
	       (int)tib.bytes, tib.barriers);
	ck_assert_int_eq(gib.barriers, 1);
	ck_assert_int_eq(tib.barriers, 1);
	/* Neighbours may be one range here and two there. */
	ck_assert_uint_eq(gib.bytes, tib.bytes);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_fsync_writes_the_file_and_no_other);
	EACH(test_fsync_writes_new_directories_above);
	EACH(test_fsync_after_reuse_writes_all_that_was_freed);
	EACH(test_fsync_after_eviction_writes_all);
	EACH(test_fsync_directory_writes_names_and_inodes);
	EACH(test_fsync_directory_of_many_changes);
	tcase_add_test(tc, test_fsync_cost_does_not_grow_with_the_filesystem);
}

int main(void)
{
	return run_tests("fsync_pages", add);
}
