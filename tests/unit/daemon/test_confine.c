/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_confine.c - what a confined process may not do, each shown to fail, and
 * what serving a filesystem takes, each shown to work.
 *
 * Each case is a process of its own, since nobody gets out of it; it is tried
 * before it is confined as well, so that what cannot work anyway proves
 * nothing.  A thread that was there before is confined with the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "units.h"

/* What the daemon has open: an image, mapped. */
static int image = -1;
static char *map;
#define IMAGE_LEN	65536

/* Each returns 0, or the error. */
static int result(long ret)
{
	return ret < 0 ? errno : 0;
}

/* ---- forbidden ---- */

static int try_open(void)
{
	return result(open("/etc/passwd", O_RDONLY));
}

static int try_create(void)
{
	static const char name[] = "/dev/shm/daxfuse-test-confine";
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	if (fd >= 0)
		unlink(name);
	return result(fd);
}

static int try_open_by_proc(void)
{
	return result(open("/proc/self/mem", O_RDWR));
}

static int try_inet(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_unix(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return result(pid);
}

static int try_exec(void)
{
	const char *argv[] = { "true", NULL };

	execv("/bin/true", (char **)argv);
	return errno;
}

static int try_kill(void)
{
	return result(kill(getppid(), 0));
}

static int try_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_unshare(void)
{
	return result(unshare(CLONE_FS));
}

static int try_unlink(void)
{
	unlink("/daxfuse-not-there");
	return errno == ENOENT ? 0 : errno;
}

static int try_chmod(void)
{
	chmod("/daxfuse-not-there", 0600);
	return errno == ENOENT ? 0 : errno;
}

static int try_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int try_make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int try_ioctl(void)
{
	return result(ioctl(image, FIONBIO, &(int){ 0 }));
}

/* Known beforehand: a confined process cannot ask for it. */
static pid_t parent;

static int try_move_other(void)
{
	cpu_set_t set;

	if (sched_getaffinity(parent, sizeof(set), &set) != 0)
		return errno;
	return result(sched_setaffinity(parent, sizeof(set), &set));
}

static int try_policy_of_other(void)
{
	struct sched_param zero = { 0 };

	return result(sched_setscheduler(parent, SCHED_OTHER, &zero));
}

static int try_policy(void)
{
	struct sched_param zero = { 0 };
	int err = result(sched_setscheduler(0, SCHED_BATCH, &zero));

	sched_setscheduler(0, SCHED_OTHER, &zero);
	return err;
}

/* Root's only. */

static int try_mount(void)
{
	mount("none", "/daxfuse-not-there", "tmpfs", 0, NULL);
	return errno == ENOENT ? 0 : errno;
}

static int try_umount(void)
{
	umount2("/daxfuse-not-there", 0);
	return errno == ENOENT ? 0 : errno;
}

static int try_setuid(void)
{
	return result(syscall(SYS_setuid, 12345));
}

static const struct {
	const char *name;
	int (*fn)(void);
} forbidden[] = {
	{ "opening a file", try_open },
	{ "making a file", try_create },
	{ "opening its own memory", try_open_by_proc },
	{ "a network socket", try_inet },
	{ "a local socket", try_unix },
	{ "a process", try_fork },
	{ "a program", try_exec },
	{ "a signal to another process", try_kill },
	{ "ptrace", try_ptrace },
	{ "another namespace", try_unshare },
	{ "unlink", try_unlink },
	{ "chmod", try_chmod },
	{ "executable memory", try_executable },
	{ "memory made executable", try_make_executable },
	{ "being dumped", try_dumpable },
	{ "other ioctls", try_ioctl },
	{ "moving another process", try_move_other },
	{ "another process's policy", try_policy_of_other },
	{ "another policy than the two", try_policy },
	{ "mount", try_mount },
	{ "umount", try_umount },
	{ "another user", try_setuid },
};

/* ---- allowed ---- */

static void *thread_fn(void *arg)
{
	return arg;
}

static int do_thread(void)
{
	pthread_t t;
	void *ret;
	int err = pthread_create(&t, NULL, thread_fn, &image);

	if (err)
		return err;
	err = pthread_join(t, &ret);
	return err ? err : ret == &image ? 0 : EINVAL;
}

static int do_memory(void)
{
	size_t len;
	char *p;

	for (len = 64; len < 64 << 20; len *= 8) {
		p = malloc(len);
		if (p == NULL)
			return ENOMEM;
		memset(p, 1, len);
		p = realloc(p, 2 * len);
		if (p == NULL)
			return ENOMEM;
		free(p);
	}
	return 0;
}

static int do_image(void)
{
	char b = 'x';

	map[0] = 'y';
	if (msync(map, IMAGE_LEN, MS_SYNC) != 0 || fsync(image) != 0 ||
	    sync_file_range(image, 0, 4096, SYNC_FILE_RANGE_WRITE) != 0 ||
	    pwrite(image, &b, 1, 4096) != 1 || pread(image, &b, 1, 0) != 1)
		return errno;
	if (fallocate(image, FALLOC_FL_KEEP_SIZE, 0, IMAGE_LEN) != 0 &&
	    errno != EOPNOTSUPP)
		return errno;
	if (lseek(image, 0, SEEK_HOLE) < 0)
		return errno;
	return b == 'y' && map[4096] == 'x' ? 0 : EIO;
}

static int do_fiemap(void)
{
	struct fiemap fm = { .fm_length = IMAGE_LEN };

	/* tmpfs has none: that is its own answer */
	return ioctl(image, FS_IOC_FIEMAP, &fm) == 0 || errno == EOPNOTSUPP ?
		0 : errno;
}

static sigjmp_buf out;

static void on_bus(int sig)
{
	siglongjmp(out, 1);
}

static int do_sigbus(void)
{
	char *p;

	signal(SIGBUS, on_bus);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, image, 16 * IMAGE_LEN);
	if (p == MAP_FAILED)
		return errno;
	if (sigsetjmp(out, 1) == 0)
		return *(volatile char *)p == 0 ? EIO : EINVAL;
	return 0;
}

