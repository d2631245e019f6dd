/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A poisoned block at each place of a small filesystem, under every operation:
 * never a crash, never a wrong byte, no other error than those of media; what
 * failed changed nothing, what succeeded is there, and when the block is good
 * again e2fsck agrees.
 */
#include <stdio.h>
#include <unistd.h>

#include "file_model.h"
#include "image.h"
#include "poison.h"
#include "sweep_ops.h"
#include "tree_dump.h"


static const struct fsx_image images[] = {
	{ "ext2", "-t ext2 -b 4096 -I 256 -N 48", 2 },
	{ "ext4-csum", "-t ext4 -O ^has_journal,metadata_csum,64bit,"
		       "^resize_inode -b 4096 -I 256 -N 48", 2 },
};

static struct tree before, after, now;

/*
 * All that can be read is read: with no error it is what was there, and what
 * comes in spite of one is too.
 */
static ssize_t op_read_all(void)
{
	tree_dump(&x, &now, true);
	tree_must_be_part(&now, &before);
	return 0;
}

#define OP(name)	{ #name, op_##name, false },
#define DATA(name)	{ #name, op_##name, true },
static const struct op {
	const char *name;
	ssize_t (*fn)(void);
	bool data;		/* may be done in part */
} ops[] = {
	OP(read_all)
	SWEEP_OPS(OP, DATA)
};

/* ---- the places ---- */

/* Blocks with anything in them, and a few that are free. */
static int find_places(const struct fsx_snap *s, dxf_off_t *out, int max)
{
	int n = 0, nfree = 0;

	for (dxf_off_t off = 0; off < s->size; off += BS) {
		const uint8_t *p = s->bytes + off;
		bool zero = p[0] == 0 && memcmp(p, p + 1, BS - 1) == 0;

		if (zero && ++nfree % 16 != 1)
			continue;
		ck_assert_int_lt(n, max);
		out[n++] = off;
	}
	return n;
}

/* ---- one try ---- */

static bool thorough(int n)
{
	return getenv("DXF_FAULT_ALL") != NULL || n % 6 == 0;
}

/* What is left is settled by the next mount; then e2fsck has a look. */
static void settle(bool check)
{
	x.opts.force = true;
	fsx_mount(&x);
	while (fsx_stats(&x).zombies != 0)
		usleep(1000);
	tree_dump(&x, &now, false);
	(void)fsx_drop(&x);
	x.opts.force = false;
	if (check)
		fsx_check(&x);
}

static bool is_media_error(ssize_t n)
{
	return n == -EIO ||
	       (n == -EROFS && dxf_txnmgr_is_ro(dxf_ext2_txnmgr(
						dxf_fs_ext2(x.fs))));
}

static int nmet;	/* tries in which the block was touched */

static void try_op(const struct op *op, dxf_off_t at, ssize_t whole, bool check)
{
	bool done;
	ssize_t n;

	fsx_mount(&x);
	poison_add(x.region, at);
	n = op->fn();
	done = n == whole;
	nmet += poison_hits() != 0;
	if (n < 0)
		ck_assert_msg(is_media_error(n), "%s, block %llu: %zd",
			      op->name, (unsigned long long)(at / BS), n);
	else if (!done)
		ck_assert_msg(op->data, "%s, block %llu: %zd of %zd", op->name,
			      (unsigned long long)(at / BS), n, whole);
	poison_heal(x.region);
	(void)fsx_drop(&x);
	settle(check);
	if (done)
		tree_must_equal(&now, &after, op->name, at / BS);
	else if (op->data)
		tree_must_lie_between(&now, &before, &after, op->name, at / BS);
	else
		tree_must_equal(&now, &before, op->name, at / BS);
}

/* What the operation does on good media. */
static ssize_t learn(const struct op *op, const struct fsx_snap *s)
{
	ssize_t n;

	fsx_restore(&x, s);
	fsx_mount(&x);
	n = op->fn();
	ck_assert_msg(n >= 0, "%s: %zd", op->name, n);
	tree_dump(&x, &after, false);
	fsx_umount(&x);
	return n;
}

