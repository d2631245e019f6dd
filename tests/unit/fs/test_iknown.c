/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inodes that were listed or looked up: numbers until somebody uses them. */
#include "fs_fixture.h"

#include <stdio.h>

#include "fault.h"
#include "fs_priv.h"

#define ROOT	DXF_ROOT_INO

static struct fsx x;

static void setup(int i)
{
	fsx_make(&x, &fsx_images[i]);
	fsx_mount(&x);
}

static uint64_t cached(void)
{
	return fsx_stats(&x).inodes_cached;
}

static int take_all(void *ctx, const struct dxf_fs_dirent *de)
{
	dxf_ino_t **at = ctx;

	if (de->attr_valid)
		*(*at)++ = de->attr.ino;
	return 0;
}

static int list_all(dxf_ino_t dir, dxf_ino_t *ino)
{
	dxf_ino_t *at = ino;

	ck_assert_int_eq(dxf_fs_readdir(x.fs, dir, 0, 1000, take_all, &at), 0);
	return (int)(at - ino);
}

/* A new directory with the file "f", which was listed and not used. */
static dxf_ino_t list_one(int image, dxf_ino_t *ino)
{
	dxf_ino_t dir;

	setup(image);
	dir = fsx_mkdir(&x, ROOT, "d");
	fsx_create(&x, dir, "f");
	ck_assert_int_eq(list_all(dir, ino), 1);
	ck_assert_uint_eq(x.fs->known.n, 1);
	return dir;
}

START_TEST(test_listed_inodes_are_numbers_until_they_are_used)
{
	enum { N = 200 };
	dxf_ino_t ino[N + 1], dir;
	char name[16];

	setup(_i);
	dir = fsx_mkdir(&x, ROOT, "d");
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fsx_create(&x, dir, name);
	}
	/* twice: each has two lookups then */
	ck_assert_int_eq(list_all(dir, ino), N);
	ck_assert_int_eq(list_all(dir, ino), N);
	ck_assert_uint_eq(x.fs->known.n, N);
	ck_assert_uint_eq(x.fs->ncached, 1);
	fsx_write(&x, ino[0], 0, 'w', 10);
	ck_assert_uint_eq(x.fs->ncached, 2);
	ck_assert_uint_eq(x.fs->known.n, N - 1);
	ck_assert_uint_eq(fsx_attr(&x, ino[0]).size, 10);
	for (int i = 0; i < N; i++) {
		ck_assert_uint_eq(cached(), 1 + N - i);
		dxf_fs_forget(x.fs, ino[i], 1);
		ck_assert_uint_eq(cached(), 1 + N - i);
		dxf_fs_forget(x.fs, ino[i], 1);
	}
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_removed_after_a_listing_stays_until_forgotten)
{
	dxf_ino_t ino[4], dir;
	struct dxf_attr a;

	dir = list_one(_i, ino);
	ck_assert_int_eq(dxf_fs_unlink(x.fs, dir, "f"), 0);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, ino[0], &a), 0);
	ck_assert_uint_eq(a.nlink, 0);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 1);
	dxf_fs_forget(x.fs, ino[0], 1);
	ck_assert_uint_eq(fsx_stats(&x).zombies, 0);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, ino[0], &a), -ESTALE);
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_used_without_memory_keeps_its_lookups)
{
	dxf_ino_t ino[4];
	struct dxf_attr a;

	(void)list_one(_i, ino);
	dxf_fault_arm(DXF_FAULT_ALLOC, 1);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, ino[0], &a), -ENOMEM);
	ck_assert(dxf_fault_disarm());
	dxf_fault_arm(DXF_FAULT_LOAD, 1);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, ino[0], &a), -EIO);
	ck_assert(dxf_fault_disarm());
	ck_assert_uint_eq(x.fs->known.n, 1);
	ck_assert_int_eq(dxf_fs_getattr(x.fs, ino[0], &a), 0);
	ck_assert_uint_eq(x.fs->ncached, 2);
	dxf_fs_forget(x.fs, ino[0], 1);
	ck_assert_uint_eq(cached(), 1);
	fsx_finish(&x);
}
END_TEST

START_TEST(test_known_counts_of_many_numbers)
{
	enum { N = 30000 };
	struct dxf_known k = { 0 };

	/* dense and far apart, so that the table grows and shrinks */
	for (uint32_t i = 1; i <= N; i++)
		for (uint32_t n = 0; n <= i % 3; n++)
			ck_assert_int_eq(dxf_known_add(&k, i * (i % 2 ? 1 :
						       1000)), 0);
	ck_assert_uint_eq(k.n, N);
	ck_assert_uint_gt(k.size, N / 8);
	for (uint32_t i = 1; i <= N; i++)
		ck_assert_uint_eq(dxf_known_count(&k, i * (i % 2 ? 1 : 1000)),
				  i % 3 + 1);
	ck_assert_uint_eq(dxf_known_count(&k, N + 2), 0);
	for (uint32_t i = 1; i <= N; i++) {
		dxf_known_drop(&k, i * (i % 2 ? 1 : 1000), 1);
		ck_assert_uint_eq(dxf_known_count(&k, i * (i % 2 ? 1 : 1000)),
				  i % 3);
		dxf_known_drop(&k, i * (i % 2 ? 1 : 1000), 2);
	}
	ck_assert_uint_eq(k.n, 0);
	ck_assert_uint_eq(k.ngroups, 0);
	ck_assert_uint_le(k.size, 64);
	dxf_known_fini(&k);
}
END_TEST

