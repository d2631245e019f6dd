// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * txlog_rig.c - see txlog_rig.h.
 */
#include "txlog_rig.h"

#include <stdlib.h>

#include "load.h"
#include "log.h"
#include "persist.h"

struct rig rig;

static void quiet(void *ctx, enum dxf_log_level level, const char *text)
{
}

struct dxf_txlog_place rig_place(void)
{
	struct dxf_txlog_place p = {
		.forbidden = { { RIG_FORBIDDEN, RIG_FORBIDDEN_LEN } },
		.nforbidden = 1,
		.watched = { RIG_WATCHED, 1024 },
		.fs_end = RIG_FS_END,
		.uuid = "0123456789abcde",
	};

	/* The head is in one piece; the slot begins in it and ends in the last. */
	ck_assert(dxf_txlog_place_add(&p, 200 * 1024, 3 * 1024));
	ck_assert(dxf_txlog_place_add(&p, 64 * 1024, 5 * 1024));
	ck_assert(dxf_txlog_place_add(&p, 100 * 1024, 32 * 1024));
	return p;
}

void rig_reopen(void)
{
	struct dxf_txlog_place p = rig_place();

	dxf_txlog_close(rig.l);
	dxf_txnmgr_close(rig.m);
	rig.l = NULL;
	rig.m = NULL;
	ck_assert_int_eq(dxf_txnmgr_open(&rig.m, rig.r), 0);
	ck_assert_int_eq(dxf_txlog_open(&rig.l, rig.r, &p), 0);
	ck_assert_int_eq(dxf_txlog_load(rig.l), 0);
}

int rig_recover(unsigned int flags)
{
	rig_reopen();
	rig.replayed = false;
	return dxf_txlog_recover(rig.m, rig.l, flags, &rig.found,
				 &rig.replayed);
}

void rig_setup(void)
{
	dxf_log_set_sink(quiet, NULL);
	memset(&rig, 0, sizeof(rig));
	ck_assert_int_eq(dxf_region_open_anon(&rig.r, RIG_SPACE, true), 0);
	rig_reopen();
	ck_assert_int_eq(dxf_txlog_format(rig.l, 77), 0);
	ck_assert_int_eq(dxf_txlog_begin(rig.l, rig.m, true), 0);
}

void rig_teardown(void)
{
	dxf_txlog_close(rig.l);
	dxf_txnmgr_close(rig.m);
	dxf_region_close(rig.r);
	free(rig.crash);
}

uint8_t *rig_media(void)
{
	uint8_t *p = malloc(RIG_SPACE);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(dxf_load(rig.r, 0, p, RIG_SPACE), 0);
	return p;
}

void rig_poke(dxf_off_t off, const void *buf, size_t len)
{
	ck_assert_int_eq(dxf_persist_copy(rig.r, off, buf, len, 0), 0);
	dxf_persist_fence(rig.r);
}

void rig_poke_log(uint64_t at, const void *buf, size_t len)
{
	ck_assert_int_eq(dxf_txlog_store(rig.l, at, buf, len, 0), 0);
	dxf_persist_fence(rig.r);
}

void rig_put(const uint8_t *media)
{
	rig_poke(0, media, RIG_SPACE);
}

bool rig_is(dxf_off_t off, int byte, size_t len)
{
	uint8_t got[4096];

	ck_assert_uint_le(len, sizeof(got));
	ck_assert_int_eq(dxf_load(rig.r, off, got, len), 0);
	for (size_t i = 0; i < len; i++)
		if (got[i] != (uint8_t)byte)
			return false;
	return true;
}

void rig_commit(const dxf_off_t *off, unsigned int n, int byte, size_t len)
{
	uint8_t buf[4096];
	struct dxf_txn *t;

	ck_assert_uint_le(len, sizeof(buf));
	memset(buf, byte, len);
	ck_assert_int_eq(dxf_txn_begin(rig.m, 0, &t), 0);
	for (unsigned int i = 0; i < n; i++)
		ck_assert_int_eq(dxf_txn_store(t, off[i], buf, len), 0);
	ck_assert_int_eq(dxf_txn_commit(t), 0);
}

void rig_commit_to_slot(const dxf_off_t *off, unsigned int n, int byte,
			size_t len)
{
	uint8_t *before = rig_media(), *slot = malloc(rig.l->size);

	ck_assert_ptr_nonnull(slot);
	rig_commit(off, n, byte, len);
	ck_assert_int_eq(dxf_txlog_read(rig.l, TXLOG_SLOT_AT, slot,
					rig.l->size - TXLOG_SLOT_AT), 0);
	rig_put(before);
	rig_poke_log(TXLOG_SLOT_AT, slot, rig.l->size - TXLOG_SLOT_AT);
	free(rig.crash);
	rig.crash = rig_media();
	free(slot);
	free(before);
}
