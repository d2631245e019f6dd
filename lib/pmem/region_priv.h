/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region_priv.h - private to lib/pmem: what its files share about a region.
 */
#ifndef DXF_REGION_PRIV_H
#define DXF_REGION_PRIV_H

#include <limits.h>

#include "flush.h"
#include "lock.h"
#include "persist.h"
#include "region.h"

#define DXF_HUGE_PAGE	(2 * DXF_MIB)
#define DXF_SECTOR	512u

/* ---- node.c: the file or device ---- */

struct dxf_node {
	int fd;			/* -1: anonymous memory */
	int dev_lock_fd;	/* holds the lock on MAJ:MIN, or -1 */
	bool locked;		/* false: beside a writer */
	enum dxf_region_kind kind;
	char *path;		/* realpath(3); "" for anonymous memory */
	uint64_t size;		/* bytes in the file or device */
	uint64_t map_align;	/* mappings are whole multiples of it */
	unsigned long fs_type;	/* of the file's filesystem, statfs(2) */
};

/*
 * Resolve, open, identify and lock @path, as .ro and .beside of @opts say.
 * Returns: as dxf_region_open(); after a failure nothing is left open.
 */
int dxf_node_open(struct dxf_node *node, const char *path,
		  const struct dxf_region_opts *opts, struct dxf_err *err);
void dxf_node_close(struct dxf_node *node);
/* tmpfs, hugetlbfs or ramfs: memory and nothing else. */
bool dxf_node_in_memory(const struct dxf_node *node);
/* In words: "tmpfs", "ext4", "device-dax", ... */
const char *dxf_node_type_name(const struct dxf_node *node);

/* ---- sysfs.c ---- */

/* The first line of a file, without its end.  Returns: 0, -errno. */
int dxf_sysfs_line(const char *path, char *buf, size_t len);
/* The number in @dir/@attr.  Returns: 0; -EINVAL it is none; -errno. */
int dxf_sysfs_u64(const char *dir, const char *attr, uint64_t *out);
/* The directory of a device; @type is "char" or "block".  0, -errno. */
int dxf_sysfs_device(const char *sysfs, const char *type, dev_t dev,
		     char real[PATH_MAX]);

/* ---- devdax.c: what sysfs knows; @sysfs is "/sys" but for tests ---- */

struct dxf_devdax {
	uint64_t size;
	uint64_t align;
};

/* Is the character device @rdev a dax device? */
bool dxf_devdax_is(const char *sysfs, dev_t rdev);
/* Returns: 0; -EINVAL sysfs is silent or nonsensical (@err says what). */
int dxf_devdax_probe(const char *sysfs, dev_t rdev, const char *path,
		     struct dxf_devdax *out, struct dxf_err *err);
/*
 * @path cannot be opened or is not there: if it is a dax device without its
 * node, set @err to the reason.  Returns: -ENXIO, or 0: it is not that.
 */
int dxf_devdax_explain(const char *sysfs, const char *path,
		       struct dxf_err *err);
/* The CPU caches are in the persistence domain of all NVDIMM regions. */
bool dxf_devdax_eadr(const char *sysfs);

/* ---- imglock.c ---- */

/*
 * Lock @fd, and for a device also a name made of MAJ:MIN (@dev_fd, -1 if there
 * is none): exclusively, or shared with @ro.
 * Returns: 0; -EBUSY (@err says by whom); -errno.
 */
int dxf_imglock_take(int fd, bool ro, const char *path, int *dev_fd,
		     struct dxf_err *err);
/* "is in use by process N (name)", as far as that can be known. */
int dxf_imglock_busy(int fd, const char *path, struct dxf_err *err);

/* ---- map.c ---- */

struct dxf_mapping {
	char *addr;
	size_t len;		/* 0: nothing is mapped */
};

/*
 * Map [@foff, @foff + m->len) of @fd (-1: private memory) at an address that
 * is @foff modulo @align.  Returns: 0, -errno.
 */
int dxf_map_at(struct dxf_mapping *m, int fd, uint64_t foff, int prot,
	       int flags, uint64_t align);
void dxf_map_drop(struct dxf_mapping *m);

/* ---- the region ---- */

struct dxf_bad {
	dxf_off_t start, end;
};

/* A share of the counters. */
#define DXF_PERSIST_SHARDS	32u
struct dxf_persist_shard {
	struct dxf_persist_stats n;
} __attribute__((aligned(128)));

struct dxf_region {
	struct dxf_mutex alloc_lock;	/* DXF_RANK_REGION */
	struct dxf_mutex bad_lock;	/* DXF_RANK_REGION, never both */

	/* fixed when it is opened */
	struct dxf_node node;
	struct dxf_mapping read_map, write_map;
	const char *rd;			/* the window's first byte */
	char *wr;			/* the same to write; NULL: ro */
	uint64_t offset, size;		/* the window in the file */
	enum dxf_media media;
	enum dxf_granularity granularity;
	bool map_sync;
	bool thin;			/* allocate no more than is stored to */
	int bad_list_fd;		/* the kernel's; negative: none */
	uint64_t bad_base;		/* where we start in what it lists */
	struct dxf_flush *flush;	/* NULL on page media */
	char describe[64];

