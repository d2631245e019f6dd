// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blkid_lib.c - what libblkid recognises.
 *
 * The only file that knows it; blkid_none.c stands in where it is not there.
 */
#include <assert.h>
#include <blkid/blkid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "detect_priv.h"
#include "units.h"

#define SECTOR	512u

static void copy_value(blkid_probe pr, const char *name, char *to, size_t len)
{
	const char *value;

	if (blkid_probe_lookup_value(pr, name, &value, NULL) == 0)
		snprintf(to, len, "%s", value);
}

static void read_partitions(blkid_probe pr, struct dxf_signature *out)
{
	blkid_partlist list = blkid_probe_get_partitions(pr);
	int i, n = list != NULL ? blkid_partlist_numof_partitions(list) : 0;

	for (i = 0; i < n && out->nparts < DXF_ARRAY_SIZE(out->part); i++) {
		blkid_partition p = blkid_partlist_get_partition(list, i);

		out->part[out->nparts++] = (struct dxf_partition){
			.off = (uint64_t)blkid_partition_get_start(p) * SECTOR,
			.len = (uint64_t)blkid_partition_get_size(p) * SECTOR,
		};
	}
}

static int look(blkid_probe pr, struct dxf_signature *out)
{
	int ret;

	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(pr, 1);
	ret = blkid_do_safeprobe(pr);
	/* 1: nothing; -2: signatures that contradict each other */
	if (ret == 1 || ret == -2)
		return 0;
	if (ret < 0)
		return -EIO;
	copy_value(pr, "TYPE", out->type, sizeof(out->type));
	copy_value(pr, "PTTYPE", out->table, sizeof(out->table));
	read_partitions(pr, out);
	return 0;
}

int dxf_blkid_look(int fd, uint64_t size, struct dxf_signature *out)
{
	struct dxf_signature sig = { .nparts = 0 };
	blkid_probe pr = blkid_new_probe();
	int ret = -ENOMEM;

	assert(fd >= 0 && size <= INT64_MAX);
	if (pr == NULL)
		return ret;
	if (blkid_probe_set_device(pr, fd, 0, (blkid_loff_t)size) == 0)
		ret = look(pr, &sig);
	blkid_free_probe(pr);
	if (ret == 0)
		*out = sig;
	return ret;
}
