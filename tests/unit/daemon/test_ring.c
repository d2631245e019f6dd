/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ring.c - a request in an entry, and its answer; who serves which queue.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "abi.h"
#include "ringabi.h"
#include "ringent.h"
#include "ringplan.h"

#define SIZE	(64 * 1024)

static struct dxf_ringent ent;

static void setup(void)
{
	ck_assert_int_eq(dxf_ringent_open(&ent, 3, SIZE), 0);
}

static void teardown(void)
{
	dxf_ringent_close(&ent);
}

/* What the kernel leaves there: @op bytes of 'o', @rest bytes of 'p'. */
static void put_request(size_t op, size_t rest)
{
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + op + rest),
		.opcode = FUSE_WRITE, .unique = 77,
	};

	memcpy(ent.head->in_out, &in, sizeof(in));
	memset(ent.head->op_in, 'o', op);
	memset(ent.payload, 'p', rest);
	ent.head->ent.payload = (uint32_t)rest;
	ent.head->ent.commit_id = 5;
}

static bool all_are(const char *at, size_t n, char c)
{
	while (n > 0 && at[n - 1] == c)
		n--;
	return n == 0;
}

START_TEST(test_entry_tells_the_kernel_both_places)
{
	ck_assert_uint_eq(ent.qid, 3);
	ck_assert_ptr_eq(ent.iov[0].iov_base, ent.head);
	ck_assert_uint_eq(ent.iov[0].iov_len, sizeof(struct dxf_ring_head));
	ck_assert_uint_eq(sizeof(struct dxf_ring_head), 288);
	ck_assert_ptr_eq(ent.iov[1].iov_base, ent.payload);
	ck_assert_uint_ge(ent.iov[1].iov_len, SIZE);
	ck_assert_uint_eq((uintptr_t)ent.payload % 4096, 0);
}
END_TEST

START_TEST(test_request_is_in_one_piece)
{
	static const size_t op[] = { 0, 8, 40, 64, DXF_RING_OP_IN };
	static const size_t rest[] = { 0, 1, 4096, SIZE };
	size_t want = sizeof(struct fuse_in_header) + op[_i / 4] + rest[_i % 4];
	void *buf = NULL;
	const char *at;

	put_request(op[_i / 4], rest[_i % 4]);
	ck_assert_int_eq(dxf_ringent_request(&ent, &buf), (ssize_t)want);
	ck_assert_uint_eq(((struct fuse_in_header *)buf)->unique, 77);
	ck_assert_uint_eq((uintptr_t)buf % 8, 0);
	at = (char *)buf + sizeof(struct fuse_in_header);
	ck_assert(all_are(at, op[_i / 4], 'o'));
	/* the payload was not moved */
	ck_assert_ptr_eq(at + op[_i / 4], ent.payload);
	ck_assert(all_are(ent.payload, rest[_i % 4], 'p'));
	ck_assert_uint_eq(ent.commit_id, 5);
	ck_assert(ent.fetched && !ent.answered);
}
END_TEST

static void must_be_refused(uint32_t len, uint32_t payload)
{
	struct dxf_ring_head *head = ent.head;
	struct fuse_in_header in;
	void *buf = &in;

	if (head == NULL)
		ck_abort_msg("no memory");
	memcpy(&in, head->in_out, sizeof(in));
	in.len = len;
	memcpy(head->in_out, &in, sizeof(in));
	ent.head->ent.payload = payload;
	ck_assert_int_eq(dxf_ringent_request(&ent, &buf), -EIO);
	ck_assert_ptr_eq(buf, &in);
}

START_TEST(test_request_that_makes_no_sense_is_refused)
{
	put_request(8, 8);
	must_be_refused(0, 0);
	must_be_refused(sizeof(struct fuse_in_header) - 1, 0);
	must_be_refused(sizeof(struct fuse_in_header) + 7, 8);
	must_be_refused(sizeof(struct fuse_in_header) + 12, 8);
	must_be_refused(sizeof(struct fuse_in_header) + DXF_RING_OP_IN + 8, 0);
	must_be_refused(UINT32_MAX, UINT32_MAX);
	must_be_refused(sizeof(struct fuse_in_header) + SIZE + 4096,
			SIZE + 4096);
}
END_TEST

static ssize_t answer(int error, struct iovec *body, int count)
{
	struct fuse_out_header h = { .error = error, .unique = 77 };
	struct iovec iov[4] = { { &h, sizeof(h) } };

	memcpy(&iov[1], body, (size_t)count * sizeof(*body));
	return dxf_ringent_answer(&ent, iov, count + 1);
}

static void must_have_answered(int error, size_t payload)
{
	struct fuse_out_header h;

	memcpy(&h, ent.head->in_out, sizeof(h));
	ck_assert_uint_eq(h.unique, 77);
	ck_assert_int_eq(h.error, error);
	ck_assert_uint_eq(ent.head->ent.payload, payload);
	ck_assert(ent.answered);
}

static void fetch(void)
{
	void *buf;

	put_request(8, 16);
	ck_assert_int_gt(dxf_ringent_request(&ent, &buf), 0);
}

