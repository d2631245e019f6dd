/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suite_run.c - runs the cases, several at a time, each with a deadline.
 *
 * Owns: the children, their directories, the report.  Must not know: what a
 * case does.  Invariants: a serial case runs alone; a case's process group is
 * gone before its directory is removed; every selected case is reported
 * exactly once.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"
#include "util.h"

#define MAX_JOBS 32

struct job {
	pid_t pid;		/* 0: free */
	int msg;
	time_t deadline;
	bool killed;
	unsigned int flags;
	unsigned int seq;
	char name[128];
	char path[PATH_MAX];
};

static struct job jobs[MAX_JOBS];
static int running;
static unsigned int seq, passed, failed, skipped;

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void report(const char *verdict, const char *name, const char *msg)
{
	printf("%s %s%s%s\n", verdict, name, *msg ? ": " : "", msg);
	fflush(stdout);
}

/* In the child: never returns. */
__attribute__((noreturn))
static void run_case(const struct job *job, const struct suite_case *c,
		     int param, int msg_fd)
{
	sigset_t none;

	suite_msg_fd = msg_fd;
	suite_param_now = param;
	setpgid(0, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (chdir(job->path))
		suite_fail(__FILE__, __LINE__, "chdir %s: %s", job->path,
			   strerror(errno));
	c->fn();
	_exit(0);
}

static void start(const struct suite_case *c, int param, const char *name)
{
	struct job *job = jobs;
	int fds[2];

	while (job->pid)
		job++;
	*job = (struct job){ .seq = ++seq, .flags = c->flags };
	snprintf(job->name, sizeof(job->name), "%s", name);
	snprintf(job->path, sizeof(job->path), "%s/case%u", suite_opts.dir,
		 job->seq);
	if (mkdir(job->path, 0755) || chmod(job->path, 0755) ||
	    pipe2(fds, O_CLOEXEC)) {
		report("not ok", name, strerror(errno));
		failed++;
		return;
	}
	job->deadline = now() + suite_opts.timeout *
		(c->flags & SUITE_SLOW ? 10 : 1);
	job->pid = fork();
	if (!job->pid)
		run_case(job, c, param, fds[1]);
	/* both sides: whoever comes first, a kill must find the group */
	setpgid(job->pid, job->pid);
	close(fds[1]);
	job->msg = fds[0];
	running++;
}

static void verdict(const struct job *job, int status, const char *msg)
{
	if (job->killed) {
		report("not ok", job->name, "timed out");
		failed++;
	} else if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		report("ok", job->name, "");
		passed++;
	} else if (WIFEXITED(status) &&
		   WEXITSTATUS(status) == SUITE_EXIT_SKIP) {
		report("skip", job->name, msg);
		skipped++;
	} else {
		report("not ok", job->name, *msg ? msg : "died");
		failed++;
	}
}

/* The first line only: a second process may have failed too. */
static void read_msg(int fd, char *buf, size_t size)
{
	ssize_t n;

	/* a child of the case that lives on must not block us */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	close(fd);
}

static void finish(struct job *job, int status)
{
	char msg[1200], err[PATH_MAX + 64];

	kill(-job->pid, SIGKILL);
	read_msg(job->msg, msg, sizeof(msg));
	if (remove_tree(AT_FDCWD, job->path) && WIFEXITED(status) &&
	    !WEXITSTATUS(status)) {
		snprintf(err, sizeof(err), "clean-up: %s", strerror(errno));
		report("not ok", job->name, err);
		failed++;
	} else {
		verdict(job, status, msg);
	}
	job->pid = 0;
	running--;
}

static void check_deadlines(void)
{
	struct job *job;

	for (job = jobs; job < jobs + MAX_JOBS; job++) {
		if (!job->pid || now() < job->deadline)
			continue;
		if (job->killed && now() > job->deadline + 30) {
			report("not ok", job->name, "hangs, cannot be killed");
			exit(SUITE_EXIT_FAIL);
		}
		job->killed = true;
		kill(-job->pid, SIGKILL);
		kill(job->pid, SIGKILL);
	}
}

/* Wait until fewer than @limit cases run. */
static void reap(int limit)
{
	struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	sigset_t set;
	struct job *job;
	int status;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (running >= limit && running) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0) {
			sigtimedwait(&set, NULL, &tick);
			check_deadlines();
			continue;
		}
		for (job = jobs; job < jobs + MAX_JOBS; job++) {
			if (job->pid == pid)
				finish(job, status);
		}
	}
}

static bool selected(const char *name)
{
	static unsigned int nth;
	const char *only = suite_opts.only;

	if (only && !strstr(name, only) && fnmatch(only, name, 0))
		return false;
	return !suite_opts.parts ||
		nth++ % suite_opts.parts == suite_opts.part;
}

static void run_one(const struct suite_case *c, int param)
{
	bool serial = c->flags & SUITE_SERIAL;
	char name[128];

	if (c->param_name && !c->param_name(param))
		return;
	snprintf(name, sizeof(name), "%s%s%s", c->name,
		 c->param_name ? "/" : "",
		 c->param_name ? c->param_name(param) : "");
	if (!selected(name))
		return;
	if (suite_opts.list) {
		puts(name);
		return;
	}
	if (c->flags & SUITE_SLOW && !suite_opts.slow) {
		report("skip", name, "slow");
		skipped++;
		return;
	}
	reap(serial ? 1 : suite_opts.jobs);
	start(c, param, name);
	if (serial)
		reap(1);
}

int suite_run(struct suite_case *cases)
{
	struct suite_case *c;
	sigset_t set;
	int i;

	if (suite_opts.jobs > MAX_JOBS)
		suite_opts.jobs = MAX_JOBS;
	/* blocked, so that sigtimedwait() does not miss one */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (c = cases; c; c = c->next) {
		for (i = 0; i < c->n; i++)
			run_one(c, i);
	}
	if (suite_opts.list)
		return 0;
	reap(1);
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed || !passed ? SUITE_EXIT_FAIL : 0;
}
