/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suite.h - a small runner for cases that need a filesystem to themselves.
 *
 * Owns: how a case is declared, how it fails, how it is skipped.  Knows
 * nothing of daxfuse: every case is a statement about ext2 with POSIX semantics
 * on Linux, and is tried on the kernel's own ext2 and ext4 as well.
 *
 * A case is a function.  It runs in a child of its own, as root, with umask
 * 022, in a fresh directory that is the child's working directory and is
 * removed afterwards; a directory that cannot be removed is a failure of the
 * case.  The first failed ASSERT ends the case.
 */
#ifndef DXF_POSIX_SUITE_H
#define DXF_POSIX_SUITE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum suite_flags {
	SUITE_SERIAL = 1 << 0,	/* counts what is free: nothing else may run */
	SUITE_SLOW = 1 << 1,	/* only with --slow; ten times the time */
};

struct suite_case {
	const char *name;
	void (*fn)(void);
	unsigned int flags;
	/* a run for each i in [0, n) that param_name() has a name for */
	int n;
	const char *(*param_name)(int i);
	struct suite_case *next;
};

void suite_add(struct suite_case *c);
/* Which of the runs of a CASE_EACH this is. */
int suite_param(void);

#define CASE_FULL(id, flags, n, param_name)				\
	static void test_##id(void);					\
	static struct suite_case case_##id = {				\
		#id, test_##id, flags, n, param_name, NULL		\
	};								\
	__attribute__((constructor)) static void add_##id(void)		\
	{								\
		suite_add(&case_##id);					\
	}								\
	static void test_##id(void)
#define CASE(id)			CASE_FULL(id, 0, 1, NULL)
#define CASE_FLAGS(id, flags)		CASE_FULL(id, flags, 1, NULL)
#define CASE_EACH(id, n, param_name)	CASE_FULL(id, 0, n, param_name)

/* End the case, from any child of it too. */
void suite_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void suite_skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
/*
 * The filesystem says that it cannot do this at all: a skip where that may be
 * (no --strict, or named in --lacks), else a failure.
 */
void suite_unsupported(const char *file, int line, const char *feature)
	__attribute__((noreturn));
#define UNSUPPORTED(feature) suite_unsupported(__FILE__, __LINE__, feature)
/* Was @feature named in --lacks? */
bool suite_lacks(const char *feature);

#define ASSERT(cond)							\
	do {								\
		if (!(cond))						\
			suite_fail(__FILE__, __LINE__, "%s", #cond);	\
	} while (0)

#define ASSERT_EQ(a, b)							\
	do {								\
		long long a_ = (long long)(a);				\
		long long b_ = (long long)(b);				\
									\
		if (a_ != b_)						\
			suite_fail(__FILE__, __LINE__,			\
				   "%s is %lld, not %lld (%s)",		\
				   #a, a_, b_, #b);			\
	} while (0)

/* A system call that must work; its value. */
#define ASSERT_OK(call)							\
	({								\
		long long r_ = (call);					\
									\
		if (r_ < 0)						\
			suite_fail(__FILE__, __LINE__, "%s: %s",	\
				   #call, strerror(errno));		\
		r_;							\
	})

/* A system call that must fail with errno @err. */
#define ASSERT_ERR(err, call)						\
	do {								\
		long long r_;						\
									\
		errno = 0;						\
		r_ = (call);						\
		suite_check_err(__FILE__, __LINE__, #call, r_, errno,	\
				err, #err);				\
	} while (0)
void suite_check_err(const char *file, int line, const char *call,
		     long long ret, int got, int want, const char *name);

/*
 * A child of a case: @fn(@arg) in a process of its own; join asserts that it
 * returned.
 */
int suite_spawn(void (*fn)(void *arg), void *arg);
void suite_join(int pid);

/* ---- between suite.c and suite_run.c ---- */

struct suite_opts {
	const char *dir;
	const char *only;	/* fnmatch or a part of the name */
	const char *lacks;	/* a,b,c */
	bool strict;
	bool slow;
	bool list;
	int jobs;
	unsigned int part;	/* of every parts cases this one; parts 0: all */
	unsigned int parts;
	int timeout;		/* seconds */
};
extern struct suite_opts suite_opts;

enum { SUITE_EXIT_FAIL = 1, SUITE_EXIT_SKIP = 77 };

/* The message pipe of the running case; -1 in the runner. */
extern int suite_msg_fd;
extern int suite_param_now;

/* Run what @opts selects of @cases.  Returns: the exit status. */
int suite_run(struct suite_case *cases);

#endif
