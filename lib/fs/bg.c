/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bg.c - the background thread: lazy times within 5 s, deferred data within
 * commit= seconds, errors into the superblock; the superblock clean when from
 * one turn to the next nothing has changed; between its turns, when it is called,
 * the freeing of unlinked files (park.c).
 *
 * Owns the list of inodes that it will look at.  The list names inodes without
 * keeping them: an eviction takes its inode off, and the thread goes from the
 * list to the cache by number.
 *
 * Invariants:
 * - queued is set from dxf_bg_queue() until the thread has come for the inode
 *   and before it looks: what changes later queues it again.
 * - An inode is on a list only while queued is set.
 *
 * Must not know: how anything is written back (sync.c).
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "data.h"
#include "everythread.h"
#include "need.h"

#define TIMES_EVERY	4u	/* seconds: with the work itself below 5 */

/* ---- the list ---- */

void dxf_bg_queue_locked(struct dxf_fs *fs, struct dxf_inode *inode)
{
	dxf_mutex_assert_held(&inode->node.attr);
	if (inode->queued)
		return;
	inode->queued = true;
	DXF_SCOPED_MUTEX(&fs->lazy_lock);
	assert(!inode->lazy_pprev);
	inode->lazy_next = fs->lazy_head;
	if (inode->lazy_next)
		inode->lazy_next->lazy_pprev = &inode->lazy_next;
	inode->lazy_pprev = &fs->lazy_head;
	fs->lazy_head = inode;
}

void dxf_bg_queue(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&inode->node.attr);
	dxf_bg_queue_locked(fs, inode);
}

static void unlist(struct dxf_fs *fs, struct dxf_inode *inode)
{
	dxf_mutex_assert_held(&fs->lazy_lock);
	assert(*inode->lazy_pprev == inode);
	*inode->lazy_pprev = inode->lazy_next;
	if (inode->lazy_next)
		inode->lazy_next->lazy_pprev = inode->lazy_pprev;
	inode->lazy_next = NULL;
	inode->lazy_pprev = NULL;
}

/* An unlinked inode's blocks are free by now: nobody will ask for them. */
void dxf_bg_forget(struct dxf_fs *fs, struct dxf_inode *inode)
{
	struct dxf_dirty *d = inode->dirty;

	dxf_mutex_lock(&fs->lazy_lock);
	if (inode->lazy_pprev)
		unlist(fs, inode);
	dxf_mutex_unlock(&fs->lazy_lock);
	inode->queued = false;
	dxf_need_forget(fs, inode);
	if (!d)
		return;
	if (inode->node.di.nlink != 0)
		(void)dxf_flush_collect(fs, inode);
	inode->dirty = NULL;
	dxf_dirty_free(d);
}

/* ---- the thread ---- */

/* Move the whole list to @mine, which later removals find through it. */
static void grab_list(struct dxf_fs *fs, struct dxf_inode **mine)
{
	DXF_SCOPED_MUTEX(&fs->lazy_lock);
	*mine = fs->lazy_head;
	if (*mine)
		(*mine)->lazy_pprev = mine;
	fs->lazy_head = NULL;
}

/* Returns: the number of the next one, off the list now; 0: none. */
static dxf_ino_t pop(struct dxf_fs *fs, struct dxf_inode **mine)
{
	struct dxf_inode *inode;

	DXF_SCOPED_MUTEX(&fs->lazy_lock);
	inode = *mine;
	if (!inode)
		return 0;
	unlist(fs, inode);
	return inode->node.ino;
}

/*
 * From here on a change queues it again.  It may be on the list although its
 * number was taken off: then this is a later life of the inode, which was
 * evicted, read in again and changed since.
 */
static void come_for(struct dxf_fs *fs, struct dxf_inode *inode)
{
	DXF_SCOPED_MUTEX(&inode->node.attr);
	DXF_SCOPED_MUTEX(&fs->lazy_lock);

	if (inode->lazy_pprev)
		unlist(fs, inode);
	inode->queued = false;
}

static void visit(struct dxf_fs *fs, struct dxf_inode *inode, bool data)
{
	const struct dxf_dirty *d;
	bool again = false;
	int err = 0;

	come_for(fs, inode);
	if (!fs->opts.lazytime)
		err = dxf_inode_flush_times(fs, inode);
	/* For want of memory, say; without a filesystem there is no point. */
	if (err && err != -EROFS)
		again = true;
	d = dxf_inode_dirty_peek(inode);
	if (data)
		(void)dxf_flush_collect(fs, inode);
	else if (d && !dxf_dirty_is_empty(d))
		again = true;
	if (again)
		dxf_bg_queue(fs, inode);
}