static void begin(const struct fsx_image *image, struct fsx_snap *s)
{
	fsx_make(&x, image);
	fsx_mount(&x);
	sweep_populate();
	tree_dump(&x, &before, false);
	fsx_umount(&x);
	fsx_check(&x);
	fsx_snap(&x, s);
}

static void end(struct fsx_snap *s)
{
	tree_free(&before);
	tree_free(&after);
	tree_free(&now);
	fsx_snap_free(s);
	fsx_remove(&x);
}

/* Loop index: image, operation. */
START_TEST(test_poison_under_an_operation)
{
	const struct op *op = &ops[_i / 2];
	dxf_off_t place[256];
	struct fsx_snap s;
	ssize_t whole;
	int n;

	begin(&images[_i % 2], &s);
	whole = learn(op, &s);
	n = find_places(&s, place, 256);
	ck_assert_int_gt(n, 40);
	for (int i = 0; i < n; i++) {
		fsx_restore(&x, &s);
		try_op(op, place[i], whole, thorough(i + _i));
	}
	/* The root directory and its inode at least. */
	ck_assert_int_ge(nmet, 2);
	end(&s);
}
END_TEST

/*
 * It is bad before the mount, which is refused or shows what it can.  Loop
 * index: image, and read-only or not.
 */
START_TEST(test_poison_before_the_mount)
{
	dxf_off_t place[256];
	struct fsx_snap s;
	struct dxf_err err;
	int n, nmounted = 0, e;

	begin(&images[_i % 2], &s);
	n = find_places(&s, place, 256);
	for (int i = 0; i < n; i++) {
		fsx_restore(&x, &s);
		poison_add(x.region, place[i]);
		err.text[0] = '\0';
		x.opts.ro = _i >= 2;
		e = fsx_try_mount(&x, &err);
		x.opts.ro = false;
		if (e == 0) {
			nmounted++;
			op_read_all();
			poison_heal(x.region);
			(void)fsx_drop(&x);
			settle(thorough(i));
		} else {
			/* The log may be there: read-only at least. */
			ck_assert_msg(e == -EIO ||
				      (e == -EROFS && !(_i >= 2) &&
				       strstr(err.text, "-o ro") != NULL), "block %llu: %d (%s)",
				      (unsigned long long)(place[i] / BS), e,
				      err.text);
			ck_assert_uint_gt(strlen(err.text), 10);
			poison_heal(x.region);
			settle(thorough(i));
		}
		tree_must_equal(&now, &before, "mount", place[i] / BS);
	}
	ck_assert_int_gt(nmounted, n / 2);
	ck_assert_int_lt(nmounted, n);
	end(&s);
}
END_TEST

/*
 * With errors=continue nothing stops the next operation from meeting the block
 * again: all of them in turn.
 */
START_TEST(test_poison_under_all_operations_with_errors_continue)
{
	dxf_off_t place[256];
	struct fsx_snap s;
	ssize_t n;
	int nplaces;

	begin(&images[_i], &s);
	x.opts.errors = DXF_ERRORS_CONTINUE;
	nplaces = find_places(&s, place, 256);
	for (int i = 0; i < nplaces; i++) {
		fsx_restore(&x, &s);
		fsx_mount(&x);
		poison_add(x.region, place[i]);
		for (size_t k = 1; k < DXF_ARRAY_SIZE(ops); k++) {
			n = ops[k].fn();
			ck_assert_msg(n >= 0 || is_media_error(n) ||
				      n == -ENOENT || n == -EEXIST ||
				      n == -ENODATA,
				      "%s, block %llu: %zd", ops[k].name,
				      (unsigned long long)(place[i] / BS), n);
		}
		poison_heal(x.region);
		(void)fsx_drop(&x);
		settle(true);
	}
	end(&s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_poison_under_an_operation, 0,
			    2 * DXF_ARRAY_SIZE(ops));
	tcase_add_loop_test(tc, test_poison_before_the_mount, 0, 4);
	tcase_add_loop_test(tc,
		test_poison_under_all_operations_with_errors_continue, 0, 2);
}

int main(void)
{
	return run_tests("poison_sweep", add);
}
