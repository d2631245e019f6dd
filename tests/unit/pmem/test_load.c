/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guarded loads: what they copy, and what they survive. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "guard.h"
#include "pmem_rig.h"

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

/* Every length up to 300 at every offset in a line and beyond (the loop). */
START_TEST(test_load_of_any_range_copies_it_and_no_more)
{
	unsigned char media[640], buf[400], want[400];
	size_t off = (size_t)_i;

	rig_pattern(media, sizeof(media), 1);
	ck_assert_int_eq(dxf_persist_copy(r, 0, media, sizeof(media), 0), 0);
	for (size_t len = 0; len <= 300; len++) {
		size_t at = 1 + len % 17;

		memset(buf, 0, sizeof(buf));
		memset(want, 0, sizeof(want));
		memcpy(want + at, media + off, len);
		ck_assert_int_eq(dxf_load(r, off, buf + at, len), 0);
		ck_assert_int_eq(memcmp(buf, want, sizeof(buf)), 0);
	}
}
END_TEST

static const struct {
	uint64_t off, len;
} outside[] = {
	{ RIG_SIZE, 1 }, { RIG_SIZE - 1, 2 }, { 0, RIG_SIZE + 1 },
	{ UINT64_MAX, 1 }, { UINT64_MAX - 3, 8 }, { 1, UINT64_MAX },
	{ RIG_SIZE + 1, 0 },
};

START_TEST(test_load_outside_is_erange)
{
	char buf[8];

	ck_assert_int_eq(dxf_load(r, outside[_i].off, buf, outside[_i].len),
			 -ERANGE);
}
END_TEST

START_TEST(test_load_at_the_very_end_works)
{
	char buf[8];

	ck_assert_int_eq(dxf_load(r, RIG_SIZE - 8, buf, 8), 0);
	ck_assert_int_eq(dxf_load(r, RIG_SIZE, buf, 0), 0);
}
END_TEST

START_TEST(test_load_under_plan_is_eio_once)
{
	char buf[8];

	dxf_fault_arm(DXF_FAULT_LOAD, 2);
	ck_assert_int_eq(dxf_load(r, 0, buf, 8), 0);
	ck_assert_int_eq(dxf_load(r, 0, buf, 8), -EIO);
	ck_assert_int_eq(dxf_load(r, 0, buf, 8), 0);
	ck_assert(dxf_fault_disarm());
}
END_TEST

START_TEST(test_load_of_bad_block_is_eio_around_it_not)
{
	char buf[1024];

	dxf_region_add_bad(r, 8192, 1);
	ck_assert_int_eq(dxf_load(r, 8192 - 8, buf, 8), 0);
	ck_assert_int_eq(dxf_load(r, 8192 - 8, buf, 9), -EIO);
	ck_assert_int_eq(dxf_load(r, 8703, buf, 1), -EIO);
	ck_assert_int_eq(dxf_load(r, 8704, buf, 8), 0);
	ck_assert_int_eq(dxf_load(r, 8192, buf, 0), 0);
}
END_TEST

/* ---- truncation under the mapping ---- */

static struct dxf_region *truncated(enum dxf_granularity granularity)
{
	const char *image = rig_image(rig_shm, RIG_SIZE, true);
	struct dxf_region *t = rig_open(image, false, granularity);

	ck_assert_int_eq(truncate(image, 8192), 0);
	return t;
}

/* The load starts in what is left and runs into what is not. */
START_TEST(test_load_of_truncated_image_is_eio)
{
	struct dxf_region *t = truncated(DXF_GRANULARITY_AUTO);
	char buf[512];

	ck_assert_int_eq(dxf_load(t, 8192 - 512, buf, 512), 0);
	for (size_t len = 1; len <= 200; len++) {
		ck_assert_int_eq(dxf_load(t, 8192, buf, len), -EIO);
		ck_assert_int_eq(dxf_load(t, 8193 - len, buf, len), -EIO);
		ck_assert_int_eq(dxf_load(t, 8191 - len, buf, len), 0);
	}
	/* It is no bad block: nothing is remembered or said. */
	ck_assert_int_eq(rig_nlog, 0);
	ck_assert_int_eq(truncate(dxf_region_path(t), RIG_SIZE), 0);
	ck_assert_int_eq(dxf_load(t, 8192, buf, 512), 0);
	dxf_region_close(t);
}
END_TEST