static void work(struct dxf_fs *fs, bool data)
{
	struct dxf_inode *mine, *inode;
	dxf_ino_t ino;

	if (dxf_ext2_errors_pending(fs->e2))
		(void)dxf_ext2_write_errors(fs->e2);
	grab_list(fs, &mine);
	while ((ino = pop(fs, &mine)) != 0) {
		inode = dxf_icache_find(fs, ino);
		if (!inode)
			continue;
		visit(fs, inode, data);
		dxf_icache_put(fs, inode);
	}
	/* Its errors are sticky and were logged. */
	if (data)
		(void)dxf_flush_rest(fs);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Sleep until @when, a kick, a call or the end; bg_lock is held.
 * Returns: whether it was a call alone.
 */
static bool doze(struct dxf_fs *fs, uint64_t when)
{
	struct timespec ts = {
		.tv_sec = when / 1000,
		.tv_nsec = when % 1000 * 1000000,
	};
	bool called;

	while (!fs->bg_stop && !fs->bg_kick && !fs->bg_called &&
	       now_ms() < when)
		pthread_cond_timedwait(&fs->bg_cond, &fs->bg_lock.m, &ts);
	/* others may call without a pause: a turn comes all the same */
	called = fs->bg_called && !fs->bg_kick && now_ms() < when;
	fs->bg_kick = fs->bg_called = false;
	return called;
}

/* Signals are for the program's own threads, except for faults of this one. */
static void block_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGILL);
	sigdelset(&set, dxf_everythread_signal());
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool is_stopping(struct dxf_fs *fs)
{
	DXF_SCOPED_MUTEX(&fs->bg_lock);
	return fs->bg_stop;
}

/* The count of transactions at the last turn, for the next. */
static void mark_if_quiet(struct dxf_fs *fs, uint64_t *last)
{
	uint64_t now = __atomic_load_n(&fs->ntxn, __ATOMIC_ACQUIRE);

	/* the next turn tries again; errors are the business of who writes */
	if (now == *last)
		(void)dxf_quiet_mark(fs, now);
	*last = now;
}

/* When its turns are, in milliseconds. */
struct turns {
	uint64_t every;			/* for data */
	uint64_t times, data;		/* the next ones */
	uint64_t ntxn;			/* transactions at the last one */
};

static void take_turn(struct dxf_fs *fs, struct turns *t, bool deferred)
{
	bool due = deferred && now_ms() >= t->data;

	work(fs, due);
	mark_if_quiet(fs, &t->ntxn);
	t->times = now_ms() + TIMES_EVERY * 1000;
	if (due)
		t->data = now_ms() + t->every;
}

static void *bg_main(void *arg)
{
	struct dxf_fs *fs = arg;
	uint64_t every = (uint64_t)(fs->opts.commit ? fs->opts.commit : 1);
	struct turns t = { .ntxn = UINT64_MAX };

	block_signals();
	/* A commit= of 5 s, the default, is met by each turn for times. */
	t.every = every > TIMES_EVERY ? (every - 1) * 1000 : every * 1000;
	t.times = now_ms() + TIMES_EVERY * 1000;
	t.data = now_ms() + t.every;
	while (!is_stopping(fs) && dxf_orphan_finish_one(fs))
		;
	dxf_park_serve(fs);
	dxf_mutex_lock(&fs->bg_lock);
	for (;;) {
		bool deferred = dxf_data_is_deferred(fs), called;

		called = doze(fs, deferred ? DXF_MIN(t.times, t.data) :
			      t.times);
		if (fs->bg_stop)
			break;
		dxf_mutex_unlock(&fs->bg_lock);
		dxf_park_serve(fs);
		if (!called)
			take_turn(fs, &t, deferred);
		dxf_mutex_lock(&fs->bg_lock);
	}
	dxf_mutex_unlock(&fs->bg_lock);
	return NULL;
}

int dxf_bg_init(struct dxf_fs *fs)
{
	pthread_condattr_t attr;

	fs->rest = dxf_dirty_new();
	if (!fs->rest)
		return -ENOMEM;
	dxf_mutex_init(&fs->lazy_lock, DXF_RANK_LEAF);
	dxf_mutex_init(&fs->bg_lock, DXF_RANK_LEAF);
	dxf_mutex_init(&fs->need_lock, DXF_RANK_LEAF);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&fs->bg_cond, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void dxf_bg_fini(struct dxf_fs *fs)
{
	assert(!fs->bg_running && !fs->lazy_head);
	dxf_dirty_free(fs->rest);
	fs->rest = NULL;
	pthread_cond_destroy(&fs->bg_cond);
	dxf_mutex_destroy(&fs->need_lock);
	dxf_mutex_destroy(&fs->bg_lock);
	dxf_mutex_destroy(&fs->lazy_lock);
}

int dxf_bg_start(struct dxf_fs *fs)
{
	int err;

	assert(!fs->bg_running);
	if (fs->opts.ro)
		return 0;
	fs->bg_stop = false;
	fs->bg_kick = fs->bg_called = false;
	err = pthread_create(&fs->bg_thread, NULL, bg_main, fs);
	fs->bg_running = err == 0;
	return -err;
}

void dxf_bg_stop(struct dxf_fs *fs)
{
	if (!fs->bg_running)
		return;
	dxf_mutex_lock(&fs->bg_lock);
	fs->bg_stop = true;
	pthread_cond_signal(&fs->bg_cond);
	dxf_mutex_unlock(&fs->bg_lock);
	pthread_join(fs->bg_thread, NULL);
	fs->bg_running = false;
}

void dxf_bg_kick(struct dxf_fs *fs)
{
	DXF_SCOPED_MUTEX(&fs->bg_lock);
	fs->bg_kick = true;
	pthread_cond_signal(&fs->bg_cond);
}

void dxf_bg_call(struct dxf_fs *fs)
{
	dxf_mutex_lock(&fs->bg_lock);
	fs->bg_called = true;
	dxf_mutex_unlock(&fs->bg_lock);
	/* not before: it would meet the lock */
	pthread_cond_signal(&fs->bg_cond);
}
