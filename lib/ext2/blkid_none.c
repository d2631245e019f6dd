// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blkid_none.c - in the place of blkid_lib.c where libblkid is not there.
 */
#include <errno.h>

#include "detect_priv.h"

int dxf_blkid_look(int fd, uint64_t size, struct dxf_signature *out)
{
	return -ENOTSUP;
}
