/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handles.c - file handles kept in a file, for what must last over a remount.
 *
 *	handles save FILE PATH...
 *	handles check FILE DIR		each opens the inode it was made of
 *	handles check-stale FILE DIR N	of them number N is ESTALE, from 0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct saved {
	struct file_handle fh;
	unsigned char bytes[128];
	ino_t ino;
};

static int save(const char *file, char **paths)
{
	FILE *f = fopen(file, "w");
	struct stat st;
	int mount_id;

	if (!f)
		return 1;
	for (; *paths; paths++) {
		struct saved s = { .fh.handle_bytes = sizeof(s.bytes) };

		if (name_to_handle_at(AT_FDCWD, *paths, &s.fh, &mount_id, 0) ||
		    lstat(*paths, &st)) {
			perror(*paths);
			return 1;
		}
		s.ino = st.st_ino;
		fwrite(&s, sizeof(s), 1, f);
	}
	return fclose(f) != 0;
}

/* Returns: 0 as it should be. */
static int check_one(struct saved *s, int dir, bool stale)
{
	int fd = open_by_handle_at(dir, &s->fh, O_RDONLY);
	struct stat st;

	if (stale) {
		if (fd < 0 && errno == ESTALE)
			return 0;
		fprintf(stderr, "stale handle: %s\n",
			fd < 0 ? strerror(errno) : "opened");
		return 1;
	}
	if (fd < 0 || fstat(fd, &st)) {
		perror("open_by_handle_at");
		return 1;
	}
	close(fd);
	if (st.st_ino == s->ino)
		return 0;
	fprintf(stderr, "inode %ju, not %ju\n", (uintmax_t)st.st_ino,
		(uintmax_t)s->ino);
	return 1;
}

static int check(const char *file, const char *dir, int stale)
{
	FILE *f = fopen(file, "r");
	int fd = open(dir, O_RDONLY | O_DIRECTORY), bad = 0, i;
	struct saved s;

	if (!f || fd < 0) {
		perror(dir);
		return 1;
	}
	for (i = 0; fread(&s, sizeof(s), 1, f) == 1; i++) {
		/* the others are looked at too: they must not be stale */
		bad |= check_one(&s, fd, i == stale);
	}
	fclose(f);
	return bad || i <= stale;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "save"))
		return save(argv[2], argv + 3);
	if (argc == 4 && !strcmp(argv[1], "check"))
		return check(argv[2], argv[3], -1);
	if (argc == 5 && !strcmp(argv[1], "check-stale"))
		return check(argv[2], argv[3], atoi(argv[4]));
	fprintf(stderr, "usage: handles save|check|check-stale FILE ...\n");
	return 2;
}
