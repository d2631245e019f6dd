/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hash.h - a keyed hash for tables whose keys users choose (file names).
 *
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012,
 * with the reduced rounds that the Linux kernel and Rust use for tables).
 */
#ifndef DXF_HASH_H
#define DXF_HASH_H

#include <stddef.h>
#include <stdint.h>

struct dxf_hash_key {
	uint64_t k0, k1;
};

/* A fresh random key (getrandom(2), which does not fail for 16 bytes). */
void dxf_hash_key_init(struct dxf_hash_key *key);
uint64_t dxf_hash(const struct dxf_hash_key *key, const void *buf, size_t len);

/* A mixer for integers that no user chooses (splitmix64's finaliser). */
static inline uint64_t dxf_hash_u64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#endif
