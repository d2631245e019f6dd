// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recover.c - what an interrupted session left in the log, and bringing it to
 * its end.
 *
 * Reads a log that anybody may have written: every number is checked before it
 * is used.  Must not know what the records mean.
 *
 * Invariants (FORMAT.md has the argument):
 *   R1  nothing is applied unless the fingerprint fits and every word that the
 *	 slot would change still has its old or its new value
 *   R2  the slot stays as it is until what it says is in place and durable,
 *	 and the fingerprint after it is recorded
 *   R3  applying twice, or half and then again, comes to the same
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "load.h"
#include "mutate.h"
#include "persist.h"
#include "txlog_priv.h"
#include "txn_priv.h"

/* ---- the slot ---- */

struct pending {
	struct txlog_slot slot;
	bool whole;		/* a slot of this session, unharmed */
	bool dead;		/* ... and in place already */
	struct dxf_stage stage;	/* its lines, if it is not dead */
	bool disturbed;		/* R1: a word is neither old nor new */
};

static bool overlaps(const struct dxf_span *s, dxf_off_t off)
{
	return off < s->off + s->len && s->off < off + DXF_CACHELINE;
}

/* May a record change the line at @off? */
static bool target_ok(const struct dxf_txlog *l, dxf_off_t off)
{
	const struct dxf_txlog_place *p = &l->place;

	if (off >= p->fs_end || DXF_CACHELINE > p->fs_end - off)
		return false;
	for (unsigned int i = 0; i < p->nruns; i++)
		if (overlaps(&p->run[i], off))
			return false;
	for (unsigned int i = 0; i < p->nforbidden; i++)
		if (overlaps(&p->forbidden[i], off))
			return false;
	return true;
}

/* Is the payload a chain of records with good targets, in rising order? */
static bool records_ok(const struct dxf_txlog *l, const char *p, size_t len)
{
	uint64_t head, last = 0;

	for (size_t at = 0; at < len; at += dxf_txlog_record_bytes(TXLOG_HEAD_MASK(head))) {
		if (len - at < sizeof(head))
			return false;
		memcpy(&head, p + at, sizeof(head));
		if (dxf_txlog_record_bytes(TXLOG_HEAD_MASK(head)) > len - at ||
		    TXLOG_HEAD_MASK(head) == 0 ||
		    (at > 0 && head >> 8 <= last) ||
		    !target_ok(l, TXLOG_HEAD_OFF(head)))
			return false;
		last = head >> 8;
	}
	return len > 0;
}

static bool header_ok(const struct dxf_txlog *l, const struct txlog_slot *h)
{
	return h->magic == TXLOG_SLOT_MAGIC && h->seq >= l->session.first &&
	       h->len % DXF_WORD == 0 && h->len <= dxf_txlog_capacity(l);
}

static bool csum_ok(struct dxf_txlog *l, const struct txlog_slot *h)
{
	struct txlog_slot blank = *h;

	if (dxf_mutated(DXF_MUT_TXN_CSUM))
		return true;
	blank.csum = 0;
	memcpy(l->buf, &blank, sizeof(blank));
	return dxf_txlog_csum(&l->key, l->buf, sizeof(*h) + h->len) == h->csum;
}

/* Read and judge the slot; its records are in l->buf behind the header. */
static int read_slot(struct dxf_txlog *l, struct pending *p)
{
	struct txlog_slot *h = &p->slot;
	uint64_t dead;
	int err = dxf_txlog_read(l, TXLOG_SLOT_AT, h, sizeof(*h));

	if (err == 0)
		err = dxf_txlog_read(l, TXLOG_DEAD_AT, &dead, sizeof(dead));
	if (err < 0)
		return err;
	/* Numbers never repeat: what was seen is used up. */
	if (dead >= l->seq && dead < UINT64_MAX / 2)
		l->seq = dead + 1;
	if (!header_ok(l, h))
		return 0;
	err = dxf_txlog_read(l, TXLOG_SLOT_AT + sizeof(*h),
			     l->buf + sizeof(*h), h->len);
	if (err < 0)
		return err;
	p->whole = csum_ok(l, h) &&
		records_ok(l, l->buf + sizeof(*h), h->len);
	p->dead = p->whole && dead == h->seq &&
		!dxf_mutated(DXF_MUT_RECOVER_DEAD_CHECK);
	if (p->whole && h->seq >= l->seq)
		l->seq = h->seq + 1;
	return 0;
}

/* One record: its line goes into the stage, old as the media have it. */
static int stage_record(struct dxf_txlog *l, const char *rec,
			struct pending *p)
{
	uint8_t media[DXF_CACHELINE];
	const char *new, *old;
	struct dxf_line *line;
	uint64_t head;
	int err;

	memcpy(&head, rec, sizeof(head));
	err = dxf_load(l->region, TXLOG_HEAD_OFF(head), media, sizeof(media));
	if (err < 0)
		return err;
	line = dxf_stage_add(&p->stage, TXLOG_HEAD_OFF(head), media);
	if (line == NULL)
		return -ENOMEM;
	new = rec + sizeof(head);
	old = rec + (dxf_txlog_record_bytes(TXLOG_HEAD_MASK(head)) + sizeof(head)) / 2;
	line->mask = TXLOG_HEAD_MASK(head);
	for (unsigned int w = 0; w < DXF_LINE_WORDS; w++) {
		if ((line->mask >> w & 1) == 0)
			continue;
		if (memcmp(media + w * DXF_WORD, old, DXF_WORD) != 0 &&
		    memcmp(media + w * DXF_WORD, new, DXF_WORD) != 0)
			p->disturbed = true;			/* R1 */
		memcpy(line->new + w * DXF_WORD, new, DXF_WORD);
		new += DXF_WORD;
		old += DXF_WORD;
	}
	return 0;
}

