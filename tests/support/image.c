// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image.c - filesystem images in memory, for tests.
 */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "persist.h"

#define CHUNK	65536

static void die(const char *what)
{
	fprintf(stderr, "image: %s: %s\n", what, strerror(errno));
	abort();
}

static bool is_zero(const char *buf, size_t len)
{
	return buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0;
}

static void pread_all(int fd, void *buf, size_t len, off_t off)
{
	if (pread(fd, buf, len, off) != (ssize_t)len)
		die("pread");
}

/* Take over the bytes of @fd; what is equal already is not stored. */
static void load_region(struct dxf_region *r, int fd)
{
	uint64_t size = dxf_region_size(r);
	static _Thread_local char buf[CHUNK], now[CHUNK];

	for (uint64_t off = 0; off < size; off += CHUNK) {
		size_t n = DXF_MIN(size - off, (uint64_t)CHUNK);

		pread_all(fd, buf, n, (off_t)off);
		if (dxf_load(r, off, now, n) != 0)
			die("load");
		if (memcmp(buf, now, n) != 0 &&
		    dxf_persist_copy(r, off, buf, n, DXF_PERSIST_DATA) != 0)
			die("persist");
	}
	dxf_persist_fence(r);
}

static int dump_region(struct dxf_region *r)
{
	uint64_t size = dxf_region_size(r);
	static _Thread_local char buf[CHUNK];
	int fd = memfd_create("image", 0);

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		die("memfd");
	for (uint64_t off = 0; off < size; off += CHUNK) {
		size_t n = DXF_MIN(size - off, (uint64_t)CHUNK);

		if (dxf_load(r, off, buf, n) != 0)
			die("load");
		if (!is_zero(buf, n) &&
		    pwrite(fd, buf, n, (off_t)off) != (ssize_t)n)
			die("pwrite");
	}
	return fd;
}

/* Run @command with the image @fd as $IMG. */
static int run(int fd, const char *command, char *out, size_t cap)
{
	char line[8192], c;
	size_t len = 0;
	FILE *p;
	int status;

	snprintf(line, sizeof(line),
		 "PATH=$PATH:/sbin:/usr/sbin; IMG=/proc/%d/fd/%d; export IMG; "
		 "{ %s\n} 2>&1 </dev/null", (int)getpid(), fd, command);
	if (strlen(line) + 1 == sizeof(line))
		die("command too long");
	p = popen(line, "r");
	if (p == NULL)
		die("popen");
	while (fread(&c, 1, 1, p) == 1)
		if (out != NULL && len + 1 < cap)
			out[len++] = c;
	if (out != NULL && cap > 0)
		out[len] = '\0';
	status = pclose(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool image_tools_present(void)
{
	return run(-1, "command -v mke2fs && command -v e2fsck && "
		   "command -v debugfs", NULL, 0) == 0;
}

struct dxf_region *image_make(uint64_t size, const char *args, bool guard)
{
	struct dxf_region *r;
	char command[512], out[1024];
	int fd;

	if (dxf_region_open_anon(&r, size, guard) != 0)
		die("region");
	fd = dump_region(r);
	snprintf(command, sizeof(command), "mke2fs -q -F %s $IMG", args);
	if (run(fd, command, out, sizeof(out)) != 0) {
		fprintf(stderr, "%s: %s\n", command, out);
		abort();
	}
	load_region(r, fd);
	close(fd);
	return r;
}

int image_run(struct dxf_region *r, const char *command, bool reload,
	      char *out, size_t cap)
{
	int fd = dump_region(r);
	int status = run(fd, command, out, cap);

	if (reload)
		load_region(r, fd);
	close(fd);
	return status;
}

/* Is this one of the lines that a silent e2fsck prints? */
static bool is_expected(const char *line)
{
	return strncmp(line, "Pass ", 5) == 0 ||
		strncmp(line, "e2fsck ", 7) == 0 ||
		(strstr(line, " files (") != NULL &&
		 strstr(line, "non-contiguous)") != NULL);
}

bool image_passes(struct dxf_region *r, char *out, size_t cap)
{
	char *line, *rest = out;
	bool clean;

	clean = image_run(r, "e2fsck -fn $IMG", false, out, cap) == 0;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (line[0] != '\0' && !is_expected(line))
			clean = false;
		if (rest != NULL)
			rest[-1] = '\n';
	}
	return clean;
}

bool image_is_clean(struct dxf_region *r)
{
	char out[8192];
	bool clean = image_passes(r, out, sizeof(out));

	if (!clean)
		fprintf(stderr, "e2fsck -fn:\n%s\n", out);
	return clean;
}

void *image_snapshot(struct dxf_region *r)
{
	void *copy = malloc(dxf_region_size(r));

	if (copy == NULL || dxf_load(r, 0, copy, dxf_region_size(r)) != 0)
		die("snapshot");
	return copy;
}