/* What it hints at need not be there. */
START_TEST(test_hint_of_a_load_touches_nothing)
{
	struct dxf_region *t = truncated(DXF_GRANULARITY_AUTO);
	char buf[512];

	dxf_load_ahead(t, 8192 - 100, 1000);
	dxf_load_ahead(t, RIG_SIZE - 1, 1);
	dxf_load_ahead(t, RIG_SIZE, 0);
	ck_assert_int_eq(rig_nlog, 0);
	ck_assert_int_eq(dxf_load(t, 8192 - 512, buf, 512), 0);
	ck_assert_int_eq(dxf_load(t, 8192, buf, 512), -EIO);
	dxf_region_add_bad(t, 4096, 1);
	dxf_load_ahead(t, 4096, 512);
	ck_assert_int_eq(dxf_load(t, 4096, buf, 512), -EIO);
	dxf_region_close(t);
}
END_TEST

START_TEST(test_stores_to_truncated_image_are_eio)
{
	struct dxf_region *t = truncated((enum dxf_granularity)_i);
	char buf[512] = { 0 };

	ck_assert_int_eq(dxf_persist_copy(t, 16384, buf, 512, 0), -EIO);
	ck_assert_int_eq(dxf_persist_copy(t, 16384, buf, 3, 0), -EIO);
	ck_assert_int_eq(dxf_persist_copy(t, 16385, buf, 8,
					  DXF_PERSIST_TEMPORAL), -EIO);
	ck_assert_int_eq(dxf_persist_zero(t, 16384, 65536, 0), -EIO);
	ck_assert_int_eq(dxf_persist_move(t, 0, 16384, 512, 0), -EIO);
	ck_assert_int_eq(dxf_persist_move(t, 16384, 0, 512, 0), -EIO);
	ck_assert_int_eq(dxf_persist_copy(t, 0, buf, 512, 0), 0);
	dxf_region_close(t);
}
END_TEST

/* On page media a flush does nothing, and msync of no page succeeds. */
START_TEST(test_flush_of_truncated_image_is_eio_every_time)
{
	struct dxf_region *t = truncated(DXF_GRANULARITY_AUTO);
	int gone = rig_flush_faults() ? -EIO : 0;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(dxf_persist_flush(t, 16384, 100), gone);
		ck_assert_int_eq(dxf_persist_flush(t, 0, 8192), 0);
		ck_assert_int_eq(dxf_persist_msync(t, 8000, 1000), gone);
	}
	dxf_persist_fence(t);
	dxf_region_close(t);
}
END_TEST

struct job {
	struct dxf_region *t;
	uint64_t off;
	int want, want_flush, wrong;
};

static void *load_often(void *arg)
{
	struct job *j = arg;
	char buf[256];

	for (int i = 0; i < 2000; i++) {
		if (dxf_load(j->t, j->off, buf, sizeof(buf)) != j->want)
			j->wrong++;
		if (dxf_persist_flush(j->t, j->off, 64) != j->want_flush)
			j->wrong++;
	}
	return NULL;
}

START_TEST(test_faults_in_threads_keep_apart)
{
	struct dxf_region *t = truncated(DXF_GRANULARITY_AUTO);
	int gone = rig_flush_faults() ? -EIO : 0;
	struct job jobs[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){ t, i & 1 ? 32768 : 4096,
					i & 1 ? -EIO : 0, i & 1 ? gone : 0 };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, load_often,
						&jobs[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(jobs[i].wrong, 0);
	}
	dxf_region_close(t);
}
END_TEST

/* ---- other people's SIGBUS ---- */

/* A page that faults, outside of any region. */
static volatile char *faulty_page(void)
{
	int fd = memfd_create("faulty", MFD_CLOEXEC);
	void *p;

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	close(fd);
	return p;
}

START_TEST(test_foreign_fault_with_default_action_dies)
{
	(void)*faulty_page();
}
END_TEST

START_TEST(test_sent_sigbus_with_default_action_dies)
{
	raise(SIGBUS);
}
END_TEST

static volatile sig_atomic_t ncaught;
static void *volatile page;

static void catch_plain(int sig)
{
	ncaught++;
}

/* Give the faulting page memory, so that the access succeeds. */
static void catch_info(int sig, siginfo_t *si, void *context)
{
	ncaught++;
	if (si->si_addr == page)
		mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
		     MAP_FIXED, -1, 0);
}