START_TEST(test_answer_is_put_together)
{
	struct iovec body[] = { { (char[]){ "ab" }, 2 }, { NULL, 0 },
				{ (char[]){ "cde" }, 3 } };

	fetch();
	ck_assert_int_eq(answer(0, body, 3),
			 sizeof(struct fuse_out_header) + 5);
	must_have_answered(0, 5);
	ck_assert_int_eq(memcmp(ent.payload, "abcde", 5), 0);
	fetch();
	ck_assert_int_eq(answer(-ENOENT, NULL, 0),
			 sizeof(struct fuse_out_header));
	must_have_answered(-ENOENT, 0);
}
END_TEST

START_TEST(test_answer_in_place_and_from_the_request)
{
	struct iovec body = { ent.payload, SIZE };

	fetch();
	memset(ent.payload, 'x', SIZE);
	ck_assert_int_gt(answer(0, &body, 1), SIZE);
	must_have_answered(0, SIZE);
	ck_assert(all_are(ent.payload, SIZE, 'x'));

	fetch();
	memcpy(ent.payload, "0123456789", 10);
	body.iov_base = ent.payload + 1;
	body.iov_len = 9;
	ck_assert_int_gt(answer(0, &body, 1), 9);
	ck_assert_int_eq(memcmp(ent.payload, "123456789", 9), 0);
}
END_TEST

START_TEST(test_answer_without_room_is_an_error)
{
	static char big[SIZE + 8192];
	struct iovec body[] = { { big, SIZE }, { big, 8192 } };

	fetch();
	ck_assert_int_eq(answer(0, body, 2), -EMSGSIZE);
	must_have_answered(-EIO, 0);
}
END_TEST

/* ---- who serves what ---- */

/* A machine of @queues CPUs, of which we have the first and each other one. */
static void make_plan(struct dxf_ringplan *p, unsigned int queues,
		      unsigned int workers)
{
	unsigned int i;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < queues; i += 2)
		CPU_SET(i, &p->cpus);
	p->ncpus = (unsigned int)CPU_COUNT(&p->cpus);
	p->nqueues = queues;
	p->nworkers = workers;
	p->depth = 4;
}

START_TEST(test_plan_every_queue_is_served)
{
	unsigned int workers = (unsigned int)_i + 1, queues, q, w, n, own;
	struct dxf_ringplan p;
	cpu_set_t set;

	for (queues = 1; queues < 20; queues++) {
		make_plan(&p, queues, workers);
		for (q = 0; q < queues; q++) {
			for (w = n = own = 0; w < workers; w++) {
				n += dxf_ringplan_entries(&p, w, q);
				dxf_ringplan_cpus(&p, w, &set);
				if (CPU_ISSET(q, &set))
					own++;
			}
			ck_assert_uint_ge(n, 1);
			/* ours by those that run there, others by one */
			ck_assert_uint_eq(n, q % 2 == 0 ? 4 * own : 1);
		}
	}
}
END_TEST

START_TEST(test_plan_every_worker_has_a_cpu)
{
	unsigned int workers = (unsigned int)_i + 1, w, q, n;
	struct dxf_ringplan p;
	cpu_set_t set;

	make_plan(&p, 8, workers);
	for (w = 0; w < workers; w++) {
		ck_assert(dxf_ringplan_cpus(&p, w, &set) == (workers > 1));
		ck_assert_int_ge(CPU_COUNT(&set), 1);
		for (q = n = 0; q < p.nqueues; q++)
			n += dxf_ringplan_entries(&p, w, q);
		ck_assert_uint_ge(n, 4);
	}
}
END_TEST

START_TEST(test_plan_of_this_machine)
{
	struct dxf_ringplan p;

	dxf_ringplan_make(&p, 0, false);
	ck_assert_uint_eq(p.nworkers, p.ncpus < 64 ? p.ncpus : 64);
	ck_assert_uint_ge(p.nqueues, 1);
	dxf_ringplan_make(&p, 0, true);
	ck_assert_uint_gt(p.nworkers, 1);
	ck_assert_uint_eq(p.depth, 1);
	dxf_ringplan_make(&p, 3, false);
	ck_assert_uint_eq(p.nworkers, 3);
	ck_assert_uint_gt(p.depth, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ring");
	TCase *e = tcase_create("entry"), *p = tcase_create("plan");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(e, setup, teardown);
	tcase_add_test(e, test_entry_tells_the_kernel_both_places);
	tcase_add_loop_test(e, test_request_is_in_one_piece, 0, 20);
	tcase_add_test(e, test_request_that_makes_no_sense_is_refused);
	tcase_add_test(e, test_answer_is_put_together);
	tcase_add_test(e, test_answer_in_place_and_from_the_request);
	tcase_add_test(e, test_answer_without_room_is_an_error);
	tcase_add_loop_test(p, test_plan_every_queue_is_served, 0, 20);
	tcase_add_loop_test(p, test_plan_every_worker_has_a_cpu, 0, 12);
	tcase_add_test(p, test_plan_of_this_machine);
	suite_add_tcase(s, e);
	suite_add_tcase(s, p);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
