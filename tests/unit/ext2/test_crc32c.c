// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_crc32c.c - our checksum is libext2fs's.
 */
#include <check.h>

#include "ext2_priv.h"

START_TEST(test_crc32c_known_answer_is_right)
{
	/* RFC 3720, B.4, without the final inversion */
	ck_assert_uint_eq(~dxf_crc32c(~0u, "123456789", 9), 0xe3069283u);
}
END_TEST

START_TEST(test_crc32c_all_lengths_and_alignments_are_libext2fss)
{
	uint8_t buf[600];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = dxf_hash_u64(i) >> 20;
	for (size_t at = 0; at < 9; at++)
		for (size_t len = 0; at + len <= sizeof(buf); len++) {
			uint32_t seed = dxf_hash_u64(len * 9 + at);

			if (dxf_crc32c(seed, buf + at, len) !=
			    ext2fs_crc32c_le(seed, buf + at, len))
				ck_abort_msg("at %zu, %zu bytes", at, len);
		}
}
END_TEST

START_TEST(test_crc32c_chains)
{
	static const uint8_t buf[] = "the whole is the sum of its parts";
	uint32_t whole = dxf_crc32c(1, buf, sizeof(buf));

	for (size_t cut = 0; cut <= sizeof(buf); cut++)
		ck_assert_uint_eq(dxf_crc32c(dxf_crc32c(1, buf, cut),
					     buf + cut, sizeof(buf) - cut),
				  whole);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("crc32c");
	TCase *tc = tcase_create("crc32c");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_crc32c_known_answer_is_right);
	tcase_add_test(tc,
		test_crc32c_all_lengths_and_alignments_are_libext2fss);
	tcase_add_test(tc, test_crc32c_chains);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
