/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acl_xattr.c - ACL text to xattr values and back.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "acl_xattr.h"
#include "suite.h"

/* linux/posix_acl_xattr.h: little-endian, version 2 */
struct entry {
	uint16_t tag, perm;
	uint32_t id;
};

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16,
       OTHER = 32 };

static uint16_t tag_of(char c, bool named)
{
	switch (c) {
	case 'u': return named ? USER : USER_OBJ;
	case 'g': return named ? GROUP : GROUP_OBJ;
	case 'm': return MASK;
	default: return OTHER;
	}
}

static const char *pack_entry(const char *p, struct entry *e)
{
	bool named = p[1] != ':';
	const char *perm;
	char *end;

	e->tag = htole16(tag_of(p[0], named));
	e->id = named ? htole32(strtoul(p + 1, &end, 10)) : htole32(~0U);
	perm = named ? end + 1 : p + 3;
	ASSERT(strlen(perm) >= 3);
	e->perm = htole16((perm[0] == 'r') * 4 + (perm[1] == 'w') * 2 +
			  (perm[2] == 'x'));
	perm += 3;
	return *perm == ' ' ? perm + 1 : perm;
}

size_t acl_pack(const char *text, void *buf, size_t size)
{
	uint32_t version = htole32(2);
	size_t len = sizeof(version);
	struct entry e;

	memcpy(buf, &version, sizeof(version));
	while (*text) {
		ASSERT(len + sizeof(e) <= size);
		text = pack_entry(text, &e);
		memcpy((char *)buf + len, &e, sizeof(e));
		len += sizeof(e);
	}
	return len;
}

int acl_set(const char *path, const char *name, const char *text)
{
	char buf[8192];
	size_t len = acl_pack(text, buf, sizeof(buf));
	int ret = setxattr(path, name, buf, len, 0);

	if (ret && errno == EOPNOTSUPP)
		UNSUPPORTED("acl");
	return ret;
}

void acl_expect(const char *file, int line, const char *path,
		const char *name, const char *text)
{
	char want[8192], got[8192];
	ssize_t len, n;

	n = getxattr(path, name, got, sizeof(got));
	if (!text) {
		if (n >= 0 || errno != ENODATA)
			suite_fail(file, line, "%s of %s: %s", name, path,
				   n >= 0 ? "is there" : strerror(errno));
		return;
	}
	if (n < 0)
		suite_fail(file, line, "%s of %s: %s", name, path,
			   strerror(errno));
	len = acl_pack(text, want, sizeof(want));
	if (len != n || memcmp(want, got, n))
		suite_fail(file, line, "%s of %s is not \"%s\"", name, path,
			   text);
}