static int do_time(void)
{
	struct timespec ts = { 0, 1000 };

	return result(nanosleep(&ts, NULL)) ?:
	       result(clock_gettime(CLOCK_MONOTONIC, &ts));
}

/* By its own number, as another thread of the process would. */
static int do_place(void)
{
	struct sched_param zero = { 0 };
	pid_t self = (pid_t)syscall(SYS_gettid);
	cpu_set_t set;

	if (sched_getaffinity(self, sizeof(set), &set) != 0 ||
	    sched_setaffinity(self, sizeof(set), &set) != 0 ||
	    sched_setscheduler(self, SCHED_OTHER, &zero) != 0)
		return errno;
	return result(sched_setscheduler(self, SCHED_IDLE, &zero));
}

static const struct {
	const char *name;
	int (*fn)(void);
} allowed[] = {
	{ "threads", do_thread },
	{ "memory", do_memory },
	{ "the image", do_image },
	{ "the image's extents", do_fiemap },
	{ "a bus error", do_sigbus },
	{ "time", do_time },
	{ "a CPU for a thread", do_place },
};

/* ---- a thread that was there before ---- */

static sem_t go, done;
static int other_open, other_caps;

/* The number behind @key in /proc/thread-self/status, opened before. */
static unsigned long long status_of(int fd, const char *key, int base)
{
	char text[4096], *at;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return ~0ull;
	text[n] = '\0';
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, base) : ~0ull;
}

/* Nothing effective, and as good as nothing to be had. */
static bool is_confined(int fd)
{
	return status_of(fd, "CapEff:", 16) == 0 &&
	       status_of(fd, "CapPrm:", 16) == 0 &&
	       status_of(fd, "NoNewPrivs:", 10) == 1 &&
	       status_of(fd, "Seccomp:", 10) == (DXF_HAVE_SECCOMP ? 2 : 0);
}

static void *other_thread(void *arg)
{
	int fd = open("/proc/thread-self/status", O_RDONLY);

	sem_post(&done);
	sem_wait(&go);
	other_caps = is_confined(fd) ? 0 : EPERM;
	other_open = try_open();
	sem_post(&done);
	return NULL;
}

static int check_other_thread(void)
{
	int fd = open("/proc/thread-self/status", O_RDONLY);
	struct dxf_err err;
	pthread_t t;

	sem_init(&go, 0, 0);
	sem_init(&done, 0, 0);
	if (pthread_create(&t, NULL, other_thread, NULL) != 0)
		return ENOMEM;
	sem_wait(&done);
	if (dxf_confine_daemon(false, false, false, &err) != 0)
		return EINVAL;
	sem_post(&go);
	sem_wait(&done);
	if (!is_confined(fd) || other_caps != 0)
		return EPERM;
	return !DXF_HAVE_SECCOMP || other_open == EPERM ? 0 : EACCES;
}

