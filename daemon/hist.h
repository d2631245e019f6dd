/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hist.h - histograms of latency: four buckets to each doubling.
 *
 * Bucket 0 is below 256 ns, the last one all that is longer than some 17 s;
 * in between a bucket is an eighth to a quarter of its value wide.
 */
#ifndef DXF_HIST_H
#define DXF_HIST_H

#include <stdint.h>

#define DXF_HIST_LOW	8	/* log2 of the first bound, in ns */
#define DXF_HIST_HIGH	34
#define DXF_HIST_N	((DXF_HIST_HIGH - DXF_HIST_LOW) * 4 + 2)

static inline unsigned int dxf_hist_bucket(uint64_t ns)
{
	unsigned int log;

	if (ns < (UINT64_C(1) << DXF_HIST_LOW))
		return 0;
	log = 63 - (unsigned int)__builtin_clzll(ns);
	if (log >= DXF_HIST_HIGH)
		return DXF_HIST_N - 1;
	return 1 + (log - DXF_HIST_LOW) * 4 + ((ns >> (log - 2)) & 3);
}

/* The bucket's values are below it; of the last one: UINT64_MAX. */
static inline uint64_t dxf_hist_bound(unsigned int bucket)
{
	unsigned int log;

	if (bucket >= DXF_HIST_N - 1)
		return UINT64_MAX;
	if (bucket == 0)
		return UINT64_C(1) << DXF_HIST_LOW;
	log = DXF_HIST_LOW + (bucket - 1) / 4;
	return (UINT64_C(5) + (bucket - 1) % 4) << (log - 2);
}

/*
 * The value that @per_mille of @count values are below, or at most @max.
 * Returns: ns; 0 of nothing.
 */
static inline uint64_t dxf_hist_quantile(const uint64_t hist[DXF_HIST_N],
					 uint64_t count, uint64_t max,
					 unsigned int per_mille)
{
	uint64_t want = (count * per_mille + 999) / 1000, seen = 0;
	unsigned int i;

	for (i = 0; count > 0 && i < DXF_HIST_N; i++) {
		seen += hist[i];
		if (seen >= want)
			return dxf_hist_bound(i) < max ? dxf_hist_bound(i) :
			       max;
	}
	return count > 0 ? max : 0;
}

#endif
