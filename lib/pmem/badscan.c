// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * badscan.c - what the kernel knows of bad blocks when a region is opened.
 *
 * Must not touch media.
 *
 * The kernel lists them in 512-byte sectors, "START COUNT" a line: for an
 * NVDIMM region from the region's first byte, for a block device from the
 * device's.  What cannot be read (attributes of NVDIMM regions are root's) is
 * found when it is loaded.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "alloc.h"
#include "log.h"
#include "region_priv.h"

/* How [start, start + len) of the listed device becomes ranges of the file. */
struct scan {
	struct dxf_region *r;
	uint64_t base;		/* the file or partition starts there */
	int (*add)(struct scan *s, uint64_t start, uint64_t len);
	/* a question: is any of [ask, ask + ask_len) listed? */
	dxf_off_t ask;
	uint64_t ask_len;	/* 0: the ranges are added to the list */
	bool listed;
};

/* A range of the file or device; what is outside the window is left out. */
static int add_file_range(struct scan *s, uint64_t start, uint64_t len)
{
	struct dxf_region *r = s->r;
	uint64_t end;

	if (__builtin_add_overflow(start, len, &end))
		end = UINT64_MAX;
	if (end <= r->offset)
		return 0;
	start = DXF_MAX(start, r->offset) - r->offset;
	end -= r->offset;
	if (s->ask_len == 0)
		return dxf_badblock_add(r, start, end - start);
	s->listed |= start < s->ask + s->ask_len && end > s->ask;
	return 0;
}

static int add_linear(struct scan *s, uint64_t start, uint64_t len)
{
	uint64_t end;

	if (__builtin_add_overflow(start, len, &end) || end <= s->base)
		return 0;
	start = DXF_MAX(start, s->base);
	return add_file_range(s, start - s->base, end - start);
}

static int add_extent(struct scan *s, const struct fiemap_extent *e,
		      uint64_t start, uint64_t end)
{
	uint64_t from = DXF_MAX(start, e->fe_physical);
	uint64_t to = DXF_MIN(end, e->fe_physical + e->fe_length);

	if (from >= to)
		return 0;
	return add_file_range(s, e->fe_logical + (from - e->fe_physical),
			      to - from);
}

/* A file on a DAX filesystem: which of its extents lie on the bad range? */
static int add_by_extents(struct scan *s, uint64_t start, uint64_t len)
{
	enum { BATCH = 128 };
	DXF_CLEANUP_FREE struct fiemap *fm = dxf_malloc(sizeof(*fm) +
			BATCH * sizeof(struct fiemap_extent));
	uint64_t bad_start, bad_end, pos = 0;
	int ret = 0;

	if (fm == NULL)
		return -ENOMEM;
	if (start + len <= s->base)
		return 0;
	bad_start = start > s->base ? start - s->base : 0;
	bad_end = start + len - s->base;
	while (ret == 0) {
		const struct fiemap_extent *e = fm->fm_extents;

		memset(fm, 0, sizeof(*fm));
		fm->fm_start = pos;
		fm->fm_length = FIEMAP_MAX_OFFSET - pos;
		fm->fm_extent_count = BATCH;
		if (ioctl(s->r->node.fd, FS_IOC_FIEMAP, fm) != 0 ||
		    fm->fm_mapped_extents == 0)
			return 0;
		for (uint32_t i = 0; ret == 0 && i < fm->fm_mapped_extents; i++)
			ret = add_extent(s, e++, bad_start, bad_end);
		pos = e[-1].fe_logical + e[-1].fe_length;
		if (e[-1].fe_flags & FIEMAP_EXTENT_LAST)
			break;
	}
	return ret;
}

/* Once, when the region is opened: what is not known will be met. */
static void cannot_read(const struct scan *s, int err)
{
	if (s->ask_len == 0 && err != ENOENT)
		dxf_log_warn("%s: the kernel's list of bad blocks cannot be read (%s): a bad block is found when it is first read",
			     s->r->node.path, strerror(err));
}

