// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * session.c - the session record: whose log it is, and since when.
 *
 * Owns the record and the order in which a session begins and ends.
 *
 * Invariants:
 *   L1  the slot is emptied and that fenced before a record with another key
 *	 is written: no slot is carried into a session that is not its own
 *   L2  of the two copies the older one is overwritten, so that one is whole
 *	 at any time
 *   L3  sequence numbers never repeat: a session's first is above all that the
 *	 log was seen to hold
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "load.h"
#include "mutate.h"
#include "persist.h"
#include "txlog_priv.h"
#include "txn_priv.h"

/* More than were in flight when a session ended. */
#define SEQ_GAP		((uint64_t)1 << 20)

static uint64_t place_hash(const struct dxf_txlog *l)
{
	struct dxf_hash_key key = dxf_txlog_fs_key(l);

	return dxf_hash(&key, l->place.run,
			l->place.nruns * sizeof(l->place.run[0]));
}

static uint64_t session_csum(const struct dxf_txlog *l,
			     const struct txlog_session *s)
{
	struct dxf_hash_key key = dxf_txlog_fs_key(l);

	return dxf_hash(&key, s, offsetof(struct txlog_session, csum));
}

static uint8_t boot_id[16];

/* Once: the record is written again by a daemon that opens nothing any more. */
static void read_boot_id(void)
{
	DXF_CLEANUP_CLOSE int fd = open("/proc/sys/kernel/random/boot_id",
				   O_RDONLY | O_CLOEXEC);
	char text[36];
	int n = 0;

	if (fd < 0 || read(fd, text, sizeof(text)) != sizeof(text))
		return;
	for (size_t i = 0; i < sizeof(text) && n < 32; i++) {
		unsigned char c = (unsigned char)text[i], v;

		if (c == '-')
			continue;
		v = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
		boot_id[n / 2] |= (uint8_t)((v & 15) << (n % 2 ? 0 : 4));
		n++;
	}
	assert(n <= 32);
}

void dxf_txlog_boot_id(uint8_t id[16])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_boot_id);
	memcpy(id, boot_id, sizeof(boot_id));
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
	dxf_txlog_set_key(l);
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
					dxf_txlog_locate(l, at, sizeof(*s), &n),
					sizeof(*s));
	if (err < 0)
		return err;
	l->session = *s;
	l->copy = copy;
	dxf_txlog_set_key(l);
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
