/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_twice.c - one directory seen by two paths, one file open in several ways:
 * whatever is changed by one of them is seen by all others at once.
 *
 * What should be there is kept in memory, and compared with what every path and
 * every opener shows after each of some hundred random steps.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "suite.h"
#include "util.h"

static const char *seed_name(int i)
{
	static char buf[16];

	snprintf(buf, sizeof(buf), "seed%d", i + 1);
	return buf;
}

/* ---- names ---- */

enum { NAMES = 5, STEPS = 400 };

/* What a name is: 'f' a file, 'd' a directory, 'l' a link, 0 nothing. */
struct names {
	char is[NAMES];
	char says[NAMES][24];	/* a file's content, a link's target; of no
				 * other */
	uint64_t seed;
	int step;
	DIR *open;
};

static const char *path_of(const struct names *m, int by, int i)
{
	static char buf[4][32];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "%s/n%d", by ? "bind" : "in", i);
	return buf[n];
}

/* A new thing at a free name. */
static void make_one(struct names *m, int i, const char *path)
{
	snprintf(m->says[i], sizeof(m->says[i]), "step %d", m->step);
	switch (rnd(&m->seed) % 3) {
	case 0:
		put_text(path, m->says[i]);
		m->is[i] = 'f';
		break;
	case 1:
		make_dir(path, 0755);
		m->is[i] = 'd';
		break;
	case 2:
		ASSERT_OK(symlink(m->says[i], path));
		m->is[i] = 'l';
		break;
	}
}

static void remove_one(struct names *m, int i, const char *path)
{
	ASSERT_OK(m->is[i] == 'd' ? rmdir(path) : unlink(path));
	m->is[i] = 0;
}

/* A symbolic link becomes another one, a file gets another text. */
static void replace_one(struct names *m, int i, const char *path)
{
	char other[32];

	if (m->is[i] == 'd')
		return;
	snprintf(other, sizeof(other), "in/d/tmp");
	snprintf(m->says[i], sizeof(m->says[i]), "again %d", m->step);
	if (m->is[i] == 'f')
		put_text(other, m->says[i]);
	else
		ASSERT_OK(symlink(m->says[i], other));
	ASSERT_OK(rename(other, path));
}

static void move_one(struct names *m, int i, const char *path)
{
	int j = rnd(&m->seed) % NAMES, by = rnd(&m->seed) % 2;
	const char *to = path_of(m, !by, j);

	/* the mounts differ: rename(2) takes the same one only */
	path = path_of(m, !by, i);
	/* two links of one file: nothing happens */
	if (i == j || (m->is[i] == 'f' && m->is[j] == 'f' &&
		       strcmp(m->says[i], m->says[j]) == 0)) {
		ASSERT_OK(rename(path, to));
		return;
	}
	if (m->is[j] != 0 && (m->is[j] == 'd') != (m->is[i] == 'd')) {
		ASSERT(rename(path, to) < 0);
		return;
	}
	ASSERT_OK(rename(path, to));
	m->is[j] = m->is[i];
	memcpy(m->says[j], m->says[i], sizeof(m->says[j]));
	m->is[i] = 0;
}

static void link_one(struct names *m, int i, const char *path)
{
	int j = rnd(&m->seed) % NAMES;

	path = path_of(m, 1, i);
	if (m->is[i] != 'f' || m->is[j] != 0)
		return;
	ASSERT_OK(link(path, path_of(m, 1, j)));
	m->is[j] = 'f';
	memcpy(m->says[j], m->says[i], sizeof(m->says[j]));
}

static void names_step(struct names *m)
{
	int i = rnd(&m->seed) % NAMES;
	const char *path = path_of(m, rnd(&m->seed) % 2, i);

	m->step++;
	if (m->is[i] == 0) {
		make_one(m, i, path);
		return;
	}
	switch (rnd(&m->seed) % 4) {
	case 0:
		remove_one(m, i, path);
		break;
	case 1:
		replace_one(m, i, path_of(m, 0, i));
		break;
	case 2:
		move_one(m, i, path);
		break;
	case 3:
		link_one(m, i, path);
		break;
	}
}

