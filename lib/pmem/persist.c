// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * persist.c - the only code that stores to media, flushes and fences.
 *
 * Must not know what the bytes mean, nor which ranges are dirty.
 *
 * Invariants:
 *  - A hook sees each call before it takes effect; what is refused
 *    (range, ro, fault plan, host full) is no persist point.
 *  - A cache line is stored either non-temporally or by ordinary stores in one
 *    call; lines that the range covers in part always by ordinary stores.
 *  - Without NOFLUSH every line that was stored ordinarily is flushed before
 *    the call returns; with it (and DATA) all but the partly covered ones.
 *  - Aligned 8-byte words are stored whole (access_x86.c, access_arm64.c).
 */
#include "persist.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "fault.h"
#include "guard.h"
#include "mutate.h"
#include "persist_priv.h"

#define ALL_FLAGS	(DXF_PERSIST_TEMPORAL | DXF_PERSIST_NOFLUSH | \
			 DXF_PERSIST_RECOVERY)

/*
 * From this many bytes of whole lines on stores are non-temporal.  Measured
 * with the fence, on lines that are not cached (Sapphire Rapids, DRAM), in ns:
 *
 *	bytes		64	128	256	512	4 Ki	1 Mi
 *	ordinary	240	270	320	480	1150	250000
 *	non-temporal	240	250	270	270	 460	 63000
 */
#define NT_MIN		128

#define ZEROS_LEN	4096

static const char zeros[ZEROS_LEN] __attribute__((aligned(DXF_CACHELINE)));

/* ---- stores ---- */

/* What to store: bytes in memory, or with NULL zeros. */
static int put(const struct dxf_region *r, char *dst, const char *src,
	       size_t len, bool nt)
{
	int (*store)(void *, const void *, size_t) =
		nt ? dxf_access_store_nt : dxf_access_store;
	int ret = 0;

	if (len == 0)
		return 0;
	if (r->trace != NULL)
		dxf_persist_trace(r, (struct dxf_persist_trace){
			.op = nt && dxf_access_has_nt() ?
				DXF_PERSIST_TRACE_NT : DXF_PERSIST_TRACE_STORE,
			.off = (dxf_off_t)(dst - r->wr), .len = len,
			.src = src });
	if (src != NULL)
		return store(dst, src, len);
	for (size_t n; ret == 0 && len > 0; dst += n, len -= n) {
		/* Whole words: a step ends where one does. */
		n = ZEROS_LEN - (nt ? 0 : (uintptr_t)dst % DXF_CACHELINE);
		n = DXF_MIN(len, n);
		ret = store(dst, zeros, n);
	}
	return ret;
}

static int flush_addr(const struct dxf_region *r, const char *addr, size_t len)
{
	uintptr_t start = dxf_align_down((uintptr_t)addr, DXF_CACHELINE);
	uintptr_t end = dxf_align_up((uintptr_t)addr + len, DXF_CACHELINE);

	if (r->flush == NULL || len == 0)
		return 0;
	dxf_persist_count(&dxf_persist_mine(r)->lines_flushed, (end - start) / DXF_CACHELINE);
	if (r->trace != NULL)
		dxf_persist_trace(r, (struct dxf_persist_trace){
			.op = DXF_PERSIST_TRACE_FLUSH,
			.off = (dxf_off_t)(addr - r->wr), .len = len });
	return dxf_flush_range(r->flush, addr, len);
}

/* A range cut at the first and last line boundary in it. */
struct parts {
	size_t head, lines, tail;	/* bytes of each */
};

static struct parts cut(const char *dst, size_t len)
{
	size_t head = DXF_MIN(len, -(uintptr_t)dst % DXF_CACHELINE);
	size_t lines = dxf_align_down(len - head, DXF_CACHELINE);

	return (struct parts){ head, lines, len - head - lines };
}

static int store_ordinary(struct dxf_region *r, char *dst, const char *src,
			  size_t len, unsigned int flags)
{
	struct parts p = cut(dst, len);
	int ret = put(r, dst, src, len, false);

	if (ret != 0)
		return ret;
	if (!(flags & DXF_PERSIST_NOFLUSH) &&
	    !dxf_mutated(DXF_MUT_PERSIST_FLUSH_STORE))
		return flush_addr(r, dst, len);
	if (!(flags & DXF_PERSIST_TEMPORAL) &&
	    !dxf_mutated(DXF_MUT_PERSIST_FLUSH_LINES) &&
	    !dxf_mutated(DXF_MUT_PERSIST_FLUSH_STORE))
		return flush_addr(r, dst + p.head, p.lines);
	return 0;
}

