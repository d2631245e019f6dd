// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * txlog.c - the log on media: its place, session record, slot, fingerprints.
 *
 * Owns the log's bytes; must not know what is in a transaction nor what the
 * watched range is.  commit.c says in which order things are written while a
 * session runs, recover.c reads them after one that was interrupted.
 *
 * Invariants:
 *   L1  the slot is emptied and that fenced before a record with another key
 *	 is written: no slot is carried into a session that is not its own
 *   L2  of the two session copies and of the two fingerprints the older one is
 *	 overwritten, so that one is whole at any time
 *   L3  sequence numbers never repeat: a session's first is above all that the
 *	 log was seen to hold
 */
#include "txlog_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "load.h"
#include "mutate.h"
#include "persist.h"
#include "txn_priv.h"

/* More than were in flight when a session ended. */
#define SEQ_GAP		((uint64_t)1 << 20)

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

/* Where [@at, ...) of the log is, and how many of @len bytes are there. */
static dxf_off_t locate(const struct dxf_txlog *l, uint64_t at, size_t len,
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
		dxf_off_t off = locate(l, at, len, &n);

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
		dxf_off_t off = locate(l, at, len, &n);

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

/* The key of what outlives a session. */
static struct dxf_hash_key fs_key(const struct dxf_txlog *l)
{
	struct dxf_hash_key key;

	static_assert(sizeof(key) == sizeof(l->place.uuid), "the UUID is it");
	memcpy(&key, l->place.uuid, sizeof(key));
	return key;
}

static void set_session_key(struct dxf_txlog *l)
{
	l->key = fs_key(l);
	l->key.k0 ^= l->session.seed[0];
	l->key.k1 ^= l->session.seed[1];
}

static uint64_t place_hash(const struct dxf_txlog *l)
{
	struct dxf_hash_key key = fs_key(l);

	return dxf_hash(&key, l->place.run,
			l->place.nruns * sizeof(l->place.run[0]));
}

static uint64_t session_csum(const struct dxf_txlog *l,
			     const struct txlog_session *s)
{
	struct dxf_hash_key key = fs_key(l);

	return dxf_hash(&key, s, offsetof(struct txlog_session, csum));
}

bool dxf_txlog_watches(const struct dxf_txlog *l, const struct dxf_stage *s)
{
	return dxf_stage_meets(s, l->place.watched.off, l->place.watched.len);
}

int dxf_txlog_fingerprint(struct dxf_txlog *l, const struct dxf_stage *s,
			  uint64_t *print)
{
	const struct dxf_span *w = &l->place.watched;
	struct dxf_hash_key key = fs_key(l);
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

void dxf_txlog_boot_id(uint8_t id[16])
{
	DXF_CLEANUP_CLOSE int fd = open("/proc/sys/kernel/random/boot_id",
				   O_RDONLY | O_CLOEXEC);
	char text[36];
	int n = 0;

	memset(id, 0, 16);
	if (fd < 0 || read(fd, text, sizeof(text)) != sizeof(text))
		return;
	for (size_t i = 0; i < sizeof(text) && n < 32; i++) {
		unsigned char c = (unsigned char)text[i], v;

		if (c == '-')
			continue;
		v = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
		id[n / 2] |= (uint8_t)((v & 15) << (n % 2 ? 0 : 4));
		n++;
	}
}

/* ---- the session record ---- */

int dxf_txlog_probe(struct dxf_region *r, const struct dxf_span *first)
{
	uint64_t magic;

	for (int i = 0; i < 2; i++) {
		uint64_t at = TXLOG_SESSION_AT + i * TXLOG_SESSION_STEP;
		int err = at + sizeof(magic) <= first->len ?
			dxf_load(r, first->off + at, &magic, sizeof(magic)) :
			-ERANGE;

		if (err == -EIO)
			return err;
		if (err == 0 && magic == TXLOG_SESSION_MAGIC)
			return 1;
	}
	return 0;
}

static bool session_ok(const struct dxf_txlog *l,
		       const struct txlog_session *s)
{
	return s->magic == TXLOG_SESSION_MAGIC &&
	       s->csum == session_csum(l, s) &&
	       memcmp(s->uuid, l->place.uuid, sizeof(s->uuid)) == 0 &&
	       s->state >= DXF_TXLOG_IDLE && s->state <= DXF_TXLOG_CREATING;
}

/* Where numbers begin when nothing is known of earlier ones. */
static uint64_t random_seq(void)
{
	struct dxf_hash_key random;

	dxf_hash_key_init(&random);
	return random.k0 >> 2;
}

int dxf_txlog_load(struct dxf_txlog *l)
{
	struct txlog_session s;

	memset(&l->session, 0, sizeof(l->session));
	for (unsigned int i = 0; i < 2; i++) {
		/* An unreadable copy may be the newer one. */
		int err = dxf_txlog_read(l, TXLOG_SESSION_AT +
					 i * TXLOG_SESSION_STEP, &s, sizeof(s));

		if (err < 0)
			return err;
		if (session_ok(l, &s) && s.turn >= l->session.turn) {
			l->session = s;
			l->copy = i;
		}
	}
	set_session_key(l);
	l->seq = l->session.first;
	if (dxf_txlog_state(l) == DXF_TXLOG_INVALID)
		l->seq = random_seq();
	return 0;
}

enum dxf_txlog_state dxf_txlog_state(const struct dxf_txlog *l)
{
	return (enum dxf_txlog_state)l->session.state;
}

bool dxf_txlog_was_clean(const struct dxf_txlog *l)
{
	return (l->session.flags & TXLOG_WAS_CLEAN) != 0;
}

uint64_t dxf_txlog_cookie(const struct dxf_txlog *l)
{
	return l->session.cookie;
}

bool dxf_txlog_has_moved(const struct dxf_txlog *l)
{
	return l->session.place != place_hash(l);
}

/*
 * Write @s into the copy that is not current.  Durable on return.
 */
static int write_session(struct dxf_txlog *l, struct txlog_session *s)
{
	unsigned int copy = l->copy ^ 1;
	uint64_t at = TXLOG_SESSION_AT + copy * TXLOG_SESSION_STEP;
	size_t n;
	int err;

	s->magic = TXLOG_SESSION_MAGIC;
	s->turn = l->session.turn + 1;
	memcpy(s->uuid, l->place.uuid, sizeof(s->uuid));
	dxf_txlog_boot_id(s->boot_id);
	s->place = place_hash(l);
	s->csum = session_csum(l, s);
	err = dxf_txlog_store(l, at, s, sizeof(*s), DXF_PERSIST_TEMPORAL);
	if (err < 0)
		return err;
	if (!dxf_mutated(DXF_MUT_LOG_SESSION_FENCE))
		dxf_persist_fence(l->region);
	if (dxf_region_media(l->region) == DXF_MEDIA_PAGE)
		err = dxf_persist_msync(l->region,
					locate(l, at, sizeof(*s), &n),
					sizeof(*s));
	if (err < 0)
		return err;
	l->session = *s;
	l->copy = copy;
	set_session_key(l);
	return 0;
}

/* A record of a new session: another key, a first number never used. */
static int new_session(struct dxf_txlog *l, enum dxf_txlog_state state,
		       bool was_clean)
{
	struct txlog_session s = {
		.state = state,
		.flags = was_clean ? TXLOG_WAS_CLEAN : 0,
		.first = l->seq + SEQ_GAP,		/* L3 */
		.cookie = l->session.cookie,
	};
	struct dxf_hash_key seed;
	int err;

	dxf_hash_key_init(&seed);
	s.seed[0] = seed.k0;
	s.seed[1] = seed.k1;
	err = dxf_txlog_fingerprint(l, NULL, &s.print);
	if (err == 0)
		err = write_session(l, &s);
	if (err < 0)
		return err;
	l->seq = s.first;
	l->print = s.print;
	l->print_line = 0;
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

int dxf_txlog_write_dead(struct dxf_txlog *l, uint64_t seq)
{
	return dxf_txlog_store(l, TXLOG_DEAD_AT, &seq, sizeof(seq),
			       DXF_PERSIST_TEMPORAL);
}

/* Append the staged words of @line at @p.  Returns: behind them. */
static char *put_record(char *p, const struct dxf_line *line)
{
	uint64_t head = TXLOG_HEAD(line->off, line->mask);
	char *old = p + sizeof(head) +
		(size_t)__builtin_popcount(line->mask) * DXF_WORD;

	memcpy(p, &head, sizeof(head));
	p += sizeof(head);
	for (unsigned int w = 0; w < DXF_LINE_WORDS; w++) {
		if ((line->mask >> w & 1) == 0)
			continue;
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
		if (s->lines[i].mask != 0)
			p = put_record(p, &s->lines[i]);
	h.len = (uint64_t)(p - start);
	assert(h.len <= dxf_txlog_capacity(l));
	memcpy(l->buf, &h, sizeof(h));
	h.csum = dxf_txlog_csum(&l->key, l->buf, sizeof(h) + h.len);
	memcpy(l->buf, &h, sizeof(h));
	/* Whole lines, so that all of it is non-temporal. */
	len = dxf_align_up(sizeof(h) + h.len, DXF_CACHELINE);
	len = DXF_MIN(len, l->size - TXLOG_SLOT_AT);
	memset(p, 0, len - (sizeof(h) + h.len));
	return dxf_txlog_store(l, TXLOG_SLOT_AT, l->buf, len,
			       DXF_PERSIST_DATA);
}

/* ---- sessions ---- */

/* A store into a hole of a full host would fail later, when it matters. */
static int populate(struct dxf_txlog *l)
{
	int err = 0;

	for (unsigned int i = 0; i < l->place.nruns && err == 0; i++)
		err = dxf_region_populate(l->region, l->place.run[i].off,
					  l->place.run[i].len);
	return err;
}

int dxf_txlog_format(struct dxf_txlog *l, uint64_t cookie)
{
	static const char zeros[TXLOG_SLOT_AT + sizeof(struct txlog_slot)];
	int err = populate(l);

	if (err == 0)
		err = dxf_txlog_store(l, 0, zeros, sizeof(zeros),
				      DXF_PERSIST_DATA);
	if (err < 0)
		return err;
	dxf_persist_fence(l->region);
	memset(&l->session, 0, sizeof(l->session));
	l->session.cookie = cookie;
	l->copy = 1;
	l->seq = random_seq();
	return new_session(l, DXF_TXLOG_CREATING, true);
}

void dxf_txlog_attach(struct dxf_txlog *l, struct dxf_txnmgr *m)
{
	assert(dxf_txlog_state(l) == DXF_TXLOG_CREATING ||
	       dxf_txlog_state(l) == DXF_TXLOG_MOUNTED);
	assert(m->log == NULL || m->log == l);
	m->log = l;
}

void dxf_txlog_detach(struct dxf_txlog *l, struct dxf_txnmgr *m)
{
	assert(m->log == NULL || m->log == l);
	m->log = NULL;
}

/* No slot is carried into a record with another key (L1). */
static int empty_slot(struct dxf_txlog *l)
{
	int err = dxf_txlog_zero_slot(l);

	if (err == 0 && !dxf_mutated(DXF_MUT_LOG_ZERO_FENCE))
		dxf_persist_fence(l->region);
	return err;
}

int dxf_txlog_begin(struct dxf_txlog *l, struct dxf_txnmgr *m, bool was_clean)
{
	int err = populate(l);

	if (err == 0)
		err = empty_slot(l);
	if (err == 0)
		err = new_session(l, DXF_TXLOG_MOUNTED, was_clean);
	if (err == 0)
		dxf_txlog_attach(l, m);
	return err;
}

int dxf_txlog_end(struct dxf_txlog *l, struct dxf_txnmgr *m)
{
	int err = empty_slot(l);

	if (err == 0)
		err = new_session(l, DXF_TXLOG_IDLE, false);
	if (err == 0)
		dxf_txlog_detach(l, m);
	return err;
}
