/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * confine.c - give up what is not needed any more.
 *
 * Owns the lists of system calls and of capabilities.  Must not know what the
 * process does with them.
 *
 * A call that is not on a list fails with EPERM: a C library that tries
 * something new then goes another way or reports an error, where killing the
 * process would take the mount with it.
 */
#include "confine.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "everythread.h"

/* Sanitizers read files, make processes and trace their own threads. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED	1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED	0
#endif

#define CAP(n)		(UINT64_C(1) << (n))

/* ---- capabilities, core files ---- */

/* What is kept; set before the threads are asked to drop the rest. */
static uint64_t kept_caps;

/* In each thread, in a signal handler. */
static int drop_caps(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2];
	unsigned int c;
	int i;

	/* allowed with CAP_SETPCAP only; no_new_privs makes it nearly idle */
	for (c = 0; c <= CAP_LAST_CAP; c++)
		if (!(kept_caps & CAP(c)))
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	if (syscall(SYS_capget, &h, d) != 0)
		return -errno;
	for (i = 0; i < 2; i++) {
		uint32_t keep = (uint32_t)(kept_caps >> (32 * i));

		d[i].permitted &= keep;
		d[i].effective &= keep;
		d[i].inheritable = 0;
	}
	return syscall(SYS_capset, &h, d) == 0 ? 0 : -errno;
}

static int no_core(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	/* a core_pattern that is a pipe does not look at the limit */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
}

/* ---- system calls ---- */

#if DXF_HAVE_SECCOMP

#include <dirent.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "units.h"

#define CALL(name)	SCMP_SYS(name)

/* What both do. */
static const int common_calls[] = {
	/* files that are open */
	CALL(read), CALL(readv), CALL(pread64), CALL(preadv),
	CALL(write), CALL(writev), CALL(pwrite64), CALL(pwritev),
	CALL(lseek), CALL(close), CALL(fstat), CALL(newfstatat),
	CALL(poll), CALL(ppoll), CALL(dup2), CALL(dup3),
	CALL(sendto), CALL(sendmsg), CALL(recvfrom), CALL(recvmsg),
	/* memory */
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	/* threads */
	CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(gettid),
	CALL(sched_yield), CALL(sched_getaffinity), CALL(exit),
	CALL(exit_group), CALL(getpid), CALL(wait4), CALL(restart_syscall),
	/* signals */
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
	CALL(sigaltstack),
	/* time and chance */
	CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep),
	CALL(nanosleep), CALL(gettimeofday), CALL(time), CALL(getrandom),
	/* who am I */
	CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
};

static const int daemon_calls[] = {
	CALL(fallocate), CALL(msync), CALL(fsync), CALL(fdatasync),
	CALL(sync_file_range), CALL(flock), CALL(fadvise64),
};

/* The same, and rings. */
static const int ring_calls[] = {
	CALL(fallocate), CALL(msync), CALL(fsync), CALL(fdatasync),
	CALL(sync_file_range), CALL(flock), CALL(fadvise64),
	CALL(io_uring_enter),
};

static const int keeper_calls[] = {
	CALL(openat), CALL(open), CALL(statx), CALL(syncfs), CALL(umount2),
};

static int allow(scmp_filter_ctx f, const int *calls, size_t n)
{
	size_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < n; i++)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	return ret;
}

/* Memory that is mapped or changed must not become executable. */
static int allow_memory(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp no_exec =
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int ret;

	ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(mmap), 1, no_exec);
	if (ret == 0)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(mprotect), 1,
				       no_exec);
	return ret;
}

/*
 * Threads, not processes.  The flags of clone3(2) cannot be looked at; told
 * that there is no such call, the C library uses the old one.
 */
static int allow_threads(scmp_filter_ctx f)
{
	const uint64_t need = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
	const uint64_t look = need | CLONE_NEWNS | CLONE_NEWUSER |
			      CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			      CLONE_NEWUTS | CLONE_NEWCGROUP;
	int ret;

	ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(clone), 1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, look, need));
	if (ret == 0)
		ret = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
				       CALL(clone3), 0);
	if (ret == 0)	/* to ourselves: abort(3), stopping a worker */
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(tgkill), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	return ret;
}

