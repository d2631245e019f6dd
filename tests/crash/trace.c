// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace.c - recording persist.
 *
 * Must not know what the bytes mean, nor what a crash may do to them.
 */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "must.h"

static unsigned int generations;

static unsigned int my_tag(struct trace *t)
{
	static _Thread_local unsigned int tag, generation;

	if (generation != t->generation) {
		generation = t->generation;
		tag = t->nthreads++;
		must(tag < TRACE_MAX_THREADS);
	}
	return tag;
}

static struct trace_event *append(struct trace *t)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 1024;
		t->ev = realloc(t->ev, t->cap * sizeof(*t->ev));
		must(t->ev != NULL);
	}
	memset(&t->ev[t->n], 0, sizeof(t->ev[0]));
	t->ev[t->n].thread = (uint16_t)my_tag(t);
	return &t->ev[t->n++];
}

static size_t keep(struct trace *t, const void *src, size_t len)
{
	size_t at = t->used;

	while (t->used + len > t->room) {
		t->room = t->room ? 2 * t->room : 65536;
		t->arena = realloc(t->arena, t->room);
		must(t->arena != NULL);
	}
	if (src != NULL)
		memcpy(t->arena + at, src, len);
	else
		memset(t->arena + at, 0, len);
	t->used += len;
	return at;
}

/* Where the shadow and the mapping differ, the harness or persist is wrong. */
static void compare(struct trace *t)
{
	const void *now;
	ssize_t n = dxf_region_direct_access(t->region, 0, t->size,
					     DXF_ACCESS_RECOVERY_WRITE, &now);

	must(n == (ssize_t)t->size);
	t->compared++;
	if (memcmp(now, t->shadow, t->size) == 0)
		return;
	for (uint64_t i = 0; i < t->size; i++) {
		if (((const uint8_t *)now)[i] != t->shadow[i]) {
			fprintf(stderr, "byte %llu was stored behind persist's "
				"back\n", (unsigned long long)i);
			break;
		}
	}
	abort();
}

static enum trace_kind kind_of(enum dxf_persist_trace_op op)
{
	switch (op) {
	case DXF_PERSIST_TRACE_STORE:
		return TRACE_STORE;
	case DXF_PERSIST_TRACE_NT:
		return TRACE_NT;
	case DXF_PERSIST_TRACE_FLUSH:
		return TRACE_FLUSH;
	default:
		return TRACE_FENCE;
	}
}

void trace_add(struct trace *t, const struct dxf_persist_trace *tr)
{
	struct trace_event *e;

	pthread_mutex_lock(&t->lock);
	if (tr->op == DXF_PERSIST_TRACE_FENCE) {
		t->fences++;
		if (t->compare)
			compare(t);
	}
	e = append(t);
	e->kind = kind_of(tr->op);
	e->off = tr->off;
	e->len = tr->len;
	if (e->kind == TRACE_STORE || e->kind == TRACE_NT) {
		must(tr->off + tr->len <= t->size);
		e->bytes = keep(t, tr->src, tr->len);
		memcpy(t->shadow + tr->off, t->arena + e->bytes, tr->len);
	}
	pthread_mutex_unlock(&t->lock);
}

static void hook(void *ctx, const struct dxf_persist_trace *tr)
{
	trace_add(ctx, tr);
}

void trace_mark(struct trace *t, enum trace_kind kind, unsigned int lane,
		unsigned int step)
{
	struct trace_event *e;

	must(kind == TRACE_BEGIN || kind == TRACE_END);
	pthread_mutex_lock(&t->lock);
	e = append(t);
	e->kind = kind;
	e->lane = (uint16_t)lane;
	e->step = step;
	pthread_mutex_unlock(&t->lock);
}

void trace_init(struct trace *t, struct dxf_region *r, const uint8_t *base)
{
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	t->generation = ++generations;
	t->region = r;
	t->size = dxf_region_size(r);
	t->base = malloc(t->size);
	t->shadow = malloc(t->size);
	must(t->base != NULL && t->shadow != NULL);
	memcpy(t->base, base, t->size);
	memcpy(t->shadow, base, t->size);
}

void trace_start(struct trace *t, struct dxf_region *r, bool with_compare)
{
	const void *now;
	ssize_t n = dxf_region_direct_access(r, 0, dxf_region_size(r),
					     DXF_ACCESS_RECOVERY_WRITE, &now);

	must(n == (ssize_t)dxf_region_size(r));
	trace_init(t, r, now);
	t->compare = with_compare;
	dxf_persist_set_trace(r, hook, t);
}

void trace_stop(struct trace *t)
{
	dxf_persist_set_trace(t->region, NULL, NULL);
	compare(t);
}

void trace_free(struct trace *t)
{
	free(t->base);
	free(t->shadow);
	free(t->ev);
	free(t->arena);
	pthread_mutex_destroy(&t->lock);
	memset(t, 0, sizeof(*t));
}

void trace_print(const struct trace *t)
{
	static const char *const names[] = {
		"store", "store nt", "flush", "fence", "begin", "end",
	};

	for (size_t i = 0; i < t->n; i++) {
		const struct trace_event *e = &t->ev[i];

		if (e->kind == TRACE_BEGIN || e->kind == TRACE_END)
			printf("%4zu %s step %u of lane %u\n", i,
			       names[e->kind], e->step, e->lane);
		else
			printf("%4zu thread %u %s [%lx, %lx)\n", i, e->thread,
			       names[e->kind], e->off, e->off + e->len);
	}
	fflush(stdout);
}
