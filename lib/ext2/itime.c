// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * itime.c - times as inodes store them.
 *
 * Owns the encoding: 32 bits of signed seconds; where the inode is large
 * enough a second word with 30 bits of nanoseconds above two epoch bits, which
 * count multiples of 2^32 seconds.
 */
#include "itime.h"

#include <assert.h>

#define EPOCH_BITS	2
#define EPOCH_MASK	((1u << EPOCH_BITS) - 1)
#define NSEC_MAX	999999999u

struct timespec dxf_time_decode(uint32_t seconds, uint32_t extra)
{
	uint32_t nsec = extra >> EPOCH_BITS;

	return (struct timespec){
		.tv_sec = (int64_t)(int32_t)seconds +
			((int64_t)(extra & EPOCH_MASK) << 32),
		.tv_nsec = nsec <= NSEC_MAX ? nsec : NSEC_MAX,
	};
}

uint32_t dxf_time_extra(struct timespec ts)
{
	int64_t epoch = (int64_t)ts.tv_sec - (int32_t)(uint32_t)ts.tv_sec;

	assert(ts.tv_sec >= DXF_TIME_MIN && ts.tv_sec <= DXF_TIME_MAX);
	assert(ts.tv_nsec >= 0 && ts.tv_nsec <= (long)NSEC_MAX);
	return ((uint32_t)(epoch >> 32) & EPOCH_MASK) |
		(uint32_t)ts.tv_nsec << EPOCH_BITS;
}

struct timespec dxf_time_clamp(struct timespec ts, bool extra)
{
	int64_t max = extra ? DXF_TIME_MAX : DXF_TIME_MAX_OLD;

	if (ts.tv_sec < DXF_TIME_MIN)
		return (struct timespec){ .tv_sec = DXF_TIME_MIN };
	if (ts.tv_sec > max)
		return (struct timespec){ .tv_sec = max };
	if (!extra || ts.tv_nsec < 0 || ts.tv_nsec > (long)NSEC_MAX)
		ts.tv_nsec = 0;
	return ts;
}
