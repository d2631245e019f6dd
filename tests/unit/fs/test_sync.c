/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsync, sync and the background thread, on media that need msync and on those
 * that do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "fault.h"
#include "file_model.h"
#include "node.h"

#define MAX_SYNCS	256

static struct fsx x;
static uint8_t buf[64 * 1024];

/*
 * What was msynced, and a way to wait for it: the range of the call, and what was
 * written out and waited for before it.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int n, ndurable, nbarriers;
	struct {
		dxf_off_t off;
		uint64_t len;
	} r[MAX_SYNCS];
} seen = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER };

static void watch(void *ctx, const struct dxf_persist_event *ev)
{
	if (ev->op != DXF_PERSIST_OP_MSYNC && ev->op != DXF_PERSIST_OP_WAIT)
		return;
	pthread_mutex_lock(&seen.lock);
	if (seen.n < MAX_SYNCS) {
		seen.r[seen.n].off = ev->off;
		seen.r[seen.n++].len = ev->len;
	}
	if (ev->op == DXF_PERSIST_OP_MSYNC) {
		seen.ndurable = seen.n;
		seen.nbarriers++;
	}
	pthread_cond_broadcast(&seen.cond);
	pthread_mutex_unlock(&seen.lock);
}

static bool covered_locked(dxf_off_t off)
{
	for (int i = 0; i < seen.ndurable; i++) {
		if (off >= seen.r[i].off && off - seen.r[i].off < seen.r[i].len)
			return true;
	}
	return false;
}

static bool covered(dxf_off_t off)
{
	bool yes;

	pthread_mutex_lock(&seen.lock);
	yes = covered_locked(off);
	pthread_mutex_unlock(&seen.lock);
	return yes;
}

static void forget_seen(void)
{
	pthread_mutex_lock(&seen.lock);
	seen.n = seen.ndurable = seen.nbarriers = 0;
	pthread_mutex_unlock(&seen.lock);
}

/* Until @off was msynced; false after 20 s. */
static bool wait_covered(dxf_off_t off)
{
	struct timespec until;
	bool yes;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&seen.lock);
	while (!(yes = covered_locked(off)) && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&seen.cond, &seen.lock, &until);
	pthread_mutex_unlock(&seen.lock);
	return yes;
}

/* @commit: large, where the background thread is to keep out. */
static void setup_page(int i, unsigned int commit)
{
	fsx_make(&x, &fsx_images[i % fsx_nimages]);
	to_page_media(&x);
	x.opts.commit = commit;
	fsx_mount(&x);
	/* What the host's cache holds of before is not known: once, all of it. */
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	forget_seen();
	dxf_persist_set_hook(x.region, watch, NULL);
}

static void teardown(void)
{
	fsx_umount(&x);
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_finish(&x);
}

static dxf_ino_t open_new(const char *name)
{
	dxf_ino_t ino = fsx_create(&x, DXF_ROOT_INO, name);

	ck_assert_int_eq(dxf_fs_open_file(x.fs, ino, O_RDWR, false), 0);
	return ino;
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

START_TEST(test_fsync_page_syncs_the_file_and_no_other)
{
	dxf_ino_t a, b;
	dxf_off_t at_a, at_b;

	setup_page(_i, 3600);
	a = open_new("a");
	/* Farther apart than what one msync bridges. */
	fsx_write(&x, a, 0, 'x', 3 * DXF_MIB);
	b = open_new("b");
	fsx_write(&x, b, 0, 'b', 3 * DXF_MIB);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	at_a = media_of(a, 0);
	at_b = media_of(b, 2 * DXF_MIB);
	forget_seen();
	fsx_write(&x, a, 0, 'y', 4096);
	fsx_write(&x, b, 2 * DXF_MIB, 'y', 4096);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, a, true), 0);
	ck_assert(covered(at_a));
	ck_assert(!covered(at_b));
	forget_seen();
	ck_assert_int_eq(dxf_fs_fsync(x.fs, a, true), 0);
	ck_assert(!covered(at_a));
	ck_assert_int_eq(dxf_fs_fsync(x.fs, b, true), 0);
	ck_assert(covered(at_b));
	dxf_fs_release(x.fs, a);
	dxf_fs_release(x.fs, b);
	teardown();
}
END_TEST

