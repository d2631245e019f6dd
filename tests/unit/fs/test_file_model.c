/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a file, beside a model of its bytes: around the borders
 * of blocks, of the levels of an indirect map and of 4 GiB, with free blocks
 * full of what must never be seen.
 */
#include <linux/falloc.h>
#include <unistd.h>

#include "file_model.h"

#define NEAR	(96 * 1024)
#define MAX_IO	(80 * 1024)

struct run {
	struct fsx x;
	struct model m;
	struct rnd r;
	dxf_ino_t ino;
	uint64_t anchors[7];
	int nanchors;
	uint8_t buf[MAX_IO];
};

static struct run run;

static uint64_t some_off(struct run *t)
{
	uint64_t a = t->anchors[rnd_below(&t->r, t->nanchors)];
	uint64_t off = a + rnd_below(&t->r, 2 * NEAR);

	off = off > NEAR ? off - NEAR : 0;
	switch (rnd_below(&t->r, 4)) {
	case 0:
		return off & ~(uint64_t)4095;
	case 1:
		return off & ~(uint64_t)1023;
	default:
		return off;
	}
}

static size_t some_len(struct run *t)
{
	switch (rnd_below(&t->r, 4)) {
	case 0:
		return 1 + rnd_below(&t->r, 64);
	case 1:
		return (1 + rnd_below(&t->r, 16)) * 1024;
	case 2:
		return 1 + rnd_below(&t->r, 8192);
	default:
		return 1 + rnd_below(&t->r, MAX_IO);
	}
}

/* For what touches ranges without a buffer. */
static uint64_t some_end(struct run *t, uint64_t off)
{
	uint64_t other = some_off(t);

	if (rnd_below(&t->r, 6) == 0 && other > off)
		return other;
	return off + some_len(t);
}

/* ---- the operations ---- */

static void do_write(struct run *t)
{
	uint64_t off = rnd_below(&t->r, 5) ? some_off(t) : t->m.size;
	size_t len = some_len(t);

	rnd_fill(&t->r, t->buf, len);
	ck_assert_int_eq(dxf_fs_write(t->x.fs, t->ino, off, t->buf, len, 0,
				      &fsx_root), (ssize_t)len);
	model_write(&t->m, off, t->buf, len);
}

static void do_truncate(struct run *t)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = some_off(t) };
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_setattr(t->x.fs, t->ino, &sa, &fsx_root, &a),
			 0);
	ck_assert_uint_eq(a.size, sa.size);
	model_truncate(&t->m, sa.size);
}

static void do_fallocate(struct run *t, int mode)
{
	uint64_t off = some_off(t), end = some_end(t, off);
	bool keep = mode & FALLOC_FL_KEEP_SIZE;

	/* Allocation over 4 GiB does not fit. */
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		end = DXF_MIN(end, off + MAX_IO);
	ck_assert_int_eq(dxf_fs_fallocate(t->x.fs, t->ino, mode, off,
					  end - off, false, &fsx_root), 0);
	if (mode & ~FALLOC_FL_KEEP_SIZE)
		model_zero(&t->m, off, end - off);
	if (!keep && end > t->m.size)
		model_truncate(&t->m, end);
}

static void do_copy(struct run *t)
{
	uint64_t in = some_off(t), out = some_off(t);
	size_t len = some_len(t), want;
	ssize_t n = dxf_fs_copy_range(t->x.fs, t->ino, in, t->ino, out, len, 0,
				      &fsx_root);

	if (in < out + len && out < in + len) {
		ck_assert_int_eq(n, -EINVAL);
		return;
	}
	want = in < t->m.size ? DXF_MIN(len, t->m.size - in) : 0;
	ck_assert_int_eq(n, (ssize_t)want);
	model_read(&t->m, in, t->buf, want);
	if (want)
		model_write(&t->m, out, t->buf, want);
}

static bool all_zero(struct run *t, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < t->m.nslots; i++) {
		const struct model_page *p = &t->m.slots[i];
		uint64_t start = p->idx * MODEL_PAGE;

		if (!p->bytes)
			continue;
		for (uint64_t j = 0; j < MODEL_PAGE; j++) {
			if (start + j >= from && start + j < to && p->bytes[j])
				return false;
		}
	}
	return true;
}

