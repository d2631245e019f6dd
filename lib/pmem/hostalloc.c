// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostalloc.c - host blocks behind an image file, allocated before they are
 * stored to.
 *
 * A store into a hole of a file on a full host is SIGBUS, so the block is
 * asked for first, where -ENOSPC can still be said.  Steps of 1 MiB are
 * allocated and remembered in a bitmap; a file without holes costs one test.
 *
 * Must not store through the mapping.
 *
 * Invariants: a bit is set only when all of its step, as far as it lies in
 * the window, is allocated.  The size of the file never changes: a truncated
 * image must stay an error.  Device-dax, block devices and anonymous memory
 * have no holes.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "fault.h"
#include "region_priv.h"

#define STEP		DXF_MIB

/*
 * Is everything allocated already?  st_blocks alone counts metadata too and
 * may hide a small hole; on a memory filesystem it is exact.
 */
static bool no_holes(const struct dxf_region *r)
{
	uint64_t end = r->offset + r->size;
	struct stat st;
	off_t hole;

	if (fstat(r->node.fd, &st) != 0)
		return false;
	if ((uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size)
		return false;
	if (dxf_node_in_memory(&r->node))
		return true;
	hole = lseek(r->node.fd, (off_t)r->offset, SEEK_HOLE);
	return hole >= 0 && (uint64_t)hole >= end;
}

int dxf_hostalloc_init(struct dxf_region *r)
{
	if (r->node.kind != DXF_REGION_FILE || r->wr == NULL || no_holes(r)) {
		r->host_full = true;
		return 0;
	}
	r->host_steps = (r->size - 1) / STEP + 1;
	r->host_left = r->host_steps;
	r->host_map = dxf_calloc((r->host_steps - 1) / 64 + 1,
				 sizeof(*r->host_map));
	return r->host_map != NULL ? 0 : -ENOMEM;
}

/* Fill what is a hole in [@pos, @end) of the file with written zeros. */
static int write_zeros(int fd, off_t pos, off_t end)
{
	static const char zeros[64 * 1024];

	while (pos < end) {
		size_t n = (size_t)DXF_MIN(end - pos, (off_t)sizeof(zeros));
		ssize_t done = pwrite(fd, zeros, n, pos);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		pos += done;
	}
	return 0;
}

int dxf_hostalloc_fill_holes(int fd, off_t pos, off_t end)
{
	off_t hole, data;
	int ret = 0;

	while (ret == 0 && pos < end) {
		hole = lseek(fd, pos, SEEK_HOLE);
		/* Behind the end of a truncated file, or it cannot tell. */
		if (hole < 0 || hole >= end)
			return 0;
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return 0;
		if (data < 0 || data > end)
			data = end;
		ret = write_zeros(fd, hole, data);
		pos = data;
	}
	return ret;
}

/*
 * Allocate [@off, @off + @len) of the window, which changes no byte of it.
 * Behind the end of a truncated image there is nothing to allocate; the store
 * will find out.
 */
static int allocate(const struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	off_t pos = (off_t)(r->offset + off), end = pos + (off_t)len;
	struct stat st;
	int ret;

	if (fstat(r->node.fd, &st) != 0)
		return -errno;
	end = DXF_MIN(end, st.st_size);
	if (pos >= end)
		return 0;
	do {
		ret = fallocate(r->node.fd, FALLOC_FL_KEEP_SIZE, pos,
				end - pos);
	} while (ret != 0 && errno == EINTR);
	if (ret == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	return dxf_hostalloc_fill_holes(r->node.fd, pos, end);
}

static bool test_step(const struct dxf_region *r, uint64_t step)
{
	return __atomic_load_n(&r->host_map[step / 64], __ATOMIC_ACQUIRE) >>
	       (step % 64) & 1;
}

static void set_step_locked(struct dxf_region *r, uint64_t step)
{
	assert(step < r->host_steps && r->host_left > 0);
	__atomic_or_fetch(&r->host_map[step / 64], (uint64_t)1 << (step % 64),
			  __ATOMIC_RELEASE);
	if (--r->host_left == 0)
		__atomic_store_n(&r->host_full, true, __ATOMIC_RELEASE);
}

/* A host without room for the whole step may have some for [@off, @end). */
static int allocate_step_locked(struct dxf_region *r, uint64_t step,
				dxf_off_t off, dxf_off_t end)
{
	dxf_off_t start = step * STEP;
	uint64_t len = DXF_MIN(STEP, r->size - start);
	int ret = allocate(r, start, len);

	if (ret == 0) {
		set_step_locked(r, step);
		return 0;
	}
	if (ret != -ENOSPC)
		return ret;
	off = DXF_MAX(off, start);
	end = DXF_MIN(end, start + len);
	return allocate(r, off, end - off);
}

static int ensure_step(struct dxf_region *r, uint64_t step, dxf_off_t off,
		       dxf_off_t end)
{
	if (test_step(r, step))
		return 0;
	DXF_SCOPED_MUTEX(&r->alloc_lock);
	return test_step(r, step) ? 0 :
	       allocate_step_locked(r, step, off, end);
}

/* Nothing is remembered: the host knows what it has already. */
static int allocate_thin(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	DXF_SCOPED_MUTEX(&r->alloc_lock);
	return allocate(r, off, len);
}

int dxf_hostalloc_allocate(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	int ret = 0;

	assert(dxf_region_holds(r, off, len) && len > 0);
	if (r->thin)
		return allocate_thin(r, off, len);
	for (uint64_t step = off / STEP;
	     ret == 0 && step <= (off + len - 1) / STEP; step++)
		ret = ensure_step(r, step, off, off + len);
	return ret;
}

bool dxf_region_find_data(const struct dxf_region *r, dxf_off_t off,
			  uint64_t len, dxf_off_t *start, dxf_off_t *end)
{
	dxf_off_t last = DXF_MIN(off + len, r->size);
	off_t data, hole;

	if (off >= last)
		return false;
	*start = off;
	*end = last;
	if (r->node.kind != DXF_REGION_FILE ||
	    (r->wr != NULL && __atomic_load_n(&r->host_full,
					      __ATOMIC_ACQUIRE)))
		return true;
	data = lseek(r->node.fd, (off_t)(r->offset + off), SEEK_DATA);
	if (data < 0)
		/* ENXIO: a hole to the end; else the host cannot tell */
		return errno != ENXIO;
	if ((uint64_t)data - r->offset >= last)
		return false;
	hole = lseek(r->node.fd, data, SEEK_HOLE);
	*start = (uint64_t)data - r->offset;
	if (hole >= 0)
		*end = DXF_MIN((uint64_t)hole - r->offset, last);
	return true;
}

int dxf_region_populate(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	if (!dxf_region_holds(r, off, len))
		return -ERANGE;
	/* Here only: what is allocated once does not fail in the store. */
	if (dxf_fault(DXF_FAULT_HOSTALLOC))
		return -ENOSPC;
	return dxf_hostalloc_ensure(r, off, len);
}
