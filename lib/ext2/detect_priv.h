/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detect_priv.h - what detect.c asks of libblkid, where that is there.
 */
#ifndef DXF_DETECT_PRIV_H
#define DXF_DETECT_PRIV_H

#include <stdint.h>

struct dxf_partition {
	uint64_t off, len;	/* bytes */
};

struct dxf_signature {
	char type[32];		/* "xfs", "crypto_LUKS"; "": none found */
	char table[32];		/* "gpt", "dos"; "": none found */
	struct dxf_partition part[16];
	unsigned int nparts;
};

/*
 * Look at the file @fd, @size bytes long.
 * Returns: 0, and *@out; -ENOTSUP this was built without libblkid; -errno.
 */
int dxf_blkid_look(int fd, uint64_t size, struct dxf_signature *out);

#endif