static int store_bulk(struct dxf_region *r, char *dst, const char *src,
		      size_t len, unsigned int flags)
{
	struct parts p = cut(dst, len);
	char *mid = dst + p.head, *tail = mid + p.lines;
	const char *mid_src = src != NULL ? src + p.head : NULL;
	const char *tail_src = src != NULL ? mid_src + p.lines : NULL;
	int ret;

	ret = put(r, dst, src, p.head, false);
	if (ret == 0)
		ret = put(r, mid, mid_src, p.lines, true);
	if (ret == 0)
		ret = put(r, tail, tail_src, p.tail, false);
	if (ret == 0 && !dxf_access_has_nt())
		ret = flush_addr(r, mid, p.lines);
	dxf_persist_count(&dxf_persist_mine(r)->bytes_nt, p.lines);
	if (ret != 0 || (flags & DXF_PERSIST_NOFLUSH))
		return ret;
	if (!dxf_mutated(DXF_MUT_PERSIST_FLUSH_HEAD))
		ret = flush_addr(r, dst, p.head);
	if (ret == 0 && !dxf_mutated(DXF_MUT_PERSIST_FLUSH_TAIL))
		ret = flush_addr(r, tail, p.tail);
	return ret;
}

static int store(struct dxf_region *r, dxf_off_t off, const char *src,
		 size_t len, unsigned int flags)
{
	char *dst = r->wr + off;
	bool bulk = r->media == DXF_MEDIA_DAX &&
		    !(flags & DXF_PERSIST_TEMPORAL) &&
		    cut(dst, len).lines >= NT_MIN;
	int ret;

	if (bulk && len >= DXF_MAP_AROUND)
		dxf_load_map_ahead(r, off, len);
	dxf_persist_count(&dxf_persist_mine(r)->bytes_stored, len);
	ret = bulk ? store_bulk(r, dst, src, len, flags) :
		     store_ordinary(r, dst, src, len, flags);
	if (ret != 0)
		dxf_badblock_note_fault(r);
	return ret;
}

/*
 * May [@off, @off + @len) be stored to?  A bad sector only if the caller asks
 * for it and overwrites all of it.
 */
static bool may_store(const struct dxf_region *r, dxf_off_t off, uint64_t len,
		      unsigned int flags)
{
	uint64_t end = off + len;
	struct dxf_bad bad;

	if (!dxf_badblock_find(r, off, len, &bad))
		return true;
	if (!(flags & DXF_PERSIST_RECOVERY))
		return false;
	if (off % DXF_SECTOR != 0 && dxf_badblock_find(r, off, 1, &bad))
		return false;
	return end % DXF_SECTOR == 0 || end == r->size ||
	       !dxf_badblock_find(r, end - 1, 1, &bad);
}

/* What must be so before anything is stored. */
static int prepare(struct dxf_region *r, dxf_off_t off, uint64_t len,
		   unsigned int flags)
{
	if (flags & ~(unsigned int)ALL_FLAGS)
		return -EINVAL;
	if (!dxf_region_holds(r, off, len))
		return -ERANGE;
	if (r->wr == NULL)
		return -EROFS;
	if (dxf_fault(DXF_FAULT_PERSIST) || !may_store(r, off, len, flags))
		return -EIO;
	return dxf_hostalloc_ensure(r, off, len);
}

static int recover(struct dxf_region *r, dxf_off_t off, const char *src,
		   size_t len, unsigned int flags)
{
	int ret = dxf_badclear_write(r, off, src, len);

	if (ret == 0)
		ret = store(r, off, src, len, flags);
	return ret == 0 ? dxf_badclear_finish(r, off, len) : ret;
}

/* @src NULL: zeros. */
static int store_or_recover(struct dxf_region *r, dxf_off_t off,
			    const char *src, size_t len, unsigned int flags)
{
	struct dxf_bad bad;

	if ((flags & DXF_PERSIST_RECOVERY) &&
	    dxf_badblock_find(r, off, len, &bad))
		return recover(r, off, src, len, flags);
	return store(r, off, src, len, flags);
}

