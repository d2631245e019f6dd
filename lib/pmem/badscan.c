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
 *
 * Invariant: nothing is opened once the region is open.  The list is kept open
 * and read again from its start: a daemon that has confined itself can do that.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"
#include "region_priv.h"

/* How [start, start + len) of the listed device becomes ranges of the file. */
struct scan {
	struct dxf_region *r;
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

	if (__builtin_add_overflow(start, len, &end) || end <= s->r->bad_base)
		return 0;
	start = DXF_MAX(start, s->r->bad_base);
	return add_file_range(s, start - s->r->bad_base, end - start);
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
	if (start + len <= s->r->bad_base)
		return 0;
	bad_start = start > s->r->bad_base ? start - s->r->bad_base : 0;
	bad_end = start + len - s->r->bad_base;
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

/* ---- reading it ---- */

/* Once, when the region is opened: what is not known will be met. */
static void cannot_read(const struct dxf_region *r, int err)
{
	if (err != ENOENT)
		dxf_log_warn("%s: the kernel's list of bad blocks cannot be "
			     "read (%s): a bad block is found when it is "
			     "first read", r->node.path, strerror(err));
}

static int add_lines(struct scan *s, const char *text)
{
	uint64_t start, count;
	int used, ret = 0;

	for (; ret == 0 && sscanf(text, "%" SCNu64 " %" SCNu64 "%n", &start,
				  &count, &used) == 2; text += used) {
		if (start > INT64_MAX / DXF_SECTOR ||
		    count > INT64_MAX / DXF_SECTOR)
			continue;
		ret = s->add(s, start * DXF_SECTOR, count * DXF_SECTOR);
	}
	return ret;
}

/* The kernel's attributes are a page at most. */
#define LIST_MAX	65536

static ssize_t read_text(int fd, char *text, size_t room)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = pread(fd, text + len, room - len, (off_t)len);
		if (n < 0)
			return -errno;
		len += (size_t)n;
		assert(len <= room);
	} while (n > 0 && len < room);
	return (ssize_t)len;
}

static int scan(struct scan *s)
{
	struct dxf_region *r = s->r;
	DXF_CLEANUP_FREE char *text = NULL;
	ssize_t len;

	if (r->bad_list_fd < 0)
		return 0;
	s->add = r->node.kind == DXF_REGION_FILE ? add_by_extents : add_linear;
	text = dxf_malloc(LIST_MAX + 1);
	if (text == NULL)
		return -ENOMEM;
	len = read_text(r->bad_list_fd, text, LIST_MAX);
	if (len < 0) {
		if (s->ask_len == 0)
			cannot_read(r, (int)-len);
		return 0;
	}
	text[len] = '\0';
	return add_lines(s, text);
}

/* ---- finding it ---- */

static int open_list(const char *dir)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/badblocks", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
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

/*
 * Each of these sets *@base to where the file, partition or device starts in
 * what is listed.  Returns: the list, open; -ENOENT there is none; -errno.
 */

static int find_devdax(const char *sysfs, dev_t rdev, uint64_t *base)
{
	char dir[PATH_MAX], region[PATH_MAX], second[PATH_MAX + 32];
	uint64_t dev_start, region_start;
	int ret;

	if (dxf_sysfs_device(sysfs, "char", rdev, dir) != 0)
		return -ENOENT;
	/* A device in several pieces is not linear in its region. */
	snprintf(second, sizeof(second), "%s/mapping1", dir);
	if (access(second, F_OK) == 0)
		return -ENOENT;
	strcpy(region, dir);
	/* Memory that is no NVDIMM has no list. */
	if (!climb_to(region, "badblocks"))
		return -ENOENT;
	/* Addresses, which sysfs shows to root only. */
	ret = dxf_sysfs_u64(dir, "resource", &dev_start);
	if (ret == 0)
		ret = dxf_sysfs_u64(region, "resource", &region_start);
	if (ret != 0)
		return ret;
	if (region_start > dev_start)
		return -ENOENT;
	*base = dev_start - region_start;
	return open_list(region);
}

/* @dev is a disk, which has the list, or a partition that starts in one. */
static int find_block(const char *sysfs, dev_t dev, uint64_t *base)
{
	char dir[PATH_MAX];
	uint64_t start;

	if (dxf_sysfs_device(sysfs, "block", dev, dir) != 0)
		return -ENOENT;
	if (dxf_sysfs_u64(dir, "start", &start) == 0 &&
	    start <= INT64_MAX / DXF_SECTOR)
		*base = start * DXF_SECTOR;
	return climb_to(dir, "badblocks") ? open_list(dir) : -ENOENT;
}

static int find_list(const struct dxf_region *r, const char *sysfs,
		     uint64_t *base)
{
	struct stat st;

	if (r->node.kind == DXF_REGION_ANON || fstat(r->node.fd, &st) != 0)
		return -ENOENT;
	if (r->node.kind == DXF_REGION_DEVDAX)
		return find_devdax(sysfs, st.st_rdev, base);
	if (r->node.kind == DXF_REGION_BLOCK)
		return find_block(sysfs, st.st_rdev, base);
	/* An ordinary file is read through the host, which says EIO. */
	if (!r->map_sync)
		return -ENOENT;
	return find_block(sysfs, st.st_dev, base);
}

/* ---- the rest of the library asks ---- */

int dxf_badblock_init(struct dxf_region *r, const char *sysfs)
{
	struct scan s = { .r = r };
	int ret;

	dxf_cleanup_close(&r->bad_list_fd);
	r->bad_base = 0;
	r->bad_list_fd = find_list(r, sysfs, &r->bad_base);
	if (r->bad_list_fd < 0)
		cannot_read(r, -r->bad_list_fd);
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
		dxf_log_err("%s: media error: the kernel lists %zu bad ranges "
			    "in it now", r->node.path, r->nbad);
}

bool dxf_badblock_is_listed(struct dxf_region *r, dxf_off_t off, uint64_t len)
{
	struct scan s = { .r = r, .ask = off, .ask_len = len };

	assert(len > 0);
	/* Without memory to look: it was listed, or met, before. */
	return scan(&s) != 0 || s.listed;
}
