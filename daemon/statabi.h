/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statabi.h - the ioctls of a mounted filesystem that daxfuse-stat asks.
 *
 * Anybody who may open the root of the mount may ask: the figures carry no
 * names and no data, and nothing is changed.  All counts are since the mount.
 */
#ifndef DXF_STATABI_H
#define DXF_STATABI_H

#include <linux/ioctl.h>
#include <stdint.h>

#include "hist.h"

/* Changes when a field does; a program asks for what it knows. */
#define DXF_STAT_VERSION	1

struct dxf_stat {
	uint32_t version;		/* DXF_STAT_VERSION */
	uint32_t nops;			/* opcodes below it may be asked for */
	char program[16];		/* the daemon's version */
	char media[64];			/* "device-dax, cacheline" */
	char transport[64];
	char durability[16], dax[16];	/* the options' words */
	uint64_t uptime_ns;
	uint32_t workers;
	uint32_t ro;			/* 1: mounted so; 2: after an error */
	uint32_t copied_reads;		/* mcsafe */
	uint32_t proto_major, proto_minor;
	uint32_t pad;
	uint64_t caps, init_flags;	/* in use, of <linux/fuse.h> and ours */

	uint64_t size;			/* of the region, bytes */
	uint64_t loaded, lent;		/* bytes copied by us, by the kernel */
	uint64_t stored, stored_nt;	/* bytes; the second are of the first */
	uint64_t lines_flushed, fences, msyncs;
	uint64_t dirty;			/* bytes, now */
	uint64_t bad_ranges, bad_bytes, faults;

	uint64_t commits, aborts;
	uint64_t log_size, log_capacity, log_slots, log_bytes;

	uint64_t inodes_cached, inodes_open, zombies;
	uint64_t run_hits, run_misses, inode_hits, inode_misses;
};

struct dxf_stat_op {
	uint32_t opcode;		/* which: the caller's */
	uint32_t pad;
	char name[24];			/* "" : there is none */
	uint64_t count, errors;
	uint64_t bytes;			/* of reads and writes */
	uint64_t sum_ns, max_ns;
	uint64_t hist[DXF_HIST_N];
};

#define DXF_IOC_STAT	_IOR(0xDA, 1, struct dxf_stat)
#define DXF_IOC_STAT_OP	_IOWR(0xDA, 2, struct dxf_stat_op)

#endif
