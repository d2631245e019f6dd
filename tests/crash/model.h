/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - what may be on media at a crash.
 *
 * Per aligned 8-byte word a list of versions: the durable one and those in
 * flight.  A store puts its version in flight at once, ordinary or not, since
 * caches evict when they like.  A flush by a thread, or a non-temporal store,
 * asks for the word's newest version; the thread's next fence makes durable
 * what it asked for, and no other thread's.  A crash leaves of every word any
 * version from the durable one on.
 */
#ifndef CRASH_MODEL_H
#define CRASH_MODEL_H

#include "trace.h"

struct model_word {
	dxf_off_t off;
	uint64_t base;		/* versions that were before val[0] */
	uint32_t n, cap;	/* in flight */
	uint64_t *val;
	bool bulk;		/* the newest was stored in bulk */
};

struct model_req {
	uint32_t word;		/* index */
	uint64_t version;	/* absolute: durable up to here */
};

struct model_reqs {
	struct model_req *r;
	size_t n, cap;
};

struct model {
	uint64_t size;
	uint8_t *durable;	/* what a fence has confirmed */
	uint8_t *vol;		/* what a load sees */
	uint8_t *changed;	/* per page of durable, since model_pages() */
	uint64_t hash;		/* of durable, relative to the start */
	struct model_word *w;	/* with nothing in flight: n is 0 */
	size_t nw, capw;
	uint32_t *slots;	/* open addressing: index + 1 */
	size_t nslots;
	size_t pending;		/* words with n > 0 */
	struct model_reqs reqs[TRACE_MAX_THREADS];
};

#define MODEL_PAGE	4096u

void model_init(struct model *m, const uint8_t *base, uint64_t size);
void model_free(struct model *m);
/* Apply one event of a trace. */
void model_apply(struct model *m, const struct trace *t,
		 const struct trace_event *e);

/* How a (place, value) counts in the hash of an image. */
uint64_t model_mix(dxf_off_t off, uint64_t val);
uint64_t model_durable_word(const struct model *m, dxf_off_t off);

#endif
