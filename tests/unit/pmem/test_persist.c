/* SPDX-License-Identifier: GPL-2.0-or-later */
/* persist: its calls, flags, hooks, counters and failures. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "pmem_rig.h"
#include "region_priv.h"

static struct dxf_region *r;

static void setup(void)
{
	rig_setup();
	r = rig_anon(RIG_SIZE, true);
}

static void teardown(void)
{
	dxf_region_close(r);
	rig_teardown();
}

static void must_read(dxf_off_t off, const void *want, size_t len)
{
	char got[64];

	ck_assert_uint_le(len, sizeof(got));
	ck_assert_int_eq(dxf_load(r, off, got, len), 0);
	ck_assert_int_eq(memcmp(got, want, len), 0);
}

START_TEST(test_store_outside_is_erange)
{
	static const struct {
		uint64_t off, len;
	} bad[] = {
		{ RIG_SIZE, 1 }, { RIG_SIZE - 1, 2 }, { UINT64_MAX, 2 },
		{ 8, UINT64_MAX }, { RIG_SIZE + 1, 0 },
	};
	uint64_t off = bad[_i].off, len = bad[_i].len;

	ck_assert_int_eq(dxf_persist_copy(r, off, r, len, 0), -ERANGE);
	ck_assert_int_eq(dxf_persist_zero(r, off, len, 0), -ERANGE);
	ck_assert_int_eq(dxf_persist_move(r, off, 0, len, 0), -ERANGE);
	ck_assert_int_eq(dxf_persist_move(r, 0, off, len, 0), -ERANGE);
}
END_TEST

START_TEST(test_flush_from_outside_is_erange_past_the_end_not)
{
	ck_assert_int_eq(dxf_persist_flush(r, RIG_SIZE + 1, 1), -ERANGE);
	ck_assert_int_eq(dxf_persist_msync(r, RIG_SIZE + 1, 1), -ERANGE);
	ck_assert_int_eq(dxf_persist_msync_start(r, RIG_SIZE + 1, 1),
			 -ERANGE);
	ck_assert_int_eq(dxf_persist_flush(r, RIG_SIZE - 1, 4096), 0);
	ck_assert_int_eq(dxf_persist_msync(r, RIG_SIZE - 1, UINT64_MAX), 0);
	ck_assert_int_eq(dxf_persist_msync_start(r, RIG_SIZE - 1, 4096), 0);
}
END_TEST

START_TEST(test_store_with_unknown_flags_is_einval)
{
	ck_assert_int_eq(dxf_persist_copy(r, 0, "x", 1, 1 << 3), -EINVAL);
	ck_assert_int_eq(dxf_persist_zero(r, 0, 1, 1u << 31), -EINVAL);
	ck_assert_int_eq(dxf_persist_move(r, 0, 9, 1, 1 << 3), -EINVAL);
}
END_TEST

/* ---- the fault plan ---- */

static int call(int which)
{
	switch (which) {
	case 0:
		return dxf_persist_copy(r, 0, "new", 3, 0);
	case 1:
		return dxf_persist_zero(r, 0, 3, 0);
	case 2:
		return dxf_persist_move(r, 0, 4096, 3, 0);
	case 3:
		return dxf_persist_flush(r, 0, 3);
	default:
		return dxf_persist_msync(r, 0, 3);
	}
}

static int nevents;

static void count_event(void *ctx, const struct dxf_persist_event *ev)
{
	nevents++;
}

START_TEST(test_call_under_plan_is_eio_and_stores_nothing)
{
	ck_assert_int_eq(dxf_persist_copy(r, 0, "old", 3, 0), 0);
	dxf_persist_set_hook(r, count_event, NULL);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	ck_assert_int_eq(call(_i), -EIO);
	ck_assert(dxf_fault_disarm());
	dxf_persist_set_hook(r, NULL, NULL);
	/* A failed msync has fenced: that can do no harm. */
	ck_assert_int_eq(nevents, _i == 4);
	must_read(0, "old", 3);
	ck_assert_int_eq(call(_i), 0);
}
END_TEST

/* ---- hooks ---- */

#define MAX_EVENTS	16

static struct dxf_persist_event events[MAX_EVENTS];

