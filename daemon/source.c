/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.c - "UUID=..." and "LABEL=..." as the source.
 *
 * Owns the names of the links, and how udev writes a label in one: what is not
 * a letter, a digit, or one of #+-.:=@_ is \xNN.  Bytes of UTF-8 stay.
 */
#include "source.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "units.h"

static const char *const roots[] = { "/dev/daxfuse", "/dev/disk" };

static bool is_plain(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || strchr("#+-.:=@_", c) != NULL;
}

/* @to has room for four bytes for each of @from's. */
static void encode_label(const char *from, char *to)
{
	for (; *from != '\0'; from++) {
		if (is_plain((unsigned char)*from))
			*to++ = *from;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*from);
	}
	*to = '\0';
}

static void encode_uuid(const char *from, char *to)
{
	for (; *from != '\0'; from++)
		*to++ = (char)tolower((unsigned char)*from);
	*to = '\0';
}

/* Ownership: *@path is the caller's.  Returns: 0; -ENOENT; -ENOMEM. */
static int find(const char *folder, const char *name, char **path)
{
	size_t i;

	for (i = 0; i < DXF_ARRAY_SIZE(roots); i++) {
		if (asprintf(path, "%s/%s/%s", roots[i], folder, name) < 0)
			return -ENOMEM;
		if (access(*path, F_OK) == 0)
			return 0;
		free(*path);
	}
	return -ENOENT;
}

static int resolve(char **source, const char *value, bool uuid,
		   struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *name = dxf_malloc(4 * strlen(value) + 1);
	char *path;
	int ret;

	if (*value == '\0' || strchr(value, '/') != NULL)
		return dxf_err_set(err, EINVAL, "%s names no filesystem",
				   *source);
	if (name == NULL)
		return dxf_err_set(err, ENOMEM, "no memory");
	if (uuid)
		encode_uuid(value, name);
	else
		encode_label(value, name);
	assert(strlen(name) <= 4 * strlen(value));
	ret = find(uuid ? "by-uuid" : "by-label", name, &path);
	if (ret)
		return dxf_err_set(err, -ret, "%s: no device with it is known "
			"(udev makes the links in /dev/daxfuse; `udevadm "
			"trigger -s dax` after a mkfs); or name the device",
			*source);
	free(*source);
	*source = path;
	return 0;
}

int dxf_source_resolve(char **source, struct dxf_err *err)
{
	if (strncmp(*source, "UUID=", 5) == 0)
		return resolve(source, *source + 5, true, err);
	if (strncmp(*source, "LABEL=", 6) == 0)
		return resolve(source, *source + 6, false, err);
	return 0;
}
