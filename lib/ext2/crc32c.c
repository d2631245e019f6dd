// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crc32c.c - the checksum of metadata_csum.
 *
 * Owns the choice between the processor's instruction and libext2fs's tables,
 * which need 5 us for two blocks of a directory where this takes 1.
 */
#include "ext2_priv.h"

#if defined(__aarch64__)
#include <endian.h>
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
__attribute__((target("sse4.2")))
static uint32_t crc32c_hw(uint32_t seed, const uint8_t *p, size_t len)
{
	uint64_t crc = seed, w;

	for (; len >= sizeof(w); p += sizeof(w), len -= sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		crc = __builtin_ia32_crc32di(crc, w);
	}
	for (; len > 0; p++, len--)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *p);
	return (uint32_t)crc;
}

static bool has_hw(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc")))
static uint32_t crc32c_hw(uint32_t seed, const uint8_t *p, size_t len)
{
	uint32_t crc = seed;
	uint64_t w;

	for (; len >= sizeof(w); p += sizeof(w), len -= sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		asm("crc32cx %w0, %w0, %1" : "+r" (crc) : "r" (le64toh(w)));
	}
	for (; len > 0; p++, len--)
		asm("crc32cb %w0, %w0, %w1" : "+r" (crc) : "r" (*p));
	return crc;
}

/* Optional in ARMv8.0, there from 8.1 on. */
static bool has_hw(void)
{
	return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
static uint32_t crc32c_hw(uint32_t seed, const uint8_t *p, size_t len)
{
	return ext2fs_crc32c_le(seed, p, len);
}

static bool has_hw(void)
{
	return false;
}
#endif

uint32_t dxf_crc32c(uint32_t seed, const void *buf, size_t len)
{
	if (has_hw())
		return crc32c_hw(seed, buf, len);
	return ext2fs_crc32c_le(seed, buf, len);
}