static int check_limits(void)
{
	struct rlimit core;
	struct dxf_err err;

	if (dxf_confine_daemon(false, false, false, &err) != 0)
		return EINVAL;
	/* it may not even ask; what it has the parent looks at, below */
	if (getrlimit(RLIMIT_CORE, &core) == 0)
		return core.rlim_max == 0 ? 0 : EINVAL;
	return errno == EPERM ? 0 : errno;
}

/* The parent looks at a child that waits, confined. */
static int check_no_core(void)
{
	struct rlimit core;
	int ends[2], status;
	struct dxf_err err;
	char b;
	pid_t pid;

	if (pipe(ends) != 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		b = dxf_confine_daemon(false, false, false, &err) == 0 ? 'k' : 'n';
		if (write(ends[1], &b, 1) != 1)
			_exit(1);
		raise(SIGSEGV);			/* would dump core */
		_exit(1);
	}
	if (read(ends[0], &b, 1) != 1 || b != 'k')
		return EINVAL;
	if (prlimit(pid, RLIMIT_CORE, NULL, &core) == 0 && core.rlim_max != 0)
		return EINVAL;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV &&
	       !WCOREDUMP(status) ? 0 : EACCES;
}

/* Root's keeper reads /proc and unmounts, and that is all. */
static int check_keeper(void)
{
	int fd = open("/proc/self/status", O_RDONLY);
	struct dxf_err err;

	if (dxf_confine_keeper(&err) != 0)
		return EINVAL;
	if (status_of(fd, "CapEff:", 16) & ~((1ull << 21) | (1ull << 2)))
		return EPERM;
	if (try_open() != 0 || try_umount() != 0)
		return EACCES;
	if (!DXF_HAVE_SECCOMP)
		return 0;
	return try_inet() == EPERM && try_exec() == EPERM &&
	       try_fork() == EPERM && try_setuid() == EPERM ? 0 : EINVAL;
}

/* ---- running them ---- */

static int failures, cases;

static void verdict(const char *what, const char *name, bool ok)
{
	printf("%s - %s %s\n", ok ? "ok" : "not ok", name, what);
	cases++;
	failures += !ok;
}

/* The error that @fn ends with in a process of its own. */
static int in_child(int (*fn)(void), bool confined)
{
	struct dxf_err err;
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (confined && dxf_confine_daemon(false, false, false, &err) != 0) {
			fprintf(stderr, "%s\n", err.text);
			_exit(255);
		}
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static void make_image(void)
{
	image = memfd_create("image", 0);
	if (image < 0 || ftruncate(image, IMAGE_LEN) != 0)
		exit(99);
	map = mmap(NULL, IMAGE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, image,
		   0);
	if (map == MAP_FAILED)
		exit(99);
}

static void run_forbidden(void)
{
	size_t i;
	int before;

	for (i = 0; i < DXF_ARRAY_SIZE(forbidden); i++) {
		before = in_child(forbidden[i].fn, false);
		if (before != 0) {
			printf("# %s is not possible here anyway (%s)\n",
			       forbidden[i].name, strerror(before));
			continue;
		}
		verdict("is refused", forbidden[i].name,
			in_child(forbidden[i].fn, true) == EPERM);
	}
}

int main(void)
{
	size_t i;

	if (strncmp(dxf_confine_describe(), "not ", 4) == 0) {
		printf("%s\n", dxf_confine_describe());
		return 77;
	}
	parent = getpid();
	make_image();
	if (DXF_HAVE_SECCOMP)
		run_forbidden();
	for (i = 0; i < DXF_ARRAY_SIZE(allowed); i++)
		verdict("works", allowed[i].name,
			in_child(allowed[i].fn, true) == 0);
	verdict("is confined", "a thread that was there before",
		in_child(check_other_thread, false) == 0);
	verdict("are none", "core files", in_child(check_no_core, false) == 0 &&
		in_child(check_limits, false) == 0);
	verdict("does its work and no more", "the keeper",
		in_child(check_keeper, false) == 0);
	/* root sees most of them work before; nobody sees half of them fail */
	verdict("were tried", "enough cases", cases >= 15);
	return failures != 0;
}