static void record(void *ctx, const struct dxf_persist_event *ev)
{
	ck_assert_ptr_eq(ctx, &nevents);
	ck_assert_int_lt(nevents, MAX_EVENTS);
	/* The hook comes first: media is as it was before. */
	if (ev->op == DXF_PERSIST_OP_COPY || ev->op == DXF_PERSIST_OP_ZERO)
		must_read(0, "old", 3);
	events[nevents++] = *ev;
}

static const enum dxf_persist_op op_of[] = {
	DXF_PERSIST_OP_COPY, DXF_PERSIST_OP_ZERO, DXF_PERSIST_OP_COPY,
	DXF_PERSIST_OP_FLUSH, DXF_PERSIST_OP_FLUSH,
};

START_TEST(test_hook_sees_each_call_before_its_effect)
{
	ck_assert_int_eq(dxf_persist_copy(r, 0, "old", 3, 0), 0);
	dxf_persist_set_hook(r, record, &nevents);
	ck_assert_int_eq(call(_i), 0);
	dxf_persist_set_hook(r, NULL, NULL);
	ck_assert_int_eq(nevents, _i == 4 ? 2 : 1);
	ck_assert_int_eq(events[0].op, op_of[_i]);
	ck_assert_uint_eq(events[0].off, 0);
	ck_assert_uint_eq(events[0].len, 3);
	if (_i == 0)
		ck_assert_int_eq(memcmp(events[0].src, "new", 3), 0);
	if (_i == 4)
		ck_assert_int_eq(events[1].op, DXF_PERSIST_OP_FENCE);
}
END_TEST

START_TEST(test_hook_points_are_numbered_without_gaps)
{
	ck_assert_int_eq(dxf_persist_copy(r, 0, "old", 3, 0), 0);
	dxf_persist_set_hook(r, record, &nevents);
	dxf_persist_copy(r, 4096, "a", 1, DXF_PERSIST_TEMPORAL);
	dxf_persist_copy(r, 4096, "a", 0, 0);	/* of nothing: no point */
	dxf_persist_flush(r, 4096, 1);
	dxf_persist_fence(r);
	dxf_persist_set_hook(r, NULL, NULL);
	ck_assert_int_eq(nevents, 3);
	for (int i = 1; i < nevents; i++)
		ck_assert_uint_eq(events[i].point, events[i - 1].point + 1);
	ck_assert_uint_eq(events[0].flags, DXF_PERSIST_TEMPORAL);
}
END_TEST

/* ---- many pieces ---- */

static const struct dxf_persist_piece pieces[] = {
	{ 0, "one", 3 }, { 60, "two lines", 9 }, { 4096, "three", 5 },
};

#define NPIECES		3

static enum dxf_persist_trace_op traced[2 * NPIECES];
static int ntraced;

static void note_trace(void *ctx, const struct dxf_persist_trace *tr)
{
	ck_assert_int_lt(ntraced, 2 * NPIECES);
	ck_assert_uint_eq(tr->off, pieces[ntraced % NPIECES].off);
	traced[ntraced++] = tr->op;
}

START_TEST(test_pieces_are_stored_first_and_flushed_then)
{
	struct dxf_persist_stats a, b;

	ntraced = 0;
	dxf_persist_get_stats(r, &a);
	dxf_persist_set_trace(r, note_trace, NULL);
	ck_assert_int_eq(dxf_persist_copy_many(r, pieces, NPIECES, 0), 0);
	dxf_persist_set_trace(r, NULL, NULL);
	dxf_persist_get_stats(r, &b);
	for (int i = 0; i < NPIECES; i++)
		must_read(pieces[i].off, pieces[i].src, pieces[i].len);
	ck_assert_int_eq(ntraced, 2 * NPIECES);
	for (int i = 0; i < ntraced; i++)
		ck_assert_int_eq(traced[i], i < NPIECES ?
				 DXF_PERSIST_TRACE_STORE :
				 DXF_PERSIST_TRACE_FLUSH);
	ck_assert_uint_eq(b.calls[DXF_PERSIST_OP_COPY] -
			  a.calls[DXF_PERSIST_OP_COPY], NPIECES);
	ck_assert_uint_eq(b.bytes_stored - a.bytes_stored, 17);
	ck_assert_uint_eq(b.bytes_nt - a.bytes_nt, 0);
	ck_assert_uint_eq(b.lines_flushed - a.lines_flushed, 4);
}
END_TEST

