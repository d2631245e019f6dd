/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file_model.h"

#include <unistd.h>

#include "hash.h"

/* ---- random numbers ---- */

uint64_t rnd_next(struct rnd *r)
{
	r->s += 0x9e3779b97f4a7c15u;
	return dxf_hash_u64(r->s);
}

uint64_t rnd_below(struct rnd *r, uint64_t n)
{
	return rnd_next(r) % n;
}

void rnd_fill(struct rnd *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	/* No zeros, so that a lost byte is seen wherever it is. */
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(rnd_next(r) % 255 + 1);
}

/* ---- pages ---- */

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->nslots = 1024;
	m->slots = calloc(m->nslots, sizeof(*m->slots));
	ck_assert_ptr_nonnull(m->slots);
}

void model_free(struct model *m)
{
	for (size_t i = 0; i < m->nslots; i++)
		free(m->slots[i].bytes);
	free(m->slots);
	m->slots = NULL;
}

static struct model_page *slot(const struct model *m, uint64_t idx)
{
	size_t i = dxf_hash_u64(idx) & (m->nslots - 1);

	while (m->slots[i].bytes && m->slots[i].idx != idx)
		i = (i + 1) & (m->nslots - 1);
	return &m->slots[i];
}

static void enlarge(struct model *m)
{
	struct model old = *m;

	m->nslots *= 2;
	m->slots = calloc(m->nslots, sizeof(*m->slots));
	ck_assert_ptr_nonnull(m->slots);
	for (size_t i = 0; i < old.nslots; i++) {
		if (old.slots[i].bytes)
			*slot(m, old.slots[i].idx) = old.slots[i];
	}
	free(old.slots);
}

static uint8_t *page(struct model *m, uint64_t idx)
{
	struct model_page *p = slot(m, idx);

	if (p->bytes)
		return p->bytes;
	if (m->npages >= m->nslots / 2) {
		enlarge(m);
		p = slot(m, idx);
	}
	p->idx = idx;
	p->bytes = calloc(1, MODEL_PAGE);
	ck_assert_ptr_nonnull(p->bytes);
	m->npages++;
	return p->bytes;
}

/* ---- bytes ---- */

void model_write(struct model *m, uint64_t off, const void *buf, size_t len)
{
	const uint8_t *src = buf;

	m->size = DXF_MAX(m->size, off + len);
	for (size_t n; len > 0; off += n, src += n, len -= n) {
		size_t in = off % MODEL_PAGE;

		n = DXF_MIN(len, MODEL_PAGE - in);
		memcpy(page(m, off / MODEL_PAGE) + in, src, n);
	}
}

void model_zero(struct model *m, uint64_t off, uint64_t len)
{
	for (size_t i = 0; i < m->nslots; i++) {
		uint64_t start = m->slots[i].idx * MODEL_PAGE;
		uint64_t from = DXF_MAX(start, off);
		uint64_t to = DXF_MIN(start + MODEL_PAGE, off + len);

		if (m->slots[i].bytes && from < to)
			memset(m->slots[i].bytes + (from - start), 0,
			       to - from);
	}
}

void model_truncate(struct model *m, uint64_t size)
{
	if (size < m->size)
		model_zero(m, size, m->size - size);
	m->size = size;
}

void model_read(const struct model *m, uint64_t off, void *buf, size_t len)
{
	uint8_t *dst = buf;

	for (size_t n; len > 0; off += n, dst += n, len -= n) {
		size_t in = off % MODEL_PAGE;
		const uint8_t *p = slot(m, off / MODEL_PAGE)->bytes;

		n = DXF_MIN(len, MODEL_PAGE - in);
		if (p)
			memcpy(dst, p + in, n);
		else
			memset(dst, 0, n);
	}
}

/* ---- comparing ---- */

static void same(const uint8_t *want, const uint8_t *got, size_t len,
		 uint64_t off, const char *how)
{
	if (memcmp(want, got, len) == 0)
		return;
	for (size_t i = 0; i < len; i++)
		ck_assert_msg(want[i] == got[i],
			      "%s: byte %llu is %02x, not %02x", how,
			      (unsigned long long)(off + i), got[i], want[i]);
}

