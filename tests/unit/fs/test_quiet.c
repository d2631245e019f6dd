/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A filesystem that nobody changes is marked clean, and only then. */
#include "file_model.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "image.h"
#include "persist.h"

#define ROOT		DXF_ROOT_INO
#define STATE_AT	(1024 + 58)
#define VALID		1

static struct fsx x;

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
}

static const uint8_t *media(void)
{
	const void *p;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 2048,
						  DXF_ACCESS_READ, &p), 0);
	return p;
}

static bool says_clean(void)
{
	return media()[STATE_AT] & VALID;
}

static void crash(void)
{
	struct fsx_snap s;

	fsx_snap(&x, &s);
	fsx_drop(&x);
	fsx_restore(&x, &s);
	fsx_snap_free(&s);
}

/* What is marked clean is clean, also with files open and half-used windows. */
START_TEST(test_quiesce_marks_clean_until_a_change)
{
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR, false), 0);
	fsx_write(&x, f, 0, 'a', 5000);
	ck_assert(!says_clean());
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert(says_clean());
	ck_assert(image_is_clean(x.region));
	/* an overwrite leaves the filesystem as consistent as it was */
	fsx_write(&x, f, 0, 'b', 100);
	ck_assert(image_is_clean(x.region));
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert(image_is_clean(x.region));
	fsx_write(&x, f, 5000, 'c', 50000);
	ck_assert(!says_clean());
	dxf_fs_release(x.fs, f);
	fsx_finish(&x);
}
END_TEST

/* Killed when it is quiet: nothing to repair, and all is there. */
START_TEST(test_crash_when_quiet_needs_no_repair)
{
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	fsx_write(&x, f, 0, 'a', 5000);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	crash();
	fsx_check(&x);
	fsx_mount(&x);
	ck_assert_uint_eq(fsx_attr(&x, fsx_lookup(&x, ROOT, "f")).size, 5000);
	/* ... and after the next change it is recovered as ever */
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	fsx_create(&x, ROOT, "g");
	crash();
	fsx_mount(&x);
	ck_assert_uint_ne(fsx_lookup(&x, ROOT, "g"), 0);
	ck_assert_int_eq(x.messages, 0);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_quiesce_waits_for_unlinked_files)
{
	dxf_ino_t f;

	setup(_i);
	f = fsx_create(&x, ROOT, "f");
	fsx_write(&x, f, 0, 'a', 5000);
	ck_assert_int_eq(dxf_fs_open_file(x.fs, f, O_RDWR, false), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "f"), 0);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), -EBUSY);
	ck_assert(!says_clean());
	dxf_fs_release(x.fs, f);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert(image_is_clean(x.region));
	fsx_finish(&x);
}
END_TEST

/* An unclean image that was forced does not become clean so. */
START_TEST(test_quiesce_of_a_forced_mount_stays_unclean)
{
	fsx_make(&x, &fsx_images[_i]);
	x.opts.nolog = true;
	fsx_mount(&x);
	crash();
	x.opts.force = true;
	fsx_mount(&x);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert(!says_clean());
	fsx_drop(&x);
	fsx_remove(&x);
}
END_TEST

/* ---- at every point: what says clean is clean ---- */

static int nclean;

static int rename_file(const char *from, const char *to)
{
	const struct dxf_fs_at a = { ROOT, from }, b = { ROOT, to };

	return dxf_fs_rename(x.fs, &fsx_root, &a, &b, 0);
}

static void judge(void *ctx, const struct dxf_persist_event *ev)
{
	if (!says_clean())
		return;
	nclean++;
	ck_assert_msg(image_is_clean(x.region), "before point %llu",
		      (unsigned long long)ev->point);
}

START_TEST(test_every_point_that_says_clean_is_clean)
{
	dxf_ino_t f;

	/* a superblock with a checksum takes two words: without a log they are
	 * seen torn, at each mount as well */
	if (strstr(fsx_images[_i].mke2fs, "metadata_csum") != NULL)
		return;
	fsx_make(&x, &fsx_images[_i]);
	/* a log would repair what lies half-stored */
	x.opts.nolog = true;
	fsx_mount(&x);
	f = fsx_create(&x, ROOT, "f");
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	nclean = 0;
	dxf_persist_set_hook(x.region, judge, NULL);
	fsx_mkdir(&x, ROOT, "d");
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	fsx_write(&x, f, 0, 'a', 5000);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert_int_eq(rename_file("f", "g"), 0);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, ROOT, "g"), 0);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	dxf_persist_set_hook(x.region, NULL, NULL);
	ck_assert_int_gt(nclean, 8);
	fsx_finish(&x);
}
END_TEST

/* ---- page media: not clean on media before anything else is stored ---- */

static struct {
	bool synced;		/* the superblock's page, since the change */
	int early;		/* stores elsewhere before that */
	int late;
} page;

