/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * le.h - little-endian numbers at any address of a byte buffer.
 *
 * The disk format is little endian and what media hold is read into byte
 * buffers; these are the only way the directory and xattr code looks at it.
 */
#ifndef DXF_LE_H
#define DXF_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t dxf_get_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t dxf_get_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline void dxf_put_le16(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void dxf_put_le32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void dxf_put_le64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
