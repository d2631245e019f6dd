/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of lib/pmem share. */
#include "pmem_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

char rig_shm[64], rig_disk[64];
char rig_log[1024];
int rig_nlog;

/* Signals that tests raise on purpose are none of a sanitizer's business. */
#define LEAVE_SIGNALS \
	"handle_segv=0:handle_sigbus=0:handle_abort=0:" \
	"allow_user_segv_handler=1"
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return LEAVE_SIGNALS;
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return LEAVE_SIGNALS;
}

static void catch(void *ctx, enum dxf_log_level level, const char *text)
{
	snprintf(rig_log, sizeof(rig_log), "%s", text);
	rig_nlog++;
}

void rig_setup(void)
{
	strcpy(rig_shm, "/dev/shm/daxfuse-test-XXXXXX");
	strcpy(rig_disk, "/var/tmp/daxfuse-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig_shm));
	ck_assert_ptr_nonnull(mkdtemp(rig_disk));
	rig_log[0] = '\0';
	rig_nlog = 0;
	dxf_log_set_sink(catch, NULL);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	return remove(path);
}

void rig_teardown(void)
{
	nftw(rig_shm, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	nftw(rig_disk, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	dxf_log_set_sink(NULL, NULL);
}

bool rig_has_tmpfs(void)
{
	struct statfs fs;

	return statfs("/dev/shm", &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

const char *rig_image(const char *dir, uint64_t size, bool fill)
{
	static char path[128];
	static int n;
	int fd;

	snprintf(path, sizeof(path), "%s/image%d", dir, n++);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	if (fill)
		ck_assert_int_eq(posix_fallocate(fd, 0, (off_t)size), 0);
	close(fd);
	return path;
}

static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

void rig_write(const char *dir, const char *name, const char *content)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	make_parents(path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(content, f);
	ck_assert_int_eq(fclose(f), 0);
}

void rig_link(const char *dir, const char *name, const char *target)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	make_parents(path);
	ck_assert_int_eq(symlink(target, path), 0);
}

struct dxf_region *rig_open(const char *path, bool ro,
			    enum dxf_granularity granularity)
{
	struct dxf_region_opts opts = {
		.ro = ro, .granularity = granularity,
	};
	struct dxf_region *r;
	struct dxf_err err;
	int ret = dxf_region_open(&r, path, &opts, &err);

	ck_assert_msg(ret == 0, "%s", err.text);
	return r;
}

struct dxf_region *rig_anon(uint64_t size, bool guard)
{
	struct dxf_region *r;

	ck_assert_int_eq(dxf_region_open_anon(&r, size, guard), 0);
	return r;
}

static void flush_line(const void *p)
{
#if defined(__x86_64__)
	asm volatile("clflush (%0)" : : "r" (p) : "memory");
#elif defined(__aarch64__)
	asm volatile("dc cvac, %0" : : "r" (p) : "memory");
#endif
}

bool rig_flush_faults(void)
{
	int fd, status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		signal(SIGBUS, SIG_DFL);
		fd = memfd_create("gone", 0);
		flush_line(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

void rig_pattern(void *buf, size_t len, unsigned int seed)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(1 + (i * 7 + seed * 31) % 255);
}

int rig_run(Suite *suite)
{
	SRunner *sr = srunner_create(suite);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}

int rig_skip(const char *reason)
{
	printf("skipped: %s\n", reason);
	return 77;
}
