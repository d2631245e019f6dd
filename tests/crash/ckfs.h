/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ckfs.h - a checker of ext2 images in memory, for thousands of images a
 * second: what `e2fsck -fn` would complain of.  It shares no code with lib/.
 */
#ifndef CRASH_CKFS_H
#define CRASH_CKFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an image says of itself. */
struct ckfs_counts {
	uint64_t free_blocks, free_inodes;	/* of the bitmaps */
	uint32_t orphan;			/* s_last_orphan */
	uint64_t log_start, log_end;		/* bytes of inode 5's data */
	bool valid;				/* VALID_FS is set */
};

enum ckfs_flags {
	/* Mounted: orphans, counters of the superblock and VALID_FS are no
	 * matter. */
	CKFS_MOUNTED = 1 << 0,
};

/*
 * Check.  Returns: true, and *@out (may be NULL); false, and the first
 * complaint in @why.
 */
bool ckfs_check(const uint8_t *img, uint64_t size, unsigned int flags,
		struct ckfs_counts *out, char *why, size_t cap);

/* Set the checksum of a superblock, if its filesystem has checksums. */
void ckfs_seal_super(uint8_t *sb);

#endif
