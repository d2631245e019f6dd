// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * newfile.c - an image file that is not there yet.
 *
 * A file is allocated beforehand: a store into a hole of a full host would be
 * an error at the worst time.
 */
#include "newfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define STEP	(256 * DXF_MIB)

static void tell(uint64_t done, uint64_t size)
{
	fprintf(stderr, "\rallocating: %3d %%%s",
		(int)(done * 100 / size), done == size ? "\n" : "");
}

/* In steps, which a signal can come between; hosts without it get zeros. */
static int allocate(int fd, uint64_t size, bool progress)
{
	uint64_t off = 0;

	progress = progress && size > STEP && isatty(STDERR_FILENO);
	while (off < size) {
		uint64_t len = DXF_MIN(STEP, size - off);
		int ret = posix_fallocate(fd, (off_t)off, (off_t)len);

		if (ret == EINTR)
			continue;
		if (ret != 0)
			return -ret;
		off += len;
		if (progress)
			tell(off, size);
	}
	return 0;
}

int dxf_newfile_make(const char *path, uint64_t size, bool sparse,
		     bool progress, struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL |
					O_CLOEXEC, 0666);
	int ret;

	assert(size > 0);
	if (fd < 0)
		return dxf_err_set(err, errno, "cannot make %s: %s", path,
				   strerror(errno));
	ret = ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
	if (ret == 0 && !sparse)
		ret = allocate(fd, size, progress);
	if (ret == 0)
		return 0;
	unlink(path);
	return dxf_err_set(err, -ret, "%s: cannot allocate %llu bytes: %s%s",
			   path, (unsigned long long)size, strerror(-ret),
			   ret == -ENOSPC ? " (--sparse does without)" : "");
}
