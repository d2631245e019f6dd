/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * times.c - implicit times: a write's mtime, a read's atime.
 *
 * They change in memory alone, under node.attr, and reach media with the next
 * transaction of the inode or by the background thread.
 *
 * Invariants:
 * - lazy holds a bit for each time in node.di that is newer than the slot's.
 * - lazy_new is a subset of lazy: the bits set since the running operation
 *   copied the slot.  One operation runs at a time (the metadata lock), so one
 *   set of bits is enough.
 * - node.touched is the stamp of the time in mtime and ctime, or 0; before
 *   read_until no read changes atime.  Both are forgotten by who changes the
 *   times in another way.
 *
 * Must not know: who reads or writes, and how a slot is stored.
 */
#include <assert.h>
#include <linux/fs.h>

#include "fs_priv.h"

#define NS_PER_S	1000000000u
#define S_PER_DAY	(24 * 60 * 60)
/* A tick of the clock is longer. */
#define STAMP_NS	65536u

struct timespec dxf_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts;
}

static bool ts_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool ts_before_eq(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec ||
	       (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

/* Returns: true if @ts was not @now already. */
static bool renew(struct timespec *ts, const struct timespec *now)
{
	if (ts_equal(ts, now))
		return false;
	*ts = *now;
	return true;
}

/* What the slot can hold: a time must not change when it is read back. */
static struct timespec storable(struct dxf_fs *fs,
				const struct dxf_inode *inode,
				struct timespec now)
{
	return dxf_dinode_clamp_time(fs->e2, &inode->node.di, now);
}

static bool frozen(const struct dxf_fs *fs)
{
	return fs->opts.ro || dxf_txnmgr_is_ro(fs->txnmgr);
}

/* With lazytime they wait for fsync, eviction, unmount: nobody is called. */
static void touch_locked(struct dxf_fs *fs, struct dxf_inode *inode,
			 unsigned int times, const struct timespec *now)
{
	struct dxf_dinode *di = &inode->node.di;
	unsigned int changed = 0;

	if ((times & DXF_TIME_A) && renew(&di->atime, now))
		changed |= DXF_TIME_A;
	if ((times & DXF_TIME_M) && renew(&di->mtime, now))
		changed |= DXF_TIME_M;
	if ((times & DXF_TIME_C) && renew(&di->ctime, now))
		changed |= DXF_TIME_C;
	if (!changed)
		return;
	inode->lazy |= changed;
	inode->lazy_new |= changed;
	if (!fs->opts.lazytime)
		dxf_bg_queue_locked(fs, inode);
}

/*
 * What was remembered to leave out the lock: a read or write that does not see
 * it forgotten yet counts as one that came before the change.
 */
void dxf_inode_forget_touches(struct dxf_inode *inode)
{
	dxf_mutex_assert_held(&inode->node.attr);
	__atomic_store_n(&inode->node.touched, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&inode->read_until, 0, __ATOMIC_RELAXED);
}

/*
 * Stamps come again after 78 hours; but no touch is remembered for long, since
 * the background thread stores its times, unless there is lazytime.
 */
static uint32_t stamp_of(const struct dxf_fs *fs, const struct timespec *now)
{
	uint64_t ns = (uint64_t)now->tv_sec * NS_PER_S +
		      (uint64_t)now->tv_nsec;

	return fs->opts.lazytime ? 0 : (uint32_t)(ns / STAMP_NS);
}

/* Most touches come within one tick of the clock: they find all done. */
void dxf_inode_touch(struct dxf_fs *fs, struct dxf_inode *inode,
		     unsigned int times)
{
	const unsigned int both = DXF_TIME_M | DXF_TIME_C;
	struct timespec now;
	uint32_t stamp;

	assert((times & ~(DXF_TIME_A | both)) == 0);
	if (frozen(fs))
		return;
	now = dxf_now();
	stamp = stamp_of(fs, &now);
	if (times == both && stamp != 0 &&
	    stamp == __atomic_load_n(&inode->node.touched, __ATOMIC_RELAXED))
		return;
	dxf_mutex_lock(&inode->node.attr);
	now = storable(fs, inode, now);
	touch_locked(fs, inode, times, &now);
	dxf_inode_forget_touches(inode);
	if ((times & both) == both)
		__atomic_store_n(&inode->node.touched, stamp, __ATOMIC_RELAXED);
	dxf_mutex_unlock(&inode->node.attr);
}

/* relatime: once after each change, and once a day. */
static bool atime_is_old(const struct dxf_dinode *di,
			 const struct timespec *now)
{
	return ts_before_eq(&di->atime, &di->mtime) ||
	       ts_before_eq(&di->atime, &di->ctime) ||
	       now->tv_sec - di->atime.tv_sec >= S_PER_DAY;
}

static bool has_atime(const struct dxf_fs *fs, const struct dxf_dinode *di)
{
	return !(di->flags & FS_NOATIME_FL) &&
	       !(fs->opts.nodiratime && S_ISDIR(di->mode));
}

static void accessed_locked(struct dxf_fs *fs, struct dxf_inode *inode,
			    const struct timespec *now)
{
	const struct dxf_dinode *di = &inode->node.di;
	bool strict = fs->opts.atime == DXF_ATIME_STRICT;
	uint64_t until = 0;

	if (has_atime(fs, di) && (strict || atime_is_old(di, now)))
		touch_locked(fs, inode, DXF_TIME_A, now);
	if (!has_atime(fs, di))
		until = UINT32_MAX;
	else if (!strict && !atime_is_old(di, now))
		until = (uint64_t)di->atime.tv_sec + S_PER_DAY;
	__atomic_store_n(&inode->read_until,
			 (uint32_t)DXF_MIN(until, (uint64_t)UINT32_MAX),
			 __ATOMIC_RELAXED);
}

void dxf_inode_accessed(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct timespec now;

	if (fs->opts.atime == DXF_ATIME_NONE || frozen(fs) ||
	    __atomic_load_n(&fs->reads_only, __ATOMIC_RELAXED))
		return;
	now = dxf_now();
	if (now.tv_sec < (time_t)__atomic_load_n(&inode->read_until,
						 __ATOMIC_RELAXED))
		return;
	dxf_mutex_lock(&inode->node.attr);
	now = storable(fs, inode, now);
	accessed_locked(fs, inode, &now);
	dxf_mutex_unlock(&inode->node.attr);
}

int dxf_inode_flush_times(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_op op;
	bool wanted;
	int err;

	dxf_mutex_lock(&inode->node.attr);
	/* Nobody will read the times of what is gone. */
	wanted = inode->lazy != 0 && inode->node.di.nlink != 0;
	dxf_mutex_unlock(&inode->node.attr);
	if (!wanted)
		return 0;
	err = dxf_op_begin(&op, fs);
	if (err)
		return err;
	/* The copy holds the lazy times: to stage it is all there is to do. */
	dxf_op_di(&op, inode);
	return dxf_op_commit(&op);
}
