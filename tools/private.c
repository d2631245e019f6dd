// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * private.c - a mount namespace of our own, and programs run in it.
 *
 * Owns the life and death of the processes.  Two of them: this one serves, its
 * child runs the program.
 *
 * Invariants:
 *  - The child is killed when its parent dies (PR_SET_PDEATHSIG), and has none
 *    of its descriptors: lock and connection are this process's alone.
 *  - This process notices the child's end by SIGCHLD in the loop, so nothing
 *    keeps running after either of them is gone.
 *  - It never touches the view (view.c).
 */
#include "private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "units.h"

/* ---- the namespace ---- */

static int write_text(const char *path, const char *text)
{
	DXF_CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 :
								       -errno;
}

/* Everybody is who he was: one user and one group can be mapped so. */
static int map_ids(uid_t uid, gid_t gid)
{
	char text[64];
	int ret;

	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	ret = write_text("/proc/self/uid_map", text);
	if (ret == 0)
		ret = write_text("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	return ret == 0 ? write_text("/proc/self/gid_map", text) : ret;
}

static int unshare_all(bool *user)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	*user = false;
	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	*user = true;
	if (unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0)
		return -errno;
	return map_ids(uid, gid);
}

/* What is unmounted outside must not live on here. */
static int make_slaves(void)
{
	return mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 ? 0 :
									-errno;
}

/* Entering the namespace that one is in leads to its root directory. */
static int leave_chroot(void)
{
	DXF_CLEANUP_CLOSE int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (self < 0)
		return -errno;
	return setns(self, CLONE_NEWNS) == 0 ? 0 : -errno;
}

/*
 * In a chroot whose root directory is no mount point nothing there leads to the
 * mount that it is on; what were mounted on that would be seen outside.
 */
static int make_slaves_from_chroot(void)
{
	DXF_CLEANUP_CLOSE int root = open("/", O_PATH | O_CLOEXEC);
	DXF_CLEANUP_CLOSE int here = open(".", O_PATH | O_CLOEXEC);
	int ret;

	if (root < 0 || here < 0)
		return -errno;
	ret = leave_chroot();
	if (ret != 0)
		return ret;
	ret = make_slaves();
	if (fchdir(root) != 0 || chroot(".") != 0 || fchdir(here) != 0)
		return -errno;
	return ret;
}

int dxf_private_enter(struct dxf_err *err)
{
	bool user;
	int ret = unshare_all(&user);

	if (ret != 0)
		return dxf_err_set(err, -ret, "cannot make a mount namespace "
				   "(%s)%s", strerror(-ret), user ?
				   ": be root, or allow user namespaces, or "
				   "show the device in a file: daxfuse-image "
				   "DEVICE FILE" : "");
	ret = make_slaves();
	if (ret == -EINVAL)
		ret = make_slaves_from_chroot();
	return ret == 0 ? 0 :
		dxf_err_set(err, -ret, "mount namespace: %s", strerror(-ret));
}

/* ---- the child ---- */

struct signals {
	sigset_t old;
	void (*old_int)(int), (*old_quit)(int);
	int fd;
};

/* The terminal's signals reach the child by themselves. */
static int catch_signals(struct signals *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &s->old) != 0)
		return -errno;
	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0) {
		int ret = -errno;

		sigprocmask(SIG_SETMASK, &s->old, NULL);
		return ret;
	}
	s->old_int = signal(SIGINT, SIG_IGN);
	s->old_quit = signal(SIGQUIT, SIG_IGN);
	return 0;
}

static void restore_signals(const struct signals *s)
{
	signal(SIGINT, s->old_int);
	signal(SIGQUIT, s->old_quit);
	sigprocmask(SIG_SETMASK, &s->old, NULL);
}

static void release_signals(const struct signals *s)
{
	struct signalfd_siginfo si;

	/* what is pending was for the child, and came too late */
	while (read(s->fd, &si, sizeof(si)) == sizeof(si))
		;
	close(s->fd);
	restore_signals(s);
}

/*
 * The lock and the connection are not the child's: who waits for a reply while
 * he holds the connection open waits for ever.  What the caller gave us for the
 * program (a progress descriptor) is not close-on-exec, and stays.
 */
static void close_ours(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && (flags & FD_CLOEXEC))
			close(fd);
	}
}

static pid_t start(const struct signals *s, int (*fn)(void *ctx), void *ctx)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid > 0 ? pid : -errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before that. */
	if (getppid() != parent)
		_exit(DXF_RUN_FAILED);
	restore_signals(s);
	close_ours();
	_exit(fn(ctx));
}

/* ---- serving it ---- */

static int status_of(int status)
{
	assert(WIFEXITED(status) || WIFSIGNALED(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   DXF_RUN_SIGNAL + WTERMSIG(status);
}

/* Returns: has the child ended, with *@status? */
static bool handle_signals(const struct signals *s, pid_t pid, int *status)
{
	struct signalfd_siginfo si;

	while (read(s->fd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo != SIGCHLD)
			kill(pid, (int)si.ssi_signo);
	return waitpid(pid, status, WNOHANG) == pid;
}

static int serve_child(struct dxf_view *v, const struct signals *s, pid_t pid)
{
	int ret, status;

	assert(pid > 0 && s->fd >= 0);
	while ((ret = dxf_view_serve(v, s->fd)) > 0)
		if (handle_signals(s, pid, &status))
			return status_of(status);
	/* Without the view it can do nothing but harm itself. */
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return ret < 0 ? ret : -ENOTCONN;
}

int dxf_private_call(struct dxf_view *v, int (*fn)(void *ctx), void *ctx)
{
	struct signals s;
	int ret = catch_signals(&s);
	pid_t pid;

	if (ret != 0)
		return ret;
	pid = start(&s, fn, ctx);
	ret = pid > 0 ? serve_child(v, &s, pid) : (int)pid;
	release_signals(&s);
	return ret;
}

static int exec_program(void *ctx)
{
	char *const *argv = ctx;

	assert(argv[0] != NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	return errno == ENOENT ? DXF_RUN_NOT_FOUND : DXF_RUN_CANNOT_EXECUTE;
}

int dxf_private_run(struct dxf_view *v, char *const argv[])
{
	return dxf_private_call(v, exec_program, (void *)argv);
}
