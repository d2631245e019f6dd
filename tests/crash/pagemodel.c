// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pagemodel.c - recording what is done to page media, and what a loss of power
 * makes of it.
 *
 * Must not know filesystems.
 *
 * Invariant: after all events newest is what the mapping holds; the caller
 * compares.
 */
#include "must.h"
#include "pagemodel.h"

#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* ---- recording ---- */

static void add(struct pagerec *r, enum pageev_kind kind, dxf_off_t off,
		uint64_t len, uint8_t *bytes)
{
	pthread_mutex_lock(&r->lock);
	if (r->n == r->cap) {
		r->cap = r->cap != 0 ? r->cap * 2 : 1024;
		r->ev = need(realloc(r->ev, r->cap * sizeof(*r->ev)));
	}
	r->ev[r->n++] = (struct pageev){ kind, off, len, bytes };
	pthread_mutex_unlock(&r->lock);
}

static void on_store(void *ctx, const struct dxf_persist_trace *tr)
{
	uint8_t *bytes;

	if (tr->op != DXF_PERSIST_TRACE_STORE && tr->op != DXF_PERSIST_TRACE_NT)
		return;
	bytes = need(calloc(1, tr->len));
	if (tr->src != NULL)
		memcpy(bytes, tr->src, tr->len);
	add(ctx, PAGEEV_STORE, tr->off, tr->len, bytes);
}

static void on_call(void *ctx, const struct dxf_persist_event *ev)
{
	if (ev->op == DXF_PERSIST_OP_FENCE)
		add(ctx, PAGEEV_FENCE, 0, 0, NULL);
	else if (ev->op == DXF_PERSIST_OP_WAIT)
		add(ctx, PAGEEV_WAIT, ev->off, ev->len, NULL);
	else if (ev->op == DXF_PERSIST_OP_MSYNC)
		add(ctx, PAGEEV_BARRIER, ev->off, ev->len, NULL);
}

void pagerec_attach(struct pagerec *r, struct dxf_region *region)
{
	pthread_mutex_init(&r->lock, NULL);
	dxf_persist_set_trace(region, on_store, r);
	dxf_persist_set_hook(region, on_call, r);
}

void pagerec_clear(struct pagerec *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->ev[i].bytes);
	r->n = 0;
}

/* ---- the model ---- */

void pagemodel_init(struct pagemodel *m, const struct pagerec *rec,
		    const uint8_t *img, uint64_t size)
{
	must(size % PAGEMODEL_PAGE == 0);
	m->rec = rec;
	m->npages = size / PAGEMODEL_PAGE;
	m->durable = need(malloc(size));
	m->newest = need(malloc(size));
	memcpy(m->durable, img, size);
	memcpy(m->newest, img, size);
	m->page = need(calloc(m->npages, sizeof(*m->page)));
}

void pagemodel_free(struct pagemodel *m)
{
	for (uint64_t p = 0; p < m->npages; p++)
		free(m->page[p].store);
	free(m->page);
	free(m->durable);
	free(m->newest);
}

/* The part of store @e that lies in page @p, into @buf, which is the page. */
static void store_part(const struct pageev *e, uint64_t p, uint8_t *buf)
{
	dxf_off_t start = p * PAGEMODEL_PAGE, end = start + PAGEMODEL_PAGE;
	dxf_off_t from = DXF_MAX(e->off, start);
	dxf_off_t to = DXF_MIN(e->off + e->len, end);

	must(from < to);
	memcpy(buf + (from - start), e->bytes + (from - e->off), to - from);
}

static void stored(struct pagemodel *m, size_t i)
{
	const struct pageev *e = &m->rec->ev[i];
	uint64_t last = (e->off + e->len - 1) / PAGEMODEL_PAGE;

	must(e->len > 0 && last < m->npages);
	for (uint64_t p = e->off / PAGEMODEL_PAGE; p <= last; p++) {
		struct pageversions *v = &m->page[p];

		if (v->nstores == v->cap) {
			v->cap = v->cap != 0 ? v->cap * 2 : 8;
			v->store = need(realloc(v->store, v->cap *
						sizeof(*v->store)));
		}
		if (v->nstores == 0 || v->store[v->nstores - 1].era != m->era)
			v->n++;
		v->store[v->nstores].ev = (uint32_t)i;
		v->store[v->nstores++].era = m->era;
		store_part(e, p, m->newest + p * PAGEMODEL_PAGE);
	}
}

/*
 * Store the first @n versions of page @p into @buf.
 * Returns: how many stores that were.
 */
static uint32_t apply_versions(const struct pagemodel *m, uint64_t p,
			       uint32_t n, uint8_t *buf)
{
	const struct pageversions *v = &m->page[p];
	uint32_t k, seen = 0;

	must(n <= v->n);
	for (k = 0; k < v->nstores; k++) {
		if (k == 0 || v->store[k].era != v->store[k - 1].era)
			seen++;
		if (seen > n)
			break;
		store_part(&m->rec->ev[v->store[k].ev], p, buf);
	}
	return k;
}

/* The first @n versions of the page are history. */
static void advance(struct pagemodel *m, uint64_t p, uint32_t n)
{
	struct pageversions *v = &m->page[p];
	uint32_t k = apply_versions(m, p, n, m->durable + p * PAGEMODEL_PAGE);

	v->nstores -= k;
	memmove(v->store, v->store + k, v->nstores * sizeof(*v->store));
	v->n -= n;
	v->written = 0;
}

static void written_out(struct pagemodel *m, const struct pageev *e)
{
	uint64_t end = DXF_MIN(e->off + e->len, m->npages * PAGEMODEL_PAGE);

	for (uint64_t p = e->off / PAGEMODEL_PAGE; p * PAGEMODEL_PAGE < end; p++)
		m->page[p].written = m->page[p].n;
}

void pagemodel_apply(struct pagemodel *m, size_t i)
{
	const struct pageev *e = &m->rec->ev[i];

	if (e->kind == PAGEEV_STORE) {
		stored(m, i);
		return;
	}
	if (e->kind == PAGEEV_FENCE) {
		m->era++;
		return;
	}
	written_out(m, e);
	for (uint64_t p = 0; p < m->npages && e->kind == PAGEEV_BARRIER; p++)
		if (m->page[p].written > 0)
			advance(m, p, m->page[p].written);
}

void pagemodel_image(const struct pagemodel *m, uint8_t *img,
	uint32_t (*pick)(void *ctx, uint64_t p, uint32_t n), void *ctx)
{
	memcpy(img, m->durable, m->npages * PAGEMODEL_PAGE);
	for (uint64_t p = 0; p < m->npages; p++) {
		const struct pageversions *v = &m->page[p];
		uint32_t n = v->n > 0 ? pick(ctx, p, v->n) : 0;

		apply_versions(m, p, n, img + p * PAGEMODEL_PAGE);
	}
}
