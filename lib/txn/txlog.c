// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * txlog.c - the log on media: its place, the slot, the fingerprints.
 *
 * Owns the log's bytes but for the session record (session.c); must not know
 * what is in a transaction nor what the watched range is.  commit.c says in
 * which order things are written while a session runs, recover.c reads them
 * after one that was interrupted.
 *
 * Invariant:
 *   L2  of the two fingerprints the older one is overwritten, so that one is
 *	 whole at any time
 */
#include "txlog_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "count.h"
#include "load.h"
#include "mutate.h"
#include "persist.h"

/* ---- the place ---- */

bool dxf_txlog_place_add(struct dxf_txlog_place *p, dxf_off_t off,
			 uint64_t len)
{
	struct dxf_span *last = p->nruns > 0 ? &p->run[p->nruns - 1] : NULL;

	if (last != NULL && last->off + last->len == off) {
		last->len += len;
		return true;
	}
	if (p->nruns == DXF_TXLOG_MAX_RUNS)
		return false;
	p->run[p->nruns++] = (struct dxf_span){ off, len };
	return true;
}

static bool in_region(const struct dxf_region *r, const struct dxf_span *s)
{
	uint64_t size = dxf_region_size(r);

	return s->len > 0 && s->off <= size && s->len <= size - s->off &&
	       s->off % DXF_CACHELINE == 0 && s->len % DXF_CACHELINE == 0;
}

static bool place_ok(const struct dxf_region *r,
		     const struct dxf_txlog_place *p, uint64_t *size)
{
	*size = 0;
	if (p->nruns == 0 || p->nruns > DXF_TXLOG_MAX_RUNS ||
	    p->nforbidden > DXF_TXLOG_MAX_FORBIDDEN ||
	    p->fs_end > dxf_region_size(r) || !in_region(r, &p->watched))
		return false;
	for (unsigned int i = 0; i < p->nruns; i++) {
		/* No sector of the head may be in two pieces. */
		if (!in_region(r, &p->run[i]) || p->run[i].len % 1024 != 0)
			return false;
		*size += p->run[i].len;
	}
	return *size >= DXF_TXLOG_MIN;
}

int dxf_txlog_open(struct dxf_txlog **out, struct dxf_region *r,
		   const struct dxf_txlog_place *place)
{
	struct dxf_txlog *l;
	uint64_t size;

	if (!place_ok(r, place, &size))
		return -EINVAL;
	l = dxf_calloc(1, sizeof(*l));
	if (l == NULL)
		return -ENOMEM;
	l->buf = dxf_malloc(size - TXLOG_SLOT_AT);
	if (l->buf == NULL) {
		free(l);
		return -ENOMEM;
	}
	l->region = r;
	l->place = *place;
	l->size = size;
	*out = l;
	return 0;
}

void dxf_txlog_close(struct dxf_txlog *l)
{
	if (l == NULL)
		return;
	free(l->buf);
	free(l);
}

uint64_t dxf_txlog_size(const struct dxf_txlog *l)
{
	return l->size;
}

uint64_t dxf_txlog_capacity(const struct dxf_txlog *l)
{
	return l->size - TXLOG_SLOT_AT - sizeof(struct txlog_slot);
}

dxf_off_t dxf_txlog_locate(const struct dxf_txlog *l, uint64_t at, size_t len,
			   size_t *n)
{
	const struct dxf_span *run = l->place.run;

	assert(at < l->size && len <= l->size - at);
	while (at >= run->len) {
		at -= run->len;
		run++;
	}
	assert(run < l->place.run + l->place.nruns);
	*n = DXF_MIN((uint64_t)len, run->len - at);
	return run->off + at;
}

int dxf_txlog_read(struct dxf_txlog *l, uint64_t at, void *buf, size_t len)
{
	char *p = buf;
	int err = 0;

	for (size_t n; len > 0 && err == 0; at += n, p += n, len -= n) {
		dxf_off_t off = dxf_txlog_locate(l, at, len, &n);

		err = dxf_load(l->region, off, p, n);
	}
	return err;
}

int dxf_txlog_store(struct dxf_txlog *l, uint64_t at, const void *buf,
		    size_t len, unsigned int flags)
{
	const char *p = buf;
	int err = 0;

	for (size_t n; len > 0 && err == 0; at += n, p += n, len -= n) {
		dxf_off_t off = dxf_txlog_locate(l, at, len, &n);

		err = dxf_persist_copy(l->region, off, p, n, flags);
	}
	return err;
}

/* ---- hashes ---- */

uint64_t dxf_txlog_csum(const struct dxf_hash_key *key, const void *buf,
			size_t len)
{
	return dxf_hash(key, buf, len);
}

struct dxf_hash_key dxf_txlog_fs_key(const struct dxf_txlog *l)
{
	struct dxf_hash_key key;

	static_assert(sizeof(key) == sizeof(l->place.uuid), "the UUID is it");
	memcpy(&key, l->place.uuid, sizeof(key));
	return key;
}