static int stage_records(struct dxf_txlog *l, struct pending *p)
{
	const char *rec = l->buf + sizeof(p->slot);
	const char *end = rec + p->slot.len;
	uint64_t head;
	int err = 0;

	for (; rec < end && err == 0; rec += dxf_txlog_record_bytes(TXLOG_HEAD_MASK(head))) {
		memcpy(&head, rec, sizeof(head));
		err = stage_record(l, rec, p);
	}
	if (err == 0)
		dxf_stage_sort(&p->stage);
	return err;
}

/* ---- is it still our filesystem? ---- */

/* The newest fingerprint that was recorded, the session's own at first. */
static int last_print(struct dxf_txlog *l, uint64_t *print)
{
	uint64_t newest = l->session.first;

	*print = l->session.print;
	l->print_line = 0;
	for (unsigned int i = 0; i < 2; i++) {
		struct txlog_print p;
		int err = dxf_txlog_read(l, TXLOG_PRINT_AT +
					 i * TXLOG_PRINT_STEP, &p, sizeof(p));

		if (err < 0)
			return err;
		if (p.seq < newest ||
		    p.csum != dxf_txlog_csum(&l->key, &p,
					     offsetof(struct txlog_print,
						      csum)))
			continue;
		newest = p.seq;
		*print = p.print;
		l->print_line = i ^ 1;		/* the other one is next */
		if (p.seq >= l->seq)
			l->seq = p.seq + 1;
	}
	return 0;
}

/* Does the filesystem look as the session left it? */
static int fits(struct dxf_txlog *l, struct pending *p, bool *out)
{
	uint64_t want, is;
	int err = last_print(l, &want);

	if (err == 0 && p->whole && !p->dead) {
		want = p->slot.print;
		err = stage_records(l, p);
	}
	if (err == 0)
		err = dxf_txlog_fingerprint(l, &p->stage, &is);
	if (err == 0)
		*out = is == want && !p->disturbed && !dxf_txlog_has_moved(l);
	return err;
}

static bool other_boot(const struct dxf_txlog *l)
{
	uint8_t id[16];

	if (dxf_region_media(l->region) != DXF_MEDIA_PAGE)
		return false;
	dxf_txlog_boot_id(id);
	return memcmp(id, l->session.boot_id, sizeof(id)) != 0;
}

/* ---- applying ---- */

/*
 * Between the fence and the print: the fingerprint that the slot alone knew
 * must outlive the slot (R2).
 */
static int apply(struct dxf_txnmgr *m, struct dxf_txlog *l, struct pending *p)
{
	unsigned int flags = dxf_mutated(DXF_MUT_RECOVER_FLUSH) ?
		DXF_PERSIST_NOFLUSH : 0;
	int err = 0;

	for (uint32_t i = 0; i < p->stage.n && err == 0; i++) {
		const struct dxf_line *line = &p->stage.lines[i];

		err = dxf_line_store(l->region, line, line->new, flags);
		dxf_txnmgr_mark_dirty(m, line->off, DXF_CACHELINE);
	}
	if (err == 0 && !dxf_mutated(DXF_MUT_RECOVER_PRINT))
		err = dxf_txlog_write_print(l, p->slot.seq, p->slot.print);
	if (err == 0 && !dxf_mutated(DXF_MUT_RECOVER_FENCE))
		dxf_persist_fence(l->region);
	return err;
}

static int finish(struct dxf_txnmgr *m, struct dxf_txlog *l,
		  unsigned int flags, struct pending *p, bool *replayed)
{
	int err = 0;

	*replayed = p->whole && !p->dead;
	if (!*replayed)
		return 0;
	if (flags & DXF_RECOVER_OVERLAY)
		dxf_txnmgr_set_overlay(m, &p->stage);
	else
		err = apply(m, l, p);
	return err;
}

int dxf_txlog_recover(struct dxf_txnmgr *m, struct dxf_txlog *l,
		      unsigned int flags, enum dxf_recovery *out,
		      bool *replayed)
{
	struct pending p = { .whole = false };
	enum dxf_recovery found = DXF_RECOVERY_NONE;
	bool ours = false, did = false;
	int err;

	assert((flags & ~(unsigned int)DXF_RECOVER_OVERLAY) == 0);
	assert(m->log == NULL && m->overlay == NULL);
	if (dxf_txlog_state(l) == DXF_TXLOG_MOUNTED ||
	    dxf_txlog_state(l) == DXF_TXLOG_CREATING) {
		err = read_slot(l, &p);
		if (err == 0)
			err = fits(l, &p, &ours);
		if (err == 0)
			found = !ours ? DXF_RECOVERY_FOREIGN :
				other_boot(l) ? DXF_RECOVERY_REBOOT :
				DXF_RECOVERY_DONE;
		if (err == 0 && found == DXF_RECOVERY_DONE)
			err = finish(m, l, flags, &p, &did);
		dxf_stage_fini(&p.stage);
		if (err < 0)
			return err;
	}
	*out = found;
	*replayed = did;
	return 0;
}