/* These run before any region is opened: the handler is the previous one. */
START_TEST(test_foreign_fault_goes_to_the_previous_handler)
{
	struct sigaction sa = {
		.sa_sigaction = catch_info, .sa_flags = SA_SIGINFO,
	};
	struct dxf_region *t;
	char buf[8];

	ck_assert_int_eq(sigaction(SIGBUS, &sa, NULL), 0);
	t = truncated(DXF_GRANULARITY_AUTO);
	page = (void *)faulty_page();
	ck_assert_int_eq(*(volatile char *)page, 0);
	ck_assert_int_eq(ncaught, 1);
	ck_assert_int_eq(dxf_load(t, 16384, buf, 8), -EIO);
	ck_assert_int_eq(ncaught, 1);
	dxf_region_close(t);
}
END_TEST

START_TEST(test_sent_sigbus_goes_to_the_previous_plain_handler)
{
	signal(SIGBUS, catch_plain);
	dxf_load_init();
	dxf_load_init();
	raise(SIGBUS);
	ck_assert_int_eq(ncaught, 1);
}
END_TEST

START_TEST(test_sent_sigbus_stays_ignored)
{
	signal(SIGBUS, SIG_IGN);
	dxf_load_init();
	raise(SIGBUS);
}
END_TEST

/* Poison that nobody has read yet is announced so, if one asks for it. */
static void announce(const void *addr, short lsb)
{
	siginfo_t si = { .si_signo = SIGBUS, .si_code = BUS_MCEERR_AO };

	si.si_addr = (void *)addr;
	si.si_addr_lsb = lsb;
	ck_assert_int_eq(syscall(SYS_rt_sigqueueinfo, getpid(), SIGBUS, &si),
			 0);
}

START_TEST(test_announced_poison_elsewhere_goes_to_the_previous_handler)
{
	struct dxf_region *t;

	signal(SIGBUS, catch_plain);
	t = rig_anon(RIG_SIZE, false);
	announce(&t, 12);
	ck_assert_int_eq(ncaught, 1);
	dxf_region_close(t);
}
END_TEST

START_TEST(test_announced_poison_in_a_region_is_remembered)
{
	struct dxf_region *t = rig_anon(RIG_SIZE, _i), *other;
	const void *addr;
	char buf[8];

	other = rig_anon(RIG_SIZE, true);
	ck_assert_int_gt(dxf_region_direct_access(t, 8192 + 100, 1,
			 DXF_ACCESS_READ, &addr), 0);
	announce(addr, 9);
	announce((const char *)addr + 65536, 12);
	ck_assert_int_eq(dxf_load(other, 8192, buf, 8), 0);
	ck_assert_int_eq(rig_nlog, 0);
	ck_assert_int_eq(dxf_region_direct_access(t, 8192, 1, DXF_ACCESS_READ,
						  &addr), -EIO);
	ck_assert_int_eq(rig_nlog, 2);
	ck_assert_int_eq(dxf_load(t, 8192 + 512, buf, 8), 0);
	ck_assert_int_eq(dxf_load(t, 8192 + 65536 + 4088, buf, 8), -EIO);
	ck_assert_int_eq(dxf_load(t, 8192 + 65536 + 4096, buf, 8), 0);
	dxf_region_close(other);
	dxf_region_close(t);
}
END_TEST

/* More than there is room for: the rest is found when it is loaded. */
START_TEST(test_announced_poison_without_end_is_survived)
{
	struct dxf_region *t = rig_anon(RIG_SIZE, false);
	const void *addr;
	char buf[8];

	ck_assert_int_gt(dxf_region_direct_access(t, 0, 1, DXF_ACCESS_READ,
						  &addr), 0);
	for (int i = 0; i < 200; i++)
		announce((const char *)addr + i * 4096, 12);
	ck_assert_int_eq(dxf_load(t, 0, buf, 8), -EIO);
	ck_assert_int_eq(dxf_load(t, 199 * 4096, buf, 8), 0);
	announce((const char *)addr + 199 * 4096, 12);
	ck_assert_int_eq(dxf_load(t, 199 * 4096, buf, 8), -EIO);
	dxf_region_close(t);
}
END_TEST

START_TEST(test_announced_poison_in_a_closed_region_is_foreign)
{
	struct dxf_region *t;
	const void *addr;

	signal(SIGBUS, catch_plain);
	t = rig_anon(RIG_SIZE, true);
	ck_assert_int_gt(dxf_region_direct_access(t, 0, 1, DXF_ACCESS_READ,
						  &addr), 0);
	dxf_region_close(t);
	announce(addr, 12);
	ck_assert_int_eq(ncaught, 1);
}
END_TEST

