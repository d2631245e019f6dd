/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inproc_store.c - what it costs to store so many bytes, and in what way.
 *
 * Ordinary stores and a write-back of their lines, against non-temporal ones of
 * several widths, against what persist chooses; each with its fence, to random
 * places of memory as tmpfs has it that are not in the near caches.  The table
 * is in DESIGN.md, and tells what persist.c chooses by size.
 */
#include "inproc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "persist.h"

#define SPACE		(512 * DXF_MIB)
#define ROUNDS		7
#define BUDGET		(16 * DXF_MIB)	/* bytes in a round, and ... */
#define MAX_OPS		20000		/* ... operations */

struct target {
	struct dxf_region *r;
	char *mem;		/* the region's memory */
	const char *src;
	uint64_t state;
};

struct way {
	const char *name;
	size_t least;		/* it stores multiples of this */
	int (*store)(const struct target *t, uint64_t off, size_t len);
	bool (*there)(void);	/* NULL: everywhere */
};

static int ordinary(const struct target *t, uint64_t off, size_t len)
{
	int err = dxf_persist_copy(t->r, off, t->src, len,
				   DXF_PERSIST_TEMPORAL);

	dxf_persist_fence(t->r);
	return err;
}

static int chosen(const struct target *t, uint64_t off, size_t len)
{
	int err = dxf_persist_copy(t->r, off, t->src, len, DXF_PERSIST_DATA);

	dxf_persist_fence(t->r);
	return err;
}

#ifdef __x86_64__
static int nt_4(const struct target *t, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i += 4)
		_mm_stream_si32((int *)(void *)(t->mem + off + i),
				*(const int *)(const void *)(t->src + i));
	_mm_sfence();
	return 0;
}

static int nt_16(const struct target *t, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i += 16)
		_mm_stream_si128((__m128i *)(void *)(t->mem + off + i),
			_mm_load_si128((const __m128i *)(const void *)
				       (t->src + i)));
	_mm_sfence();
	return 0;
}

__attribute__((target("avx")))
static int nt_32(const struct target *t, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i += 32)
		_mm256_stream_si256((__m256i *)(void *)(t->mem + off + i),
			_mm256_load_si256((const __m256i *)(const void *)
					  (t->src + i)));
	_mm_sfence();
	return 0;
}

__attribute__((target("avx512f")))
static int nt_64(const struct target *t, uint64_t off, size_t len)
{
	for (size_t i = 0; i < len; i += 64)
		_mm512_stream_si512((__m512i *)(void *)(t->mem + off + i),
			_mm512_load_si512(t->src + i));
	_mm_sfence();
	return 0;
}

static bool has_avx(void)
{
	return __builtin_cpu_supports("avx");
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}
#endif

static const struct way ways[] = {
	{ "ordinary", 4, ordinary, NULL },
	{ "persist", 4, chosen, NULL },
#ifdef __x86_64__
	{ "nt 4", 4, nt_4, NULL },
	{ "nt 16", 16, nt_16, NULL },
	{ "nt 32", 32, nt_32, has_avx },
	{ "nt 64", 64, nt_64, has_avx512 },
#endif
};

#define NWAYS	DXF_ARRAY_SIZE(ways)

static const size_t sizes[] = {
	4, 8, 16, 32, 64, 128, 192, 256, 512, 1024, 4096, 16384, 65536, 262144,
	1048576,
};

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static uint64_t place(struct target *t, size_t len)
{
	size_t step = len < DXF_CACHELINE ? DXF_CACHELINE : len;

	t->state ^= t->state << 13;
	t->state ^= t->state >> 7;
	t->state ^= t->state << 17;
	return t->state % (SPACE / step) * step;
}

static int measure(struct target *t, const struct way *w, size_t len,
		   double *us)
{
	uint64_t ops = DXF_MIN(BUDGET / len + 1, (uint64_t)MAX_OPS);
	double start = cpu_us();
	int err = 0;

	for (uint64_t i = 0; i < ops && err == 0; i++)
		err = w->store(t, place(t, len), len);
	*us = (cpu_us() - start) / (double)ops;
	return err;
}

static bool does(const struct way *w, size_t len)
{
	return len >= w->least && (w->there == NULL || w->there());
}

static int one_size(struct target *t, size_t len)
{
	double us, best[NWAYS] = { 0 };
	int err = 0;

	for (int round = 0; round < ROUNDS && err == 0; round++) {
		for (size_t i = 0; i < NWAYS && err == 0; i++) {
			if (!does(&ways[i], len))
				continue;
			err = measure(t, &ways[i], len, &us);
			if (best[i] == 0 || us < best[i])
				best[i] = us;
		}
	}
	printf("%8zu", len);
	for (size_t i = 0; i < NWAYS; i++) {
		if (does(&ways[i], len))
			printf(" %10.3f", best[i]);
		else
			printf(" %10s", "-");
	}
	putchar('\n');
	return err;
}

static int all_sizes(struct target *t)
{
	int err = 0;

	printf("%8s", "bytes");
	for (size_t i = 0; i < NWAYS; i++)
		printf(" %10s", ways[i].name);
	printf("	us, fence included, best of %d\n", ROUNDS);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(sizes) && err == 0; i++)
		err = one_size(t, sizes[i]);
	return err;
}

int inproc_stores(void)
{
	struct target t = { .state = 88172645463325252u };
	const void *mem;
	char *src = NULL;
	int err = dxf_region_open_anon(&t.r, SPACE, false);

	if (err != 0)
		return err;
	err = dxf_persist_zero(t.r, 0, SPACE, DXF_PERSIST_DATA);
	if (err == 0 && dxf_region_direct_access(t.r, 0, SPACE,
			DXF_ACCESS_READ, &mem) != (ssize_t)SPACE)
		err = -EIO;
	if (err == 0)
		src = aligned_alloc(4096, DXF_MIB);
	if (src != NULL) {
		memset(src, 0x5a, DXF_MIB);
		t.mem = (char *)(uintptr_t)mem;
		t.src = src;
		err = all_sizes(&t);
	} else if (err == 0) {
		err = -ENOMEM;
	}
	free(src);
	dxf_region_close(t.r);
	return err;
}
