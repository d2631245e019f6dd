/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manyfiles.c - empty files by the million.
 *
 *	manyfiles create|stat|remove DIR FILES DIRS
 *
 * FILES names spread over DIRS directories below DIR.  Prints how many a
 * second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int create(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int look(const char *name)
{
	struct stat st;

	return lstat(name, &st);
}

/* Returns: 0; 1 said why not. */
static int each(int (*fn)(const char *name), long files, long dirs)
{
	char name[64];
	long i;

	for (i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "d%ld/file-%07ld", i % dirs, i);
		if (fn(name)) {
			fprintf(stderr, "%s: %s\n", name, strerror(errno));
			return 1;
		}
	}
	return 0;
}

static int each_dir(int (*fn)(const char *name), long dirs)
{
	char name[64];
	long i;

	for (i = 0; i < dirs; i++) {
		snprintf(name, sizeof(name), "d%ld", i);
		if (fn(name)) {
			fprintf(stderr, "%s: %s\n", name, strerror(errno));
			return 1;
		}
	}
	return 0;
}

static int make_dir(const char *name)
{
	return mkdir(name, 0755);
}

static int run(const char *what, long files, long dirs)
{
	if (!strcmp(what, "create"))
		return each_dir(make_dir, dirs) || each(create, files, dirs);
	if (!strcmp(what, "stat"))
		return each(look, files, dirs);
	if (!strcmp(what, "remove"))
		return each(unlink, files, dirs) || each_dir(rmdir, dirs);
	return 2;
}

int main(int argc, char **argv)
{
	long files = argc == 5 ? atol(argv[3]) : 0;
	long dirs = argc == 5 ? atol(argv[4]) : 0;
	double start = now();
	int status;

	if (files < 1 || dirs < 1 || chdir(argv[2])) {
		fprintf(stderr, "usage: manyfiles create|stat|remove DIR "
			"FILES DIRS\n");
		return 2;
	}
	status = run(argv[1], files, dirs);
	if (!status)
		printf("%s: %.0f a second\n", argv[1],
		       files / (now() - start));
	return status;
}
