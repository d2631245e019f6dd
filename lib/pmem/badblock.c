// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * badblock.c - the list of media ranges that are known to be poisoned.
 *
 * Must not touch media.
 *
 * Invariants: the list is sorted, its ranges are whole sectors of the file or
 * device, not empty, apart from each other, and meet the window.  A range
 * that has no room in memory is forgotten: whoever loads it finds it again.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "count.h"
#include "guard.h"
#include "log.h"
#include "region_priv.h"

/* What the kernel says of poison is no longer where it knows the place. */
#define BASE_PAGE	4096u

static void check_list(const struct dxf_region *r)
{
	for (size_t i = 0; i < r->nbad; i++) {
		assert(r->bad[i].start < r->bad[i].end);
		assert(r->bad[i].start < r->size);
		assert(i == 0 || r->bad[i - 1].end < r->bad[i].start);
	}
	assert(r->nbad <= r->bad_cap);
}

static int reserve_one(struct dxf_region *r)
{
	size_t cap = r->bad_cap * 2 + 8;
	struct dxf_bad *p;

	if (r->nbad < r->bad_cap)
		return 0;
	p = dxf_realloc(r->bad, cap * sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	r->bad = p;
	r->bad_cap = cap;
	return 0;
}

/* The first range that ends behind @off: it is where @off is, or the next. */
static size_t find_locked(const struct dxf_region *r, dxf_off_t off)
{
	size_t lo = 0, hi = r->nbad;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->bad[mid].end > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static void set_count(struct dxf_region *r, size_t n)
{
	__atomic_store_n(&r->nbad, n, __ATOMIC_RELEASE);
}

static void remove_locked(struct dxf_region *r, size_t i, size_t n)
{
	memmove(&r->bad[i], &r->bad[i + n],
		(r->nbad - i - n) * sizeof(*r->bad));
	set_count(r, r->nbad - n);
}

static void insert_locked(struct dxf_region *r, size_t i, struct dxf_bad b)
{
	assert(r->nbad < r->bad_cap);
	memmove(&r->bad[i + 1], &r->bad[i], (r->nbad - i) * sizeof(*r->bad));
	r->bad[i] = b;
	set_count(r, r->nbad + 1);
}

/* Add a range and swallow those that it meets or touches. */
static int add_locked(struct dxf_region *r, struct dxf_bad b)
{
	size_t i, n = 0;
	int ret = reserve_one(r);

	if (ret != 0)
		return ret;
	i = find_locked(r, b.start);
	if (i > 0 && r->bad[i - 1].end == b.start)
		i--;
	while (i + n < r->nbad && r->bad[i + n].start <= b.end) {
		b.start = DXF_MIN(b.start, r->bad[i + n].start);
		b.end = DXF_MAX(b.end, r->bad[i + n].end);
		n++;
	}
	remove_locked(r, i, n);
	insert_locked(r, i, b);
	check_list(r);
	return 0;
}

/*
 * Round to sectors of the file or device (the window starts at one) and to
 * the window.  Returns: is anything left?
 */
static bool round_out(const struct dxf_region *r, dxf_off_t off, uint64_t len,
		      struct dxf_bad *out)
{
	if (len == 0 || off >= r->size)
		return false;
	len = DXF_MIN(len, r->size - off);
	out->start = dxf_align_down(off, DXF_SECTOR);
	out->end = dxf_align_up(off + len, DXF_SECTOR);
	return true;
}

int dxf_badblock_add(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	struct dxf_bad b;

	if (!round_out(r, off, len, &b))
		return 0;
	DXF_SCOPED_MUTEX(&r->bad_lock);
	return add_locked(r, b);
}

uint64_t dxf_region_count_bad(struct dxf_region *r, uint64_t *bytes)
{
	DXF_SCOPED_MUTEX(&r->bad_lock);

	*bytes = 0;
	for (size_t i = 0; i < r->nbad; i++)
		*bytes += r->bad[i].end - r->bad[i].start;
	return r->nbad;
}

void dxf_region_add_bad(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	int ret = dxf_badblock_add(r, off, len);

	dxf_log_err("%s: media error at %" PRIu64 " (%" PRIu64 " bytes)%s",
		    r->node.path, off, len,
		    ret != 0 ? ", not remembered: out of memory" : "");
}

/* How many bytes of [@off, @off + @len) are known to be bad. */
static uint64_t bad_bytes(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	dxf_off_t end = off + len;
	uint64_t sum = 0;

	DXF_SCOPED_MUTEX(&r->bad_lock);
	for (size_t i = find_locked(r, off);
	     i < r->nbad && r->bad[i].start < end; i++)
		sum += DXF_MIN(r->bad[i].end, end) -
		       DXF_MAX(r->bad[i].start, off);
	return sum;
}

/*
 * A dax device tells of poison by the huge page that it maps, not by the place
 * in it; the place is in the kernel's list a moment later.
 * Returns: is some of the range in ours now?
 */
static bool find_in_huge_page(struct dxf_region *r, dxf_off_t off,
			      uint64_t len)
{
	uint64_t before = bad_bytes(r, off, len), now = before;

	for (int i = 0; i < 10 && now == before; i++) {
		if (i > 0)
			usleep(10000);
		dxf_badblock_rescan(r);
		now = bad_bytes(r, off, len);
	}
	return now != 0;
}

void dxf_badblock_note(struct dxf_region *r, const char *base, uintptr_t addr,
		       uint64_t len)
{
	bool huge = dxf_region_is_pmem(r) && len > BASE_PAGE;

	/* A huge page may start before the window, and end behind it. */
	if (addr < (uintptr_t)base) {
		len -= DXF_MIN(len, (uintptr_t)base - addr);
		addr = (uintptr_t)base;
	}
	addr -= (uintptr_t)base;
	len = addr < r->size ? DXF_MIN(len, r->size - addr) : 0;
	if (!huge || !find_in_huge_page(r, addr, len))
		dxf_region_add_bad(r, addr, len);
}

void dxf_badblock_note_fault(struct dxf_region *r)
{
	bool by_wr = r->wr != NULL && r->wr != r->rd &&
		     dxf_guard_fault.addr - (uintptr_t)r->wr < r->size;
	uintptr_t addr;
	uint64_t len;

	dxf_count(DXF_COUNT_FAULT, 1);
	if (dxf_guard_poison(&addr, &len))
		dxf_badblock_note(r, by_wr ? r->wr : r->rd, addr, len);
	/*
	 * A truncated file is not bad media; but a DAX filesystem does not map
	 * what the kernel knows to be bad.
	 */
	else if (dxf_region_is_pmem(r))
		dxf_badblock_rescan(r);
}

/* Poison that the kernel told us about meanwhile. */
static void note_announced(struct dxf_region *r, const char *base)
{
	uintptr_t addr;
	uint64_t len;

	while (dxf_guard_announced(base, r->size, &addr, &len))
		dxf_badblock_note(r, base, addr, len);
}

bool dxf_badblock_look(const struct dxf_region *r, dxf_off_t off, uint64_t len,
		       struct dxf_bad *out)
{
	/* What is found out meanwhile is no change of the region. */
	struct dxf_region *m = (struct dxf_region *)r;
	bool found;
	size_t i;

	note_announced(m, r->rd);
	if (r->wr != NULL && r->wr != r->rd)
		note_announced(m, r->wr);
	if (__atomic_load_n(&r->nbad, __ATOMIC_ACQUIRE) == 0 || len == 0)
		return false;
	DXF_SCOPED_MUTEX(&m->bad_lock);
	i = find_locked(r, off);
	found = i < r->nbad && (r->bad[i].start < off ||
				r->bad[i].start - off < len);
	if (found)
		*out = r->bad[i];
	return found;
}

bool dxf_region_find_bad(const struct dxf_region *r, dxf_off_t off,
			 uint64_t len, dxf_off_t *start, dxf_off_t *end)
{
	struct dxf_bad bad;

	if (!dxf_badblock_find(r, off, len, &bad))
		return false;
	*start = DXF_MAX(bad.start, off);
	*end = bad.end - off > len ? off + len : bad.end;
	assert(*start < *end);
	return true;
}

/* Cut [b.start, b.end) out of the list. */
static int clear_locked(struct dxf_region *r, struct dxf_bad b)
{
	size_t i = find_locked(r, b.start);
	struct dxf_bad rest;

	/* Only cutting out of the middle needs one more. */
	if (reserve_one(r) != 0)
		return -ENOMEM;
	while (i < r->nbad && r->bad[i].start < b.end) {
		rest = r->bad[i];
		remove_locked(r, i, 1);
		if (rest.start < b.start)
			insert_locked(r, i++, (struct dxf_bad){ rest.start,
								b.start });
		if (rest.end > b.end)
			insert_locked(r, i++, (struct dxf_bad){ b.end,
								rest.end });
	}
	check_list(r);
	return 0;
}

void dxf_badblock_clear(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	struct dxf_bad b = {
		.start = dxf_align_up(off, DXF_SECTOR),
		.end = dxf_align_down(off + len, DXF_SECTOR),
	};

	/* The last sector of the window may be cut off by its end. */
	if (off + len == r->size)
		b.end = dxf_align_up(off + len, DXF_SECTOR);
	if (b.start >= b.end)
		return;
	DXF_SCOPED_MUTEX(&r->bad_lock);
	if (r->nbad > 0)
		(void)clear_locked(r, b);
}
