/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acl_xattr.h - POSIX ACLs as the kernel takes them: the value of
 * system.posix_acl_access and system.posix_acl_default, made by hand.
 *
 * Written as text of our own: "u::rwx u20001:r-- g::r-x g20002:--- m::rwx
 * o::---", entries in the kernel's order.
 */
#ifndef DXF_POSIX_ACL_XATTR_H
#define DXF_POSIX_ACL_XATTR_H

#include <stddef.h>

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* Text to xattr value.  Returns: its length; the case fails on bad text. */
size_t acl_pack(const char *text, void *buf, size_t size);
/* Set by text.  Returns: 0, -1 and errno; without ACLs the case ends. */
int acl_set(const char *path, const char *name, const char *text);
/* Assert that @path has this ACL; NULL: none (ENODATA). */
void acl_expect(const char *file, int line, const char *path,
		const char *name, const char *text);
#define ACL_EXPECT(path, name, text) \
	acl_expect(__FILE__, __LINE__, path, name, text)

#endif
