/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * optnum.h - numbers as users write them.
 */
#ifndef DXF_OPTNUM_H
#define DXF_OPTNUM_H

#include <stdint.h>

/*
 * A whole decimal number of bytes with at most one suffix k, m, g, t or p (of
 * 1024), in either case.
 * Returns: 0 and *@out; -EINVAL anything else; -ERANGE above 2^63 - 1.
 */
int dxf_parse_size(const char *s, uint64_t *out);

/* A whole decimal number in [@min, @max].  Returns: 0; -EINVAL; -ERANGE. */
int dxf_parse_uint(const char *s, unsigned int min, unsigned int max,
		   unsigned int *out);

#endif