static void expect_name(const struct names *m, const char *path, int i)
{
	char buf[64] = "";
	struct stat st;

	if (m->is[i] == 0) {
		ASSERT_ERR(ENOENT, lstat(path, &st));
		ASSERT_ERR(ENOENT, try_open(path, O_RDONLY));
		return;
	}
	ASSERT_OK(lstat(path, &st));
	ASSERT_EQ(S_ISDIR(st.st_mode), m->is[i] == 'd');
	ASSERT_EQ(S_ISLNK(st.st_mode), m->is[i] == 'l');
	if (m->is[i] == 'f')
		expect_text(path, m->says[i]);
	if (m->is[i] != 'l')
		return;
	ASSERT_OK(readlink(path, buf, sizeof(buf) - 1));
	ASSERT(!strcmp(buf, m->says[i]));
}

static void expect_list(const struct names *m, DIR *d)
{
	char seen[NAMES] = "";
	struct dirent *de;
	int i;

	rewinddir(d);
	while ((de = readdir(d)) != NULL)
		if (sscanf(de->d_name, "n%d", &i) == 1) {
			ASSERT(i < NAMES && seen[i] == 0);
			seen[i] = de->d_type == DT_DIR ? 'd' :
				  de->d_type == DT_LNK ? 'l' : 'f';
		}
	for (i = 0; i < NAMES; i++)
		ASSERT_EQ(seen[i], m->is[i]);
}

static void names_check(const struct names *m)
{
	DIR *d = opendir("bind");
	int i, by;

	ASSERT(d != NULL);
	expect_list(m, d);
	closedir(d);
	/* read before: the kernel has it */
	expect_list(m, m->open);
	for (i = 0; i < NAMES; i++)
		for (by = 0; by < 2; by++)
			expect_name(m, path_of(m, by, i), i);
}

CASE_EACH(twice_names_agree, 4, seed_name)
{
	struct names m = { .seed = suite_param() * 7919 + 3 };
	int i;

	make_twice("in", "bind");
	make_dir("in/d", 0755);
	m.open = opendir("in");
	ASSERT(m.open != NULL);
	for (i = 0; i < STEPS; i++) {
		names_step(&m);
		names_check(&m);
	}
	closedir(m.open);
}

/* ---- data ---- */

enum { MAX = 192 << 10, ALIGN = 4096 };
enum { BY_READ_WRITE, BY_OTHER_PATH, BY_DIRECT, BY_APPEND, N_BY };

struct data {
	int fd[N_BY];
	int src;
	char *map;		/* NULL: there are none here */
	char *bytes;		/* what the file holds */
	char *buf;		/* aligned */
	off_t size;
	uint64_t seed;
};

static const struct {
	const char *path;
	int flags;
} ways[N_BY] = {
	[BY_READ_WRITE] = { "in/f", O_RDWR },
	[BY_OTHER_PATH] = { "bind/f", O_RDWR },
	[BY_DIRECT] = { "bind/f", O_RDWR | O_DIRECT },
	[BY_APPEND] = { "in/f", O_RDWR | O_APPEND },
};

static void data_open(struct data *m, int by)
{
	m->fd[by] = open(ways[by].path, ways[by].flags);
	if (m->fd[by] < 0 && by == BY_DIRECT)
		UNSUPPORTED("direct-io");
	ASSERT_OK(m->fd[by]);
}

static off_t pick(struct data *m, off_t below)
{
	return below > 0 ? (off_t)(rnd(&m->seed) % (uint64_t)below) : 0;
}

static void grow(struct data *m, off_t to)
{
	if (to > m->size)
		m->size = to;
}

static void put(struct data *m, int by, off_t off, size_t len)
{
	fill_pattern(m->buf, len, rnd(&m->seed));
	write_all(m->fd[by], m->buf, len, off);
	memcpy(m->bytes + off, m->buf, len);
	grow(m, off + (off_t)len);
}

static void step_write(struct data *m)
{
	off_t off = pick(m, MAX - 30000);

	put(m, (int)pick(m, 2), off, 1 + (size_t)pick(m, 30000));
}

static void step_direct(struct data *m)
{
	off_t off = pick(m, MAX / ALIGN - 4) * ALIGN;

	put(m, BY_DIRECT, off, (size_t)(1 + pick(m, 4)) * ALIGN);
}

static void step_append(struct data *m)
{
	size_t len = 1 + (size_t)pick(m, 3000);

	if (m->size + (off_t)len > MAX)
		return;
	fill_pattern(m->buf, len, rnd(&m->seed));
	ASSERT_EQ(write(m->fd[BY_APPEND], m->buf, len), len);
	memcpy(m->bytes + m->size, m->buf, len);
	m->size += (off_t)len;
}

