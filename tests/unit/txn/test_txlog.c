// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log's rules of FORMAT.md one by one: what makes a slot valid, whose it
 * is, what recovery does with it, and that a session leaves nothing behind.
 */
#include "txlog_rig.h"

#include <errno.h>
#include <stdlib.h>

#include "fault.h"
#include "load.h"
#include "persist.h"
#include "txn_priv.h"

static const dxf_off_t two[] = { RIG_DATA, RIG_DATA + 3000 };
static const dxf_off_t super[] = { RIG_WATCHED + 40 };

/* Nothing but the log changed since rig.crash. */
static void must_be_as_at_crash(void)
{
	uint8_t *now = rig_media();

	for (size_t i = 0; i < RIG_SPACE; i += 64) {
		bool log = false;

		for (unsigned int k = 0; k < rig.l->place.nruns; k++)
			log = log || (i >= rig.l->place.run[k].off &&
				      i < rig.l->place.run[k].off +
				      rig.l->place.run[k].len);
		ck_assert_msg(log || memcmp(now + i, rig.crash + i, 64) == 0,
			      "byte %zu", i);
	}
	free(now);
}

START_TEST(test_txlog_slot_is_replayed)
{
	rig_commit_to_slot(two, 2, 0x5a, 200);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert(rig.replayed);
	ck_assert(rig_is(two[0], 0x5a, 200) && rig_is(two[1], 0x5a, 200));
	ck_assert(rig_is(two[0] + 200, 0, 64));
	/* once more: the same */
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert(rig_is(two[0], 0x5a, 200) && rig_is(two[1], 0x5a, 200));
}
END_TEST

START_TEST(test_txlog_dead_slot_is_skipped)
{
	uint64_t seq = rig.l->seq;

	rig_commit_to_slot(two, 2, 0x5a, 200);
	rig_poke_log(TXLOG_DEAD_AT, &seq, sizeof(seq));
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert(!rig.replayed);
	ck_assert(rig_is(two[0], 0, 200));
}
END_TEST

START_TEST(test_txlog_commit_leaves_the_slot_dead)
{
	uint64_t seq = rig.l->seq, dead;

	rig_commit(two, 2, 0x5a, 200);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_DEAD_AT, &dead, 8), 0);
	ck_assert_uint_eq(dead, seq);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert(!rig.replayed);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
}
END_TEST

/* Torn at each word, on what an older slot left: never taken for whole. */
START_TEST(test_txlog_torn_slot_is_not_applied)
{
	uint8_t *old, *new;
	size_t len = 1024;

	rig_commit(two, 2, 0x11, 200);
	old = malloc(len);
	new = malloc(len);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT, old, len), 0);
	rig_commit_to_slot(two, 2, 0x5a, 200);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT, new, len), 0);
	for (size_t cut = 0; cut < len; cut += 8) {
		uint8_t mixed[1024];

		memcpy(mixed, old, len);
		memcpy(mixed, new, cut);
		if (memcmp(mixed, new, len) == 0)
			continue;
		rig_put(rig.crash);
		rig_poke_log(TXLOG_SLOT_AT, mixed, len);
		ck_assert_int_eq(rig_recover(0), 0);
		ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
		ck_assert(!rig.replayed);
		must_be_as_at_crash();
	}
	free(old);
	free(new);
}
END_TEST

/* Each bit that counts of header and records. */
START_TEST(test_txlog_flipped_slot_is_not_applied)
{
	struct txlog_slot h;
	size_t len;

	rig_commit_to_slot(two, 2, 0x5a, 24);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT, &h, sizeof(h)), 0);
	len = sizeof(h) + h.len;
	for (size_t bit = 0; bit < len * 8; bit += 3) {
		uint8_t b;

		rig_put(rig.crash);
		ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT + bit / 8,
						&b, 1), 0);
		b ^= (uint8_t)(1u << bit % 8);
		rig_poke_log(TXLOG_SLOT_AT + bit / 8, &b, 1);
		ck_assert_int_eq(rig_recover(0), 0);
		ck_assert_msg(!rig.replayed, "bit %zu", bit);
		must_be_as_at_crash();
	}
}
END_TEST

/* ---- slots that a hostile hand made, with a checksum that fits ---- */

struct forged {
	const char *why;
	uint64_t seq_less;		/* below the session's first */
	uint64_t len;			/* 0: what the records are */
	uint64_t head[3];
};