/* @len must be below what 64 entries can take even when all is fragmented. */
static void check_iov(const uint8_t *want, struct fsx *x, dxf_ino_t ino,
		      uint64_t off, size_t len)
{
	struct iovec iov[64];
	struct dxf_fs_read r = { .iov = iov, .max_iov = 64 };
	ssize_t n = dxf_fs_read_begin(x->fs, ino, off, len, &r);
	size_t at = 0;

	ck_assert_int_ge(n, 0);
	for (int i = 0; i < r.niov; i++) {
		same(want + at, iov[i].iov_base, iov[i].iov_len, off + at,
		     "read_begin");
		at += iov[i].iov_len;
	}
	ck_assert_uint_eq(at, (size_t)n);
	ck_assert(at == len || r.niov == r.max_iov);
	dxf_fs_read_end(x->fs, &r);
}

void model_check_range(const struct model *m, struct fsx *x, dxf_ino_t ino,
		       uint64_t off, size_t len)
{
	uint8_t *want = malloc(len + 1), *got = malloc(len + 1);
	size_t inside = off < m->size ? DXF_MIN(len, m->size - off) : 0;

	ck_assert(want && got);
	model_read(m, off, want, len);
	ck_assert_int_eq(dxf_fs_read(x->fs, ino, off, got, len),
			 (ssize_t)inside);
	same(want, got, inside, off, "read");
	check_iov(want, x, ino, off, inside);
	free(want);
	free(got);
}

void model_check(const struct model *m, struct fsx *x, dxf_ino_t ino)
{
	uint64_t off = 0, end;

	ck_assert_uint_eq(fsx_attr(x, ino).size, m->size);
	for (size_t i = 0; i < m->nslots; i++) {
		if (m->slots[i].bytes)
			model_check_range(m, x, ino,
					  m->slots[i].idx * MODEL_PAGE,
					  MODEL_PAGE);
	}
	while (dxf_fs_lseek(x->fs, ino, off, SEEK_DATA, &off) == 0) {
		ck_assert_int_eq(dxf_fs_lseek(x->fs, ino, off, SEEK_HOLE,
					      &end), 0);
		ck_assert_uint_gt(end, off);
		for (; off < end; off += MODEL_PAGE)
			model_check_range(m, x, ino, off,
					  DXF_MIN(MODEL_PAGE, end - off));
		off = end;
		if (off >= m->size)
			break;
	}
}

struct dxf_persist_stats persist_delta(struct fsx *x)
{
	static struct dxf_persist_stats last;
	struct dxf_persist_stats now, d;

	dxf_persist_get_stats(x->region, &now);
	d = now;
	for (int i = 0; i < DXF_PERSIST_NOPS; i++)
		d.calls[i] -= last.calls[i];
	d.bytes_stored -= last.bytes_stored;
	d.bytes_nt -= last.bytes_nt;
	d.lines_flushed -= last.lines_flushed;
	last = now;
	return d;
}

uint64_t txn_delta(struct fsx *x)
{
	static uint64_t last;
	uint64_t now = fsx_stats(x).transactions, d = now - last;

	last = now;
	return d;
}

void set_size(struct fsx *x, dxf_ino_t ino, uint64_t size)
{
	struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = size };
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_setattr(x->fs, ino, &sa, &fsx_root, &a), 0);
	ck_assert_uint_eq(a.size, size);
}

void to_page_media(struct fsx *x)
{
	const struct dxf_region_opts o = {
		.granularity = DXF_GRANULARITY_PAGE,
	};
	char path[] = "/dev/shm/dxf-page-XXXXXX";
	int fd = mkstemp(path);
	struct fsx_snap s;

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_null(x->fs);
	fsx_snap(x, &s);
	ck_assert_int_eq(write(fd, s.bytes, s.size), (ssize_t)s.size);
	close(fd);
	fsx_snap_free(&s);
	dxf_region_close(x->region);
	ck_assert_int_eq(dxf_region_open(&x->region, path, &o, NULL), 0);
	ck_assert_int_eq(dxf_region_media(x->region), DXF_MEDIA_PAGE);
	unlink(path);
}

void fill_free_blocks(struct fsx *x, int byte)
{
	dxf_ino_t ino = fsx_create(x, DXF_ROOT_INO, "filler");
	size_t len = 64 * 1024;
	uint64_t off = 0;
	uint8_t *buf = malloc(len);
	ssize_t n;

	memset(buf, byte, len);
	do {
		n = dxf_fs_write(x->fs, ino, off, buf, len, 0, &fsx_root);
		if (n == -ENOSPC && len > 512)
			len = 512;	/* the last blocks one by one */
		else if (n < 0)
			break;
		off += n > 0 ? n : 0;
	} while (1);
	ck_assert_int_eq(n, -ENOSPC);
	ck_assert_int_eq(dxf_fs_unlink(x->fs, DXF_ROOT_INO, "filler"), 0);
	free(buf);
}