START_TEST(test_pieces_with_noflush_are_not_flushed)
{
	struct dxf_persist_stats a, b;

	dxf_persist_get_stats(r, &a);
	ck_assert_int_eq(dxf_persist_copy_many(r, pieces, NPIECES,
					       DXF_PERSIST_NOFLUSH), 0);
	dxf_persist_get_stats(r, &b);
	ck_assert_uint_eq(b.lines_flushed, a.lines_flushed);
	must_read(4096, "three", 5);
}
END_TEST

/* The @_i-th fails: those before it are stored, none behind it. */
START_TEST(test_pieces_end_at_the_first_that_fails)
{
	struct dxf_persist_piece v[NPIECES];

	memcpy(v, pieces, sizeof(v));
	v[_i].off = RIG_SIZE - 1;
	ck_assert_int_eq(dxf_persist_copy_many(r, v, NPIECES, 0), -ERANGE);
	dxf_fault_arm(DXF_FAULT_PERSIST, (uint64_t)_i + 1);
	ck_assert_int_eq(dxf_persist_copy_many(r, pieces, NPIECES, 0), -EIO);
	ck_assert(dxf_fault_disarm());
	for (int i = 0; i < NPIECES; i++)
		must_read(pieces[i].off, i < _i ? pieces[i].src :
			  "\0\0\0\0\0\0\0\0\0", pieces[i].len);
}
END_TEST

START_TEST(test_pieces_with_unknown_flags_are_einval)
{
	ck_assert_int_eq(dxf_persist_copy_many(r, pieces, NPIECES,
					       DXF_PERSIST_TEMPORAL), -EINVAL);
	must_read(0, "\0\0", 3);
}
END_TEST

/* ---- bytes and zeros behind them ---- */

static const struct {
	uint64_t off;
	size_t len, pad;
	uint64_t nt, flushed;
} padded[] = {
	/* the line in which they meet is stored whole */
	{ 4096, 1000, 3096, 4096, 0 },
	{ 4096, 65, 127, 64, 2 },
	{ 4096, 72, 56, 64, 1 },
	{ 4096, 3, 4093, 4096, 0 },
	{ 4104, 1000, 3088, 4032, 1 },
	/* they meet at a line's end, in the first or the last line */
	{ 4096, 512, 3584, 4096, 0 },
	{ 4104, 8, 4080, 4032, 2 },
	{ 4096, 1000, 8, 960, 2 },
	{ 4096, 1000, 0, 960, 1 },
};

START_TEST(test_padded_bytes_have_zeros_behind_and_share_a_line)
{
	size_t len = padded[_i].len, pad = padded[_i].pad;
	dxf_off_t off = padded[_i].off;
	struct dxf_persist_stats a, b;
	char was[16384], want[16384];

	memset(was, 7, sizeof(was));
	ck_assert_int_eq(dxf_persist_copy(r, 0, was, sizeof(was), 0), 0);
	memset(want, 7, sizeof(want));
	memset(want + off, 9, len);
	memset(want + off + len, 0, pad);
	memset(was, 9, len);
	dxf_persist_get_stats(r, &a);
	ck_assert_int_eq(dxf_persist_copy_padded(r, off, was, len, pad), 0);
	dxf_persist_get_stats(r, &b);
	ck_assert_int_eq(dxf_load(r, 0, was, sizeof(was)), 0);
	ck_assert_int_eq(memcmp(was, want, sizeof(want)), 0);
	ck_assert_uint_eq(b.bytes_stored - a.bytes_stored, len + pad);
	ck_assert_uint_eq(b.bytes_nt - a.bytes_nt, padded[_i].nt);
	ck_assert_uint_eq(b.lines_flushed - a.lines_flushed,
			  padded[_i].flushed);
}
END_TEST

START_TEST(test_padded_bytes_under_plan_are_not_stored)
{
	char ones[1000];

	memset(ones, 1, sizeof(ones));
	ck_assert_int_eq(dxf_persist_copy_padded(r, RIG_SIZE - 4096, ones,
						 sizeof(ones), 4096), -ERANGE);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	ck_assert_int_eq(dxf_persist_copy_padded(r, 0, ones, sizeof(ones), 96),
			 -EIO);
	ck_assert(dxf_fault_disarm());
	must_read(0, "\0\0", 3);
}
END_TEST

/* ---- counters: they show what was stored how ---- */

