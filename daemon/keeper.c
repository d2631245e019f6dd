/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper.c - the small process that keeps what the daemon gives up.
 *
 * Owns the two sockets and what is said on them: one for what changes mounts,
 * which may take long, and one for questions, which a worker must be answered
 * while an unmount waits for that worker.
 *
 * Invariant: what it unmounts is the mount with the id that it was told, at
 * the path that it was told.
 */
#include "keeper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "confine.h"
#include "lock.h"
#include "log.h"
#include "mountpoint.h"
#include "units.h"

enum verb {
	VERB_CONFINE,
	VERB_WATCH,
	VERB_UMOUNT,
	VERB_DETACH,
	VERB_SYNC,
};

struct order {
	enum verb verb;
	bool auto_unmount;
	uint64_t mount_id;
	char path[PATH_MAX];
};

struct question {
	pid_t pid;
	gid_t gid;
	bool open_stat;		/* not the group: the file */
};

/* One file descriptor, or none, beside the byte that is the answer. */
union passed {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

struct dxf_keeper {
	struct dxf_mutex asking;	/* DXF_RANK_LEAF */
	pid_t pid;
	int orders, questions;		/* our ends */
};

/* ---- in the keeper ---- */

/* What it was told to watch; path[0] == '\0': nothing yet. */
static struct order watched;

static bool line_has_gid(const char *s, gid_t gid)
{
	char *end;

	for (;; s = end) {
		unsigned long v = strtoul(s, &end, 10);

		if (end == s)
			return false;
		if (v == gid)
			return true;
	}
}

/* A thread's id has no entry in a listing of /proc, but its directory opens. */
static bool proc_in_group(pid_t pid, gid_t gid)
{
	static const char key[] = "Groups:";
	DXF_CLEANUP_FREE char *line = NULL;
	char path[64];
	size_t room = 0;
	bool in = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (getline(&line, &room, f) > 0) {
		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		in = line_has_gid(line + sizeof(key) - 1, gid);
		break;
	}
	fclose(f);
	return in;
}

/* Returns: true when the answer is sent. */
static bool pass_stat(int to, pid_t tid)
{
	union passed room = { .room = { 0 } };
	char path[64], yes = 1;
	struct iovec iov = { &yes, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c = &room.align;
	DXF_CLEANUP_CLOSE int fd = -1;

	snprintf(path, sizeof(path), DXF_KEEPER_STAT, (int)tid, (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		msg.msg_control = room.room;
		msg.msg_controllen = sizeof(room.room);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) == 1;
}

static bool answer(int fd, const struct question *q)
{
	char yes;

	if (q->open_stat)
		return pass_stat(fd, q->pid);
	yes = q->pid > 0 && proc_in_group(q->pid, q->gid);
	return send(fd, &yes, 1, MSG_NOSIGNAL) == 1;
}

static void *answer_questions(void *arg)
{
	int fd = *(int *)arg;
	struct question q;

	while (recv(fd, &q, sizeof(q), 0) == sizeof(q))
		if (!answer(fd, &q))
			break;
	return NULL;
}

/* Something else may be mounted over ours, or ours may have moved. */
static bool is_seen(void)
{
	return watched.path[0] != '\0' && watched.mount_id != 0 &&
	       dxf_mountpoint_id(watched.path) == watched.mount_id;
}

static int watch(const struct order *o)
{
	watched = *o;
	watched.path[sizeof(watched.path) - 1] = '\0';
	assert(watched.path[0] == '/');
	return 0;
}

static int confine(void)
{
	struct dxf_err err;

	return geteuid() == 0 ? dxf_confine_keeper(&err) :
				dxf_confine_user_keeper(&err);
}

static int obey(const struct order *o)
{
	if (o->verb == VERB_CONFINE)
		return confine();
	if (o->verb == VERB_WATCH)
		return watch(o);
	if (!is_seen())
		return -ESTALE;
	switch (o->verb) {
	case VERB_UMOUNT:
		return dxf_mountpoint_umount(watched.path);
	case VERB_DETACH:
		return dxf_mountpoint_detach(watched.path);
	case VERB_SYNC:
		dxf_mountpoint_sync(watched.path);
		return 0;
	default:
		return -EINVAL;
	}
}

static void serve_orders(int fd)
{
	struct order o;
	int ret;

	while (recv(fd, &o, sizeof(o), 0) == sizeof(o)) {
		ret = obey(&o);
		if (send(fd, &ret, sizeof(ret), MSG_NOSIGNAL) != sizeof(ret))
			break;
	}
	/* the daemon is gone; an orderly one has unmounted before */
	if (watched.auto_unmount && is_seen())
		dxf_mountpoint_detach(watched.path);
}

/* Nothing of the daemon's stays open here: nobody may wait for us to end. */
static int close_others(int *a, int *b)
{
	int null = open("/dev/null", O_RDWR), i;

	/* out of the way first: they may be 3 and 4 in the other order */
	*a = fcntl(*a, F_DUPFD, 100);
	*b = fcntl(*b, F_DUPFD, 100);
	if (null < 0 || *a < 0 || *b < 0)
		return -errno;
	for (i = 0; i <= 2; i++)
		dup2(null, i);
	*a = dup3(*a, 3, O_CLOEXEC);
	*b = dup3(*b, 4, O_CLOEXEC);
	if (syscall(SYS_close_range, 5u, ~0u, 0u) != 0)
		for (i = 5; i < 1024; i++)	/* before Linux 5.9 */
			close(i);
	return *a < 0 || *b < 0 ? -EMFILE : 0;
}

static void ignore_signals(void)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE,
				    SIGUSR1, SIGUSR2, SIGALRM };
	size_t i;

	for (i = 0; i < DXF_ARRAY_SIZE(sigs); i++)
		signal(sigs[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

static void keeper_main(int orders, int questions)
{
	pthread_t thread;

	ignore_signals();
	setsid();
	if (close_others(&orders, &questions) != 0 || chdir("/") != 0)
		_exit(1);
	if (pthread_create(&thread, NULL, answer_questions, &questions) != 0)
		_exit(1);
	serve_orders(orders);
	_exit(0);
}

/* ---- in the daemon ---- */

static int make_sockets(int orders[2], int questions[2])
{
	int err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) != 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		       questions) == 0)
		return 0;
	err = -errno;
	close(orders[0]);
	close(orders[1]);
	return err;
}

static void take_ends(struct dxf_keeper *k, pid_t pid, int orders[2],
		      int questions[2])
{
	close(orders[1]);
	close(questions[1]);
	k->pid = pid;
	k->orders = orders[0];
	k->questions = questions[0];
}

int dxf_keeper_start(struct dxf_keeper **out)
{
	int orders[2], questions[2], ret;
	struct dxf_keeper *k = dxf_calloc(1, sizeof(*k));
	pid_t pid;

	if (k == NULL)
		return -ENOMEM;
	ret = make_sockets(orders, questions);
	if (ret) {
		free(k);
		return ret;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(orders[0]);
		close(questions[0]);
		keeper_main(orders[1], questions[1]);
	}
	ret = pid < 0 ? -errno : 0;
	assert(pid != 0);	/* the keeper does not return */
	take_ends(k, pid, orders, questions);
	dxf_mutex_init(&k->asking, DXF_RANK_LEAF);
	if (ret) {
		dxf_keeper_stop(k);
		return ret;
	}
	*out = k;
	return 0;
}

void dxf_keeper_stop(struct dxf_keeper *k)
{
	if (k == NULL)
		return;
	close(k->orders);
	close(k->questions);
	if (k->pid > 0)
		while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
			;
	dxf_mutex_destroy(&k->asking);
	free(k);
}

/* Returns: what the keeper answered; -EPIPE. */
static int give(struct dxf_keeper *k, const struct order *o)
{
	ssize_t n;
	int ret;

	if (send(k->orders, o, sizeof(*o), MSG_NOSIGNAL) != sizeof(*o))
		return -EPIPE;
	assert(o->verb <= VERB_SYNC);
	do {
		n = recv(k->orders, &ret, sizeof(ret), 0);
	} while (n < 0 && errno == EINTR);
	return n == sizeof(ret) ? ret : -EPIPE;
}

void dxf_keeper_confine(struct dxf_keeper *k)
{
	struct order o = { .verb = VERB_CONFINE };
	int ret = give(k, &o);

	if (ret)
		dxf_log_warn("the process that unmounts is not confined: %s",
			     strerror(-ret));
}

int dxf_keeper_watch(struct dxf_keeper *k, const char *path, uint64_t mount_id,
		     bool auto_unmount)
{
	struct order o = {
		.verb = VERB_WATCH,
		.mount_id = mount_id,
		.auto_unmount = auto_unmount,
	};

	assert(path[0] == '/' && strlen(path) < sizeof(o.path));
	strcpy(o.path, path);
	return give(k, &o);
}

int dxf_keeper_umount(struct dxf_keeper *k)
{
	struct order o = { .verb = VERB_UMOUNT };

	return give(k, &o);
}

int dxf_keeper_detach(struct dxf_keeper *k)
{
	struct order o = { .verb = VERB_DETACH };

	return give(k, &o);
}

int dxf_keeper_sync(struct dxf_keeper *k)
{
	struct order o = { .verb = VERB_SYNC };

	return give(k, &o);
}

bool dxf_keeper_in_group(struct dxf_keeper *k, pid_t pid, gid_t gid)
{
	struct question q = { .pid = pid, .gid = gid };
	char yes = 0;
	ssize_t n;

	DXF_SCOPED_MUTEX(&k->asking);
	if (send(k->questions, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q))
		return false;
	do {
		n = recv(k->questions, &yes, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n == 1 && yes;
}

/* Returns: the descriptor that came along; -ESRCH: none did. */
static int passed_fd(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (c == NULL || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -ESRCH;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	assert(fd >= 0);
	return fd;
}

int dxf_keeper_open_stat(struct dxf_keeper *k, pid_t tid)
{
	struct question q = { .pid = tid, .open_stat = true };
	union passed room;
	char yes;
	struct iovec iov = { &yes, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room.room, .msg_controllen = sizeof(room.room),
	};
	ssize_t n;

	DXF_SCOPED_MUTEX(&k->asking);
	if (send(k->questions, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q))
		return -EPIPE;
	do {
		n = recvmsg(k->questions, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? passed_fd(&msg) : -EPIPE;
}
