/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stat.c - daxfuse-stat: what a mounted daxfuse has done, and how fast.
 *
 * Asks the daemon by ioctls on the root of the mount (statabi.h) and prints a
 * table or JSON, once or again and again.  Must not know the filesystem.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "statabi.h"
#include "statprint.h"

#define EXIT_USAGE	1
#define EXIT_SYSTEM	2

struct request {
	const char *mountpoint;
	bool json;
	unsigned int watch;	/* seconds; 0: once */
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "daxfuse-stat: %s: %s\n", what, why);
	return EXIT_SYSTEM;
}

static void usage(FILE *to)
{
	fprintf(to, "usage: daxfuse-stat [-j] [-w [SECONDS]] MOUNTPOINT\n"
		"\n"
		"What the daxfuse mounted on MOUNTPOINT has done since.\n"
		"\n"
		"  -j, --json             as JSON, a line for each time\n"
		"  -w, --watch[=SECONDS]  what was done in each interval\n"
		"                         (default: 1 second)\n"
		"  -h, --help             this help\n"
		"  -V, --version          the version\n");
}

/* ---- asking ---- */

static int ask_ops(int fd, struct snapshot *s)
{
	uint32_t i;

	for (i = 0; i < s->general.nops && i < SNAPSHOT_OPS; i++) {
		s->op[i].opcode = i;
		if (ioctl(fd, DXF_IOC_STAT_OP, &s->op[i]) != 0)
			return -errno;
	}
	s->nops = i;
	return 0;
}

/* Returns: 0; a status, complained of. */
static int ask(int fd, const char *name, struct snapshot *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	if (ioctl(fd, DXF_IOC_STAT, &s->general) != 0) {
		err = errno;
		return complain(name, err == ENOTTY || err == EINVAL ?
			"no daxfuse that tells its figures is mounted there" :
			strerror(err));
	}
	if (s->general.version != DXF_STAT_VERSION)
		return complain(name, "the daemon is of another version than "
				"this program");
	err = ask_ops(fd, s);
	return err ? complain(name, strerror(-err)) : 0;
}

/* ---- printing ---- */

/* A write error (a full disk, a pipe that was closed) is one of ours. */
static int flush_out(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return complain("writing", strerror(errno));
}

static int print(const struct request *r, const struct snapshot *s)
{
	if (r->json)
		print_json(s, stdout);
	else
		print_table(s, stdout);
	return flush_out();
}

static int watch(const struct request *r, int fd, struct snapshot *old)
{
	const struct timespec pause = { r->watch, 0 };
	struct snapshot now, diff;
	int status;

	for (;;) {
		nanosleep(&pause, NULL);
		status = ask(fd, r->mountpoint, &now);
		if (status)
			return status;
		snapshot_subtract(&now, old, &diff);
		status = print(r, &diff);
		if (status)
			return status;
		*old = now;
	}
}

static int run(const struct request *r)
{
	DXF_CLEANUP_CLOSE int fd = open(r->mountpoint, O_RDONLY | O_CLOEXEC |
					O_DIRECTORY);
	struct snapshot s;
	int status;

	if (fd < 0)
		return complain(r->mountpoint, strerror(errno));
	status = ask(fd, r->mountpoint, &s);
	if (status)
		return status;
	return r->watch ? watch(r, fd, &s) : print(r, &s);
}

/* ---- the command line ---- */

static int parse_seconds(const char *text, unsigned int *out)
{
	char *end;
	unsigned long v;

	if (text == NULL)
		text = "1";
	v = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || v == 0 || v > 86400)
		return -EINVAL;
	*out = (unsigned int)v;
	return 0;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "watch", optional_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL },
};

/* Returns: -1 to go on; a status to end with. */
static int parse(struct request *r, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "jw::hV", long_options,
				NULL)) != -1) {
		switch (c) {
		case 'j':
			r->json = true;
			break;
		case 'w':
			if (parse_seconds(optarg, &r->watch) == 0)
				break;
			complain(optarg, "seconds, from 1 to 86400, are "
				 "wanted");
			return EXIT_USAGE;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			printf("daxfuse-stat %s\n", DXF_VERSION);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (argc - optind != 1) {
		usage(stderr);
		return EXIT_USAGE;
	}
	r->mountpoint = argv[optind];
	return -1;
}

int main(int argc, char **argv)
{
	struct request r = { .mountpoint = NULL };
	int status = parse(&r, argc, argv);

	return status >= 0 ? status : run(&r);
}