static void step_store(struct data *m)
{
	off_t off = pick(m, m->size);
	size_t len = (size_t)pick(m, m->size - off);

	if (m->map == NULL || m->size == 0)
		return;
	fill_pattern(m->buf, len, rnd(&m->seed));
	memcpy(m->map + off, m->buf, len);
	memcpy(m->bytes + off, m->buf, len);
}

static void step_truncate(struct data *m)
{
	off_t to = pick(m, MAX);

	if (pick(m, 2))
		ASSERT_OK(truncate("bind/f", to));
	else
		ASSERT_OK(ftruncate(m->fd[BY_READ_WRITE], to));
	if (to < m->size)
		memset(m->bytes + to, 0, (size_t)(m->size - to));
	m->size = to;
}

static void step_zero(struct data *m)
{
	off_t off = pick(m, MAX / 2), len = 1 + pick(m, MAX / 2);
	int mode = pick(m, 2) ? FALLOC_FL_ZERO_RANGE :
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	if (fallocate(m->fd[pick(m, 2)], mode, off, len)) {
		ASSERT_EQ(errno, EOPNOTSUPP);
		return;
	}
	memset(m->bytes + off, 0, (size_t)len);
	if (mode == FALLOC_FL_ZERO_RANGE)
		grow(m, off + len);
}

static void step_copy(struct data *m)
{
	off_t from = pick(m, MAX / 2), to = pick(m, MAX / 2);
	off_t len = 1 + pick(m, MAX / 2 - 1), off_in = from, off_out = to;

	fill_pattern(m->buf, MAX, rnd(&m->seed));
	write_all(m->src, m->buf, MAX, 0);
	while (off_out < to + len)
		ASSERT(copy_file_range(m->src, &off_in, m->fd[pick(m, 2)],
				       &off_out, (size_t)(to + len - off_out),
				       0) > 0);
	memcpy(m->bytes + to, m->buf + from, (size_t)len);
	grow(m, to + len);
}

/* By a new opener the kernel's pages are as good as they were. */
static void step_reopen(struct data *m)
{
	int by = (int)pick(m, N_BY);

	ASSERT_OK(close(m->fd[by]));
	data_open(m, by);
}

static void (*const data_steps[])(struct data *m) = {
	step_write, step_write, step_direct, step_append, step_store,
	step_store, step_truncate, step_zero, step_copy, step_reopen,
};

static void data_check(struct data *m)
{
	size_t off, len;
	int i;

	for (i = 0; i < N_BY; i++)
		ASSERT_EQ(fst(m->fd[i]).st_size, m->size);
	for (i = 0; i < N_BY; i++) {
		memset(m->buf, 1, MAX);
		ASSERT_EQ(pread(m->fd[i], m->buf, MAX, 0), m->size);
		if (memcmp(m->buf, m->bytes, (size_t)m->size) == 0)
			continue;
		for (off = 0; m->buf[off] == m->bytes[off]; off++)
			;
		suite_fail(__FILE__, __LINE__, "%d reads another byte at %zu",
			   i, off);
	}
	len = m->map != NULL ? (size_t)m->size : 0;
	for (off = 0; off < len; off++)
		if (m->map[off] != m->bytes[off])
			suite_fail(__FILE__, __LINE__,
				   "another byte is mapped at %zu", off);
}

static void data_init(struct data *m)
{
	int i;

	make_twice("in", "bind");
	make_file("in/f", 0644);
	for (i = 0; i < N_BY; i++)
		data_open(m, i);
	m->src = open_new("in/src");
	m->bytes = calloc(1, MAX);
	m->buf = aligned_alloc(ALIGN, MAX);
	m->map = mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_SHARED,
		      m->fd[BY_READ_WRITE], 0);
	if (m->map == MAP_FAILED) {
		if (!suite_lacks("shared-mmap"))
			UNSUPPORTED("shared-mmap");
		m->map = NULL;
	}
}

CASE_EACH(twice_data_agrees, 6, seed_name)
{
	struct data m = { .seed = suite_param() * 104729 + 5 };
	int i, n = sizeof(data_steps) / sizeof(data_steps[0]);

	data_init(&m);
	for (i = 0; i < 300; i++) {
		data_steps[pick(&m, n)](&m);
		data_check(&m);
	}
}