static struct dxf_persist_stats delta(dxf_off_t off, size_t len,
				      unsigned int flags)
{
	struct dxf_persist_stats a, b;
	char *src = calloc(1, len);

	dxf_persist_get_stats(r, &a);
	ck_assert_int_eq(dxf_persist_copy(r, off, src, len, flags), 0);
	dxf_persist_get_stats(r, &b);
	free(src);
	b.bytes_stored -= a.bytes_stored;
	b.bytes_nt -= a.bytes_nt;
	b.lines_flushed -= a.lines_flushed;
	return b;
}

static const struct {
	uint64_t off;
	size_t len;
	unsigned int flags;
	uint64_t nt, flushed;
} expect[] = {
	/* aligned bulk: no line is flushed */
	{ 0, 4096, DXF_PERSIST_DATA, 4096, 0 },
	{ 0, 4096, DXF_PERSIST_NOFLUSH, 4096, 0 },
	/* edges are stored ordinarily and flushed at once, or left */
	{ 8, 4096, DXF_PERSIST_DATA, 4032, 2 },
	{ 8, 4096, DXF_PERSIST_NOFLUSH, 4032, 0 },
	{ 0, 4100, DXF_PERSIST_DATA, 4096, 1 },
	{ 60, 4100, DXF_PERSIST_DATA, 4096, 1 },
	/* little is stored ordinarily */
	{ 0, 64, DXF_PERSIST_DATA, 0, 1 },
	{ 62, 4, DXF_PERSIST_DATA, 0, 2 },
	{ 62, 4, DXF_PERSIST_NOFLUSH, 0, 0 },
	/* ... and flushed as far as it covers whole lines */
	{ 60, 72, DXF_PERSIST_NOFLUSH, 0, 1 },
	/* metadata */
	{ 0, 4096, DXF_PERSIST_TEMPORAL, 0, 64 },
	{ 1, 4096, DXF_PERSIST_TEMPORAL, 0, 65 },
	{ 0, 4096, DXF_PERSIST_TEMPORAL | DXF_PERSIST_NOFLUSH, 0, 0 },
};

START_TEST(test_store_is_non_temporal_by_size_and_alignment)
{
	struct dxf_persist_stats d = delta(expect[_i].off, expect[_i].len,
					   expect[_i].flags);

	ck_assert_uint_eq(d.bytes_stored, expect[_i].len);
	ck_assert_uint_eq(d.bytes_nt, expect[_i].nt);
	ck_assert_uint_eq(d.lines_flushed, expect[_i].flushed);
}
END_TEST

START_TEST(test_stats_count_calls_by_kind)
{
	struct dxf_persist_stats a, b;

	dxf_persist_get_stats(r, &a);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(call(i), 0);
	dxf_persist_get_stats(r, &b);
	ck_assert_uint_eq(b.calls[DXF_PERSIST_OP_COPY] -
			  a.calls[DXF_PERSIST_OP_COPY], 2);
	ck_assert_uint_eq(b.calls[DXF_PERSIST_OP_ZERO] -
			  a.calls[DXF_PERSIST_OP_ZERO], 1);
	ck_assert_uint_eq(b.calls[DXF_PERSIST_OP_FLUSH] -
			  a.calls[DXF_PERSIST_OP_FLUSH], 2);
	ck_assert_uint_eq(b.calls[DXF_PERSIST_OP_FENCE] -
			  a.calls[DXF_PERSIST_OP_FENCE], 1);
	ck_assert_uint_eq(b.calls[DXF_PERSIST_OP_MSYNC], 0);
}
END_TEST

static void *fence_often(void *arg)
{
	for (int i = 0; i < 100; i++)
		dxf_persist_fence(r);
	return NULL;
}

/* More threads than shares, one after the other and at once. */
START_TEST(test_stats_of_many_threads_add_up)
{
	struct dxf_persist_stats s;
	pthread_t t[50];

	for (size_t i = 0; i < DXF_ARRAY_SIZE(t); i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, fence_often,
						NULL), 0);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	dxf_persist_get_stats(r, &s);
	ck_assert_uint_eq(s.calls[DXF_PERSIST_OP_FENCE], 5000);
}
END_TEST

/* ---- page media ---- */

