/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each operation on a file's data with the Nth allocation, guarded load,
 * persist call, host allocation or libext2fs call failing, N rising until a clean pass:
 * an error is returned, bytes are old or new, nothing leaks.
 */
#include <linux/falloc.h>

#include "fault.h"
#include "file_model.h"

#define LEN	60000u		/* of the file before */
#define MAX	200000u

static const struct fsx_image small[] = {
	{ "ext2-1k", "-t ext2 -b 1024 -I 128 -N 32", 2 },
	{ "ext2-4k", "-t ext2 -b 4096 -I 256 -N 32", 4 },
	{ "ext4-csum", "-t ext4 -O ^has_journal,metadata_csum,64bit -b 4096 "
		       "-I 256 -N 32", 4 },
};

struct files {
	dxf_ino_t a, b;
};

static uint8_t data[MAX];

/* ---- the operations: each returns what the call returns ---- */

static ssize_t do_write(struct fsx *x, struct files f, uint64_t off,
			size_t len, unsigned int flags)
{
	return dxf_fs_write(x->fs, f.a, off, data, len, flags, &fsx_root);
}

static ssize_t do_overwrite(struct fsx *x, struct files f)
{
	return do_write(x, f, 1000, 9000, 0);
}

static ssize_t do_append(struct fsx *x, struct files f)
{
	return do_write(x, f, LEN, 30000, 0);
}

static ssize_t do_far_write(struct fsx *x, struct files f)
{
	return do_write(x, f, 150000, 20000, 0);
}

static ssize_t do_fill_hole(struct fsx *x, struct files f)
{
	return do_write(x, f, 15000, 20000, DXF_WRITE_KILL_PRIV);
}

static ssize_t set(struct fsx *x, dxf_ino_t ino, struct dxf_setattr sa)
{
	struct dxf_attr a;

	return dxf_fs_setattr(x->fs, ino, &sa, &fsx_root, &a);
}

static ssize_t do_shrink(struct fsx *x, struct files f)
{
	return set(x, f.a, (struct dxf_setattr){ .valid = DXF_SET_SIZE,
						 .size = 1500 });
}

static ssize_t do_grow(struct fsx *x, struct files f)
{
	return set(x, f.a, (struct dxf_setattr){ .valid = DXF_SET_SIZE,
						 .size = 170000 });
}

static ssize_t do_chmod_chown(struct fsx *x, struct files f)
{
	return set(x, f.a, (struct dxf_setattr){
		.valid = DXF_SET_MODE | DXF_SET_UID | DXF_SET_MTIME,
		.mode = 0640, .uid = 7, .mtime = { 5, 6 } });
}

static ssize_t do_falloc(struct fsx *x, struct files f, int mode, uint64_t off,
			 uint64_t len)
{
	return dxf_fs_fallocate(x->fs, f.a, mode, off, len, false, &fsx_root);
}

static ssize_t do_allocate(struct fsx *x, struct files f)
{
	return do_falloc(x, f, 0, 10000, 90000);
}

static ssize_t do_allocate_keep(struct fsx *x, struct files f)
{
	return do_falloc(x, f, FALLOC_FL_KEEP_SIZE, 50000, 90000);
}

static ssize_t do_punch(struct fsx *x, struct files f)
{
	return do_falloc(x, f, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
			 500, 49000);
}

static ssize_t do_zero(struct fsx *x, struct files f)
{
	return do_falloc(x, f, FALLOC_FL_ZERO_RANGE, 500, 90000);
}

static ssize_t do_copy(struct fsx *x, struct files f)
{
	return dxf_fs_copy_range(x->fs, f.b, 100, f.a, 3000, 80000, 0,
				 &fsx_root);
}

static ssize_t do_fsync(struct fsx *x, struct files f)
{
	ssize_t n = do_overwrite(x, f);

	return n < 0 ? n : dxf_fs_fsync(x->fs, f.a, false);
}

static ssize_t do_read(struct fsx *x, struct files f)
{
	static uint8_t buf[LEN];

	return dxf_fs_read(x->fs, f.a, 0, buf, LEN);
}

static const struct op {
	const char *name;
	ssize_t (*fn)(struct fsx *x, struct files f);
} ops[] = {
	{ "overwrite", do_overwrite }, { "append", do_append },
	{ "far write", do_far_write }, { "fill hole", do_fill_hole },
	{ "shrink", do_shrink }, { "grow", do_grow },
	{ "chmod, chown", do_chmod_chown }, { "allocate", do_allocate },
	{ "allocate, keep size", do_allocate_keep }, { "punch", do_punch },
	{ "zero", do_zero }, { "copy", do_copy }, { "fsync", do_fsync },
	{ "read", do_read },
};
#define NOPS	((int)DXF_ARRAY_SIZE(ops))

/* ---- what a file may hold afterwards ---- */

struct image {
	uint64_t size;
	uint8_t bytes[MAX];
};

static void slurp(struct fsx *x, dxf_ino_t ino, struct image *im)
{
	memset(im->bytes, 0, MAX);
	im->size = fsx_attr(x, ino).size;
	ck_assert_uint_le(im->size, MAX);
	ck_assert_int_eq(dxf_fs_read(x->fs, ino, 0, im->bytes, MAX),
			 (ssize_t)im->size);
}