static void follow(void *ctx, const struct dxf_persist_event *ev)
{
	if (ev->op == DXF_PERSIST_OP_MSYNC) {
		if (ev->off <= 1024 && ev->off + ev->len > 1024 &&
		    !says_clean())
			page.synced = true;
	} else if (ev->op == DXF_PERSIST_OP_COPY && ev->off >= 4096) {
		if (page.synced)
			page.late++;
		else
			page.early++;
	}
}

START_TEST(test_page_media_know_of_a_change_before_it_comes)
{
	fsx_make(&x, &fsx_images[_i]);
	x.opts.nolog = true;
	x.opts.commit = 3600;
	to_page_media(&x);
	/* the mount itself, too */
	memset(&page, 0, sizeof(page));
	dxf_persist_set_hook(x.region, follow, NULL);
	fsx_mount(&x);
	ck_assert(page.synced);
	fsx_create(&x, ROOT, "f");
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	memset(&page, 0, sizeof(page));
	fsx_mkdir(&x, ROOT, "d");
	ck_assert(page.synced);
	ck_assert_int_eq(page.early, 0);
	ck_assert_int_gt(page.late, 0);
	fsx_umount(&x);
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_finish(&x);
}
END_TEST

/* ---- by itself, and under fire ---- */

static bool becomes_clean(void)
{
	const struct timespec step = { 0, 20 * 1000 * 1000 };

	for (int i = 0; i < 1500; i++) {
		if (says_clean())
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

START_TEST(test_quiet_filesystem_is_marked_by_itself)
{
	fsx_make(&x, &fsx_images[_i]);
	x.opts.commit = 1;
	to_page_media(&x);
	fsx_mount(&x);
	fsx_write(&x, fsx_create(&x, ROOT, "f"), 0, 'a', 5000);
	ck_assert(!says_clean());
	ck_assert(becomes_clean());
	ck_assert(image_is_clean(x.region));
	fsx_finish(&x);
}
END_TEST

static time_t atime_after_read(dxf_ino_t f)
{
	char c;

	ck_assert_int_eq(dxf_fs_read(x.fs, f, 0, &c, 1), 1);
	return fsx_attr(&x, f).atime.tv_sec;
}

START_TEST(test_reads_only_counts_no_access)
{
	struct dxf_setattr sa = { .valid = DXF_SET_ATIME, .atime = { 1000, 0 } };
	struct dxf_attr a;
	dxf_ino_t f;

	fsx_make(&x, &fsx_images[_i]);
	x.opts.atime = DXF_ATIME_STRICT;
	fsx_mount(&x);
	f = fsx_create(&x, ROOT, "f");
	fsx_hold(&x, f);
	fsx_write(&x, f, 0, 'a', 1);
	ck_assert_int_eq(dxf_fs_setattr(x.fs, f, &sa, &fsx_root, &a), 0);
	dxf_fs_set_reads_only(x.fs, true);
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert_int_eq(atime_after_read(f), 1000);
	ck_assert_int_eq(dxf_fs_sync(x.fs), 0);
	ck_assert(says_clean());
	dxf_fs_set_reads_only(x.fs, false);
	ck_assert_int_gt(atime_after_read(f), 1000);
	dxf_fs_forget(x.fs, f, 1);
	fsx_finish(&x);
}
END_TEST

#define ROUNDS	300

static void *change(void *arg)
{
	char name[2] = { (char)('a' + (intptr_t)arg), '\0' };

	for (int i = 0; i < ROUNDS; i++) {
		fsx_create(&x, ROOT, name);
		if (dxf_fs_unlink(x.fs, ROOT, name) != 0)
			return &x;
	}
	return NULL;
}

START_TEST(test_quiesce_while_others_change)
{
	pthread_t t[3];
	void *said;
	int err;

	setup(_i);
	for (intptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, change,
						(void *)i), 0);
	for (int i = 0; i < ROUNDS; i++) {
		err = dxf_fs_quiesce(x.fs);
		ck_assert(err == 0 || err == -EBUSY);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &said);
		ck_assert_ptr_null(said);
	}
	ck_assert_int_eq(dxf_fs_quiesce(x.fs), 0);
	ck_assert(image_is_clean(x.region));
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_quiesce_marks_clean_until_a_change);
	EACH(test_crash_when_quiet_needs_no_repair);
	EACH(test_quiesce_waits_for_unlinked_files);
	EACH(test_quiesce_of_a_forced_mount_stays_unclean);
	EACH(test_every_point_that_says_clean_is_clean);
	EACH(test_page_media_know_of_a_change_before_it_comes);
	tcase_add_loop_test(t, test_quiet_filesystem_is_marked_by_itself, 0, 1);
	EACH(test_reads_only_counts_no_access);
	EACH(test_quiesce_while_others_change);
	tcase_set_timeout(t, 120);
}

int main(void)
{
	return run_tests("quiet", add);
}
