/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * optnum.c - numbers as users write them; signs, blanks and other bases, which
 * strtoull(3) would take, are refused.
 */
#include "optnum.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_digits(const char *s, uint64_t *out, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*out = strtoull(s, &stop, 10);
	if (errno != 0)
		return -ERANGE;
	*end = stop;
	assert(stop > s);
	return 0;
}

int dxf_parse_size(const char *s, uint64_t *out)
{
	static const char suffixes[] = "kmgtp";
	const char *end, *suffix;
	unsigned int shift = 0;
	uint64_t v;
	int err;

	err = parse_digits(s, &v, &end);
	if (err)
		return err;
	if (*end != '\0') {
		suffix = strchr(suffixes, tolower((unsigned char)*end));
		if (suffix == NULL || end[1] != '\0')
			return -EINVAL;
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
	}
	assert(shift <= 50);
	if (v > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	*out = v << shift;
	return 0;
}

int dxf_parse_uint(const char *s, unsigned int min, unsigned int max,
		   unsigned int *out)
{
	const char *end;
	uint64_t v;
	int err;

	assert(min <= max);
	err = parse_digits(s, &v, &end);
	if (err)
		return err;
	if (*end != '\0')
		return -EINVAL;
	if (v < min || v > max)
		return -ERANGE;
	*out = (unsigned int)v;
	return 0;
}
