// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * region.c - the memory that holds the filesystem: open, map, hand out.
 *
 * Owns the window and its mapping.  Must not know ext2, and stores nothing.
 *
 * Invariants: everything but the host-allocation map, the bad-block list and
 * the counters is fixed between open and close; [0, size) is mapped all that
 * time, at an address congruent to the file offset modulo 2 MiB.
 */
#include "region.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "guard.h"
#include "load.h"
#include "log.h"
#include "region_priv.h"

static const char *granularity_name(enum dxf_granularity g)
{
	static const char *const names[] = {
		"auto", "byte", "cacheline", "page",
	};

	assert((unsigned int)g < DXF_ARRAY_SIZE(names));
	return names[g];
}

/* A region with nothing in it, fit for dxf_region_close(). */
static struct dxf_region *new_region(void)
{
	struct dxf_region *r = dxf_calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->shards = dxf_aligned_alloc(_Alignof(struct dxf_persist_shard),
				      DXF_PERSIST_SHARDS * sizeof(*r->shards));
	if (r->shards == NULL) {
		free(r);
		return NULL;
	}
	memset(r->shards, 0, DXF_PERSIST_SHARDS * sizeof(*r->shards));
	dxf_mutex_init(&r->alloc_lock, DXF_RANK_REGION);
	dxf_mutex_init(&r->bad_lock, DXF_RANK_REGION);
	r->node.fd = -1;
	r->node.dev_lock_fd = -1;
	r->bad_list_fd = -1;
	return r;
}

/* The window, by both of its addresses if there are two. */
static void watch(const struct dxf_region *r, bool on)
{
	const char *const addr[] = { r->rd, r->wr != r->rd ? r->wr : NULL };

	for (size_t i = 0; i < DXF_ARRAY_SIZE(addr); i++) {
		if (addr[i] != NULL && on)
			dxf_guard_watch(addr[i], r->size);
		else if (addr[i] != NULL)
			dxf_guard_unwatch(addr[i]);
	}
}

void dxf_region_close(struct dxf_region *r)
{
	if (r == NULL)
		return;
	watch(r, false);
	dxf_flush_free(r->flush);
	dxf_map_drop(&r->read_map);
	dxf_map_drop(&r->write_map);
	dxf_node_close(&r->node);
	dxf_cleanup_close(&r->bad_list_fd);
	free(r->host_map);
	free(r->bad);
	free(r->shards);
	dxf_mutex_destroy(&r->bad_lock);
	dxf_mutex_destroy(&r->alloc_lock);
	free(r);
}

static int set_window(struct dxf_region *r, const struct dxf_region_opts *opts,
		      struct dxf_err *err)
{
	const struct dxf_node *node = &r->node;

	if (node->size == 0)
		return dxf_err_set(err, EINVAL, "%s is empty: make a "
				   "filesystem in it first (mkfs.daxfuse)",
				   node->path);
	if (opts->offset % DXF_SECTOR != 0)
		return dxf_err_set(err, EINVAL, "offset=%" PRIu64 " is not a "
				   "multiple of %u", opts->offset, DXF_SECTOR);
	if (opts->offset >= node->size)
		return dxf_err_set(err, EINVAL, "offset=%" PRIu64 " is beyond "
				   "the end of %s, which has %" PRIu64
				   " bytes", opts->offset, node->path,
				   node->size);
	r->offset = opts->offset;
	r->size = node->size - opts->offset;
	if (opts->size > r->size)
		return dxf_err_set(err, EINVAL, "%s has only %" PRIu64
				   " bytes behind offset=%" PRIu64 ", not %"
				   PRIu64, node->path, r->size, r->offset,
				   opts->size);
	if (opts->size != 0)
		r->size = opts->size;
	return 0;
}

