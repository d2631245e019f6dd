// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_dax.c - libext2fs's io_manager over region and transactions.
 *
 * Must not know what it reads or writes, but for one rule: nothing that
 * libext2fs writes within a chain may land on fixed metadata, whatever a
 * damaged extent tree says.  Reading goes through dxf_txn_read(), writing to
 * the chain's transaction: blocks that it allocated itself are filled, others
 * staged, where only the words that changed are kept.
 *
 * Errors are returned as positive errnos, which dxf_ext2_errno() passes on.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "chain.h"
#include "groups.h"

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

/* May the chain write [@off, @off + @len)?  Returns: 0, -EROFS, -EUCLEAN. */
static int may_write(struct dxf_ext2 *e2, dxf_off_t off, uint64_t len)
{
	const struct dxf_geom *g = &e2->geom;
	dxf_blk_t blk = off >> g->block_bits;
	dxf_blk_t end = (off + len + g->block_size - 1) >> g->block_bits;

	if (e2->chain.t == NULL)
		return -EROFS;
	return dxf_ext2_is_fixed_block(e2, blk, end - blk) ? -EUCLEAN : 0;
}

static errcode_t io_write64(io_channel ch, unsigned long long block, int count,
			    const void *data)
{
	struct dxf_ext2 *e2 = ch->private_data;
	dxf_off_t off;
	uint64_t len;
	int ret;

	ret = range(ch, block, count, &off, &len);
	if (ret == 0)
		ret = may_write(e2, off, len);
	if (ret < 0)
		return -ret;
	if (len == e2->geom.block_size &&
	    dxf_acc_is_fresh(e2, e2->chain.t, off >> e2->geom.block_bits))
		return -dxf_txn_fill(e2->chain.t, off, data, len);
	return -dxf_txn_store(e2->chain.t, off, data, len);
}

static errcode_t io_write(io_channel ch, unsigned long block, int count,
			  const void *data)
{
	return io_write64(ch, block, count, data);
}

/* A block that was just allocated, to be cleared. */
static errcode_t io_zeroout(io_channel ch, unsigned long long block,
			    unsigned long long count)
{
	DXF_CLEANUP_FREE void *zeros = NULL;
	errcode_t ec = 0;

	zeros = dxf_calloc(1, (size_t)ch->block_size);
	if (zeros == NULL)
		return ENOMEM;
	for (unsigned long long i = 0; i < count && ec == 0; i++)
		ec = io_write64(ch, block + i, 1, zeros);
	return ec;
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
	.zeroout = io_zeroout,
};

int dxf_blk_read(struct dxf_ext2 *e2, dxf_blk_t blk, void *buf)
{
	assert(blk < e2->geom.nblocks);
	return dxf_txn_read(e2->txnmgr, dxf_blk_off(&e2->geom, blk), buf,
			    e2->geom.block_size);
}
