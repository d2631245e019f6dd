// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * badclear.c - overwriting bad blocks so that they are good again.
 *
 * Must not store to the mapping: persist does, between the two steps.
 *
 * Invariant: a range leaves the list of bad blocks only when all of it could be
 * loaded and the kernel does not list it (any more): what it still lists would
 * be bad again at the next mount.
 */
#include <assert.h>
#include <errno.h>

#include "guard.h"
#include "region_priv.h"

#define CHUNK	4096

static const char zeros[CHUNK];

int dxf_badclear_write(const struct dxf_region *r, dxf_off_t off,
		       const char *src, size_t len)
{
	if (r->node.kind != DXF_REGION_FILE &&
	    r->node.kind != DXF_REGION_BLOCK)
		return 0;
	while (len > 0) {
		size_t n = src != NULL ? len : DXF_MIN(len, CHUNK);
		ssize_t done = pwrite(r->node.fd, src != NULL ? src : zeros,
				      n, (off_t)(r->offset + off));

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -EIO;
		off += (size_t)done;
		len -= (size_t)done;
		if (src != NULL)
			src += done;
	}
	return 0;
}

static int verify(const struct dxf_region *r, dxf_off_t off, size_t len)
{
	char buf[CHUNK];
	int ret = 0;

	for (size_t n; ret == 0 && len > 0; off += n, len -= n) {
		n = DXF_MIN(len, sizeof(buf));
		ret = dxf_access_load(buf, r->rd + off, n);
	}
	return ret;
}

int dxf_badclear_finish(struct dxf_region *r, dxf_off_t off, size_t len)
{
	assert(len > 0 && dxf_region_holds(r, off, len));
	if (verify(r, off, len) != 0 || dxf_badblock_is_listed(r, off, len))
		return -EIO;
	dxf_badblock_clear(r, off, len);
	return 0;
}