static int read_list(struct scan *s, const char *dir)
{
	char path[PATH_MAX + 16];
	uint64_t start, count;
	FILE *f;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/badblocks", dir);
	f = fopen(path, "re");
	if (f == NULL) {
		cannot_read(s, errno);
		return 0;
	}
	while (ret == 0 && fscanf(f, "%" SCNu64 " %" SCNu64, &start,
				  &count) == 2) {
		if (start > INT64_MAX / DXF_SECTOR ||
		    count > INT64_MAX / DXF_SECTOR)
			continue;
		ret = s->add(s, start * DXF_SECTOR, count * DXF_SECTOR);
	}
	if (ferror(f))
		cannot_read(s, errno);
	fclose(f);
	return ret;
}

/* The nearest directory from @dir upwards that has the attribute. */
static bool climb_to(char *dir, const char *attr)
{
	char path[PATH_MAX + 32];
	char *slash;

	for (;;) {
		snprintf(path, sizeof(path), "%s/%s", dir, attr);
		if (access(path, F_OK) == 0)
			return true;
		slash = strrchr(dir, '/');
		if (slash == NULL || slash == dir)
			return false;
		*slash = '\0';
	}
}

/* An address, which sysfs shows to root only.  Returns: is it known? */
static bool read_address(const struct scan *s, const char *dir, uint64_t *out)
{
	int ret = dxf_sysfs_u64(dir, "resource", out);

	if (ret != 0)
		cannot_read(s, -ret);
	return ret == 0;
}

static int scan_devdax(struct scan *s, const char *sysfs, dev_t rdev)
{
	char dir[PATH_MAX], region[PATH_MAX], second[PATH_MAX + 32];
	uint64_t dev_start, region_start;

	if (dxf_sysfs_device(sysfs, "char", rdev, dir) != 0)
		return 0;
	/* A device in several pieces is not linear in its region. */
	snprintf(second, sizeof(second), "%s/mapping1", dir);
	if (access(second, F_OK) == 0)
		return 0;
	strcpy(region, dir);
	/* Memory that is no NVDIMM has no list. */
	if (!climb_to(region, "badblocks") ||
	    !read_address(s, dir, &dev_start) ||
	    !read_address(s, region, &region_start) ||
	    region_start > dev_start)
		return 0;
	s->base = dev_start - region_start;
	return read_list(s, region);
}

/* @dev is a disk, which has the list, or a partition that starts in one. */
static int scan_block(struct scan *s, const char *sysfs, dev_t dev)
{
	char dir[PATH_MAX];
	uint64_t start;

	if (dxf_sysfs_device(sysfs, "block", dev, dir) != 0)
		return 0;
	if (dxf_sysfs_u64(dir, "start", &start) == 0 &&
	    start <= INT64_MAX / DXF_SECTOR)
		s->base = start * DXF_SECTOR;
	return climb_to(dir, "badblocks") ? read_list(s, dir) : 0;
}

static int scan(struct scan *s)
{
	const struct dxf_region *r = s->r;
	struct stat st;

	s->add = add_linear;
	if (r->node.kind == DXF_REGION_ANON || fstat(r->node.fd, &st) != 0)
		return 0;
	if (r->node.kind == DXF_REGION_DEVDAX)
		return scan_devdax(s, r->sysfs, st.st_rdev);
	if (r->node.kind == DXF_REGION_BLOCK)
		return scan_block(s, r->sysfs, st.st_rdev);
	/* An ordinary file is read through the host, which says EIO. */
	if (!r->map_sync)
		return 0;
	s->add = add_by_extents;
	return scan_block(s, r->sysfs, st.st_dev);
}

int dxf_badblock_init(struct dxf_region *r, const char *sysfs)
{
	struct scan s = { .r = r };
	int ret;

	r->sysfs = sysfs;
	ret = scan(&s);
	if (r->nbad > 0)
		dxf_log_warn("%s: the kernel lists %zu bad ranges in it",
			     r->node.path, r->nbad);
	return ret;
}

void dxf_badblock_rescan(struct dxf_region *r)
{
	struct scan s = { .r = r };
	uint64_t before = r->nbad;

	if (scan(&s) == 0 && r->nbad != before)
		dxf_log_err("%s: media error: the kernel lists %zu bad ranges in it now",
			    r->node.path, r->nbad);
}

bool dxf_badblock_is_listed(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	struct scan s = { .r = r, .ask = off, .ask_len = len };

	assert(len > 0 && r->sysfs != NULL);
	/* Without memory to look: it was listed, or met, before. */
	return scan(&s) != 0 || s.listed;
}
