// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * detect.c - what is on an image that has no ext2 superblock.
 *
 * A dax device cannot be read(2), which libblkid wants: it is shown a sparse
 * copy in memory of both ends, where all signatures are.
 */
#include "detect.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "alloc.h"
#include "cleanup.h"
#include "detect_priv.h"
#include "ext2_priv.h"
#include "load.h"

#define HEAD	(2 * DXF_MIB)
#define TAIL	DXF_MIB
#define CHUNK	(64 * DXF_KIB)

/* What cannot be loaded stays a hole.  *@blank := false where bytes are. */
static int copy_range(struct dxf_region *r, dxf_off_t from, dxf_off_t to,
		      int fd, bool *blank)
{
	DXF_CLEANUP_FREE uint8_t *buf = dxf_malloc(CHUNK);
	dxf_off_t off;
	size_t len, i;

	if (buf == NULL)
		return -ENOMEM;
	for (off = from; off < to; off += CHUNK) {
		len = DXF_MIN((uint64_t)CHUNK, to - off);
		if (dxf_load(r, off, buf, len) != 0) {
			*blank = false;
			continue;
		}
		for (i = 0; i < len && *blank; i++)
			*blank = buf[i] == 0;
		if (pwrite(fd, buf, len, (off_t)off) != (ssize_t)len)
			return -EIO;
	}
	return 0;
}

static int copy_ends(struct dxf_region *r, int fd, bool *blank)
{
	uint64_t size = dxf_region_size(r);
	dxf_off_t head = DXF_MIN((uint64_t)HEAD, size);
	dxf_off_t tail = size - DXF_MIN((uint64_t)TAIL, size - head);
	int ret;

	assert(head <= tail && tail <= size);
	if (ftruncate(fd, (off_t)size) != 0)
		return -errno;
	ret = copy_range(r, 0, head, fd, blank);
	return ret != 0 ? ret : copy_range(r, tail, size, fd, blank);
}

static bool has_ext2(struct dxf_region *r, const struct dxf_partition *p)
{
	uint16_t magic;

	return dxf_load(r, p->off + SUPERBLOCK_OFFSET +
			offsetof(struct ext2_super_block, s_magic), &magic,
			sizeof(magic)) == 0 && magic == EXT2_SUPER_MAGIC;
}

/* Of the partitions the first with an ext2, else the first. */
static const struct dxf_partition *choose(struct dxf_region *r,
					  const struct dxf_signature *sig)
{
	unsigned int i;

	for (i = 0; i < sig->nparts; i++)
		if (has_ext2(r, &sig->part[i]))
			return &sig->part[i];
	return sig->nparts > 0 ? &sig->part[0] : NULL;
}

static int explain_table(struct dxf_region *r, const char *path,
			 const struct dxf_signature *sig, struct dxf_err *err)
{
	const struct dxf_partition *p = choose(r, sig);
	uint64_t base = dxf_region_offset(r);

	if (p == NULL)
		return dxf_err_set(err, EINVAL,
			"%s holds an empty partition table (%s), no filesystem; offset= says where one begins",
			path, sig->table);
	return dxf_err_set(err, EINVAL,
		"%s holds a partition table (%s), not a filesystem; a partition of it is mounted with `-o offset=%" PRIu64 ",sizelimit=%" PRIu64 "`",
		path, sig->table, base + p->off, p->len);
}

int dxf_ext2_explain(struct dxf_region *r, const char *path,
		     struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = memfd_create("daxfuse-ends", MFD_CLOEXEC);
	struct dxf_signature sig = { .nparts = 0 };
	bool blank = true;
	int ret;

	ret = fd < 0 ? -errno : copy_ends(r, fd, &blank);
	if (ret == 0 && blank)
		return dxf_err_set(err, EINVAL,
			"%s is blank, there is no filesystem on it; `mkfs.daxfuse %s` makes one",
			path, path);
	if (ret == 0)
		ret = dxf_blkid_look(fd, dxf_region_size(r), &sig);
	if (ret == 0 && sig.table[0] != '\0')
		return explain_table(r, path, &sig, err);
	if (ret == 0 && sig.type[0] != '\0')
		return dxf_err_set(err, EINVAL,
			"%s holds a filesystem or data of type %s, not ext2",
			path, sig.type);
	return dxf_err_set(err, EINVAL,
		"there is no ext2 filesystem on %s (bad magic number); a wrong offset= looks the same; `mkfs.daxfuse %s` makes one",
		path, path);
}
