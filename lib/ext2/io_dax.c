// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_dax.c - libext2fs's io_manager over region and transactions.
 *
 * Must not know what it reads.  Reading goes through dxf_txn_read(); writing is
 * refused, whatever libext2fs means to write.
 *
 * Errors are returned as positive errnos, which dxf_ext2_errno() passes on.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "libext2fs.h"

/* libext2fs's open hands over a name only. */
static _Thread_local struct dxf_ext2 *opening;

void dxf_io_set_opening(struct dxf_ext2 *e2)
{
	assert(e2 == NULL || opening == NULL);
	opening = e2;
}

static errcode_t io_open(const char *name, int flags, io_channel *out)
{
	io_channel ch;

	assert(opening != NULL);
	ch = dxf_calloc(1, sizeof(*ch));
	if (ch == NULL)
		return EXT2_ET_NO_MEMORY;
	ch->name = dxf_strdup(name);
	if (ch->name == NULL) {
		free(ch);
		return EXT2_ET_NO_MEMORY;
	}
	ch->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	ch->manager = &dxf_io_manager;
	ch->block_size = 1024;
	ch->refcount = 1;
	ch->private_data = opening;
	*out = ch;
	return 0;
}

static errcode_t io_close(io_channel ch)
{
	if (--ch->refcount > 0)
		return 0;
	free(ch->name);
	free(ch);
	return 0;
}

static errcode_t io_set_blksize(io_channel ch, int blksize)
{
	ch->block_size = blksize;
	return 0;
}

/*
 * The bytes that @block and @count (negative: bytes) stand for.
 * Returns: 0; -EUCLEAN when no filesystem in the region can mean them.
 */
static int range(io_channel ch, unsigned long long block, int count,
		 dxf_off_t *off, uint64_t *len)
{
	const struct dxf_ext2 *e2 = ch->private_data;
	uint64_t size = dxf_region_size(e2->region);
	uint64_t bs = (uint64_t)ch->block_size;

	*len = count < 0 ? (uint64_t)-(int64_t)count : (uint64_t)count * bs;
	if (block > size / bs)
		return -EUCLEAN;
	*off = block * bs;
	return *len <= size - *off ? 0 : -EUCLEAN;
}

static errcode_t io_read64(io_channel ch, unsigned long long block, int count,
			   void *data)
{
	struct dxf_ext2 *e2 = ch->private_data;
	dxf_off_t off;
	uint64_t len;
	int ret;

	ret = range(ch, block, count, &off, &len);
	if (ret == 0)
		ret = dxf_txn_read(e2->txnmgr, off, data, len);
	return -ret;
}

static errcode_t io_read(io_channel ch, unsigned long block, int count,
			 void *data)
{
	return io_read64(ch, block, count, data);
}

static errcode_t io_write64(io_channel ch, unsigned long long block, int count,
			    const void *data)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_write(io_channel ch, unsigned long block, int count,
			  const void *data)
{
	return EXT2_ET_RO_FILSYS;
}

static errcode_t io_flush(io_channel ch)
{
	return 0;
}

struct struct_io_manager dxf_io_manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "daxfuse",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_blksize,
	.read_blk = io_read,
	.write_blk = io_write,
	.flush = io_flush,
	.read_blk64 = io_read64,
	.write_blk64 = io_write64,
};
