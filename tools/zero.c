// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zero.c - zeros where there are none yet.
 *
 * Must not know who wants them.
 *
 * Invariant: what is skipped was a hole or loaded as zeros, and on DAX media
 * its lines were flushed: the zeros that were seen are those on media.
 */
#include "zero.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "load.h"
#include "persist.h"

#define CHUNK		(64 * DXF_KIB)
#define ASK_EVERY	(8 * DXF_MIB)

static bool is_zero(const uint8_t *buf, size_t len)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0;
}

/* A chunk that cannot be loaded is stored to, which may mend it. */
static int zero_chunk(struct dxf_region *r, dxf_off_t off, size_t len)
{
	uint8_t buf[CHUNK];

	assert(len > 0 && len <= CHUNK);
	if (dxf_load(r, off, buf, len) == 0 && is_zero(buf, len))
		return dxf_region_media(r) == DXF_MEDIA_DAX ?
			dxf_persist_flush(r, off, len) : 0;
	return dxf_persist_zero(r, off, len,
				DXF_PERSIST_DATA | DXF_PERSIST_RECOVERY);
}

static int zero_data(struct dxf_region *r, dxf_off_t off, dxf_off_t end)
{
	int ret = 0;

	for (size_t n; ret == 0 && off < end; off += n) {
		n = CHUNK - off % CHUNK;
		n = DXF_MIN(n, end - off);
		ret = zero_chunk(r, off, n);
	}
	return ret;
}

int dxf_zero(struct dxf_region *r, dxf_off_t off, uint64_t len,
	     bool (*stop)(void *ctx), void *ctx)
{
	dxf_off_t end = off + len, from, to;
	int ret = 0;

	if (dxf_region_is_ro(r))
		return -EROFS;
	if (end < off || end > dxf_region_size(r))
		return -ERANGE;
	while (ret == 0 && dxf_region_find_data(r, off, end - off, &from,
						&to)) {
		assert(from >= off && to > from && to <= end);
		to = DXF_MIN(to, from + ASK_EVERY);
		ret = zero_data(r, from, to);
		off = to;
		if (ret == 0 && stop != NULL && stop(ctx))
			ret = -EINTR;
	}
	dxf_persist_fence(r);
	return ret;
}
