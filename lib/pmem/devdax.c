// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * devdax.c - what sysfs says about device-dax.
 *
 * Must not open or map devices.  Size and alignment come from the device's own
 * attributes, which NVDIMM and CXL memory both have; an ndctl namespace is
 * never asked for.
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "region_priv.h"

static void device_dir(char *buf, size_t len, const char *sysfs, dev_t rdev)
{
	snprintf(buf, len, "%s/dev/char/%u:%u", sysfs, major(rdev),
		 minor(rdev));
}

/* The last component of the link at @path.  Returns: is it @name? */
static bool link_is(const char *path, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *last;

	if (n < 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	return strcmp(last != NULL ? last + 1 : target, name) == 0;
}

bool dxf_devdax_is(const char *sysfs, dev_t rdev)
{
	char dir[PATH_MAX], path[PATH_MAX + 16];

	device_dir(dir, sizeof(dir), sysfs, rdev);
	snprintf(path, sizeof(path), "%s/subsystem", dir);
	return link_is(path, "dax");
}

/* The attribute is the device's own; kernels before 5.1 had it one up. */
static int read_attr(const char *dir, const char *attr, uint64_t *out)
{
	char up[PATH_MAX + 16];

	if (dxf_sysfs_u64(dir, attr, out) == 0)
		return 0;
	snprintf(up, sizeof(up), "%s/device", dir);
	return dxf_sysfs_u64(up, attr, out);
}

int dxf_devdax_probe(const char *sysfs, dev_t rdev, const char *path,
		     struct dxf_devdax *out, struct dxf_err *err)
{
	struct dxf_devdax d;
	char dir[PATH_MAX];

	device_dir(dir, sizeof(dir), sysfs, rdev);
	if (read_attr(dir, "size", &d.size) != 0)
		return dxf_err_set(err, EINVAL,
				   "%s: %s/size does not tell its size (is "
				   "sysfs mounted?)", path, dir);
	/* Kernels before 5.10 do not tell; they know no other than these. */
	if (read_attr(dir, "align", &d.align) != 0)
		d.align = DXF_HUGE_PAGE;
	if (d.align < DXF_SECTOR * 8 || (d.align & (d.align - 1)) != 0)
		return dxf_err_set(err, EINVAL, "%s: %s/align is %" PRIu64
				   ", which is no alignment", path, dir,
				   d.align);
	/* What is left over at the end cannot be mapped. */
	d.size = dxf_align_down(d.size, d.align);
	if (d.size == 0)
		return dxf_err_set(err, EINVAL, "%s: the device has no memory "
				   "(see `daxctl list`)", path);
	*out = d;
	return 0;
}

int dxf_devdax_explain(const char *sysfs, const char *path,
		       struct dxf_err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char dir[PATH_MAX], driver[PATH_MAX + 16];
	unsigned int a, b;
	int end = 0;

	if (sscanf(name, "dax%u.%u%n", &a, &b, &end) != 2 ||
	    name[end] != '\0')
		return 0;
	if (snprintf(dir, sizeof(dir), "%s/bus/dax/devices/%s", sysfs, name) >=
	    (int)sizeof(dir) || access(dir, F_OK) != 0)
		return 0;
	snprintf(driver, sizeof(driver), "%s/driver", dir);
	if (link_is(driver, "kmem"))
		return dxf_err_set(err, ENXIO, "%s is in use as system RAM: "
				   "`daxctl reconfigure-device "
				   "--mode=devdax %s` makes it a dax device "
				   "(what is in it is lost)", path, name);
	if (access(driver, F_OK) != 0)
		return dxf_err_set(err, ENXIO, "%s has no driver: try "
				   "`modprobe device_dax`, or `daxctl "
				   "enable-device %s`", path, name);
	return dxf_err_set(err, ENXIO, "%s: the device is there but its node "
			   "does not open: see `daxctl list` and udev", path);
}

bool dxf_devdax_eadr(const char *sysfs)
{
	char pattern[PATH_MAX], line[32];
	size_t ncache = 0;
	bool all;
	glob_t g;

	if (snprintf(pattern, sizeof(pattern),
		     "%s/bus/nd/devices/region*/persistence_domain", sysfs) >=
	    (int)sizeof(pattern))
		return false;
	if (glob(pattern, 0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (dxf_sysfs_line(g.gl_pathv[i], line, sizeof(line)) == 0 &&
		    strcmp(line, "cpu_cache") == 0)
			ncache++;
	}
	all = g.gl_pathc > 0 && ncache == g.gl_pathc;
	globfree(&g);
	return all;
}
