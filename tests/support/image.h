/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.h - filesystem images in memory, for tests: made by mke2fs, looked at
 * by e2fsck, in an anonymous region in between.
 *
 * The tools see the image as a memfd under /proc, so nothing is left behind
 * and no disk is needed.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdbool.h>

#include "region.h"

/* Is e2fsprogs there?  Without it the tests that need it are skipped. */
bool image_tools_present(void);

/*
 * A region of @size bytes with what `mke2fs -q -F @args` makes in it.  @guard
 * as dxf_region_open_anon().  Aborts the test when something fails.
 */
struct dxf_region *image_make(uint64_t size, const char *args, bool guard);

/*
 * Run @command with the shell on a copy of the region's bytes, its path in
 * $IMG.  @reload: the region takes over what the command made of it.
 * @out (NULL: not wanted) gets the first @cap - 1 bytes of its output.
 * Returns: its exit status.
 */
int image_run(struct dxf_region *r, const char *command, bool reload,
	      char *out, size_t cap);

/*
 * `e2fsck -fn`: true if it exits with 0 and prints its Pass lines and summary
 * and nothing else; else what it says goes to stderr.
 */
bool image_is_clean(struct dxf_region *r);
/* The same in silence; what e2fsck said is in @out. */
bool image_passes(struct dxf_region *r, char *out, size_t cap);

/* A copy of the region's bytes; free(3) it. */
void *image_snapshot(struct dxf_region *r);

#endif
