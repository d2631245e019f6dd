// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * target.c - what mkfs and fsck are pointed at, before they touch it.
 *
 * Owns the questions whether somebody uses it and what is in it.
 */
#include "target.h"

#include <assert.h>
#include <blkid.h>
#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "private.h"

int dxf_target_check_mounted(const char *path, struct dxf_err *err)
{
	char where[256] = "";
	int flags = 0;

	if (ext2fs_check_mount_point(path, &flags, where, sizeof(where)) != 0)
		return 0;
	if (flags & EXT2_MF_MOUNTED)
		return dxf_err_set(err, EBUSY, "%s is mounted on %s: unmount "
				   "it first", path, where);
	if (flags & EXT2_MF_SWAP)
		return dxf_err_set(err, EBUSY, "%s is used for swapping: "
				   "swapoff it first", path);
	return 0;
}

void dxf_target_extend_path(void)
{
	const char *path = getenv("PATH");
	DXF_CLEANUP_FREE char *longer = NULL;

	if (asprintf(&longer, "%s:/usr/sbin:/sbin",
		     path != NULL ? path : "/usr/bin:/bin") < 0) {
		longer = NULL;
		return;
	}
	setenv("PATH", longer, 1);
}

/* ---- probing, in a child ---- */

enum { PROBE_NOTHING, PROBE_FOUND, PROBE_FAILED };

struct probe {
	const char *path;
	char *what;		/* shared memory, 256 bytes */
};

static const char *value_of(blkid_probe pr, const char *name)
{
	const char *value = NULL;

	return blkid_probe_lookup_value(pr, name, &value, NULL) == 0 ? value :
								       NULL;
}

static bool describe(blkid_probe pr, char *what)
{
	const char *type = value_of(pr, "TYPE");
	const char *table = value_of(pr, "PTTYPE");
	const char *label = value_of(pr, "LABEL");

	if (type == NULL && table == NULL)
		return false;
	if (type != NULL)
		snprintf(what, 256, "%s data%s%s%s", type,
			 label != NULL ? " labelled '" : "",
			 label != NULL ? label : "", label != NULL ? "'" : "");
	else
		snprintf(what, 256, "a partition table (%s)", table);
	return true;
}

static int probe_fd(int fd, char *what)
{
	blkid_probe pr = blkid_new_probe();
	int ret, result = PROBE_FAILED;

	if (pr == NULL)
		return PROBE_FAILED;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE |
					  BLKID_SUBLKS_LABEL);
	blkid_probe_enable_partitions(pr, 1);
	if (blkid_probe_set_device(pr, fd, 0, 0) == 0) {
		ret = blkid_do_fullprobe(pr);
		if (ret >= 0)
			result = ret == 0 && describe(pr, what) ?
				PROBE_FOUND : PROBE_NOTHING;
	}
	blkid_free_probe(pr);
	return result;
}

static int probe_child(void *ctx)
{
	struct probe *p = ctx;
	DXF_CLEANUP_CLOSE int fd = open(p->path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? probe_fd(fd, p->what) : PROBE_FAILED;
}

int dxf_target_probe(struct dxf_view *v, const char *path, char what[256])
{
	struct probe p = { .path = path };
	int ret;

	p.what = mmap(NULL, 256, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p.what == MAP_FAILED)
		return -ENOMEM;
	ret = dxf_private_call(v, probe_child, &p);
	if (ret == PROBE_FOUND)
		memcpy(what, p.what, 256);
	munmap(p.what, 256);
	assert(ret != PROBE_FOUND || what[0] != '\0');
	if (ret > PROBE_FOUND)
		return -EIO;
	return ret;
}

/* ---- asking ---- */

int dxf_target_ask(const char *question)
{
	char answer[16];

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	printf("%s (y/N) ", question);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return 0;
	return answer[0] == 'y' || answer[0] == 'Y';
}