static const struct forged forged[] = {
	{ .why = "older than the session", .seq_less = 1,
	  .head = { TXLOG_HEAD(RIG_DATA, 1) } },
	{ .why = "no records", .len = UINT64_MAX },
	{ .why = "length above the slot", .len = 1 << 20,
	  .head = { TXLOG_HEAD(RIG_DATA, 1) } },
	{ .why = "length no multiple of a word", .len = 25,
	  .head = { TXLOG_HEAD(RIG_DATA, 1) } },
	{ .why = "record cut short", .len = 16,
	  .head = { TXLOG_HEAD(RIG_DATA, 1) } },
	{ .why = "a mask of nothing", .len = 24,
	  .head = { TXLOG_HEAD(RIG_DATA, 0) } },
	{ .why = "two of a line",
	  .head = { TXLOG_HEAD(RIG_DATA, 1), TXLOG_HEAD(RIG_DATA, 1) } },
	{ .why = "falling lines",
	  .head = { TXLOG_HEAD(RIG_DATA + 64, 1), TXLOG_HEAD(RIG_DATA, 1) } },
	{ .why = "behind the filesystem",
	  .head = { TXLOG_HEAD(RIG_FS_END, 1) } },
	{ .why = "far behind it", .head = { ~0xffull | 1 } },
	{ .why = "the log's head", .head = { TXLOG_HEAD(200 * 1024, 1) } },
	{ .why = "the log's last line",
	  .head = { TXLOG_HEAD(132 * 1024 - 64, 1) } },
	{ .why = "the log's inode",
	  .head = { TXLOG_HEAD(RIG_FORBIDDEN + 64, 1) } },
	{ .why = "one good, one bad",
	  .head = { TXLOG_HEAD(RIG_DATA, 1), TXLOG_HEAD(RIG_FS_END, 1) } },
};

static void write_forged(const struct forged *f)
{
	uint64_t words[64] = { 0 }, n = 0;
	struct txlog_slot h = {
		.magic = TXLOG_SLOT_MAGIC,
		.seq = rig.l->session.first - f->seq_less,
		.print = rig.l->session.print,
	};

	for (unsigned int i = 0; i < 3 && f->head[i] != 0; i++) {
		words[8 + n++] = f->head[i];
		words[8 + n++] = 0x6666666666666666u;	/* new; old: 0 */
		n++;
	}
	h.len = f->len == UINT64_MAX ? 0 : f->len != 0 ? f->len : n * 8;
	memcpy(words, &h, sizeof(h));
	h.csum = dxf_txlog_csum(&rig.l->key, words, h.len > sizeof(words) -
				sizeof(h) ? sizeof(words) : sizeof(h) + h.len);
	memcpy(words, &h, sizeof(h));
	rig_poke_log(TXLOG_SLOT_AT, words, sizeof(words));
}

START_TEST(test_txlog_forged_slot_is_not_applied)
{
	const struct forged *f = &forged[_i];

	write_forged(f);
	rig.crash = rig_media();
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_msg(!rig.replayed, "%s", f->why);
	must_be_as_at_crash();
}
END_TEST

/* The forger's means are good: without a fault in it a slot is applied. */
START_TEST(test_txlog_forged_without_fault_is_applied)
{
	const struct forged good = { .head = { TXLOG_HEAD(RIG_DATA, 1) } };

	write_forged(&good);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert(rig.replayed);
	ck_assert(rig_is(RIG_DATA, 0x66, 8));
}
END_TEST

/* ---- whose log it is ---- */

START_TEST(test_txlog_other_hand_on_a_target_discards)
{
	rig_commit_to_slot(two, 2, 0x5a, 200);
	rig_poke(two[1] + 64, "somebody", 8);
	free(rig.crash);
	rig.crash = rig_media();
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_FOREIGN);
	ck_assert(!rig.replayed);
	must_be_as_at_crash();
}
END_TEST

START_TEST(test_txlog_half_in_place_is_completed)
{
	char half[100];

	memset(half, 0x5a, sizeof(half));
	rig_commit_to_slot(two, 2, 0x5a, 200);
	rig_poke(two[0], half, 96);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert(rig_is(two[0], 0x5a, 200) && rig_is(two[1], 0x5a, 200));
}
END_TEST