/* A data stretch, a hole, data to LEN; b: a hole, then data. */
static struct files prepare(struct fsx *x)
{
	struct files f;
	struct dxf_setattr sa = { .valid = DXF_SET_MODE, .mode = 06755 };

	fill_free_blocks(x, 0xa5);
	f.a = fsx_create(x, DXF_ROOT_INO, "a");
	f.b = fsx_create(x, DXF_ROOT_INO, "b");
	fsx_write(x, f.a, 0, 'x', 12000);
	fsx_write(x, f.a, 40000, 'x', LEN - 40000);
	fsx_write(x, f.b, 30000, 'b', 60000);
	ck_assert_int_eq(set(x, f.a, sa), 0);
	return f;
}

static void check_bytes(const struct op *op, const struct image *old,
			const struct image *new, const struct image *now)
{
	ck_assert_msg(now->size == old->size || now->size == new->size ||
		      (now->size > old->size && now->size < new->size),
		      "%s: size %llu", op->name,
		      (unsigned long long)now->size);
	for (size_t i = 0; i < now->size; i++)
		ck_assert_msg(now->bytes[i] == old->bytes[i] ||
			      now->bytes[i] == new->bytes[i],
			      "%s: byte %zu is %02x, neither %02x nor %02x",
			      op->name, i, now->bytes[i], old->bytes[i],
			      new->bytes[i]);
}

static struct fsx x;
static struct image old, new, now, other, other_now;
static ssize_t whole;		/* what the operation returns */

/*
 * After the unmount nothing may be lost: what memory called free is free.  A
 * store in place that failed has left the filesystem read-only, and its log is
 * what would repair it.
 */
static void check_after(const struct op *op, struct files f, bool done,
			bool thorough)
{
	uint64_t free_blocks = fsx_free_blocks(&x);
	bool dead = dxf_txnmgr_is_ro(dxf_ext2_txnmgr(dxf_fs_ext2(x.fs)));

	slurp(&x, f.a, &now);
	slurp(&x, f.b, &other_now);
	ck_assert_mem_eq(other.bytes, other_now.bytes, MAX);
	check_bytes(op, done ? &new : &old, &new, &now);
	if (dead || !thorough) {
		ck_assert_int_eq(fsx_drop(&x) == 0, !dead);
		return;
	}
	fsx_umount(&x);
	fsx_check(&x);
	fsx_mount(&x);
	/* Trimmed at unmount, if at all. */
	ck_assert_uint_ge(fsx_free_blocks(&x), free_blocks);
	slurp(&x, f.a, &old);
	ck_assert_mem_eq(old.bytes, now.bytes, MAX);
	ck_assert_uint_eq(old.size, now.size);
	fsx_umount(&x);
}

/* All passes with all checks: many minutes. */
static bool asked_for_all(void)
{
	return getenv("DXF_FAULT_ALL") != NULL;
}

/* Returns: the fault was reached. */
static bool one_pass(const struct op *op, struct files f,
		     enum dxf_fault_kind kind, uint64_t nth)
{
	bool hit;
	ssize_t n;

	fsx_mount(&x);
	slurp(&x, f.a, &old);
	slurp(&x, f.b, &other);
	dxf_fault_arm(kind, nth);
	n = op->fn(&x, f);
	hit = dxf_fault_disarm();
	if (!hit)
		ck_assert_int_ge(n, 0);
	if (hit && n < 0)
		ck_assert_msg(n == -EIO || n == -ENOMEM || n == -ENOSPC ||
			      n == -EROFS, "%s: kind %d call %d: %zd",
			      op->name, kind, (int)nth, n);
	check_after(op, f, n == whole, asked_for_all() || nth % 5 == 1);
	return hit;
}

/* What the file is after the operation went well. */
static void learn(const struct op *op, struct files f)
{
	fsx_mount(&x);
	whole = op->fn(&x, f);
	ck_assert_int_ge(whole, 0);
	slurp(&x, f.a, &new);
	fsx_umount(&x);
}

/* Unless asked for all of them, from the 16th on every fifth. */
static uint64_t step(uint64_t nth)
{
	return nth < 16 || asked_for_all() ? 1 : 5;
}

/* Loop index: image, kind, operation. */
START_TEST(test_file_fault_leaves_old_or_new)
{
	const struct fsx_image *img = &small[_i % 3];
	enum dxf_fault_kind kind = _i / 3 % DXF_FAULT_NKINDS;
	const struct op *op = &ops[_i / 3 / DXF_FAULT_NKINDS];
	struct fsx_snap snap;
	struct files f;
	bool hit = true;

	for (size_t i = 0; i < MAX; i++)
		data[i] = (uint8_t)(i * 7 % 100 + 1);
	fsx_make(&x, img);
	fsx_mount(&x);
	f = prepare(&x);
	fsx_umount(&x);
	if (op->fn == do_fsync)
		x.opts.durability = DXF_DURABILITY_FSYNC;
	fsx_snap(&x, &snap);
	learn(op, f);
	for (uint64_t nth = 1; hit; nth += step(nth)) {
		ck_assert_uint_lt(nth, 5000);
		fsx_restore(&x, &snap);
		hit = one_pass(op, f, kind, nth);
	}
	fsx_snap_free(&snap);
	fsx_remove(&x);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_file_fault_leaves_old_or_new, 0,
			    3 * DXF_FAULT_NKINDS * NOPS);
}

int main(void)
{
	return run_tests("file_fault", add);
}
