/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.h - the units of the program, as types, so that mixing them shows.
 *
 * `off` and `len` are bytes, `blk` and `nblk` filesystem blocks; ranges are
 * half open, [start, end).
 */
#ifndef DXF_UNITS_H
#define DXF_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A byte offset, from the start of the region (the filesystem's byte 0). */
typedef uint64_t dxf_off_t;
/* A physical block number of the filesystem. */
typedef uint64_t dxf_blk_t;
/* A logical block number of a file. */
typedef uint64_t dxf_lblk_t;
/* An inode number. */
typedef uint32_t dxf_ino_t;

#define DXF_CACHELINE	64u
#define DXF_WORD	8u

#define DXF_KIB		((uint64_t)1 << 10)
#define DXF_MIB		((uint64_t)1 << 20)
#define DXF_GIB		((uint64_t)1 << 30)

#define DXF_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define DXF_MIN(a, b)	((a) < (b) ? (a) : (b))
#define DXF_MAX(a, b)	((a) > (b) ? (a) : (b))

/* The structure that holds @member at @ptr. */
#define dxf_container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* Round @x down or up to a multiple of @align, a power of two. */
static inline uint64_t dxf_align_down(uint64_t x, uint64_t align)
{
	return x & ~(align - 1);
}

static inline uint64_t dxf_align_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

#endif