/* Before, after a commit and with the slot pending; in the super, _i bytes in. */
START_TEST(test_txlog_other_hand_on_the_watched_discards)
{
	rig_commit(super, 1, 0x33, 8);
	if (_i == 1)
		rig_commit_to_slot(two, 1, 0x5a, 8);
	if (_i == 2)
		rig_commit_to_slot(super, 1, 0x44, 8);
	rig_poke(RIG_WATCHED + 1016, "somebody", 8);
	free(rig.crash);
	rig.crash = rig_media();
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_FOREIGN);
	ck_assert(!rig.replayed);
	must_be_as_at_crash();
}
END_TEST

START_TEST(test_txlog_own_change_of_the_watched_fits)
{
	for (int i = 1; i <= _i; i++)
		rig_commit(super, 1, i, 8);
	if (_i % 2 == 1)
		rig_commit_to_slot(super, 1, 0x77, 8);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert_int_eq(rig.replayed, _i % 2 == 1);
	/* and again, when the slot may be gone but its print is not */
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
}
END_TEST

/* So many lines that the watched range is looked up among them. */
START_TEST(test_txlog_large_transaction_with_the_watched_fits)
{
	dxf_off_t places[60];

	for (unsigned int i = 0; i < 59; i++)
		places[i] = RIG_DATA + (59 - i) * 320;
	places[59] = RIG_WATCHED + 40;
	rig_commit(places, 60, 0x21, 8);
	if (_i == 1)
		rig_commit_to_slot(places, 60, 0x22, 8);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
	ck_assert_int_eq(rig.replayed, _i == 1);
	ck_assert(rig_is(places[59], 0x21 + _i, 8));
}
END_TEST

/* A torn newest copy of the record leaves the one before it. */
START_TEST(test_txlog_one_torn_session_record)
{
	uint64_t at = TXLOG_SESSION_AT + rig.l->copy * TXLOG_SESSION_STEP;
	uint64_t turn = rig.l->session.turn, junk = 0x1234;

	rig_poke_log(at + offsetof(struct txlog_session, first), &junk, 8);
	rig_reopen();
	ck_assert_int_eq(dxf_txlog_state(rig.l), DXF_TXLOG_CREATING);
	ck_assert_uint_eq(rig.l->session.turn, turn - 1);
	at ^= TXLOG_SESSION_STEP;
	rig_poke_log(at + offsetof(struct txlog_session, first), &junk, 8);
	rig_reopen();
	ck_assert_int_eq(dxf_txlog_state(rig.l), DXF_TXLOG_INVALID);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_NONE);
}
END_TEST

START_TEST(test_txlog_of_another_filesystem_is_invalid)
{
	struct dxf_txlog_place p = rig_place();
	struct dxf_txlog *l;

	p.uuid[3] ^= 1;
	ck_assert_int_eq(dxf_txlog_open(&l, rig.r, &p), 0);
	ck_assert_int_eq(dxf_txlog_load(l), 0);
	ck_assert_int_eq(dxf_txlog_state(l), DXF_TXLOG_INVALID);
	dxf_txlog_close(l);
}
END_TEST

START_TEST(test_txlog_that_was_moved_is_foreign)
{
	struct dxf_txlog_place p = rig_place();
	struct dxf_span last = p.run[2];
	char *bytes = malloc(last.len);

	rig_commit_to_slot(two, 2, 0x5a, 200);
	ck_assert_int_eq(dxf_load(rig.r, last.off, bytes, last.len), 0);
	p.run[2].off = 150 * 1024;
	rig_poke(p.run[2].off, bytes, last.len);
	dxf_txlog_detach(rig.l, rig.m);
	dxf_txlog_close(rig.l);
	ck_assert_int_eq(dxf_txlog_open(&rig.l, rig.r, &p), 0);
	ck_assert_int_eq(dxf_txlog_load(rig.l), 0);
	ck_assert_int_eq(dxf_txlog_state(rig.l), DXF_TXLOG_MOUNTED);
	ck_assert_int_eq(dxf_txlog_recover(rig.m, rig.l, 0, &rig.found,
					   &rig.replayed), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_FOREIGN);
	ck_assert(!rig.replayed && rig_is(two[0], 0, 200));
	free(bytes);
}
END_TEST

START_TEST(test_txlog_bad_places_are_refused)
{
	struct dxf_txlog_place p[6];
	struct dxf_txlog *l;

	for (int i = 0; i < 6; i++)
		p[i] = rig_place();
	p[0].nruns = 0;
	p[1].run[1].off = RIG_SPACE - 1024;
	p[2].run[1].len = 512;
	p[3].run[1].off += 8;
	p[4].run[2].len = 8192;			/* less than the smallest log */
	p[5].fs_end = RIG_SPACE + 1;
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(dxf_txlog_open(&l, rig.r, &p[i]), -EINVAL);
}
END_TEST

