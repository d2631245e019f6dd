// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * states.c - sampling the states that a crash at one point may leave.
 *
 * What is in flight is taken in units: a cache line, or a run of bulk data.
 * Tried are: nothing, everything, each unit alone, all but each, all subsets
 * when they are few, the log torn at its words, and random mixtures of units
 * and of versions of words.
 *
 * Must not know what recovery makes of them.
 */
#include "states.h"

#include <stdlib.h>

#include "hash.h"
#include "must.h"

struct unit {
	size_t first, n;		/* words, in word[] */
	bool bulk, log;
};

struct sampler {
	const struct model *m;
	struct states_plan *p;
	states_fn *fn;
	void *ctx;
	const struct model_word **word;	/* in flight, by offset */
	uint32_t *pick;			/* versions: 0 durable, n newest */
	struct state_word *out;
	size_t n;
	struct unit *unit;
	size_t nunits;
	size_t log_first, log_n;	/* words of the log */
};

uint64_t states_random(uint64_t *rng)
{
	*rng += 0x9e3779b97f4a7c15u;
	return dxf_hash_u64(*rng);
}

static int by_offset(const void *a, const void *b)
{
	const struct model_word *const *x = a, *const *y = b;

	return ((*x)->off > (*y)->off) - ((*x)->off < (*y)->off);
}

static bool in_log(const struct sampler *s, dxf_off_t off)
{
	return off >= s->p->log.start && off < s->p->log.end;
}

/* Does the word at @i go on with the unit before it? */
static bool continues(const struct sampler *s, const struct unit *u, size_t i)
{
	const struct model_word *w = s->word[i], *prev = s->word[i - 1];

	if (u->bulk && w->bulk && !in_log(s, w->off))
		return w->off == prev->off + DXF_WORD;
	return !u->bulk && w->off / DXF_CACHELINE == prev->off / DXF_CACHELINE;
}

static void find_units(struct sampler *s)
{
	struct unit *u = NULL;

	for (size_t i = 0; i < s->n; i++) {
		bool log = in_log(s, s->word[i]->off);

		if (log && s->log_n++ == 0)
			s->log_first = i;
		if (u != NULL && continues(s, u, i)) {
			u->n++;
			continue;
		}
		u = &s->unit[s->nunits++];
		*u = (struct unit){ i, 1, s->word[i]->bulk && !log, log };
	}
}

static void collect(struct sampler *s)
{
	size_t n = s->m->pending;

	s->word = calloc(n + 1, sizeof(*s->word));
	s->pick = calloc(n + 1, sizeof(*s->pick));
	s->out = calloc(n + 1, sizeof(*s->out));
	s->unit = calloc(n + 1, sizeof(*s->unit));
	must(s->word && s->pick && s->out && s->unit);
	for (size_t i = 0; i < s->m->nw; i++) {
		if (s->m->w[i].n > 0)
			s->word[s->n++] = &s->m->w[i];
	}
	must(s->n == n);
	qsort(s->word, n, sizeof(s->word[0]), by_offset);
}

static void release(struct sampler *s)
{
	free(s->word);
	free(s->pick);
	free(s->out);
	free(s->unit);
}

static int emit(struct sampler *s, const char *how, uint64_t which)
{
	struct state st = {
		.m = s->m, .w = s->out, .hash = s->m->hash,
		.how = how, .which = which,
	};

	for (size_t i = 0; i < s->n; i++) {
		const struct model_word *w = s->word[i];
		uint64_t was, val;

		if (s->pick[i] == 0)
			continue;
		was = model_durable_word(s->m, w->off);
		val = w->val[s->pick[i] - 1];
		if (val == was)
			continue;
		s->out[st.n++] = (struct state_word){ w->off, val };
		st.hash ^= model_mix(w->off, was) ^ model_mix(w->off, val);
	}
	return s->fn(s->ctx, &st);
}

static void pick_words(struct sampler *s, size_t first, size_t n, bool newest)
{
	for (size_t i = first; i < first + n; i++)
		s->pick[i] = newest ? s->word[i]->n : 0;
}

static void pick_unit(struct sampler *s, const struct unit *u, bool newest)
{
	pick_words(s, u->first, u->n, newest);
}

