/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * place.h - where a thread of ours runs, and before whom.
 */
#ifndef DXF_PLACE_H
#define DXF_PLACE_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "escort.h"

struct dxf_keeper;

struct dxf_place {
	pid_t tid;
	struct dxf_keeper *keeper;	/* may open files of /proc; NULL: we may */
	cpu_set_t all;			/* what the thread may use */
	atomic_int cpu;			/* what it was narrowed to */
	int stat_fd;			/* of the caller; -1 */
	bool usable;
};

/*
 * Once, before the process is confined and has workers: see to it that a thread
 * that yields can be made an ordinary one again.
 * Returns: false: it could not, so none may yield.
 */
bool dxf_place_may_yield(void);
/* Does that rest on CAP_SYS_NICE, so that it must be kept? */
bool dxf_place_needs_nice(void);

/* Of the calling thread. */
void dxf_place_init(struct dxf_place *p, struct dxf_keeper *keeper);
void dxf_place_fini(struct dxf_place *p);

/* Their context is the struct dxf_place. */
extern const struct dxf_escort_ops dxf_place_ops;

#endif