START_TEST(test_fsync_page_covers_an_earlier_life)
{
	dxf_ino_t ino;
	dxf_off_t at;

	setup_page(_i, 3600);
	ino = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, ino, 0, 'x', 5000);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	at = media_of(ino, 0);
	fsx_write(&x, ino, 0, 'y', 5000);
	/* Nothing refers to it: it left the cache with dirty data. */
	ck_assert_uint_eq(fsx_stats(&x).inodes_cached, 1);
	forget_seen();
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	ck_assert(covered(at));
	forget_seen();
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	ck_assert(!covered(at));
	teardown();
}
END_TEST

START_TEST(test_fsync_page_new_file_syncs_metadata)
{
	dxf_ino_t ino;
	dxf_off_t slot;

	setup_page(_i, 3600);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 100);
	slot = media_of(ino, 0);
	forget_seen();
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	ck_assert(covered(slot));
	/* The superblock's group descriptors changed at the least. */
	ck_assert_int_gt(seen.n, 1);
	dxf_fs_release(x.fs, ino);
	teardown();
}
END_TEST

START_TEST(test_background_page_writes_back_in_commit_time)
{
	dxf_ino_t ino;

	setup_page(_i, 1);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 10000);
	ck_assert(wait_covered(media_of(ino, 0)));
	forget_seen();
	fsx_write(&x, ino, 4096, 'y', 10);
	ck_assert(wait_covered(media_of(ino, 4096)));
	dxf_fs_release(x.fs, ino);
	teardown();
}
END_TEST

START_TEST(test_write_sync_flag_page_is_durable)
{
	dxf_ino_t ino;
	dxf_off_t at;

	setup_page(_i, 3600);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 10000);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	at = media_of(ino, 0);
	forget_seen();
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 100, DXF_WRITE_SYNC,
				      &fsx_root), 100);
	ck_assert(covered(at));
	dxf_fs_release(x.fs, ino);
	teardown();
}
END_TEST

START_TEST(test_sync_option_page_makes_all_durable)
{
	dxf_ino_t ino;

	setup_page(_i, 3600);
	fsx_umount(&x);
	x.opts.sync = true;
	fsx_mount(&x);
	ino = open_new("f");
	forget_seen();
	fsx_write(&x, ino, 0, 'x', 10000);
	ck_assert(covered(media_of(ino, 0)));
	forget_seen();
	set_size(&x, ino, 100);
	ck_assert_int_gt(seen.n, 0);
	dxf_fs_release(x.fs, ino);
	teardown();
}
END_TEST

START_TEST(test_fsync_failed_write_back_is_sticky)
{
	dxf_ino_t ino;

	setup_page(_i, 3600);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 10000);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), -EIO);
	ck_assert(dxf_fault_disarm());
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), -EIO);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, DXF_ROOT_INO, false), -EIO);
	ck_assert_int_eq(dxf_fs_sync(x.fs), -EIO);
	ck_assert_int_eq(dxf_fs_write(x.fs, ino, 0, buf, 10, 0, &fsx_root),
			 -EROFS);
	ck_assert_int_eq(dxf_fs_read(x.fs, ino, 0, buf, 10), 10);
	dxf_fs_release(x.fs, ino);
	ck_assert_int_lt(fsx_drop(&x), 0);
	fsx_remove(&x);
}
END_TEST

START_TEST(test_fsync_punched_ranges_are_not_written_back)
{
	dxf_ino_t ino;
	dxf_off_t at;

	setup_page(_i, 3600);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 64 * 1024);
	at = media_of(ino, 32 * 1024);
	set_size(&x, ino, 0);
	forget_seen();
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, true), 0);
	ck_assert(!covered(at));
	dxf_fs_release(x.fs, ino);
	teardown();
}
END_TEST