/* Every k-th of @n so that at most @cap are taken; from a random one on. */
static size_t stride(struct sampler *s, size_t n, size_t cap, size_t *from)
{
	size_t k = cap == 0 ? n + 1 : (n + cap - 1) / cap;

	k = DXF_MAX(k, (size_t)1);
	*from = cap == 0 ? n : states_random(&s->p->rng) % k;
	return k;
}

/* Each unit alone (@alone), or all but each. */
static int single_units(struct sampler *s, bool alone)
{
	const char *how = alone ? "line alone" : "all but line";
	size_t from, k = stride(s, s->nunits, s->p->caps.lines, &from);
	int r = 0;

	for (size_t i = from; i < s->nunits && r == 0; i += k) {
		const struct unit *u = &s->unit[i];

		pick_words(s, 0, s->n, !alone);
		pick_unit(s, u, alone);
		r = emit(s, how, s->word[u->first]->off);
		if (r != 0 || !u->bulk)
			continue;
		/* Of bulk also one word. */
		pick_words(s, 0, s->n, !alone);
		s->pick[u->first + states_random(&s->p->rng) % u->n] =
			alone ? 1 : 0;
		r = emit(s, "word of bulk", s->word[u->first]->off);
	}
	return r;
}

static int subsets(struct sampler *s)
{
	int r = 0;

	if (s->nunits > s->p->caps.subsets || s->nunits < 2)
		return 0;
	for (uint64_t set = 1; set + 1 < 1ull << s->nunits && r == 0; set++) {
		for (size_t i = 0; i < s->nunits; i++)
			pick_unit(s, &s->unit[i], set >> i & 1);
		r = emit(s, "subset", set);
	}
	return r;
}

/* The log written up to a word, and all but that word; the rest both ways. */
static int torn_log(struct sampler *s)
{
	size_t from, k = stride(s, s->log_n, s->p->caps.torn, &from);
	int r = 0;

	for (size_t i = from; i < s->log_n && r == 0; i += k) {
		size_t at = s->log_first + i;
		bool rest = states_random(&s->p->rng) & 1;

		pick_words(s, 0, s->n, rest);
		pick_words(s, s->log_first, i, true);
		pick_words(s, at, s->log_n - i, false);
		r = emit(s, "log torn at", s->word[at]->off);
		if (r != 0)
			break;
		pick_words(s, s->log_first, s->log_n, true);
		pick_words(s, at, 1, false);
		r = emit(s, "log without", s->word[at]->off);
	}
	return r;
}

static void pick_random(struct sampler *s, bool by_word)
{
	for (size_t u = 0; u < s->nunits; u++) {
		const struct unit *un = &s->unit[u];
		uint64_t rnd = states_random(&s->p->rng);

		if (!by_word) {
			pick_unit(s, un, rnd & 1);
			continue;
		}
		for (size_t i = un->first; i < un->first + un->n; i++)
			s->pick[i] = states_random(&s->p->rng) %
				     (s->word[i]->n + 1);
	}
}

static int randoms(struct sampler *s)
{
	int r = 0;

	for (unsigned int i = 0; i < s->p->caps.random && r == 0; i++) {
		pick_random(s, i & 1);
		r = emit(s, i & 1 ? "random words" : "random lines", i);
	}
	return r;
}

int states_each(const struct model *m, struct states_plan *p, states_fn *fn,
		void *ctx)
{
	struct sampler s = { .m = m, .p = p, .fn = fn, .ctx = ctx };
	int r;

	collect(&s);
	find_units(&s);
	r = emit(&s, "none", 0);
	if (r == 0 && s.n > 0) {
		pick_words(&s, 0, s.n, true);
		r = emit(&s, "all", 0);
	}
	if (r == 0)
		r = subsets(&s);
	if (r == 0 && s.nunits > 1)
		r = single_units(&s, true);
	if (r == 0 && s.nunits > 1)
		r = single_units(&s, false);
	if (r == 0)
		r = torn_log(&s);
	if (r == 0 && s.n > 1)
		r = randoms(&s);
	release(&s);
	return r;
}

int states_all(const struct model *m, states_fn *fn, void *ctx)
{
	struct states_plan none = { .rng = 0 };
	struct sampler s = { .m = m, .p = &none, .fn = fn, .ctx = ctx };
	int r;

	collect(&s);
	pick_words(&s, 0, s.n, true);
	r = emit(&s, "all so far", 0);
	release(&s);
	return r;
}