START_TEST(test_txlog_too_many_runs_are_refused)
{
	struct dxf_txlog_place p = { .nruns = 0 };

	for (unsigned int i = 0; i < DXF_TXLOG_MAX_RUNS; i++)
		ck_assert(dxf_txlog_place_add(&p, i * 2048, 1024));
	ck_assert(dxf_txlog_place_add(&p, (DXF_TXLOG_MAX_RUNS - 1) * 2048 +
				      1024, 1024));	/* makes it longer */
	ck_assert(!dxf_txlog_place_add(&p, 1 << 20, 1024));
}
END_TEST

/* ---- what recovery does ---- */

START_TEST(test_txlog_overlay_changes_no_byte)
{
	uint8_t *now, got[200];

	rig_commit_to_slot(two, 2, 0x5a, 200);
	ck_assert_int_eq(rig_recover(DXF_RECOVER_OVERLAY), 0);
	ck_assert(rig.replayed);
	now = rig_media();
	ck_assert_mem_eq(now, rig.crash, RIG_SPACE);
	free(now);
	ck_assert_int_eq(dxf_txn_read(rig.m, two[1], got, sizeof(got)), 0);
	for (size_t i = 0; i < sizeof(got); i++)
		ck_assert_uint_eq(got[i], 0x5a);
	ck_assert(dxf_txnmgr_is_ro(rig.m));
}
END_TEST

/* The Nth load, store, allocation of recovery fails; the next one succeeds. */
START_TEST(test_txlog_recovery_survives_every_fault)
{
	const dxf_off_t places[] = { RIG_DATA, RIG_DATA + 3000,
				     RIG_WATCHED + 8 };
	bool hit = true;

	rig_commit_to_slot(places, 3, 0x5a, 200);
	for (uint64_t n = 1; hit; n++) {
		int err;

		rig_put(rig.crash);
		rig_reopen();
		dxf_fault_arm((enum dxf_fault_kind)_i, n);
		err = dxf_txlog_recover(rig.m, rig.l, 0, &rig.found,
					&rig.replayed);
		hit = dxf_fault_disarm();
		ck_assert_int_eq(err != 0, hit);
		ck_assert(err == 0 || err == -EIO || err == -ENOMEM);
		ck_assert_int_eq(rig_recover(0), 0);
		ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
		for (int i = 0; i < 3; i++)
			ck_assert(rig_is(places[i], 0x5a, 200));
	}
}
END_TEST

/* An unreadable log is not a torn one. */
START_TEST(test_txlog_unreadable_is_eio)
{
	static const uint64_t at[] = { TXLOG_DEAD_AT, TXLOG_SLOT_AT,
				       TXLOG_PRINT_AT };
	size_t n;

	rig_commit_to_slot(two, 2, 0x5a, 200);
	rig_reopen();
	dxf_region_add_bad(rig.r, dxf_txlog_locate(rig.l, at[_i], 8, &n), 8);
	rig.found = DXF_RECOVERY_NONE;
	ck_assert_int_eq(dxf_txlog_recover(rig.m, rig.l, 0, &rig.found,
					   &rig.replayed), -EIO);
	ck_assert(rig_is(two[0], 0, 200));
}
END_TEST

START_TEST(test_txlog_numbers_never_repeat)
{
	uint64_t seen = rig.l->seq;

	for (int i = 0; i < 5; i++) {
		rig_commit_to_slot(two, 2, 1 + i, 16);
		seen = DXF_MAX(seen, rig.l->seq - 1);
		ck_assert_int_eq(rig_recover(0), 0);
		ck_assert_int_eq(dxf_txlog_begin(rig.l, rig.m, true), 0);
		ck_assert_uint_gt(rig.l->seq, seen);
	}
}
END_TEST

/* A slot of the session before is no slot of this one, whatever happens. */
START_TEST(test_txlog_old_slot_is_not_carried_over)
{
	struct txlog_slot h;
	uint8_t *slot = malloc(4096);

	rig_commit_to_slot(two, 2, 0x5a, 200);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT, slot, 4096), 0);
	rig_reopen();				/* without recovery */
	ck_assert_int_eq(dxf_txlog_begin(rig.l, rig.m, true), 0);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT, &h, sizeof(h)), 0);
	ck_assert_uint_eq(h.magic, 0);
	rig_poke_log(TXLOG_SLOT_AT, slot, 4096);	/* as if it were not */
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert(!rig.replayed);
	ck_assert(rig_is(two[0], 0, 200));
	free(slot);
}
END_TEST

