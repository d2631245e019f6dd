/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load_main.c - benchload: do one kind of work and print what it cost.
 *
 * Prints one line: operations, seconds, then CPU seconds and context switches of
 * this process, and the same of the servers that -P names.  What comes before
 * and behind the measured part is in none of them.
 */
#include "load.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct load_row *const tables[] = {
	load_data_rows, load_file_rows, load_name_rows,
};

static struct {
	double start, seconds;
	bool runs;
	struct load_usage before[2], used[2];	/* of us, of the servers */
} measured;

double load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void usage_of_servers(const struct load *l, struct load_usage *u)
{
	int i;

	memset(u, 0, sizeof(*u));
	for (i = 0; i < 4 && l->servers[i] != 0; i++)
		if (!load_usage_add(l->servers[i], u))
			load_die("the server");
}

void load_start(const struct load *l)
{
	assert(!measured.runs);
	measured.runs = true;
	usage_of_servers(l, &measured.before[1]);
	load_usage_self(&measured.before[0]);
	measured.start = load_now();
}

double load_stop(const struct load *l)
{
	struct load_usage now[2];
	int i;

	measured.seconds += load_now() - measured.start;
	assert(measured.runs);
	measured.runs = false;
	load_usage_self(&now[0]);
	usage_of_servers(l, &now[1]);
	for (i = 0; i < 2; i++) {
		measured.used[i].cpu += now[i].cpu - measured.before[i].cpu;
		measured.used[i].switches += now[i].switches -
					     measured.before[i].switches;
	}
	return measured.seconds;
}

void load_die(const char *what)
{
	fprintf(stderr, "benchload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void print(uint64_t ops)
{
	int i;

	assert(measured.seconds > 0 && !measured.runs);
	printf("%llu %.9f", (unsigned long long)ops, measured.seconds);
	for (i = 0; i < 2; i++)
		printf(" %.9f %ld", measured.used[i].cpu,
		       measured.used[i].switches);
	putchar('\n');
}

static const struct load_row *find_row(const char *name)
{
	const struct load_row *r;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (r = tables[i]; r->name != NULL; r++)
			if (strcmp(r->name, name) == 0)
				return r;
	return NULL;
}

static int usage(void)
{
	const struct load_row *r;
	size_t i;

	fputs("usage: benchload ROW DIRECTORY [-t SECONDS] [-n COUNT] "
	      "[-N NAMES]\n\t[-j THREADS] [-b BLOCK] [-s MIB] [-r SEED] [-O] "
	      "[-c]\n\t[-P SERVER]...\nrows:", stderr);
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (r = tables[i]; r->name != NULL; r++)
			fprintf(stderr, " %s", r->name);
	fputs("\n", stderr);
	return 1;
}

static bool add_server(struct load *l, int pid)
{
	int i;

	for (i = 0; i < 4 && l->servers[i] != 0; i++)
		;
	if (i == 4 || pid <= 0)
		return false;
	l->servers[i] = pid;
	return true;
}

static bool set(struct load *l, int c, const char *arg)
{
	switch (c) {
	case 't': l->seconds = strtod(arg, NULL); break;
	case 'n': l->count = strtoul(arg, NULL, 10); break;
	case 'N': l->names = strtoul(arg, NULL, 10); break;
	case 'j': l->threads = (unsigned int)strtoul(arg, NULL, 10); break;
	case 'b': l->block = strtoul(arg, NULL, 10); break;
	case 's': l->size = strtoul(arg, NULL, 10) << 20; break;
	case 'r': l->seed = strtoul(arg, NULL, 10) * 2 + 1; break;
	case 'P': return add_server(l, atoi(arg));
	case 'O': l->direct = true; break;
	case 'c': l->cold = true; break;
	default: return false;
	}
	return true;
}

static bool sane(const struct load *l)
{
	return l->seconds > 0 && l->count > 0 && l->names > 0 &&
	       l->threads >= 1 && l->threads <= 64 && l->block >= 512 &&
	       l->size >= l->block;
}

int main(int argc, char **argv)
{
	struct load l = {
		.seconds = 0.3, .count = 1000, .names = 100, .threads = 1,
		.block = 4096, .size = 16 << 20, .seed = 1,
	};
	const struct load_row *r;
	int c;

	while ((c = getopt(argc, argv, "t:n:N:j:b:s:r:P:Oc")) != -1)
		if (!set(&l, c, optarg))
			return usage();
	if (argc - optind != 2 || !sane(&l))
		return usage();
	r = find_row(argv[optind]);
	if (r == NULL)
		return usage();
	l.dirfd = open(argv[optind + 1], O_RDONLY | O_DIRECTORY);
	if (l.dirfd < 0)
		load_die(argv[optind + 1]);
	print(r->run(&l));
	return 0;
}
