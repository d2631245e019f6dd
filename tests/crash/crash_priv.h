/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crash_priv.h - a workload being run; between run.c and threads.c.
 */
#ifndef CRASH_PRIV_H
#define CRASH_PRIV_H

#include <stdarg.h>

#include "hash.h"
#include "lab.h"
#include "run.h"
#include "script.h"

struct run {
	const struct run_workload *w;
	const struct run_opts *o;
	struct run_result *res;
	struct script script;
	struct tree before[SCRIPT_STEPS + 1];
	bool unmounted[SCRIPT_STEPS + 1];	/* before[i] was not taken */
	struct trace trace;
	struct lab lab;
	struct model *model;
	struct states_plan plan;
	/* where the crash is */
	unsigned int step;
	bool returned;
	size_t at, events;
	unsigned int depth;
	const struct tree *exact;	/* inside recovery: its end */
	unsigned int want_inside;
	/* images that were tried, by hash and phase */
	uint64_t *seen;
	size_t nseen, seen_cap;
	uint64_t salt, nsalt;
};

struct dxf_fs_opts run_fs_opts(const struct run_workload *w,
			       const struct run_opts *o);
/* Say why; returns false. */
bool run_wrong(struct run_result *res, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* One step, which must end as it says. */
bool run_step(struct script_fs *x, const struct script_step *st,
	      struct run_result *res);
/* Was a state of this key tried?  It is from now on. */
bool run_seen(struct run *r, uint64_t key);
/* Mount, do all of the text, unmount; nothing is recorded. */
bool run_setup(struct script_fs *x, const char *text, struct run_result *res);
/* A workload of several threads, "script | script". */
bool run_threads(const struct run_workload *w, const struct run_opts *o,
		 struct run_result *res);
/* Another program at work between the crash and the mount. */
bool run_foreign(const struct run_workload *w, const struct run_opts *o,
		 struct run_result *res);

#endif
