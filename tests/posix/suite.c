/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suite.c - the command line of the suite, and what a case calls.
 *
 * Owns: the list of cases, options, messages of failure.  Must not know: how
 * cases are scheduled (suite_run.c).
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

struct suite_opts suite_opts = { .jobs = 1, .timeout = 60 };
int suite_msg_fd = -1;
int suite_param_now;

static struct suite_case *cases;

/* By name: constructors run in no order worth keeping. */
void suite_add(struct suite_case *c)
{
	struct suite_case **p = &cases;

	while (*p && strcmp((*p)->name, c->name) < 0)
		p = &(*p)->next;
	c->next = *p;
	*p = c;
}

int suite_param(void)
{
	return suite_param_now;
}

/* One line to the runner; the process ends with @status. */
__attribute__((noreturn, format(printf, 2, 0)))
static void finish(int status, const char *fmt, va_list ap)
{
	char buf[1024];
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);

	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	/* the pipe takes the first message; of others none is waited for */
	if (n > 0 && write(suite_msg_fd, buf, n) != n)
		status = SUITE_EXIT_FAIL;
	_exit(status);
}

void suite_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char head[1100];
	va_list ap;

	snprintf(head, sizeof(head), "%s:%d: %s", base ? base + 1 : file,
		 line, fmt);
	va_start(ap, fmt);
	finish(SUITE_EXIT_FAIL, head, ap);
}

void suite_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	finish(SUITE_EXIT_SKIP, fmt, ap);
}

bool suite_lacks(const char *feature)
{
	const char *p = suite_opts.lacks;
	size_t len = strlen(feature);

	while (p && *p) {
		if (!strncmp(p, feature, len) && (p[len] == ',' || !p[len]))
			return true;
		p = strchr(p, ',');
		if (p)
			p++;
	}
	return false;
}

void suite_unsupported(const char *file, int line, const char *feature)
{
	if (suite_opts.strict && !suite_lacks(feature))
		suite_fail(file, line, "%s: not supported (%s)", feature,
			   strerror(errno));
	suite_skip("%s is not supported here", feature);
}

void suite_check_err(const char *file, int line, const char *call,
		     long long ret, int got, int want, const char *name)
{
	if (ret >= 0)
		suite_fail(file, line, "%s worked, should be %s", call, name);
	if (got != want)
		suite_fail(file, line, "%s: %s, should be %s", call,
			   strerror(got), name);
}

int suite_spawn(void (*fn)(void *arg), void *arg)
{
	int pid = ASSERT_OK(fork());

	if (!pid) {
		fn(arg);
		_exit(0);
	}
	return pid;
}

void suite_join(int pid)
{
	int status;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));	/* it left the message */
	ASSERT_EQ(status, 0);
}

static const struct option longopts[] = {
	{ "list", no_argument, NULL, 'l' },
	{ "part", required_argument, NULL, 'p' },
	{ "only", required_argument, NULL, 'o' },
	{ "lacks", required_argument, NULL, 'L' },
	{ "strict", no_argument, NULL, 's' },
	{ "slow", no_argument, NULL, 'S' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "timeout", required_argument, NULL, 't' },
	{ }
};

static const char usage[] =
"usage: posix_suite DIR [--list] [--only PATTERN] [--jobs N] [--slow]\n"
"                   [--timeout SECONDS] [--strict] [--lacks FEATURE,...]\n"
"                   [--part K/N]\n"
"Runs each case in a fresh directory below DIR, as root.\n"
"--part: of N cases only the Kth, from 0 on.\n"
"--strict: what the filesystem does not support is a failure, except --lacks.\n"
"Features: acl btime direct-io fallocate fsxattr handles ns-times punch-hole\n"
"rename-exchange setflags setversion shared-mmap tmpfile user-xattr\n"
"zero-range\n";

static int parse_part(const char *s)
{
	int end = 0;

	if (sscanf(s, "%u/%u%n", &suite_opts.part, &suite_opts.parts, &end) !=
	    2 || s[end] || suite_opts.part >= suite_opts.parts)
		return -1;
	return 0;
}

static int parse_args(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "j:", longopts, NULL)) != -1) {
		switch (c) {
		case 'l': suite_opts.list = true; break;
		case 'o': suite_opts.only = optarg; break;
		case 'p':
			if (parse_part(optarg))
				return -1;
			break;
		case 'L': suite_opts.lacks = optarg; break;
		case 's': suite_opts.strict = true; break;
		case 'S': suite_opts.slow = true; break;
		case 'j': suite_opts.jobs = atoi(optarg); break;
		case 't': suite_opts.timeout = atoi(optarg); break;
		default: return -1;
		}
	}
	if (optind < argc)
		suite_opts.dir = argv[optind++];
	if (optind < argc || suite_opts.jobs < 1 || suite_opts.timeout < 1)
		return -1;
	return suite_opts.dir || suite_opts.list ? 0 : -1;
}

int main(int argc, char **argv)
{
	/* a case asks what identity a set-user-ID copy of us runs with */
	if (argc == 2 && !strcmp(argv[1], "--print-euid")) {
		printf("%d %d\n", (int)geteuid(), (int)getegid());
		return 0;
	}
	if (parse_args(argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!suite_opts.list && geteuid()) {
		printf("skip all: not root\n0 passed, 0 failed, 1 skipped\n");
		return SUITE_EXIT_SKIP;
	}
	return suite_run(cases);
}
