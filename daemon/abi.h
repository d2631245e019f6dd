/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.h - the kernel's side of /dev/fuse: <linux/fuse.h>, and what headers
 * older than the running kernel lack.
 *
 * What is defined here has a name of its own: it may be there as well.
 */
#ifndef DXF_ABI_H
#define DXF_ABI_H

#include <linux/fuse.h>
#include <stdint.h>

#define DXF_FUSE_TMPFILE	51	/* 7.37: fuse_create_in, name */
#define DXF_FUSE_STATX		52	/* 7.39: dxf_fuse_statx_in */

/* INIT flags; those from bit 32 on travel in flags2. */
#define DXF_INIT_KILLPRIV_V2		(UINT64_C(1) << 28)
#define DXF_INIT_SETXATTR_EXT		(UINT64_C(1) << 29)
#define DXF_INIT_EXT			(UINT64_C(1) << 30)
#define DXF_INIT_DIRECT_IO_MMAP		(UINT64_C(1) << 36)
#define DXF_INIT_OVER_IO_URING		(UINT64_C(1) << 41)

#define DXF_FATTR_FH			(1 << 6)
#define DXF_FATTR_OPEN			(1 << 7)
#define DXF_FATTR_KILL_SUIDGID		(1 << 11)
#define DXF_WRITE_KILL_SUIDGID		(1 << 2)
#define DXF_OPEN_KILL_SUIDGID		(1 << 0)
#define DXF_SETXATTR_ACL_KILL_SGID	(1 << 0)
#define DXF_FOPEN_NOFLUSH		(1 << 5)
#define DXF_FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)

/* The open requests' second word was padding before 7.33. */
struct dxf_fuse_open_in {
	uint32_t flags;
	uint32_t open_flags;
};

struct dxf_fuse_create_in {
	uint32_t flags;
	uint32_t mode;
	uint32_t umask;
	uint32_t open_flags;
};

/* Without SETXATTR_EXT it ends behind flags. */
struct dxf_fuse_setxattr_in {
	uint32_t size;
	uint32_t flags;
	uint32_t setxattr_flags;
	uint32_t padding;
};
#define DXF_FUSE_SETXATTR_IN_SHORT	8

/* INIT, whole since 7.36; earlier the words behind map_alignment are unused. */
struct dxf_fuse_init_in {
	uint32_t major;
	uint32_t minor;
	uint32_t max_readahead;
	uint32_t flags;
	uint32_t flags2;
	uint32_t unused[11];
};
#define DXF_FUSE_INIT_IN_SHORT		16

struct dxf_fuse_init_out {
	uint32_t major;
	uint32_t minor;
	uint32_t max_readahead;
	uint32_t flags;
	uint16_t max_background;
	uint16_t congestion_threshold;
	uint32_t max_write;
	uint32_t time_gran;
	uint16_t max_pages;
	uint16_t map_alignment;
	uint32_t flags2;
	uint32_t unused[7];
};

struct dxf_fuse_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct dxf_fuse_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct dxf_fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct {
		uint32_t mask;
		uint32_t blksize;
		uint64_t attributes;
		uint32_t nlink;
		uint32_t uid;
		uint32_t gid;
		uint16_t mode;
		uint16_t spare0;
		uint64_t ino;
		uint64_t size;
		uint64_t blocks;
		uint64_t attributes_mask;
		struct dxf_fuse_sx_time atime, btime, ctime, mtime;
		uint32_t rdev_major;
		uint32_t rdev_minor;
		uint32_t dev_major;
		uint32_t dev_minor;
		uint64_t spare2[14];
	} stat;
};

#endif