/* MAP_SYNC is granted only where a flushed cache line is persistent. */
static int map_window(struct dxf_region *r, bool ro, struct dxf_err *err)
{
	uint64_t start = dxf_align_down(r->offset, r->node.map_align);
	uint64_t end = dxf_align_up(r->offset + r->size, r->node.map_align);
	uint64_t align = DXF_MAX(r->node.map_align, DXF_HUGE_PAGE);
	int prot = ro ? PROT_READ : PROT_READ | PROT_WRITE;
	struct dxf_mapping *m = &r->read_map;
	int ret;

	m->len = end - start;
	ret = dxf_map_at(m, r->node.fd, start, prot,
			 MAP_SHARED_VALIDATE | MAP_SYNC, align);
	r->map_sync = ret == 0;
	if (ret != 0)
		ret = dxf_map_at(m, r->node.fd, start, prot, MAP_SHARED,
				 align);
	if (ret != 0)
		return dxf_err_set(err, -ret, "cannot map %s: %s",
				   r->node.path, strerror(-ret));
	/* An image in a core dump helps nobody. */
	(void)madvise(m->addr, m->len, MADV_DONTDUMP);
	r->rd = m->addr + (r->offset - start);
	r->wr = ro ? NULL : m->addr + (r->offset - start);
	return 0;
}

static enum dxf_granularity detect(const struct dxf_region *r)
{
	if (r->node.kind == DXF_REGION_ANON || dxf_node_in_memory(&r->node))
		return DXF_GRANULARITY_CACHELINE;
	if (r->node.kind != DXF_REGION_DEVDAX && !r->map_sync)
		return DXF_GRANULARITY_PAGE;
	return dxf_devdax_eadr("/sys") ? DXF_GRANULARITY_BYTE :
					 DXF_GRANULARITY_CACHELINE;
}

static int set_granularity(struct dxf_region *r, enum dxf_granularity want,
			   struct dxf_err *err)
{
	enum dxf_granularity found = detect(r);

	r->granularity = want == DXF_GRANULARITY_AUTO ? found : want;
	if (r->granularity == DXF_GRANULARITY_PAGE &&
	    r->node.kind == DXF_REGION_DEVDAX)
		return dxf_err_set(err, EINVAL, "granularity=page cannot be: "
				   "%s is a dax device, which has no page "
				   "cache", r->node.path);
	if (want != DXF_GRANULARITY_AUTO)
		dxf_log_warn("%s: granularity=%s instead of what was found "
			     "(%s): what is durable, and when, depends on it",
			     r->node.path, granularity_name(want),
			     granularity_name(found));
	r->media = r->granularity == DXF_GRANULARITY_PAGE ? DXF_MEDIA_PAGE :
							    DXF_MEDIA_DAX;
	return 0;
}

static void set_description(struct dxf_region *r)
{
	const char *what = "";

	if (r->node.kind == DXF_REGION_FILE)
		what = r->map_sync ? " DAX file" : " file";
	snprintf(r->describe, sizeof(r->describe), "%s%s, %s",
		 dxf_node_type_name(&r->node), what,
		 granularity_name(r->granularity));
}

/* What every kind of region needs once it is mapped. */
static int set_up(struct dxf_region *r)
{
	int ret = 0;

	dxf_load_init();
	watch(r, true);
	set_description(r);
	if (r->media == DXF_MEDIA_DAX)
		ret = dxf_flush_new(&r->flush, r->granularity ==
				    DXF_GRANULARITY_BYTE);
	if (ret == 0)
		ret = dxf_hostalloc_init(r);
	if (ret == 0)
		ret = dxf_badblock_init(r, "/sys");
	return ret;
}

static int open_file(struct dxf_region *r, const char *path,
		     const struct dxf_region_opts *opts, struct dxf_err *err)
{
	int ret;

	assert(opts->ro || !opts->beside);
	r->thin = opts->thin;
	ret = dxf_node_open(&r->node, path, opts, err);
	if (ret == 0)
		ret = set_window(r, opts, err);
	if (ret == 0)
		ret = map_window(r, opts->ro, err);
	if (ret == 0)
		ret = set_granularity(r, opts->granularity, err);
	if (ret != 0)
		return ret;
	ret = set_up(r);
	if (ret != 0)
		return dxf_err_set(err, -ret, "cannot set up %s: %s",
				   r->node.path, strerror(-ret));
	return 0;
}

