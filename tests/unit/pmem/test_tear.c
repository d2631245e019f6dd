/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No aligned word that a store covers wholly is ever seen half old, half new:
 * a thread overwrites an odd range again and again, another watches its words.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "pmem_rig.h"

#define LEN	1021		/* no multiple of anything */
#define MIN_ROUNDS	2000
#define MIN_SEEN	60	/* changes that the watcher must have met */
#define MAX_ROUNDS	3000000

static struct dxf_region *r;
static const uint64_t *words;
static size_t first, last;	/* the words that are covered wholly */
static uint64_t seen;
static int torn, stop;

static bool is_whole(uint64_t w)
{
	return w == 0x1111111111111111u || w == 0x2222222222222222u;
}

static void *watch(void *arg)
{
	uint64_t before = 0, w;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		for (size_t i = first; i < last; i++) {
			w = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
			if (!is_whole(w))
				__atomic_store_n(&torn, 1, __ATOMIC_RELAXED);
		}
		w = __atomic_load_n(&words[first], __ATOMIC_RELAXED);
		if (w != before)
			__atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
		before = w;
	}
	return NULL;
}

static void overwrite(dxf_off_t off, unsigned int flags)
{
	static char one[LEN + 8], two[LEN + 8];
	uint64_t n;

	memset(one, 0x11, sizeof(one));
	memset(two, 0x22, sizeof(two));
	for (n = 0; n < MAX_ROUNDS; n++) {
		/* The source is aligned otherwise than the target. */
		const char *src = (n & 1 ? one : two) + n % 7;

		ck_assert_int_eq(dxf_persist_copy(r, off, src, LEN, flags),
				 0);
		if (n < MIN_ROUNDS || n % 64 != 0)
			continue;
		if (__atomic_load_n(&seen, __ATOMIC_RELAXED) >= MIN_SEEN)
			break;
		sched_yield();
	}
	ck_assert_uint_lt(n, MAX_ROUNDS);
}

static void start(dxf_off_t off)
{
	const void *addr;

	r = rig_anon(RIG_SIZE, true);
	ck_assert_int_gt(dxf_region_direct_access(r, 0, 1, DXF_ACCESS_READ,
						  &addr), 0);
	words = addr;
	first = (off + 7) / 8;
	last = (off + LEN) / 8;
}

/* _i: the offset in a word, and how it is stored */
START_TEST(test_store_tears_no_word_that_it_covers)
{
	static const unsigned int flags[] = {
		DXF_PERSIST_DATA, DXF_PERSIST_TEMPORAL,
	};
	dxf_off_t off = 64 + (dxf_off_t)_i % 8;
	char fill[LEN];
	pthread_t t;

	torn = stop = 0;
	seen = 0;
	start(off);
	memset(fill, 0x11, LEN);
	ck_assert_int_eq(dxf_persist_copy(r, off, fill, LEN, 0), 0);
	ck_assert_int_eq(pthread_create(&t, NULL, watch, NULL), 0);
	overwrite(off, flags[_i / 8]);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
	ck_assert_int_eq(torn, 0);
	dxf_region_close(r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tear");
	TCase *tc = tcase_create("words");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_store_tears_no_word_that_it_covers, 0,
			    16);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
