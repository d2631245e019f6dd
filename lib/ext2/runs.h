/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runs.h - the run cache of a node: what stretches of a file are mapped to.
 *
 * A few runs are kept in the node; a file that needs more gets a table when
 * it is first missed.
 *
 * Locks: the inode lock, shared to find and add, exclusive for the others, as for
 * the map itself (bmap.h).  Finding takes no other lock and writes nothing, so
 * that readers of one file do not meet.
 */
#ifndef DXF_RUNS_H
#define DXF_RUNS_H

#include "node.h"

/*
 * The cached run that holds @lblk; *@gen is for dxf_runs_add() after a miss.
 * Returns: true, *@run is all of it; false: ask the map.
 */
bool dxf_runs_find(const struct dxf_node *n, dxf_lblk_t lblk,
		   struct dxf_run *run, uint32_t *gen);

/*
 * Keep a run that the map gave for @lblk, unless the map changed since @gen.
 * Without memory it is not kept.
 */
void dxf_runs_add(struct dxf_node *n, dxf_lblk_t lblk,
		  const struct dxf_run *run, uint32_t gen);

/*
 * [@lblk, @lblk + @nblk), a hole, is about to be mapped: forget what says that
 * it is one.  Of the others the few in the node stay.
 */
void dxf_runs_fill(struct dxf_node *n, dxf_lblk_t lblk, uint64_t nblk);

/*
 * It was, by a transaction that is committed: keep the run, joined to the one
 * that it continues.
 */
void dxf_runs_filled(struct dxf_node *n, const struct dxf_run *run);

/* Forget all of them. */
void dxf_runs_forget(struct dxf_node *n);

/* Release what is allocated. */
void dxf_runs_fini(struct dxf_node *n);

#endif