START_TEST(test_known_count_that_is_full_is_refused)
{
	struct dxf_known k = { 0 };

	for (int i = 0; i < UINT16_MAX; i++)
		ck_assert_int_eq(dxf_known_add(&k, 77), 0);
	ck_assert_int_eq(dxf_known_add(&k, 77), -EOVERFLOW);
	ck_assert_uint_eq(dxf_known_count(&k, 77), UINT16_MAX);
	ck_assert_int_eq(dxf_known_add(&k, 78), 0);
	dxf_known_fini(&k);
}
END_TEST

START_TEST(test_known_without_memory_counts_nothing)
{
	struct dxf_known k = { 0 };

	for (unsigned int nth = 1; nth <= 2; nth++) {
		dxf_fault_arm(DXF_FAULT_ALLOC, nth);
		ck_assert_int_eq(dxf_known_add(&k, 77), -ENOMEM);
		ck_assert(dxf_fault_disarm());
		ck_assert_uint_eq(k.n, 0);
		ck_assert_uint_eq(dxf_known_count(&k, 77), 0);
		dxf_known_fini(&k);
	}
}
END_TEST

/* ---- threads ---- */

#define CHANGES	1000u

/* How often the files were changed: all of one's before the next. */
static uint32_t changed;

struct seen {
	uint32_t least;
	int n;
	dxf_ino_t ino[8];
};

static int see_owners(void *ctx, const struct dxf_fs_dirent *de)
{
	struct seen *s = ctx;

	if (!de->attr_valid)
		return 0;
	/* both were set by one operation, and none is lost */
	ck_assert_uint_eq(de->attr.uid, de->attr.gid);
	ck_assert_uint_ge(de->attr.uid, s->least);
	s->ino[s->n++] = de->attr.ino;
	return 0;
}

static void *change_owners(void *arg)
{
	static const char *const names[] = { "a", "b", "c" };
	dxf_ino_t dir = (dxf_ino_t)(uintptr_t)arg;
	struct dxf_setattr set = { .valid = DXF_SET_UID | DXF_SET_GID };
	struct dxf_attr a;

	for (uint32_t n = 1; n <= CHANGES; n++) {
		set.uid = set.gid = n;
		for (size_t i = 0; i < DXF_ARRAY_SIZE(names); i++) {
			ck_assert_int_eq(dxf_fs_lookup(x.fs, dir, names[i],
						       &a), 0);
			ck_assert_int_eq(dxf_fs_setattr(x.fs, a.ino, &set,
							&fsx_root, &a), 0);
			dxf_fs_forget(x.fs, a.ino, 1);
		}
		__atomic_store_n(&changed, n, __ATOMIC_RELEASE);
	}
	return NULL;
}

START_TEST(test_threads_list_what_others_change)
{
	dxf_ino_t dir;
	pthread_t t;
	uint32_t least = 0;

	setup(_i);
	dir = fsx_mkdir(&x, ROOT, "d");
	fsx_create(&x, dir, "a");
	fsx_create(&x, dir, "b");
	fsx_create(&x, dir, "c");
	changed = 0;
	ck_assert_int_eq(pthread_create(&t, NULL, change_owners,
					(void *)(uintptr_t)dir), 0);
	while (least < CHANGES) {
		struct seen s = { .least = least };

		ck_assert_int_eq(dxf_fs_readdir(x.fs, dir, 0, 10, see_owners,
						&s), 0);
		ck_assert_int_eq(s.n, 3);
		while (s.n > 0)
			dxf_fs_forget(x.fs, s.ino[--s.n], 1);
		least = __atomic_load_n(&changed, __ATOMIC_ACQUIRE);
	}
	pthread_join(t, NULL);
	ck_assert_uint_eq(cached(), 1);
	ck_assert_int_eq(x.messages, 0);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *t)
{
#define EACH(test)	tcase_add_loop_test(t, test, 0, fsx_nimages)
	EACH(test_listed_inodes_are_numbers_until_they_are_used);
	EACH(test_removed_after_a_listing_stays_until_forgotten);
	EACH(test_used_without_memory_keeps_its_lookups);
	EACH(test_threads_list_what_others_change);
	tcase_add_test(t, test_known_counts_of_many_numbers);
	tcase_add_test(t, test_known_count_that_is_full_is_refused);
	tcase_add_test(t, test_known_without_memory_counts_nothing);
}

int main(void)
{
	return run_tests("iknown", add);
}
