// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * node.c - from a path to an open, identified and locked file or device.
 *
 * Must not map.  What can be wrong with what the user named is said here, in
 * one sentence each that names the path and the way out.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "alloc.h"
#include "region_priv.h"

#define SYSFS	"/sys"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC	0x58465342
#endif

static const struct {
	unsigned long magic;
	const char *name;
} fs_names[] = {
	{ TMPFS_MAGIC, "tmpfs" },
	{ HUGETLBFS_MAGIC, "hugetlbfs" },
	{ RAMFS_MAGIC, "ramfs" },
	{ EXT4_SUPER_MAGIC, "ext4" },
	{ XFS_SUPER_MAGIC, "xfs" },
	{ BTRFS_SUPER_MAGIC, "btrfs" },
	{ F2FS_SUPER_MAGIC, "f2fs" },
	{ NFS_SUPER_MAGIC, "nfs" },
	{ OVERLAYFS_SUPER_MAGIC, "overlay" },
	{ FUSE_SUPER_MAGIC, "fuse" },
};

bool dxf_node_in_memory(const struct dxf_node *node)
{
	return node->kind == DXF_REGION_FILE &&
	       (node->fs_type == TMPFS_MAGIC ||
		node->fs_type == HUGETLBFS_MAGIC ||
		node->fs_type == RAMFS_MAGIC);
}

const char *dxf_node_type_name(const struct dxf_node *node)
{
	switch (node->kind) {
	case DXF_REGION_DEVDAX:
		return "device-dax";
	case DXF_REGION_BLOCK:
		return "block device";
	case DXF_REGION_ANON:
		return "anonymous memory";
	case DXF_REGION_FILE:
		break;
	}
	for (size_t i = 0; i < DXF_ARRAY_SIZE(fs_names); i++) {
		if (fs_names[i].magic == node->fs_type)
			return fs_names[i].name;
	}
	return "regular";
}

static int resolve(struct dxf_node *node, const char *path,
		   struct dxf_err *err)
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL) {
		int ret = -errno;

		if (ret == -ENOENT &&
		    dxf_devdax_explain(SYSFS, path, err) != 0)
			return -ENXIO;
		return dxf_err_set(err, -ret, "cannot open %s: %s", path,
				   strerror(-ret));
	}
	node->path = dxf_strdup(real);
	if (node->path == NULL)
		return dxf_err_set(err, ENOMEM, "out of memory");
	return 0;
}

static int identify(struct dxf_node *node, const struct stat *st,
		    struct dxf_err *err)
{
	if (S_ISREG(st->st_mode)) {
		node->kind = DXF_REGION_FILE;
	} else if (S_ISBLK(st->st_mode)) {
		node->kind = DXF_REGION_BLOCK;
	} else if (S_ISDIR(st->st_mode)) {
		return dxf_err_set(err, EISDIR, "%s is a directory: name the "
				   "image file or device, then the mount "
				   "point", node->path);
	} else if (!S_ISCHR(st->st_mode)) {
		return dxf_err_set(err, EINVAL, "%s is neither a file nor a "
				   "device", node->path);
	} else if (dxf_devdax_is(SYSFS, st->st_rdev)) {
		node->kind = DXF_REGION_DEVDAX;
	} else {
		return dxf_err_set(err, EINVAL, "%s is a character device, "
				   "but not a dax device", node->path);
	}
	return 0;
}

/* Opening for reading leaves no trace in the image's own atime either. */
static int open_ro(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_NOATIME | flags);

	/* That is for the owner; others do without. */
	if (fd < 0 && errno == EPERM)
		fd = open(path, O_RDONLY | flags);
	return fd;
}

static int open_failed(const struct dxf_node *node, bool ro, int ret,
		       struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = -1;

	if (ret == -EBUSY)
		return dxf_err_set(err, EBUSY, "%s is in use: mounted, or "
				   "part of a RAID or LVM volume", node->path);
	if (ret == -ENXIO && dxf_devdax_explain(SYSFS, node->path, err) != 0)
		return -ENXIO;
	if (!ro && (ret == -EACCES || ret == -EROFS || ret == -EPERM)) {
		fd = open_ro(node->path, O_CLOEXEC);
		if (fd >= 0)
			return dxf_err_set(err, -ret, "%s is read-only for "
					   "you: try `-o ro`", node->path);
	}
	return dxf_err_set(err, -ret, "cannot open %s: %s", node->path,
			   strerror(-ret));
}

/*
 * Exclusive use of a block device keeps mount(8), fsck(8) and the like out.
 * Read-only users hold it too, but only one of them can: @shared is set when
 * somebody has it already, and then the lock tells whether it is one of us.
 */
