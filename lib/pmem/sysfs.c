// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sysfs.c - read attributes of sysfs.
 *
 * Must not know what they mean.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "region_priv.h"

int dxf_sysfs_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");
	int ret = 0;

	if (f == NULL)
		return -errno;
	if (fgets(buf, (int)len, f) == NULL)
		ret = -EIO;
	fclose(f);
	if (ret == 0)
		buf[strcspn(buf, "\n")] = '\0';
	return ret;
}

int dxf_sysfs_u64(const char *dir, const char *attr, uint64_t *out)
{
	char path[PATH_MAX], line[64], *end;
	unsigned long long v;
	int ret;

	if (snprintf(path, sizeof(path), "%s/%s", dir, attr) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	ret = dxf_sysfs_line(path, line, sizeof(line));
	if (ret != 0)
		return ret;
	errno = 0;
	v = strtoull(line, &end, 0);
	if (errno != 0 || end == line || *end != '\0' || line[0] == '-')
		return -EINVAL;
	*out = v;
	return 0;
}

int dxf_sysfs_device(const char *sysfs, const char *type, dev_t dev,
		     char real[PATH_MAX])
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/dev/%s/%u:%u", sysfs, type,
		     major(dev), minor(dev)) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return realpath(path, real) != NULL ? 0 : -errno;
}
