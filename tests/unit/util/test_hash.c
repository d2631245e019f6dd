/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyed hash: against the definition of SipHash, and its keys. */
#include <check.h>
#include <string.h>

#include "hash.h"
#include "units.h"

/* SipHash-c-d straight from the paper, byte by byte, to compare with. */
static uint64_t rot(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rot(v[1], 13) ^ v[0];
		v[3] = rot(v[3], 16) ^ v[2];
		v[0] = rot(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rot(v[1], 17) ^ v[2];
		v[3] = rot(v[3], 21) ^ v[0];
		v[2] = rot(v[2], 32);
	}
}

static uint64_t sip(int c, int d, const struct dxf_hash_key *key,
		    const unsigned char *in, size_t len)
{
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u,
	};
	size_t blocks = len / 8 + 1;

	for (size_t i = 0; i < blocks; i++) {
		uint64_t m = 0;

		for (size_t b = 0; b < 8; b++) {
			if (i * 8 + b < len)
				m |= (uint64_t)in[i * 8 + b] << (8 * b);
			else if (b == 7)
				m |= (uint64_t)(len & 0xff) << 56;
		}
		v[3] ^= m;
		rounds(v, c);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	rounds(v, d);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static const struct dxf_hash_key paper_key = {
	0x0706050403020100u, 0x0f0e0d0c0b0a0908u,
};

static void fill(unsigned char *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		in[i] = (unsigned char)i;
}

/* The model itself: appendix A of the paper gives this vector for 2-4. */
START_TEST(test_hash_model_on_paper_vector_agrees)
{
	unsigned char in[15];

	fill(in, sizeof(in));
	ck_assert_uint_eq(sip(2, 4, &paper_key, in, sizeof(in)),
			  0xa129ca6149be45e5u);
}
END_TEST

START_TEST(test_hash_of_each_length_equals_model)
{
	unsigned char in[72];

	fill(in, sizeof(in));
	ck_assert_uint_eq(dxf_hash(&paper_key, in, (size_t)_i),
			  sip(1, 3, &paper_key, in, (size_t)_i));
}
END_TEST

START_TEST(test_hash_of_unaligned_input_equals_aligned)
{
	unsigned char in[40], moved[48];

	fill(in, sizeof(in));
	memcpy(moved + _i, in, sizeof(in));
	ck_assert_uint_eq(dxf_hash(&paper_key, moved + _i, sizeof(in)),
			  dxf_hash(&paper_key, in, sizeof(in)));
}
END_TEST

START_TEST(test_hash_key_init_twice_differs)
{
	struct dxf_hash_key a = { 0 }, b = { 0 };

	dxf_hash_key_init(&a);
	dxf_hash_key_init(&b);
	ck_assert(a.k0 != b.k0 && a.k1 != b.k1);
	ck_assert_uint_ne(dxf_hash(&a, "name", 4), dxf_hash(&b, "name", 4));
}
END_TEST

/* The mixer is a bijection: neighbours never meet, and spread. */
START_TEST(test_hash_u64_of_neighbours_spreads)
{
	unsigned int used[64] = { 0 };

	for (uint64_t i = 0; i < 6400; i++)
		used[dxf_hash_u64(i) % 64]++;
	for (size_t i = 0; i < DXF_ARRAY_SIZE(used); i++)
		ck_assert(used[i] > 50 && used[i] < 160);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tc = tcase_create("hash");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_test(tc, test_hash_model_on_paper_vector_agrees);
	tcase_add_loop_test(tc, test_hash_of_each_length_equals_model, 0, 72);
	tcase_add_loop_test(tc, test_hash_of_unaligned_input_equals_aligned,
			    0, 8);
	tcase_add_test(tc, test_hash_key_init_twice_differs);
	tcase_add_test(tc, test_hash_u64_of_neighbours_spreads);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