START_TEST(test_txlog_end_leaves_nothing_to_recover)
{
	rig_commit(two, 2, 0x5a, 200);
	ck_assert_int_eq(dxf_txlog_end(rig.l, rig.m), 0);
	ck_assert_ptr_null(rig.m->log);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(dxf_txlog_state(rig.l), DXF_TXLOG_IDLE);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_NONE);
	ck_assert_uint_eq(dxf_txlog_cookie(rig.l), 77);
}
END_TEST

/* ---- what a transaction may hold ---- */

START_TEST(test_txlog_transaction_above_the_slot_is_efbig)
{
	uint64_t room = dxf_txlog_capacity(rig.l) / 24;
	struct dxf_txn *t;
	uint64_t n;

	ck_assert_int_eq(dxf_txn_begin(rig.m, 0, &t), 0);
	/* A word in a line of its own is 24 bytes of the slot. */
	for (n = 0; n < room; n++)
		ck_assert_int_eq(dxf_txn_store(t, RIG_DATA + n * 64, "12345678",
					       8), 0);
	ck_assert(!dxf_txn_has_room(t, 8));
	ck_assert_int_eq(dxf_txn_store(t, RIG_DATA + n * 64, "12345678", 8),
			 -EFBIG);
	dxf_txn_abort(t);
	ck_assert(rig_is(RIG_DATA, 0, 4096));
	/* What just fits is committed, and found. */
	ck_assert_int_eq(dxf_txn_begin(rig.m, 0, &t), 0);
	for (n = 0; n < room; n++)
		ck_assert_int_eq(dxf_txn_store(t, RIG_DATA + n * 64, "12345678",
					       8), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
	ck_assert_int_eq(rig_recover(0), 0);
	ck_assert_int_eq(rig.found, DXF_RECOVERY_DONE);
}
END_TEST

static void add_rules(TCase *tc)
{
	tcase_add_test(tc, test_txlog_slot_is_replayed);
	tcase_add_test(tc, test_txlog_dead_slot_is_skipped);
	tcase_add_test(tc, test_txlog_commit_leaves_the_slot_dead);
	tcase_add_test(tc, test_txlog_torn_slot_is_not_applied);
	tcase_add_test(tc, test_txlog_flipped_slot_is_not_applied);
	tcase_add_loop_test(tc, test_txlog_forged_slot_is_not_applied, 0,
			    (int)DXF_ARRAY_SIZE(forged));
	tcase_add_test(tc, test_txlog_forged_without_fault_is_applied);
	tcase_add_test(tc, test_txlog_transaction_above_the_slot_is_efbig);
}

static void add_sessions(TCase *tc)
{
	tcase_add_test(tc, test_txlog_other_hand_on_a_target_discards);
	tcase_add_test(tc, test_txlog_half_in_place_is_completed);
	tcase_add_loop_test(tc, test_txlog_other_hand_on_the_watched_discards,
			    0, 3);
	tcase_add_loop_test(tc, test_txlog_own_change_of_the_watched_fits, 0, 6);
	tcase_add_loop_test(tc, test_txlog_large_transaction_with_the_watched_fits,
			    0, 2);
	tcase_add_test(tc, test_txlog_one_torn_session_record);
	tcase_add_test(tc, test_txlog_of_another_filesystem_is_invalid);
	tcase_add_test(tc, test_txlog_that_was_moved_is_foreign);
	tcase_add_test(tc, test_txlog_bad_places_are_refused);
	tcase_add_test(tc, test_txlog_too_many_runs_are_refused);
	tcase_add_test(tc, test_txlog_overlay_changes_no_byte);
	tcase_add_loop_test(tc, test_txlog_recovery_survives_every_fault,
			    DXF_FAULT_ALLOC, DXF_FAULT_PERSIST + 1);
	tcase_add_loop_test(tc, test_txlog_unreadable_is_eio, 0, 3);
	tcase_add_test(tc, test_txlog_numbers_never_repeat);
	tcase_add_test(tc, test_txlog_old_slot_is_not_carried_over);
	tcase_add_test(tc, test_txlog_end_leaves_nothing_to_recover);
}

int main(void)
{
	Suite *suite = suite_create("txlog");
	TCase *tc = tcase_create("txlog");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 60);
	add_rules(tc);
	add_sessions(tc);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