int dxf_region_open(struct dxf_region **out, const char *path,
		    const struct dxf_region_opts *opts, struct dxf_err *err)
{
	struct dxf_region *r = new_region();
	int ret;

	if (r == NULL)
		return dxf_err_set(err, ENOMEM, "out of memory");
	ret = open_file(r, path, opts, err);
	if (ret != 0) {
		dxf_region_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

/*
 * With @guard two mappings of one memory: the read-only one for the process,
 * the other for persist.
 */
static int map_anon(struct dxf_region *r, bool guard)
{
	uint64_t len = dxf_align_up(r->size, (uint64_t)sysconf(_SC_PAGESIZE));
	DXF_CLEANUP_CLOSE int fd = memfd_create("daxfuse", MFD_CLOEXEC);
	int both = PROT_READ | PROT_WRITE;
	int ret;

	if (fd < 0 || ftruncate(fd, (off_t)len) != 0)
		return -ENOMEM;
	r->read_map.len = len;
	ret = dxf_map_at(&r->read_map, fd, 0, guard ? PROT_READ : both,
			 MAP_SHARED, DXF_HUGE_PAGE);
	if (ret == 0 && guard) {
		r->write_map.len = len;
		ret = dxf_map_at(&r->write_map, fd, 0, both, MAP_SHARED,
				 DXF_HUGE_PAGE);
	}
	if (ret != 0)
		return -ENOMEM;
	r->rd = r->read_map.addr;
	r->wr = guard ? r->write_map.addr : r->read_map.addr;
	return 0;
}

static int open_anon(struct dxf_region *r, uint64_t size, bool guard)
{
	int ret;

	if (size == 0 || size > INT64_MAX - DXF_HUGE_PAGE)
		return -ENOMEM;
	r->size = size;
	r->node.kind = DXF_REGION_ANON;
	r->node.locked = true;
	r->node.path = dxf_strdup("");
	if (r->node.path == NULL)
		return -ENOMEM;
	ret = map_anon(r, guard);
	if (ret != 0)
		return ret;
	r->media = DXF_MEDIA_DAX;
	r->granularity = DXF_GRANULARITY_CACHELINE;
	return set_up(r);
}

int dxf_region_open_anon(struct dxf_region **out, uint64_t size, bool guard)
{
	struct dxf_region *r = new_region();
	int ret;

	if (r == NULL)
		return -ENOMEM;
	ret = open_anon(r, size, guard);
	if (ret != 0) {
		dxf_region_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

uint64_t dxf_region_size(const struct dxf_region *r)
{
	return r->size;
}

uint64_t dxf_region_offset(const struct dxf_region *r)
{
	return r->offset;
}

bool dxf_region_is_ro(const struct dxf_region *r)
{
	return r->wr == NULL;
}

bool dxf_region_is_locked(const struct dxf_region *r)
{
	return r->node.locked;
}

enum dxf_media dxf_region_media(const struct dxf_region *r)
{
	return r->media;
}

enum dxf_granularity dxf_region_granularity(const struct dxf_region *r)
{
	return r->granularity;
}

enum dxf_region_kind dxf_region_kind(const struct dxf_region *r)
{
	return r->node.kind;
}

bool dxf_region_is_pmem(const struct dxf_region *r)
{
	return r->node.kind == DXF_REGION_DEVDAX || r->map_sync;
}

const char *dxf_region_path(const struct dxf_region *r)
{
	return r->node.path;
}

const char *dxf_region_describe(const struct dxf_region *r)
{
	return r->describe;
}

ssize_t dxf_region_direct_access(const struct dxf_region *r, dxf_off_t off,
				 uint64_t len, enum dxf_access mode,
				 const void **addr)
{
	struct dxf_bad bad;
	uint64_t end;

	if (len == 0 || __builtin_add_overflow(off, len, &end))
		return -EINVAL;
	if (off >= r->size)
		return -ERANGE;
	end = DXF_MIN(end, r->size);
	if (mode == DXF_ACCESS_READ &&
	    dxf_badblock_find(r, off, end - off, &bad)) {
		if (bad.start <= off)
			return -EIO;
		end = bad.start;
	}
	assert(end > off && end <= r->size);
	*addr = r->rd + off;
	return (ssize_t)(end - off);
}