int dxf_persist_copy(struct dxf_region *r, dxf_off_t off, const void *src,
		     size_t len, unsigned int flags)
{
	int ret = prepare(r, off, len, flags);

	if (ret != 0 || len == 0)
		return ret;
	dxf_persist_announce(r, DXF_PERSIST_OP_COPY, off, len, src, flags);
	return store_or_recover(r, off, src, len, flags);
}

int dxf_persist_zero(struct dxf_region *r, dxf_off_t off, uint64_t len,
		     unsigned int flags)
{
	int ret = prepare(r, off, len, flags);

	if (ret != 0 || len == 0)
		return ret;
	dxf_persist_announce(r, DXF_PERSIST_OP_ZERO, off, len, NULL, flags);
	return store_or_recover(r, off, NULL, len, flags);
}

/* The bytes @src of the line at @off, and zeros. */
static int store_padded_line(struct dxf_region *r, dxf_off_t off,
			     const char *src, size_t len)
{
	char line[DXF_CACHELINE] __attribute__((aligned(DXF_CACHELINE)));
	int ret;

	assert(len > 0 && len < sizeof(line));
	memcpy(line, src, len);
	memset(line + len, 0, sizeof(line) - len);
	dxf_persist_count(&dxf_persist_mine(r)->bytes_stored, sizeof(line));
	ret = store_bulk(r, r->wr + off, line, sizeof(line), DXF_PERSIST_DATA);
	if (ret != 0)
		dxf_badblock_note_fault(r);
	return ret;
}

int dxf_persist_copy_padded(struct dxf_region *r, dxf_off_t off,
			    const void *src, size_t len, uint64_t pad)
{
	size_t part = ((uintptr_t)r->wr + off + len) % DXF_CACHELINE;
	size_t body = len - part, zeros_in = DXF_CACHELINE - part;
	int ret;

	if (part == 0 || len < part || pad < zeros_in ||
	    r->media != DXF_MEDIA_DAX) {
		ret = dxf_persist_copy(r, off, src, len, DXF_PERSIST_DATA);
		return ret != 0 || pad == 0 ? ret :
			dxf_persist_zero(r, off + len, pad, DXF_PERSIST_DATA);
	}
	ret = prepare(r, off, len + pad, DXF_PERSIST_DATA);
	if (ret != 0)
		return ret;
	dxf_persist_announce(r, DXF_PERSIST_OP_COPY, off, len, src,
			     DXF_PERSIST_DATA);
	dxf_persist_announce(r, DXF_PERSIST_OP_ZERO, off + len, pad, NULL,
			     DXF_PERSIST_DATA);
	if (body > 0)
		ret = store(r, off, src, body, DXF_PERSIST_DATA);
	if (ret == 0)
		ret = store_padded_line(r, off + body,
					(const char *)src + body, part);
	if (ret == 0 && pad > zeros_in)
		ret = store(r, off + len + zeros_in, NULL, pad - zeros_in,
			    DXF_PERSIST_DATA);
	return ret;
}

/* Pieces end at sectors of the target: neither line nor sector is cut. */
#define MOVE_LEN	8192

static int move_by_buffer(struct dxf_region *r, dxf_off_t dst, dxf_off_t src,
			  uint64_t len, unsigned int flags)
{
	char buf[MOVE_LEN];
	int ret = 0;

	for (size_t n; ret == 0 && len > 0; dst += n, src += n, len -= n) {
		n = MOVE_LEN - dst % DXF_SECTOR;
		n = DXF_MIN(len, n);
		ret = dxf_access_load(buf, r->rd + src, n);
		if (ret != 0)
			dxf_badblock_note_fault(r);
		else
			ret = store_or_recover(r, dst, buf, n, flags);
	}
	return ret;
}

/* Where both sides lie alike the stores' loops load as media wants it; without
 * a buffer 64 KiB move at 8.0 to 9.0 GB/s, not 5.3 to 7.2 (Sapphire Rapids). */
static int move(struct dxf_region *r, dxf_off_t dst, dxf_off_t src,
		uint64_t len, unsigned int flags)
{
	const char *from = r->rd + src, *to = r->wr + dst;

	/* who clears bad blocks is to write from memory */
	if ((flags & DXF_PERSIST_RECOVERY) ||
	    ((uintptr_t)from ^ (uintptr_t)to) % DXF_ACCESS_WIDTH != 0)
		return move_by_buffer(r, dst, src, len, flags);
	return store(r, dst, from, len, flags);
}