static const struct {
	unsigned int lsb;
	uint64_t len;
} poison[] = {
	{ 6, 4096 }, { 9, 512 }, { 12, 4096 }, { 21, 2 * DXF_MIB },
	{ 63, 4096 }, { 0, 4096 },
};

START_TEST(test_guard_poison_range_is_of_the_size_told)
{
	uintptr_t start;
	uint64_t len;

	dxf_guard_fault.code = BUS_MCEERR_AR;
	dxf_guard_fault.addr = 0x40201234;
	dxf_guard_fault.lsb = poison[_i].lsb;
	ck_assert(dxf_guard_poison(&start, &len));
	ck_assert_uint_eq(len, poison[_i].len);
	ck_assert_uint_eq(start, 0x40201234 / len * len);
	dxf_guard_fault.code = BUS_ADRERR;
	ck_assert(!dxf_guard_poison(&start, &len));
}
END_TEST

static void nop(const void *addr, size_t len)
{
}

static void touch(const void *addr, size_t len)
{
	(void)*(const volatile char *)addr;
}

START_TEST(test_guard_call_that_faults_is_eio)
{
	struct dxf_guard_range range[] = {
		{ &r, 1 }, { (void *)faulty_page(), 1 }, { &r, 1 },
	};

	dxf_load_init();
	ck_assert_int_eq(dxf_guard_call(touch, range + 1, 1), -EIO);
	ck_assert_int_eq(dxf_guard_call(nop, range + 1, 1), 0);
	ck_assert_int_eq(dxf_guard_call(touch, range, 1), 0);
	ck_assert_int_eq(dxf_guard_call(touch, range, 3), -EIO);
	ck_assert_int_eq(dxf_guard_call(nop, range, 3), 0);
}
END_TEST

static void touch_page(const void *addr, size_t len)
{
	(void)*(volatile char *)page;
}

START_TEST(test_guard_call_that_faults_elsewhere_dies)
{
	struct dxf_guard_range range = { &r, 1 };

	page = (void *)faulty_page();
	dxf_load_init();
	dxf_guard_call(touch_page, &range, 1);
}
END_TEST

static TCase *alone(void)
{
	TCase *tc = tcase_create("alone");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_load_of_truncated_image_is_eio);
	tcase_add_test(tc, test_hint_of_a_load_touches_nothing);
	tcase_add_loop_test(tc, test_stores_to_truncated_image_are_eio,
			    DXF_GRANULARITY_BYTE, DXF_GRANULARITY_PAGE + 1);
	tcase_add_test(tc, test_flush_of_truncated_image_is_eio_every_time);
	tcase_add_test(tc, test_faults_in_threads_keep_apart);
	tcase_add_test(tc, test_foreign_fault_goes_to_the_previous_handler);
	tcase_add_test(tc,
		       test_sent_sigbus_goes_to_the_previous_plain_handler);
	tcase_add_test(tc, test_sent_sigbus_stays_ignored);
	tcase_add_test(tc,
		test_announced_poison_elsewhere_goes_to_the_previous_handler);
	tcase_add_loop_test(tc,
			    test_announced_poison_in_a_region_is_remembered,
			    0, 2);
	tcase_add_test(tc, test_announced_poison_without_end_is_survived);
	tcase_add_test(tc,
		       test_announced_poison_in_a_closed_region_is_foreign);
	tcase_add_loop_test(tc, test_guard_poison_range_is_of_the_size_told,
			    0, DXF_ARRAY_SIZE(poison));
	tcase_add_test(tc, test_guard_call_that_faults_is_eio);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("load");
	TCase *tc = tcase_create("load"), *deaths = tcase_create("deaths");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_load_of_any_range_copies_it_and_no_more,
			    0, 200);
	tcase_add_loop_test(tc, test_load_outside_is_erange, 0,
			    DXF_ARRAY_SIZE(outside));
	tcase_add_test(tc, test_load_at_the_very_end_works);
	tcase_add_test(tc, test_load_under_plan_is_eio_once);
	tcase_add_test(tc, test_load_of_bad_block_is_eio_around_it_not);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, alone());
	tcase_add_checked_fixture(deaths, dxf_load_init, NULL);
	tcase_add_test_raise_signal(deaths,
				    test_foreign_fault_with_default_action_dies,
				    SIGBUS);
	tcase_add_test_raise_signal(deaths,
				    test_sent_sigbus_with_default_action_dies,
				    SIGBUS);
	tcase_add_test_raise_signal(deaths,
				    test_guard_call_that_faults_elsewhere_dies,
				    SIGBUS);
	suite_add_tcase(suite, deaths);
	return rig_run(suite);
}
