/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - what a run did to its media: every store with its bytes, every
 * write-back and fence, by which thread, and marks of the operations between.
 *
 * A shadow image is rebuilt from the trace alone and compared with the mapping
 * at fences: so persist sees every store, or the comparison fails.
 */
#ifndef CRASH_TRACE_H
#define CRASH_TRACE_H

#include <pthread.h>

#include "persist.h"
#include "region.h"

enum trace_kind {
	TRACE_STORE,
	TRACE_NT,
	TRACE_FLUSH,
	TRACE_FENCE,
	TRACE_BEGIN,		/* step @step of lane @lane begins */
	TRACE_END,		/* ... has returned */
};

struct trace_event {
	enum trace_kind kind;
	uint16_t thread;	/* from 0, in order of appearance */
	uint16_t lane;
	uint32_t step;
	dxf_off_t off;
	uint64_t len;
	size_t bytes;		/* of a store: where in the arena */
};

#define TRACE_MAX_THREADS	16

struct trace {
	pthread_mutex_t lock;
	struct dxf_region *region;
	uint64_t size;
	uint8_t *base;		/* the media before the first event */
	uint8_t *shadow;	/* ... with all stores */
	struct trace_event *ev;
	size_t n, cap;
	uint8_t *arena;
	size_t used, room;
	unsigned int nthreads, generation;
	bool compare;		/* the shadow, at each fence */
	uint64_t fences, compared;
};

/*
 * Record what happens to @r from now on; @compare: hold the shadow against the
 * mapping at each fence (where one thread stores at a time).
 */
void trace_start(struct trace *t, struct dxf_region *r, bool compare);
/* Stop, and compare once more. */
void trace_stop(struct trace *t);
void trace_free(struct trace *t);
void trace_mark(struct trace *t, enum trace_kind kind, unsigned int lane,
		unsigned int step);
/* For a hook of the caller's own: add what persist does. */
void trace_add(struct trace *t, const struct dxf_persist_trace *tr);
/* Like start, but the caller's hook calls trace_add(); @base is copied. */
void trace_init(struct trace *t, struct dxf_region *r, const uint8_t *base);
/* For whoever looks for the reason of a failure. */
void trace_print(const struct trace *t);

#endif
