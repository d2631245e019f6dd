/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

void dxf_hash_key_init(struct dxf_hash_key *key)
{
	size_t got = 0;

	while (got < sizeof(*key)) {
		ssize_t n = getrandom((char *)key + got,
				      sizeof(*key) - got, 0);

		if (n > 0)
			got += (size_t)n;
	}
}

static inline uint64_t rotl(uint64_t x, int n)
{
	return (x << n) | (x >> (64 - n));
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	v[0] ^= m;
}

uint64_t dxf_hash(const struct dxf_hash_key *key, const void *buf, size_t len)
{
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u,
	};
	const unsigned char *p = buf;
	uint64_t m, last = (uint64_t)len << 56;
	size_t left = len;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&m, p, 8);
		sip_word(v, le64toh(m));
	}
	while (left-- > 0)
		last |= (uint64_t)p[left] << (8 * left);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
