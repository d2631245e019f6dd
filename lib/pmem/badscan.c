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
	int (*add)(const struct scan *s, uint64_t start, uint64_t len);
};

/* A range of the file or device; what is outside the window is left out. */
static int add_file_range(struct dxf_region *r, uint64_t start, uint64_t len)
{
	uint64_t end;

	if (__builtin_add_overflow(start, len, &end))
		end = UINT64_MAX;
	if (end <= r->offset)
		return 0;
	start = DXF_MAX(start, r->offset);
	return dxf_badblock_add(r, start - r->offset, end - start);
}

static int add_linear(const struct scan *s, uint64_t start, uint64_t len)
{
	uint64_t end;

	if (__builtin_add_overflow(start, len, &end) || end <= s->base)
		return 0;
	start = DXF_MAX(start, s->base);
	return add_file_range(s->r, start - s->base, end - start);
}

static int add_extent(const struct scan *s, const struct fiemap_extent *e,
		      uint64_t start, uint64_t end)
{
	uint64_t from = DXF_MAX(start, e->fe_physical);
	uint64_t to = DXF_MIN(end, e->fe_physical + e->fe_length);

	if (from >= to)
		return 0;
	return add_file_range(s->r, e->fe_logical + (from - e->fe_physical),
			      to - from);
}

/* A file on a DAX filesystem: which of its extents lie on the bad range? */
static int add_by_extents(const struct scan *s, uint64_t start, uint64_t len)
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

static int read_list(const struct scan *s, const char *dir)
{
	char path[PATH_MAX + 16];
	uint64_t start, count;
	FILE *f;
	int ret = 0;

	snprintf(path, sizeof(path), "%s/badblocks", dir);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (ret == 0 && fscanf(f, "%" SCNu64 " %" SCNu64, &start,
				  &count) == 2) {
		if (start > INT64_MAX / DXF_SECTOR ||
		    count > INT64_MAX / DXF_SECTOR)
			continue;
		ret = s->add(s, start * DXF_SECTOR, count * DXF_SECTOR);
	}
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

static int scan_devdax(struct dxf_region *r, const char *sysfs, dev_t rdev)
{
	struct scan s = { .r = r, .add = add_linear };
	char dir[PATH_MAX], second[PATH_MAX + 32];
	uint64_t dev_start, region_start;

	if (dxf_sysfs_device(sysfs, "char", rdev, dir) != 0 ||
	    dxf_sysfs_u64(dir, "resource", &dev_start) != 0)
		return 0;
	/* A device in several pieces is not linear in its region. */
	snprintf(second, sizeof(second), "%s/mapping1", dir);
	if (access(second, F_OK) == 0)
		return 0;
	if (!climb_to(dir, "badblocks") ||
	    dxf_sysfs_u64(dir, "resource", &region_start) != 0 ||
	    region_start > dev_start)
		return 0;
	s.base = dev_start - region_start;
	return read_list(&s, dir);
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

static int scan(struct dxf_region *r, const char *sysfs)
{
	struct scan s = { .r = r, .add = add_linear };
	struct stat st;

	if (r->node.kind == DXF_REGION_ANON || fstat(r->node.fd, &st) != 0)
		return 0;
	if (r->node.kind == DXF_REGION_DEVDAX)
		return scan_devdax(r, sysfs, st.st_rdev);
	if (r->node.kind == DXF_REGION_BLOCK)
		return scan_block(&s, sysfs, st.st_rdev);
	/* An ordinary file is read through the host, which says EIO. */
	if (!r->map_sync)
		return 0;
	s.add = add_by_extents;
	return scan_block(&s, sysfs, st.st_dev);
}

int dxf_badblock_init(struct dxf_region *r, const char *sysfs)
{
	int ret = scan(r, sysfs);

	if (r->nbad > 0)
		dxf_log_warn("%s: the kernel lists %zu bad ranges in it",
			     r->node.path, r->nbad);
	return ret;
}
