// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * model.c - the crash model (model.h has its rules).
 *
 * Invariants:
 *	- a word is in the table at most once, found by its offset
 *	- the newest version of a word is what vol holds there
 *	- versions are never reordered: durable only moves on
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "must.h"

/* From here on non-temporal stores are bulk: sampled as one. */
#define BULK	(8 * DXF_CACHELINE)

uint64_t model_mix(dxf_off_t off, uint64_t val)
{
	return dxf_hash_u64(val + dxf_hash_u64(off + 0x9e3779b97f4a7c15u));
}

uint64_t model_durable_word(const struct model *m, dxf_off_t off)
{
	uint64_t v;

	memcpy(&v, m->durable + off, sizeof(v));
	return v;
}

static void *grow(void *p, size_t *cap, size_t first, size_t each)
{
	*cap = *cap ? 2 * *cap : first;
	p = realloc(p, *cap * each);
	must(p != NULL);
	return p;
}

static size_t slot_of(const struct model *m, dxf_off_t off)
{
	size_t s = dxf_hash_u64(off) & (m->nslots - 1);

	while (m->slots[s] != 0 && m->w[m->slots[s] - 1].off != off)
		s = (s + 1) & (m->nslots - 1);
	return s;
}

static void rehash(struct model *m)
{
	m->nslots = m->nslots ? 2 * m->nslots : 1024;
	free(m->slots);
	m->slots = calloc(m->nslots, sizeof(*m->slots));
	must(m->slots != NULL);
	for (size_t i = 0; i < m->nw; i++)
		m->slots[slot_of(m, m->w[i].off)] = (uint32_t)i + 1;
}

static uint32_t word_at(struct model *m, dxf_off_t off)
{
	size_t s;

	if (2 * (m->nw + 1) > m->nslots)
		rehash(m);
	s = slot_of(m, off);
	if (m->slots[s] != 0)
		return m->slots[s] - 1;
	if (m->nw == m->capw)
		m->w = grow(m->w, &m->capw, 1024, sizeof(*m->w));
	memset(&m->w[m->nw], 0, sizeof(m->w[0]));
	m->w[m->nw].off = off;
	m->slots[s] = (uint32_t)++m->nw;
	return (uint32_t)m->nw - 1;
}

static void request(struct model *m, unsigned int thread, uint32_t word)
{
	struct model_reqs *q = &m->reqs[thread];
	const struct model_word *w = &m->w[word];

	if (w->n == 0)
		return;
	if (q->n == q->cap)
		q->r = grow(q->r, &q->cap, 256, sizeof(*q->r));
	q->r[q->n++] = (struct model_req){ word, w->base + w->n };
}

static void add_version(struct model *m, uint32_t word, bool bulk)
{
	struct model_word *w = &m->w[word];
	size_t cap = w->cap;

	if (w->n == w->cap) {
		w->val = grow(w->val, &cap, 2, sizeof(*w->val));
		w->cap = (uint32_t)cap;
	}
	memcpy(&w->val[w->n], m->vol + w->off, sizeof(w->val[0]));
	m->pending += w->n == 0;
	w->n++;
	w->bulk = bulk;
}

static void store(struct model *m, const struct trace *t,
		  const struct trace_event *e)
{
	dxf_off_t first = dxf_align_down(e->off, DXF_WORD);
	dxf_off_t end = e->off + e->len;
	bool nt = e->kind == TRACE_NT;

	memcpy(m->vol + e->off, t->arena + e->bytes, e->len);
	for (dxf_off_t off = first; off < end; off += DXF_WORD) {
		uint32_t w = word_at(m, off);

		add_version(m, w, nt && e->len >= BULK);
		if (nt)
			request(m, e->thread, w);
	}
}

static void flush(struct model *m, const struct trace_event *e)
{
	dxf_off_t off = dxf_align_down(e->off, DXF_CACHELINE);
	dxf_off_t end = dxf_align_up(e->off + e->len, DXF_CACHELINE);

	for (; off < end && off < m->size; off += DXF_WORD) {
		size_t s;

		if (m->nslots == 0)
			return;
		s = slot_of(m, off);
		if (m->slots[s] != 0)
			request(m, e->thread, m->slots[s] - 1);
	}
}

static void settle(struct model *m, const struct model_req *r)
{
	struct model_word *w = &m->w[r->word];
	uint32_t k;

	if (r->version <= w->base)
		return;
	k = (uint32_t)(r->version - w->base);
	must(k <= w->n);
	m->hash ^= model_mix(w->off, model_durable_word(m, w->off)) ^
		   model_mix(w->off, w->val[k - 1]);
	memcpy(m->durable + w->off, &w->val[k - 1], sizeof(w->val[0]));
	m->changed[w->off / MODEL_PAGE] = 1;
	memmove(w->val, w->val + k, (w->n - k) * sizeof(w->val[0]));
	w->n -= k;
	w->base += k;
	m->pending -= w->n == 0;
}

void model_apply(struct model *m, const struct trace *t,
		 const struct trace_event *e)
{
	struct model_reqs *q = &m->reqs[e->thread];

	switch (e->kind) {
	case TRACE_STORE:
	case TRACE_NT:
		store(m, t, e);
		break;
	case TRACE_FLUSH:
		flush(m, e);
		break;
	case TRACE_FENCE:
		for (size_t i = 0; i < q->n; i++)
			settle(m, &q->r[i]);
		q->n = 0;
		break;
	default:
		break;
	}
}

void model_init(struct model *m, const uint8_t *base, uint64_t size)
{
	memset(m, 0, sizeof(*m));
	must(size % MODEL_PAGE == 0);
	m->size = size;
	m->durable = malloc(size);
	m->vol = malloc(size);
	m->changed = calloc(size / MODEL_PAGE, 1);
	must(m->durable != NULL && m->vol != NULL && m->changed != NULL);
	memcpy(m->durable, base, size);
	memcpy(m->vol, base, size);
}

void model_free(struct model *m)
{
	for (size_t i = 0; i < m->nw; i++)
		free(m->w[i].val);
	for (int i = 0; i < TRACE_MAX_THREADS; i++)
		free(m->reqs[i].r);
	free(m->w);
	free(m->slots);
	free(m->durable);
	free(m->vol);
	free(m->changed);
	memset(m, 0, sizeof(*m));
}