START_TEST(test_fsync_dax_costs_a_clean_file_nothing)
{
	struct dxf_persist_stats d;
	dxf_ino_t ino;

	fsx_make(&x, &fsx_images[_i % fsx_nimages]);
	fsx_mount(&x);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 100000);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	persist_delta(&x);
	ck_assert_int_eq(dxf_fs_fsync(x.fs, ino, false), 0);
	d = persist_delta(&x);
	ck_assert_uint_eq(d.bytes_stored, 0);
	ck_assert_uint_eq(d.lines_flushed, 0);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

/* The slot's mtime, behind the back of what is cached. */
static int64_t mtime_on_media(dxf_ino_t ino)
{
	struct dxf_dinode di;

	ck_assert_int_eq(dxf_dinode_read(dxf_fs_ext2(x.fs), ino, &di), 0);
	return di.mtime.tv_sec;
}

START_TEST(test_background_writes_lazy_times)
{
	struct dxf_setattr past = {
		.valid = DXF_SET_MTIME, .mtime = { 1000, 0 },
	};
	struct timespec end, now;
	struct dxf_attr a;
	dxf_ino_t ino;

	fsx_make(&x, &fsx_images[_i % fsx_nimages]);
	fsx_mount(&x);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 100);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &past, NULL, &a), 0);
	fsx_write(&x, ino, 0, 'y', 100);
	ck_assert_int_eq(mtime_on_media(ino), 1000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 6;
	do {
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (mtime_on_media(ino) == 1000 && now.tv_sec < end.tv_sec);
	ck_assert_int_gt(mtime_on_media(ino), 1000);
	dxf_fs_release(x.fs, ino);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_lazytime_waits_for_unmount)
{
	struct dxf_setattr past = {
		.valid = DXF_SET_MTIME, .mtime = { 1000, 0 },
	};
	struct dxf_attr a;
	dxf_ino_t ino;

	fsx_make(&x, &fsx_images[_i % fsx_nimages]);
	x.opts.lazytime = true;
	fsx_mount(&x);
	ino = open_new("f");
	fsx_write(&x, ino, 0, 'x', 100);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &past, NULL, &a), 0);
	fsx_write(&x, ino, 0, 'y', 100);
	ck_assert_int_eq(mtime_on_media(ino), 1000);
	/* Another change of the slot takes them along. */
	past = (struct dxf_setattr){ .valid = DXF_SET_MODE, .mode = 0600 };
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &past, NULL, &a), 0);
	ck_assert_int_gt(mtime_on_media(ino), 1000);
	past = (struct dxf_setattr){
		.valid = DXF_SET_MTIME, .mtime = { 1000, 0 },
	};
	ck_assert_int_eq(dxf_fs_setattr(x.fs, ino, &past, NULL, &a), 0);
	fsx_write(&x, ino, 0, 'z', 100);
	dxf_fs_release(x.fs, ino);
	fsx_remount(&x);
	ck_assert_int_gt(mtime_on_media(ino), 1000);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
#define EACH(test)	tcase_add_loop_test(tc, test, 0, fsx_nimages)
	EACH(test_fsync_page_syncs_the_file_and_no_other);
	EACH(test_fsync_page_covers_an_earlier_life);
	EACH(test_fsync_page_new_file_syncs_metadata);
	EACH(test_background_page_writes_back_in_commit_time);
	EACH(test_write_sync_flag_page_is_durable);
	EACH(test_sync_option_page_makes_all_durable);
	EACH(test_fsync_failed_write_back_is_sticky);
	/* Where a block is a granule: of smaller ones the edges stay dirty. */
	tcase_add_loop_test(tc, test_fsync_punched_ranges_are_not_written_back,
			    1, fsx_nimages);
	EACH(test_fsync_dax_costs_a_clean_file_nothing);
	EACH(test_lazytime_waits_for_unmount);
	/* It takes its seconds: once is enough. */
	tcase_add_loop_test(tc, test_background_writes_lazy_times, 1, 2);
}

int main(void)
{
	return run_tests("sync", add);
}