START_TEST(test_page_media_store_flushes_nothing_and_msyncs)
{
	const char *image = rig_image(rig_disk, RIG_SIZE, false);
	struct dxf_region *p = rig_open(image, false, DXF_GRANULARITY_PAGE);
	struct dxf_persist_stats s;
	char got[4];
	int fd;

	dxf_persist_set_hook(p, count_event, NULL);
	ck_assert_int_eq(dxf_persist_copy(p, 8190, "data", 4, 0), 0);
	ck_assert_int_eq(dxf_persist_zero(p, 65536, 65536, 0), 0);
	ck_assert_int_eq(dxf_persist_flush(p, 8190, 4), 0);
	ck_assert_int_eq(dxf_persist_msync_start(p, 8190, 4), 0);
	ck_assert_int_eq(dxf_persist_msync_wait(p, 8190, 4), 0);
	ck_assert_int_eq(dxf_persist_msync_wait(p, RIG_SIZE - 1, 4096), 0);
	ck_assert_int_eq(dxf_persist_msync_wait(p, RIG_SIZE + 1, 1), -ERANGE);
	ck_assert_int_eq(dxf_persist_msync(p, 8190, 4), 0);
	dxf_persist_get_stats(p, &s);
	ck_assert_uint_eq(s.bytes_nt + s.lines_flushed, 0);
	ck_assert_uint_eq(s.calls[DXF_PERSIST_OP_START], 1);
	ck_assert_uint_eq(s.calls[DXF_PERSIST_OP_WAIT], 2);
	ck_assert_uint_eq(s.calls[DXF_PERSIST_OP_MSYNC], 1);
	ck_assert_int_eq(nevents, 7);
	dxf_fault_arm(DXF_FAULT_PERSIST, 1);
	ck_assert_int_eq(dxf_persist_msync(p, 0, 4096), -EIO);
	dxf_fault_disarm();
	dxf_region_close(p);
	fd = open(image, O_RDONLY);
	ck_assert_int_eq(pread(fd, got, 4, 8190), 4);
	ck_assert_int_eq(memcmp(got, "data", 4), 0);
	close(fd);
}
END_TEST

START_TEST(test_byte_granularity_flushes_nothing)
{
	struct dxf_region *b = rig_open(rig_image(rig_shm, RIG_SIZE, false),
					false, DXF_GRANULARITY_BYTE);
	char got[4];

	ck_assert_int_eq(dxf_persist_copy(b, 3, "data", 4, 0), 0);
	ck_assert_int_eq(dxf_persist_flush(b, 3, 4), 0);
	dxf_persist_fence(b);
	ck_assert_int_eq(dxf_load(b, 3, got, 4), 0);
	ck_assert_int_eq(memcmp(got, "data", 4), 0);
	dxf_region_close(b);
}
END_TEST

static TCase *calls(void)
{
	TCase *tc = tcase_create("calls");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_store_outside_is_erange, 0, 5);
	tcase_add_test(tc,
		       test_flush_from_outside_is_erange_past_the_end_not);
	tcase_add_test(tc, test_store_with_unknown_flags_is_einval);
	tcase_add_loop_test(tc,
			    test_call_under_plan_is_eio_and_stores_nothing,
			    0, 5);
	tcase_add_loop_test(tc, test_hook_sees_each_call_before_its_effect, 0,
			    5);
	tcase_add_test(tc, test_hook_points_are_numbered_without_gaps);
	tcase_add_loop_test(tc,
			    test_store_is_non_temporal_by_size_and_alignment,
			    0, DXF_ARRAY_SIZE(expect));
	tcase_add_test(tc, test_pieces_are_stored_first_and_flushed_then);
	tcase_add_test(tc, test_pieces_with_noflush_are_not_flushed);
	tcase_add_loop_test(tc, test_pieces_end_at_the_first_that_fails, 0,
			    NPIECES);
	tcase_add_test(tc, test_pieces_with_unknown_flags_are_einval);
	tcase_add_loop_test(tc,
		test_padded_bytes_have_zeros_behind_and_share_a_line, 0,
		DXF_ARRAY_SIZE(padded));
	tcase_add_test(tc, test_padded_bytes_under_plan_are_not_stored);
	tcase_add_test(tc, test_stats_count_calls_by_kind);
	tcase_add_test(tc, test_stats_of_many_threads_add_up);
	tcase_add_test(tc, test_page_media_store_flushes_nothing_and_msyncs);
	tcase_add_test(tc, test_byte_granularity_flushes_nothing);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("persist");

	suite_add_tcase(suite, calls());
	return rig_run(suite);
}
