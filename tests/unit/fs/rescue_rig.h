/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rescue_rig.h - a file whose blocks go bad, and what it must read.
 */
#ifndef DXF_RESCUE_RIG_H
#define DXF_RESCUE_RIG_H

#include "fault.h"
#include "file_model.h"
#include "poison.h"

#define PAGE	POISON_PAGE
#define LEN	(16 * PAGE)

extern struct fsx x;
extern dxf_ino_t ino;
/* What the file has; to read into; what is written. */
extern uint8_t want[LEN], buf[LEN], fresh[LEN];

/* Image @i of fsx_images, mounted; the file, LEN bytes, none zero. */
void setup(int i);
uint32_t block_size(void);
/* Where the byte at @off of a file lies; it must be good. */
dxf_off_t media_of(dxf_ino_t of, uint64_t off);
/* Write fresh[] there, as dxf_fs_write(); put_all() must work. */
ssize_t put(uint64_t off, size_t len);
void put_all(uint64_t off, size_t len);
/* The file has @len bytes, those of want[]. */
void check_bytes(size_t len);
/* How many blocks the bad-blocks inode has; @blk (0: none) must be one. */
int count_retired(dxf_blk_t blk);
/* Check, heal, check after a remount, and what e2fsck says. */
void finish(size_t len);
/* An offset from @from on whose bytes begin a page of media. */
uint64_t page_at(uint64_t from);
/* Poison the page of the file at @off, from page_at(). */
dxf_off_t poison_at(uint64_t off);

#endif