	/* protected by alloc_lock, host_full also read without it */
	bool host_full;			/* every host block is allocated */
	uint64_t *host_map;		/* bit per step that is allocated */
	uint64_t host_steps, host_left;

	/* protected by bad_lock, nbad also read without it */
	struct dxf_bad *bad;		/* sorted, apart */
	size_t nbad, bad_cap;

	/* set while the region is idle */
	void (*hook)(void *ctx, const struct dxf_persist_event *ev);
	void *hook_ctx;
	void (*trace)(void *ctx, const struct dxf_persist_trace *tr);
	void *trace_ctx;

	uint64_t point;			/* atomic; counts while hooked */
	struct dxf_persist_shard *shards;	/* atomic counters */
};

/* [@off, @off + @len) lies in the region. */
static inline bool dxf_region_holds(const struct dxf_region *r, dxf_off_t off,
				    uint64_t len)
{
	return off <= r->size && len <= r->size - off;
}

/* ---- load.c ---- */

/* What the kernel maps at once by default (fault_around_bytes), aligned. */
#define DXF_MAP_AROUND	65536u
/*
 * [@off, @off + @len) is about to be stored to, and may not be mapped yet.  A
 * store maps the one page that it goes to; a load, where the file lies in
 * memory, those around it too that are there.  So look at it first; not before
 * small stores, since a load waits for memory: 0.15 us, each time.
 */
void dxf_load_map_ahead(const struct dxf_region *r, dxf_off_t off, size_t len);

/* ---- hostalloc.c ---- */

/* Learn how much is allocated.  Returns: 0, -ENOMEM. */
int dxf_hostalloc_init(struct dxf_region *r);
/* Where there may be holes, and @len > 0. */
int dxf_hostalloc_allocate(struct dxf_region *r, dxf_off_t off, uint64_t len);
/* dxf_region_populate() for a range that is known to lie in the region. */
static inline int dxf_hostalloc_ensure(struct dxf_region *r, dxf_off_t off,
				       uint64_t len)
{
	if (__atomic_load_n(&r->host_full, __ATOMIC_ACQUIRE) || len == 0)
		return 0;
	return dxf_hostalloc_allocate(r, off, len);
}
/*
 * For a host filesystem without fallocate: write zeros into what is a hole in
 * [@pos, @end) of the file.  That is safe only in real holes, which nobody has
 * stored to: their step's bit is not set, and who sets it holds alloc_lock.
 */
int dxf_hostalloc_fill_holes(int fd, off_t pos, off_t end);

/* ---- badblock.c ---- */

/* dxf_region_add_bad() in silence.  Returns: 0, -ENOMEM. */
int dxf_badblock_add(struct dxf_region *r, dxf_off_t off, uint64_t len);
/* dxf_badblock_find() where there may be one. */
bool dxf_badblock_look(const struct dxf_region *r, dxf_off_t off, uint64_t len,
		       struct dxf_bad *out);
/*
 * The first known bad range that meets [@off, @off + @len).
 * Returns: is there one?
 */
static inline bool dxf_badblock_find(const struct dxf_region *r, dxf_off_t off,
				     uint64_t len, struct dxf_bad *out)
{
	/* Nearly always: nothing is listed, nothing announced. */
	if (__builtin_expect((__atomic_load_n(&r->nbad, __ATOMIC_ACQUIRE) |
			      __atomic_load_n(&dxf_guard_nannounced,
					      __ATOMIC_RELAXED)) == 0, 1))
		return false;
	return dxf_badblock_look(r, off, len, out);
}
/* Add poison found at [@addr, @addr + @len) of the mapping at @base. */
void dxf_badblock_note(struct dxf_region *r, const char *base, uintptr_t addr,
		       uint64_t len);
/* Add what the last fault of this thread met, if it was poison. */
void dxf_badblock_note_fault(struct dxf_region *r);
/* The sectors that lie wholly in [@off, @off + @len) are good again. */
void dxf_badblock_clear(struct dxf_region *r, dxf_off_t off, uint64_t len);

/* ---- badclear.c: before and after persist's own stores to bad blocks ---- */

/*
 * Write through the host (@src NULL: zeros): the driver below a DAX filesystem
 * clears poison so.  What has no host is left to the stores.
 * Returns: 0; -EIO.
 */
int dxf_badclear_write(const struct dxf_region *r, dxf_off_t off,
		       const char *src, size_t len);
/*
 * Is the range good now?  Then it leaves the list of bad blocks.
 * Returns: 0; -EIO: it cannot be loaded, or the kernel still lists it.
 */
int dxf_badclear_finish(struct dxf_region *r, dxf_off_t off, size_t len);

/* ---- badscan.c ---- */

/*
 * Find and read what the kernel knows about the media of @r; @sysfs is "/sys"
 * but for tests.  Returns: 0, -ENOMEM.
 */
int dxf_badblock_init(struct dxf_region *r, const char *sysfs);
/* Add what it knows by now. */
void dxf_badblock_rescan(struct dxf_region *r);
/* Does the kernel list any of [@off, @off + @len) now? */
bool dxf_badblock_is_listed(struct dxf_region *r, dxf_off_t off, uint64_t len);

#endif
