// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sync.c - page media: writing metadata back.
 *
 * Owns nothing: the tree of dirty ranges is the manager's.  Never runs under
 * the metadata lock.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "dirty.h"
#include "log.h"
#include "persist.h"
#include "txn_priv.h"

#define SYNC_BATCH	64

/* Write back up to SYNC_BATCH dirty ranges.  Returns: how many, -errno. */
static int sync_batch(struct dxf_txnmgr *m)
{
	struct { dxf_off_t start, end; } r[SYNC_BATCH];
	int n = 0, err = 0;

	while (n < SYNC_BATCH &&
	       dxf_dirty_take(m->dirty, 0, UINT64_MAX, &r[n].start, &r[n].end))
		n++;
	for (int i = 0; i < n && err == 0; i++)
		err = dxf_persist_msync_start(m->region, r[i].start,
					      r[i].end - r[i].start);
	for (int i = 0; i < n; i++) {
		if (err == 0)
			err = dxf_persist_msync(m->region, r[i].start,
						r[i].end - r[i].start);
		if (err == 0)
			dxf_dirty_done(m->dirty, r[i].start, r[i].end);
		else
			dxf_dirty_undo(m->dirty, r[i].start, r[i].end);
	}
	return err < 0 ? err : n;
}

int dxf_txnmgr_sync(struct dxf_txnmgr *m)
{
	int n = 0;

	assert(dxf_txn_current(m) == NULL);
	if (m->dirty == NULL)
		return 0;
	if (__atomic_load_n(&m->sync_error, __ATOMIC_ACQUIRE) != 0)
		return -EIO;
	do
		n = sync_batch(m);
	while (n == SYNC_BATCH);
	if (n < 0) {
		__atomic_store_n(&m->sync_error, 1, __ATOMIC_RELEASE);
		dxf_txnmgr_set_ro(m);
		dxf_log_err("%s: cannot write metadata back (%s): the "
			    "filesystem is read-only from now on",
			    dxf_region_path(m->region), strerror(-n));
		return -EIO;
	}
	/* What another thread took is durable only when it is done. */
	dxf_dirty_wait(m->dirty, 0, UINT64_MAX);
	return __atomic_load_n(&m->sync_error, __ATOMIC_ACQUIRE) ? -EIO : 0;
}
