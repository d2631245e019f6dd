/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * itime.h - times as inodes store them.
 */
#ifndef DXF_ITIME_H
#define DXF_ITIME_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Seconds in 34 bits from 1901 on: 32 signed, and two epoch bits. */
#define DXF_TIME_MIN		(-((int64_t)1 << 31))
#define DXF_TIME_MAX_OLD	(((int64_t)1 << 31) - 1)
#define DXF_TIME_MAX		(DXF_TIME_MAX_OLD + 3 * ((int64_t)1 << 32))

struct timespec dxf_time_decode(uint32_t seconds, uint32_t extra);
/* @ts must be in range: dxf_time_clamp(). */
uint32_t dxf_time_extra(struct timespec ts);
/* @extra: the slot has the field with nanoseconds and epoch. */
struct timespec dxf_time_clamp(struct timespec ts, bool extra);

#endif
