/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The background thread against inodes that leave the cache and come back: it
 * goes from its list to the cache by number, and what it finds there may be
 * another life of the inode that was on the list.
 */
#include "fs_fixture.h"

#include <pthread.h>
#include <sched.h>

#include "fs_priv.h"
#include "persist.h"

#define ROUNDS	1500
#define WRITES	200
#define MAX_YIELDS	1000

static struct fsx x;
static struct dxf_inode *leaving;	/* what is about to be evicted */
static pthread_t evictor;

static bool is_listed(struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&x.fs->lazy_lock);

	return inode->lazy_pprev != NULL;
}

/*
 * The eviction writes the times: the background thread takes the inode off its
 * list now, and waits in the cache for the eviction to end.
 */
static void let_bg_come(void *ctx, const struct dxf_persist_event *ev)
{
	if (!pthread_equal(evictor, pthread_self()) || leaving == NULL)
		return;
	/* It may be waiting already, for what an earlier life had listed. */
	for (int i = 0; i < MAX_YIELDS && is_listed(leaving); i++) {
		dxf_bg_kick(x.fs);
		sched_yield();
	}
	leaving = NULL;
}

/* Touched more than once in each life, with the thread behind it. */
START_TEST(test_bg_inode_in_its_next_life_is_not_lost_nor_listed_twice)
{
	struct dxf_inode *inode;
	struct dxf_attr a;
	dxf_ino_t f;

	fsx_make(&x, &fsx_images[1]);	/* whose times are fine enough */
	x.opts.durability = DXF_DURABILITY_FSYNC;
	fsx_mount(&x);
	f = fsx_create(&x, DXF_ROOT_INO, "f");
	fsx_write(&x, f, 0, 'a', 1024);
	evictor = pthread_self();
	dxf_persist_set_hook(x.region, let_bg_come, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(dxf_fs_lookup_ino(x.fs, f, 0, &a), 0);
		for (int n = 0; n < WRITES; n++)
			fsx_write(&x, f, 0, 'b', 8);
		ck_assert_int_eq(dxf_icache_get(x.fs, f, &inode), 0);
		dxf_fs_forget(x.fs, f, 1);
		leaving = inode;
		dxf_icache_put(x.fs, inode);
		leaving = NULL;
	}
	fsx_umount(&x);
	dxf_persist_set_hook(x.region, NULL, NULL);
	fsx_finish(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc,
		test_bg_inode_in_its_next_life_is_not_lost_nor_listed_twice);
}

int main(void)
{
	return run_tests("bg_threads", add);
}
