/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quiet.c - a filesystem that nobody changes is marked clean.
 *
 * A daemon may be killed, and the machine may go down, long after the last
 * change: then there is nothing to repair, and nobody should have to.  So the
 * superblock says clean when nothing has changed for a while, or when the
 * kernel has made the mount read-only; the next operation takes that back
 * before it changes anything.
 *
 * Invariants:
 *   Q1  fs->marked_clean is changed with quiet_lock and the metadata lock held;
 *	 so whoever has begun a transaction and finds it false may commit
 *   Q2  VALID_FS goes to media when all that was committed before is there, and
 *	 leaves it, durably, before anything else is committed
 *   Q3  marked clean, the orphan list is empty
 *
 * Locks: quiet_lock (DXF_RANK_QUIET) around marking and unmarking.
 *
 * Must not know: when it has been quiet for long enough (bg.c).
 */
#include <assert.h>
#include <errno.h>

#include "data.h"

/* What else is done meanwhile is not for ever: then it is not quiet. */
#define ATTEMPTS	4

static uint64_t count(const struct dxf_fs *fs)
{
	return __atomic_load_n(&fs->ntxn, __ATOMIC_ACQUIRE);
}

/* ---- the marking itself ---- */

struct marking {
	struct dxf_txn_hook hook;
	struct dxf_fs *fs;
	bool clean;
};

static void marked(struct dxf_txn_hook *h, bool committed)
{
	struct marking *m = dxf_container_of(h, struct marking, hook);

	dxf_mutex_assert_held(&m->fs->quiet_lock);
	if (committed)
		m->fs->marked_clean = m->clean;			/* Q1 */
}

/* Ends @t.  With @note the flag follows the commit. */
static int commit_state(struct dxf_fs *fs, struct dxf_txn *t, bool clean,
			bool note)
{
	struct marking m = {
		.hook = { .fn = marked },
		.fs = fs,
		.clean = clean,
	};
	int err = dxf_ext2_stage_state(fs->e2, t, clean ? DXF_SUPER_CLEAN :
				       DXF_SUPER_BUSY);

	if (err != 0) {
		dxf_txn_abort(t);
		return err;
	}
	if (note)
		dxf_txn_on_end(t, &m.hook);
	return dxf_txn_commit(t);
}

/* Those of the last session, too, until they are freed. */
static bool has_orphans(const struct dxf_fs *fs)
{
	return fs->norphans != 0 || fs->orphan_rest != 0;
}

int dxf_quiet_mark(struct dxf_fs *fs, uint64_t since)
{
	struct dxf_txn *t;
	int err;

	DXF_SCOPED_MUTEX(&fs->quiet_lock);
	if (fs->marked_clean)
		return 0;
	err = dxf_txnmgr_sync(fs->txnmgr);			/* Q2 */
	if (err == 0)
		err = dxf_txn_begin(fs->txnmgr, 0, &t);
	if (err != 0)
		return err;
	if (count(fs) != since || has_orphans(fs)) {		/* Q3 */
		err = has_orphans(fs) ? -EBUSY : -EAGAIN;
		dxf_txn_abort(t);
		return err;
	}
	err = commit_state(fs, t, true, true);
	return err != 0 ? err : dxf_txnmgr_sync(fs->txnmgr);
}

/*
 * The flag goes only when media have it (Q2): another operation that finds it
 * gone stores at once.
 */
static int unmark(struct dxf_fs *fs)
{
	struct dxf_txn *t;
	int err;

	DXF_SCOPED_MUTEX(&fs->quiet_lock);
	if (!fs->marked_clean)
		return 0;
	err = dxf_txn_begin(fs->txnmgr, 0, &t);
	if (err == 0)
		err = commit_state(fs, t, false, false);
	if (err == 0)
		err = dxf_txnmgr_sync(fs->txnmgr);
	if (err == 0)
		err = dxf_txn_begin(fs->txnmgr, 0, &t);
	if (err != 0)
		return err;
	fs->marked_clean = false;				/* Q1 */
	dxf_txn_abort(t);
	return 0;
}

int dxf_quiet_begin(struct dxf_fs *fs, struct dxf_txn **out)
{
	int err;

	for (;;) {
		err = dxf_txn_begin(fs->txnmgr, 0, out);
		if (err != 0 || !fs->marked_clean)
			return err;
		dxf_txn_abort(*out);
		err = unmark(fs);
		if (err != 0)
			return err;
	}
}

/* ---- for the daemon ---- */

int dxf_fs_quiesce(struct dxf_fs *fs)
{
	int i, err = -EAGAIN;
	uint64_t since;

	if (fs->opts.ro)
		return 0;
	for (i = 0; i < ATTEMPTS && err == -EAGAIN; i++) {
		err = dxf_fs_sync(fs);
		since = count(fs);
		if (err == 0)
			err = dxf_quiet_mark(fs, since);
	}
	return err == -EAGAIN ? -EBUSY : err;
}

void dxf_fs_set_reads_only(struct dxf_fs *fs, bool on)
{
	__atomic_store_n(&fs->reads_only, on, __ATOMIC_RELAXED);
}

int dxf_fs_may_write(struct dxf_fs *fs)
{
	return fs->opts.ro || dxf_txnmgr_is_ro(fs->txnmgr) ? -EROFS : 0;
}
