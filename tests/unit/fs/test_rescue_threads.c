/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory goes bad under threads that overwrite and read whole blocks: every
 * write succeeds, every read is what was written or an error.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "file_model.h"
#include "poison.h"

#define NWRITERS	3
#define NPAGES		24u
#define NBAD		24
#define PAGE		POISON_PAGE

struct writer {
	pthread_t thread;
	dxf_ino_t ino;
	struct rnd r;
	uint8_t now[NPAGES];	/* what each page is filled with */
	int nwrites, nerrors, nwrong, nfailed;
};

static struct fsx x;
static struct writer writers[NWRITERS];
static int stop;		/* atomic */

static bool is_filled(const uint8_t *p, uint8_t with)
{
	return p[0] == with && memcmp(p, p + 1, PAGE - 1) == 0;
}

static void step(struct writer *w)
{
	uint8_t buf[PAGE];
	uint64_t i = rnd_below(&w->r, NPAGES);
	uint8_t new = (uint8_t)(1 + rnd_below(&w->r, 250));
	ssize_t n;

	n = dxf_fs_read(x.fs, w->ino, i * PAGE, buf, PAGE);
	w->nerrors += n == -EIO;
	w->nwrong += n == (ssize_t)PAGE ? !is_filled(buf, w->now[i]) :
					  n != -EIO;
	if (rnd_below(&w->r, 4) != 0)
		return;
	memset(buf, new, PAGE);
	n = dxf_fs_write(x.fs, w->ino, i * PAGE, buf, PAGE, 0, &fsx_root);
	w->nwrites++;
	if (n == (ssize_t)PAGE)
		w->now[i] = new;
	else
		w->nfailed++;
}

static void *run_writer(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		step(arg);
	return NULL;
}

static void spoil(struct rnd *r)
{
	struct iovec iov[1];
	struct dxf_fs_read rd = { .iov = iov, .max_iov = 1 };
	const struct writer *w = &writers[rnd_below(r, NWRITERS)];
	const void *base;
	ssize_t n;

	ck_assert_int_gt(dxf_region_direct_access(x.region, 0, 1,
			 DXF_ACCESS_RECOVERY_WRITE, &base), 0);
	n = dxf_fs_read_begin(x.fs, w->ino, rnd_below(r, NPAGES) * PAGE, 1,
			      &rd);
	/* It is bad already. */
	if (n < 0)
		return;
	dxf_fs_read_end(x.fs, &rd);
	poison_add(x.region, (dxf_off_t)((const char *)iov[0].iov_base -
					 (const char *)base));
}

static void check_all(void)
{
	uint8_t buf[PAGE];

	for (int k = 0; k < NWRITERS; k++) {
		for (uint64_t i = 0; i < NPAGES; i++) {
			ck_assert_int_eq(dxf_fs_read(x.fs, writers[k].ino,
				i * PAGE, buf, PAGE), PAGE);
			ck_assert(is_filled(buf, writers[k].now[i]));
		}
	}
}

START_TEST(test_rescue_under_threads_loses_nothing)
{
	struct rnd r = { .s = (uint64_t)_i };
	int nwrites = 0;

	/* The images with blocks of a page. */
	fsx_make(&x, &fsx_images[1 + _i % 2]);
	fsx_mount(&x);
	for (int k = 0; k < NWRITERS; k++) {
		struct writer *w = &writers[k];
		char name[8];

		snprintf(name, sizeof(name), "f%d", k);
		*w = (struct writer){ .r = { .s = (uint64_t)k } };
		w->ino = fsx_create(&x, DXF_ROOT_INO, name);
		fsx_hold(&x, w->ino);
		memset(w->now, 7, sizeof(w->now));
		fsx_write(&x, w->ino, 0, 7, NPAGES * PAGE);
	}
	for (int k = 0; k < NWRITERS; k++)
		ck_assert_int_eq(pthread_create(&writers[k].thread, NULL,
						run_writer, &writers[k]), 0);
	for (int i = 0; i < NBAD; i++) {
		spoil(&r);
		usleep(5000);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int k = 0; k < NWRITERS; k++) {
		ck_assert_int_eq(pthread_join(writers[k].thread, NULL), 0);
		ck_assert_int_eq(writers[k].nwrong, 0);
		ck_assert_int_eq(writers[k].nfailed, 0);
		nwrites += writers[k].nwrites;
	}
	ck_assert_int_gt(nwrites, 100);
	ck_assert_int_gt(poison_hits(), 0);
	poison_heal(x.region);
	check_all();
	fsx_remount(&x);
	check_all();
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_rescue_under_threads_loses_nothing, 0, 6);
}

int main(void)
{
	return run_tests("rescue_threads", add);
}
