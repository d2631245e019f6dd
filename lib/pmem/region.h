/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region.h - the memory that holds the filesystem: open, lock, map, access.
 *
 * A region is a window [offset, offset + size) of a device-DAX character
 * device, a regular file or a block device, mapped once.  All offsets in this
 * API count from the start of the window, which is the filesystem's byte 0.
 *
 * Only persist.c stores through the mapping.  Reading goes through load.h,
 * except for the iovec of a read reply (dxf_region_direct_access).
 */
#ifndef DXF_REGION_H
#define DXF_REGION_H

#include <sys/types.h>

#include "err.h"
#include "units.h"

struct dxf_region;

/* What makes a store persistent (DESIGN.md, "The promises"). */
enum dxf_media {
	DXF_MEDIA_DAX,		/* a flushed cache line is persistent */
	DXF_MEDIA_PAGE,		/* msync is needed */
};

/* As libpmem2 names them; AUTO detects. */
enum dxf_granularity {
	DXF_GRANULARITY_AUTO,
	DXF_GRANULARITY_BYTE,		/* eADR: stores persist by themselves */
	DXF_GRANULARITY_CACHELINE,	/* clwb needed */
	DXF_GRANULARITY_PAGE,		/* msync needed */
};

enum dxf_region_kind {
	DXF_REGION_FILE,
	DXF_REGION_BLOCK,
	DXF_REGION_DEVDAX,
	DXF_REGION_ANON,	/* private memory, for tests */
};

struct dxf_region_opts {
	bool ro;	/* O_RDONLY and PROT_READ: not one byte changes */
	/* with ro: where somebody writes, look on without the lock */
	bool beside;
	/* allocate the host blocks that are stored to, no more */
	bool thin;
	uint64_t offset;	/* of the window in the file, bytes */
	uint64_t size;		/* of the window, bytes; 0: to the end */
	enum dxf_granularity granularity;	/* AUTO, or an override */
};

/*
 * Open, lock and map - follows symbolic links; takes an exclusive lock, a
 * shared one with ro; tries MAP_SYNC first; asks whether the host blocks
 * behind a file are all allocated.
 * Ownership: *@out belongs to the caller, dxf_region_close() releases it.
 * Returns: 0; -EBUSY in use (@err says by whom where that can be known);
 * -EACCES, -EROFS no permission (@err names `-o ro` where that would work);
 * -EINVAL offset (no multiple of 512, or too large), size or kind of file
 * unusable; -EISDIR; -ENXIO a dax device with no driver or in system-ram mode;
 * -errno of open, fstat, mmap.
 */
int dxf_region_open(struct dxf_region **out, const char *path,
		    const struct dxf_region_opts *opts, struct dxf_err *err);

/*
 * A region in anonymous memory, zeroed, DXF_MEDIA_DAX, for tests and
 * in-process checks.  With @guard the process sees it PROT_READ and only
 * persist has a writable alias, so that a stray store is a SIGSEGV.
 * Returns: 0, -ENOMEM.
 */
int dxf_region_open_anon(struct dxf_region **out, uint64_t size, bool guard);

/*
 * A process that has the lock on @path, as far as the system tells.
 * Returns: its pid; 0: none, or not known.
 */
pid_t dxf_region_holder(const char *path);

/* Unmap, unlock, close.  Flushes nothing; NULL is allowed. */
void dxf_region_close(struct dxf_region *r);

uint64_t dxf_region_size(const struct dxf_region *r);
/* Where the window begins in the file or device. */
uint64_t dxf_region_offset(const struct dxf_region *r);
bool dxf_region_is_ro(const struct dxf_region *r);
/* False: opened with .beside while somebody else has it for writing. */
bool dxf_region_is_locked(const struct dxf_region *r);
enum dxf_media dxf_region_media(const struct dxf_region *r);
enum dxf_granularity dxf_region_granularity(const struct dxf_region *r);
enum dxf_region_kind dxf_region_kind(const struct dxf_region *r);
/* The real path (realpath(3)) of what was opened; "" for an anonymous one. */
const char *dxf_region_path(const struct dxf_region *r);
/*
 * Can a load meet poison that nobody knew of, so that the kernel must not be
 * given an address to copy from (device-dax, a DAX file)?
 */
bool dxf_region_is_pmem(const struct dxf_region *r);
/* What was detected, for one line at mount, e.g. "tmpfs file, cacheline". */
const char *dxf_region_describe(const struct dxf_region *r);

/* What the caller of dxf_region_direct_access() is going to do. */
enum dxf_access {
	DXF_ACCESS_READ,
	DXF_ACCESS_RECOVERY_WRITE,	/* a bad block is no obstacle */
};

/*
 * The address of [@off, @off + @len) and how many bytes are contiguously
 * accessible there - after the kernel's dax_operations.direct_access.  The
 * length is clipped before a known bad block.
 * Ownership: *@addr stays the region's; it is for reading (the iovec of a
 * reply) and valid until close.
 * Returns: bytes accessible, > 0; -EIO @off is in a bad block; -ERANGE @off is
 * outside; -EINVAL @len is 0 or @off + @len overflows.
 */
ssize_t dxf_region_direct_access(const struct dxf_region *r, dxf_off_t off,
				 uint64_t len, enum dxf_access mode,
				 const void **addr);

/*
 * Make sure that host blocks lie behind [@off, @off + @len), so that a store
 * cannot be SIGBUS - allocates in 1 MiB steps and remembers them; costs one
 * test where the file is known to be fully allocated.  Stores do the same by
 * themselves; but only a call of this one asks the fault plan (HOSTALLOC),
 * since what was populated cannot fail for want of room in the store.
 * Returns: 0; -ENOSPC the host is full; -ERANGE outside; -errno of fallocate.
 */
int dxf_region_populate(struct dxf_region *r, dxf_off_t off, uint64_t len);

/*
 * The first part of [@off, @off + @len) that is not a hole of the host's, as
 * far as the host can tell: all of it on devices.  A hole reads as zeros and
 * should not be loaded, which may allocate it.
 * Returns: true, [*@start, *@end) inside the range; false: all is a hole, or
 * lies outside the region.
 */
bool dxf_region_find_data(const struct dxf_region *r, dxf_off_t off,
			  uint64_t len, dxf_off_t *start, dxf_off_t *end);

/*
 * Add a bad range found at run time (a load that was SIGBUS); whole 512-byte
 * sectors are kept.
 */
void dxf_region_add_bad(struct dxf_region *r, dxf_off_t off, uint64_t len);
/* How many ranges are known to be bad; *@bytes in all. */
uint64_t dxf_region_count_bad(struct dxf_region *r, uint64_t *bytes);
/*
 * The first part of [@off, @off + @len) that is known to be bad.  Costs one
 * test where nothing is.
 * Returns: true, [*@start, *@end) inside the range; false: none is.
 */
bool dxf_region_find_bad(const struct dxf_region *r, dxf_off_t off,
			 uint64_t len, dxf_off_t *start, dxf_off_t *end);

#endif