static void do_seek(struct run *t)
{
	uint64_t off = some_off(t), data = 0, hole = 0;
	int err = dxf_fs_lseek(t->x.fs, t->ino, off, SEEK_DATA, &data);
	int err2 = dxf_fs_lseek(t->x.fs, t->ino, off, SEEK_HOLE, &hole);

	if (off >= t->m.size) {
		ck_assert_int_eq(err, -ENXIO);
		ck_assert_int_eq(err2, -ENXIO);
		return;
	}
	if (err)
		ck_assert_int_eq(err, -ENXIO);
	ck_assert(all_zero(t, off, err ? t->m.size : data));
	ck_assert_int_eq(err2, 0);
	ck_assert_uint_ge(hole, off);
	ck_assert_uint_le(hole, t->m.size);
	/* A hole reads as zeros to the end of its block. */
	ck_assert(all_zero(t, hole, (hole | 1023) + 1));
}

static void do_one(struct run *t)
{
	switch (rnd_below(&t->r, 16)) {
	case 0:
		do_truncate(t);
		break;
	case 1:
		do_fallocate(t, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		break;
	case 2:
		do_fallocate(t, FALLOC_FL_ZERO_RANGE);
		break;
	case 10:
		do_fallocate(t, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
		break;
	case 3:
		do_fallocate(t, rnd_below(&t->r, 2) ? FALLOC_FL_KEEP_SIZE : 0);
		break;
	case 4:
	case 5:
		do_copy(t);
		break;
	case 6:
	case 7:
		model_check_range(&t->m, &t->x, t->ino, some_off(t),
				  some_len(t));
		break;
	case 8:
		do_seek(t);
		break;
	case 9:
		ck_assert_int_eq(dxf_fs_fsync(t->x.fs, t->ino,
					      rnd_below(&t->r, 2)), 0);
		break;
	default:
		do_write(t);
	}
}

/* ---- the runs ---- */

static void start(struct run *t, const struct fsx_image *img, int seed)
{
	uint64_t bs, ptrs;

	memset(t, 0, sizeof(*t));
	fsx_make(&t->x, img);
	t->r.s = (uint64_t)seed * 7919 + 1;
	if (seed % 3 == 1)
		t->x.opts.durability = DXF_DURABILITY_FSYNC;
	if (seed % 3 == 2)
		to_page_media(&t->x);
	fsx_mount(&t->x);
	fill_free_blocks(&t->x, 0xa5);
	t->ino = fsx_create(&t->x, DXF_ROOT_INO, "f");
	model_init(&t->m);
	bs = fsx_attr(&t->x, t->ino).blksize;
	ptrs = bs / 4;
	t->anchors[0] = 0;
	t->anchors[1] = NEAR;
	t->anchors[2] = 12 * bs;
	t->anchors[3] = (12 + ptrs) * bs;
	t->anchors[4] = (12 + 2 * ptrs) * bs;
	t->anchors[5] = (12 + ptrs + ptrs * ptrs) * bs;
	t->anchors[6] = 4 * DXF_GIB;
	t->nanchors = DXF_ARRAY_SIZE(t->anchors);
}

/* Loop index: image, then seed. */
START_TEST(test_file_model_random_reads_as_model)
{
	struct run *t = &run;
	uint64_t free_blocks;

	start(t, &fsx_images[_i % fsx_nimages], _i / fsx_nimages);
	for (int op = 0; op < 1500; op++) {
		do_one(t);
		if (op % 250 == 249) {
			model_check(&t->m, &t->x, t->ino);
			fsx_remount(&t->x);
			model_check(&t->m, &t->x, t->ino);
		}
	}
	fsx_umount(&t->x);
	fsx_check(&t->x);
	fsx_mount(&t->x);
	free_blocks = fsx_free_blocks(&t->x);
	ck_assert_int_eq(dxf_fs_unlink(t->x.fs, DXF_ROOT_INO, "f"), 0);
	ck_assert_uint_ge(fsx_free_blocks(&t->x), free_blocks);
	model_free(&t->m);
	fsx_finish(&t->x);
}
END_TEST

static void add(TCase *tc)
{
	const char *n = getenv("DXF_SEEDS");

	tcase_add_loop_test(tc, test_file_model_random_reads_as_model, 0,
			    fsx_nimages * (n ? atoi(n) : 6));
}

int main(void)
{
	return run_tests("file_model", add);
}