void dxf_txlog_set_key(struct dxf_txlog *l)
{
	l->key = dxf_txlog_fs_key(l);
	l->key.k0 ^= l->session.seed[0];
	l->key.k1 ^= l->session.seed[1];
}

bool dxf_txlog_watches(const struct dxf_txlog *l, const struct dxf_stage *s)
{
	return dxf_stage_meets(s, l->place.watched.off, l->place.watched.len);
}

int dxf_txlog_fingerprint(struct dxf_txlog *l, const struct dxf_stage *s,
			  uint64_t *print)
{
	const struct dxf_span *w = &l->place.watched;
	struct dxf_hash_key key = dxf_txlog_fs_key(l);
	uint8_t buf[1024];
	int err;

	assert(w->len <= sizeof(buf));
	err = dxf_load(l->region, w->off, buf, w->len);
	if (err < 0)
		return err;
	if (s != NULL)
		dxf_stage_overlay(s, w->off, buf, w->len);
	*print = dxf_hash(&key, buf, w->len);
	return 0;
}

/* ---- the slot and what goes with it ---- */

int dxf_txlog_zero_slot(struct dxf_txlog *l)
{
	static const struct txlog_slot none;

	if (dxf_mutated(DXF_MUT_LOG_ZERO_SLOT))
		return 0;
	return dxf_txlog_store(l, TXLOG_SLOT_AT, &none, sizeof(none),
			       DXF_PERSIST_TEMPORAL);
}

int dxf_txlog_write_print(struct dxf_txlog *l, uint64_t seq, uint64_t print)
{
	struct txlog_print p = { .seq = seq, .print = print };
	uint64_t at = TXLOG_PRINT_AT + l->print_line * TXLOG_PRINT_STEP;
	int err;

	p.csum = dxf_txlog_csum(&l->key, &p, offsetof(struct txlog_print,
						      csum));
	err = dxf_txlog_store(l, at, &p, sizeof(p), DXF_PERSIST_TEMPORAL);
	if (err == 0)
		l->print_line ^= 1;				/* L2 */
	return err;
}

int dxf_txlog_write_dead(struct dxf_txlog *l, uint64_t seq, bool flush)
{
	return dxf_txlog_store(l, TXLOG_DEAD_AT, &seq, sizeof(seq),
			       DXF_PERSIST_TEMPORAL |
			       (flush ? 0 : DXF_PERSIST_NOFLUSH));
}

int dxf_txlog_flush_dead(struct dxf_txlog *l)
{
	size_t n;
	dxf_off_t off = dxf_txlog_locate(l, TXLOG_DEAD_AT, sizeof(uint64_t),
					 &n);

	return dxf_persist_flush(l->region, off, n);
}

/* Append the staged words of @line at @p.  Returns: behind them. */
static char *put_record(char *p, const struct dxf_line *line)
{
	uint64_t head = TXLOG_HEAD(line->off, line->mask);
	char *old = p + sizeof(head) +
		(size_t)dxf_txlog_words(line->mask) * DXF_WORD;

	memcpy(p, &head, sizeof(head));
	p += sizeof(head);
	for (unsigned int left = line->mask; left != 0; left &= left - 1) {
		unsigned int w = (unsigned int)__builtin_ctz(left);

		memcpy(p, line->new + w * DXF_WORD, DXF_WORD);
		memcpy(old, line->old + w * DXF_WORD, DXF_WORD);
		p += DXF_WORD;
		old += DXF_WORD;
	}
	return old;
}

int dxf_txlog_write_slot(struct dxf_txlog *l, const struct dxf_stage *s,
			 uint64_t print)
{
	struct txlog_slot h = {
		.magic = TXLOG_SLOT_MAGIC, .seq = l->seq, .print = print,
	};
	char *start = l->buf + sizeof(h), *p = start;
	size_t len;

	for (uint32_t i = 0; i < s->n; i++)
		if (dxf_stage_nth(s, i)->mask != 0)
			p = put_record(p, dxf_stage_nth(s, i));
	h.len = (uint64_t)(p - start);
	assert(h.len <= dxf_txlog_capacity(l));
	memcpy(l->buf, &h, sizeof(h));
	h.csum = dxf_txlog_csum(&l->key, l->buf, sizeof(h) + h.len);
	memcpy(l->buf, &h, sizeof(h));
	/* Whole lines, so that all of it is non-temporal. */
	len = dxf_align_up(sizeof(h) + h.len, DXF_CACHELINE);
	len = DXF_MIN(len, l->size - TXLOG_SLOT_AT);
	memset(p, 0, len - (sizeof(h) + h.len));
	dxf_count(DXF_COUNT_LOG_SLOT, 1);
	dxf_count(DXF_COUNT_LOG_BYTES, sizeof(h) + h.len);
	return dxf_txlog_store(l, TXLOG_SLOT_AT, l->buf, len,
			       DXF_PERSIST_DATA);
}