int dxf_persist_move(struct dxf_region *r, dxf_off_t dst, dxf_off_t src,
		     uint64_t len, unsigned int flags)
{
	struct dxf_bad bad;
	int ret;

	if (!dxf_region_holds(r, src, len))
		return -ERANGE;
	assert(len == 0 || dst >= src + len || src >= dst + len);
	ret = prepare(r, dst, len, flags);
	if (ret != 0 || len == 0)
		return ret;
	if (dxf_badblock_find(r, src, len, &bad))
		return -EIO;
	dxf_persist_announce(r, DXF_PERSIST_OP_COPY, dst, len, r->rd + src, flags);
	return move(r, dst, src, len, flags);
}

/* ---- flush, fence, msync ---- */

/* Granules of a dirty-extent tree may reach past the end of the region. */
static uint64_t clip(const struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	return DXF_MIN(len, r->size - off);
}

int dxf_persist_flush(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	int ret;

	if (off > r->size)
		return -ERANGE;
	if (dxf_fault(DXF_FAULT_PERSIST))
		return -EIO;
	len = clip(r, off, len);
	if (len == 0 || r->wr == NULL)
		return 0;
	dxf_persist_announce(r, DXF_PERSIST_OP_FLUSH, off, len, NULL, 0);
	ret = flush_addr(r, r->wr + off, len);
	if (ret != 0)
		dxf_badblock_note_fault(r);
	return ret;
}

void dxf_persist_fence(struct dxf_region *r)
{
	dxf_persist_announce(r, DXF_PERSIST_OP_FENCE, 0, 0, NULL, 0);
	if (r->trace != NULL)
		dxf_persist_trace(r, (struct dxf_persist_trace){
			.op = DXF_PERSIST_TRACE_FENCE });
	if (r->flush != NULL)
		dxf_flush_drain(r->flush);
}

/* The range's part in the region on page media.  Returns: false: none. */
static bool has_pages(const struct dxf_region *r, dxf_off_t off, uint64_t *len)
{
	*len = clip(r, off, *len);
	return r->media == DXF_MEDIA_PAGE && r->wr != NULL && *len > 0;
}

int dxf_persist_msync_start(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	if (off > r->size)
		return -ERANGE;
	if (!has_pages(r, off, &len))
		return 0;
	dxf_persist_announce(r, DXF_PERSIST_OP_START, off, len, NULL, 0);
	if (sync_file_range(r->node.fd, (off_t)(r->offset + off), (off_t)len,
			    SYNC_FILE_RANGE_WRITE) == 0)
		return 0;
	/* It is a head start; a host that has no such thing waits later. */
	return errno == ENOSYS ? 0 : -errno;
}

static int msync_pages(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = dxf_align_down((uintptr_t)r->wr + off, page);
	uintptr_t end = dxf_align_up((uintptr_t)r->wr + off + len, page);

	dxf_persist_announce(r, DXF_PERSIST_OP_MSYNC, off, len, NULL, 0);
	return msync((void *)start, end - start, MS_SYNC) == 0 ? 0 : -errno;
}

int dxf_persist_msync(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	int ret;

	if (r->media == DXF_MEDIA_DAX) {
		ret = dxf_persist_flush(r, off, len);
		dxf_persist_fence(r);
		return ret;
	}
	if (off > r->size)
		return -ERANGE;
	if (dxf_fault(DXF_FAULT_PERSIST))
		return -EIO;
	len = clip(r, off, len);
	if (r->wr == NULL || len == 0)
		return 0;
	return msync_pages(r, off, len);
}

/*
 * With all three flags also a page that was under writeback at the start, and
 * was stored to since, is written once more.
 */
int dxf_persist_msync_wait(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	if (off > r->size)
		return -ERANGE;
	if (!has_pages(r, off, &len))
		return 0;
	dxf_persist_announce(r, DXF_PERSIST_OP_WAIT, off, len, NULL, 0);
	if (sync_file_range(r->node.fd, (off_t)(r->offset + off), (off_t)len,
			    SYNC_FILE_RANGE_WAIT_BEFORE |
			    SYNC_FILE_RANGE_WRITE |
			    SYNC_FILE_RANGE_WAIT_AFTER) == 0)
		return 0;
	return errno == ENOSYS ? msync_pages(r, off, len) : -errno;
}