/* Where thread @tid, one of ours, runs, and that it yields or not. */
static int allow_place(scmp_filter_ctx f, unsigned int tid)
{
	const struct scmp_arg_cmp it =
		SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, tid);
	static const int policies[] = { SCHED_OTHER, SCHED_IDLE };
	size_t i;
	int ret;

	ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(sched_setaffinity), 1,
			       it);
	for (i = 0; ret == 0 && i < DXF_ARRAY_SIZE(policies); i++)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW,
			CALL(sched_setscheduler), 2, it,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu,
				(scmp_datum_t)policies[i]));
	return ret;
}

/* All threads that there are: the workers do. */
static int allow_places(scmp_filter_ctx f)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	int ret = 0;

	/* they are where they are, then */
	if (d == NULL)
		return 0;
	while (ret == 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			ret = allow_place(f, (unsigned int)strtoul(e->d_name,
								   NULL, 10));
	closedir(d);
	return ret;
}

/* Where the extents of a file on DAX media lie, for its bad blocks. */
static int allow_ioctls(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(ioctl), 1,
		SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, FS_IOC_FIEMAP));
}

static int fill_filter(scmp_filter_ctx f, const int *more, size_t n)
{
	int ret;

	/* the filter, and no_new_privs with it, for all threads */
	ret = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (ret == 0)
		ret = allow(f, common_calls,
			    sizeof(common_calls) / sizeof(common_calls[0]));
	if (ret == 0)
		ret = allow(f, more, n);
	if (ret == 0)
		ret = allow_memory(f);
	if (ret == 0)
		ret = allow_threads(f);
	if (ret == 0)
		ret = allow_ioctls(f);
	if (ret == 0)
		ret = allow_places(f);
	return ret;
}

static int filter_calls(const int *more, size_t n)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	if (f == NULL)
		return -ENOMEM;
	ret = fill_filter(f, more, n);
	if (ret == 0)
		ret = seccomp_load(f);
	seccomp_release(f);
	return ret;
}

static int filter_daemon(void)
{
	return filter_calls(daemon_calls,
			    sizeof(daemon_calls) / sizeof(daemon_calls[0]));
}

static int filter_daemon_ring(void)
{
	return filter_calls(ring_calls,
			    sizeof(ring_calls) / sizeof(ring_calls[0]));
}

static int filter_keeper(void)
{
	return filter_calls(keeper_calls,
			    sizeof(keeper_calls) / sizeof(keeper_calls[0]));
}

#else

static int filter_daemon(void)
{
	return 0;
}

static int filter_daemon_ring(void)
{
	return 0;
}

static int filter_keeper(void)
{
	return 0;
}

#endif

/* ---- all of it ---- */

static int failed(struct dxf_err *err, int ret, const char *what)
{
	return dxf_err_set(err, -ret, "cannot confine the process: %s: %s",
			   what, strerror(-ret));
}

static int confine(uint64_t caps, int (*filter)(void), bool core,
		   struct dxf_err *err)
{
	int ret;

	if (SANITIZED)
		return 0;
	ret = core ? 0 : no_core();
	if (ret)
		return failed(err, ret, "core files");
	assert((caps >> (CAP_LAST_CAP + 1)) == 0);
	kept_caps = caps;
	ret = dxf_everythread_run(drop_caps);
	if (ret)
		return failed(err, ret, "capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed(err, -errno, "no_new_privs");
	ret = filter();
	return ret ? failed(err, ret, "system calls") : 0;
}

int dxf_confine_daemon(bool core, bool ring, bool nice, struct dxf_err *err)
{
	return confine(nice ? CAP(CAP_SYS_NICE) : 0,
		       ring ? filter_daemon_ring : filter_daemon, core, err);
}

int dxf_confine_keeper(struct dxf_err *err)
{
	return confine(CAP(CAP_SYS_ADMIN) | CAP(CAP_DAC_READ_SEARCH),
		       filter_keeper, false, err);
}

int dxf_confine_user_keeper(struct dxf_err *err)
{
	int ret = SANITIZED ? 0 : no_core();

	return ret ? failed(err, ret, "core files") : 0;
}

const char *dxf_confine_describe(void)
{
	if (SANITIZED)
		return "not confined: built with a sanitizer";
	return DXF_HAVE_SECCOMP ? "confined" :
		"confined, but for system calls: built without libseccomp";
}