static int open_node(struct dxf_node *node, bool ro, bool *shared,
		     struct dxf_err *err)
{
	int excl = node->kind == DXF_REGION_BLOCK ? O_EXCL : 0;

	*shared = false;
	if (!ro) {
		node->fd = open(node->path, O_RDWR | O_CLOEXEC | excl);
	} else {
		node->fd = open_ro(node->path, O_CLOEXEC | excl);
		if (node->fd < 0 && errno == EBUSY && excl != 0) {
			*shared = true;
			node->fd = open_ro(node->path, O_CLOEXEC);
		}
	}
	if (node->fd < 0)
		return open_failed(node, ro, -errno, err);
	return 0;
}

/*
 * Who has the block device, if not a read-only daxfuse?  Trying the exclusive
 * lock tells: it fails while one of those holds the shared one.
 */
static int check_sharing(const struct dxf_node *node, struct dxf_err *err)
{
	if (node->dev_lock_fd >= 0 &&
	    flock(node->dev_lock_fd, LOCK_EX | LOCK_NB) != 0 &&
	    flock(node->dev_lock_fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	return open_failed(node, true, -EBUSY, err);
}

static int measure(struct dxf_node *node, const struct stat *st,
		   struct dxf_err *err)
{
	struct dxf_devdax dax;
	struct statfs fs;
	int ret = 0;

	if (node->kind == DXF_REGION_DEVDAX) {
		ret = dxf_devdax_probe(SYSFS, st->st_rdev, node->path, &dax,
				       err);
		if (ret != 0)
			return ret;
		node->size = dax.size;
		node->map_align = dax.align;
		return 0;
	}
	node->map_align = (uint64_t)sysconf(_SC_PAGESIZE);
	if (node->kind == DXF_REGION_BLOCK)
		ret = ioctl(node->fd, BLKGETSIZE64, &node->size);
	else
		node->size = (uint64_t)st->st_size;
	if (ret == 0)
		ret = fstatfs(node->fd, &fs);
	if (ret != 0)
		return dxf_err_set(err, errno, "cannot tell the size of %s: "
				   "%s", node->path, strerror(errno));
	node->fs_type = (unsigned long)fs.f_type;
	/* A huge page is this filesystem's block. */
	if (node->fs_type == HUGETLBFS_MAGIC)
		node->map_align = (uint64_t)fs.f_bsize;
	return 0;
}

/* Beside a writer there is no lock, only the word of who looks on. */
static int lock_node(struct dxf_node *node, bool shared,
		     const struct dxf_region_opts *opts, struct dxf_err *err)
{
	int ret = dxf_imglock_take(node->fd, opts->ro, node->path,
				   &node->dev_lock_fd, err);

	if (ret == 0 && shared)
		ret = check_sharing(node, err);
	node->locked = ret == 0;
	return ret == -EBUSY && opts->beside ? 0 : ret;
}

static int open_and_measure(struct dxf_node *node, const char *path,
			    const struct dxf_region_opts *opts,
			    struct dxf_err *err)
{
	struct stat st;
	bool shared;
	int ret;

	ret = resolve(node, path, err);
	if (ret != 0)
		return ret;
	/* Opening a fifo would wait for its writer: look first. */
	if (stat(node->path, &st) != 0)
		return dxf_err_set(err, errno, "cannot open %s: %s",
				   node->path, strerror(errno));
	ret = identify(node, &st, err);
	if (ret == 0)
		ret = open_node(node, opts->ro, &shared, err);
	if (ret != 0)
		return ret;
	if (fstat(node->fd, &st) != 0)
		return dxf_err_set(err, errno, "cannot stat %s: %s",
				   node->path, strerror(errno));
	ret = identify(node, &st, err);
	if (ret == 0)
		ret = lock_node(node, shared, opts, err);
	return ret == 0 ? measure(node, &st, err) : ret;
}

int dxf_node_open(struct dxf_node *node, const char *path,
		  const struct dxf_region_opts *opts, struct dxf_err *err)
{
	int ret;

	*node = (struct dxf_node){ .fd = -1, .dev_lock_fd = -1 };
	ret = open_and_measure(node, path, opts, err);
	if (ret != 0)
		dxf_node_close(node);
	return ret;
}

void dxf_node_close(struct dxf_node *node)
{
	dxf_cleanup_close(&node->dev_lock_fd);
	dxf_cleanup_close(&node->fd);
	free(node->path);
	*node = (struct dxf_node){ .fd = -1, .dev_lock_fd = -1 };
}
