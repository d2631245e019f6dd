/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hammer.c - what one process of enospc_hammer does.
 *
 * It keeps a copy of every file's content; a byte is a function of the file's
 * seed at the time of the write, so the copy is what was last written there.
 * Files are small against the filesystem but many, so that the end of space
 * comes at every step of every operation.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "hammer.h"

enum { FILES = 60, MAX_SIZE = 1 << 20, DIRS = 40, LINKS = 60 };

/* What was done to a file lately, told when it is found wrong. */
enum { HISTORY = 24 };
struct past {
	const char *what;
	int64_t off, len, ret, size;
};

struct file {
	bool exists;
	unsigned int npast;
	struct past past[HISTORY];
	int64_t size;
	unsigned char *bytes;	/* MAX_SIZE, zero behind the size */
};

static struct file files[FILES];
static bool dirs[DIRS], links[LINKS];
static struct hammer *self;
static bool stopping;

static uint64_t rnd(void)
{
	uint64_t x = self->seed;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return self->seed = x;
}

__attribute__((noreturn, format(printf, 1, 2)))
static void wrong(const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	fprintf(stderr, "process %d: %s\n", self->id, buf);
	_exit(1);
}

/*
 * Count a call; @ret negative: errno must be ENOSPC.
 * Returns: did it work?
 */
static bool went(int64_t ret, const char *what, int nr)
{
	self->counts->ops++;
	if (ret >= 0)
		return true;
	if (errno != ENOSPC)
		wrong("%s %d: %s", what, nr, strerror(errno));
	self->counts->enospc++;
	return false;
}

static void note(int i, const char *what, int64_t off, int64_t len,
		 int64_t ret)
{
	struct file *f = &files[i];

	f->past[f->npast++ % HISTORY] = (struct past){
		what, off, len, ret, f->size
	};
}

static void tell_history(int i)
{
	const struct file *f = &files[i];
	unsigned int n = f->npast > HISTORY ? f->npast - HISTORY : 0;

	for (; n < f->npast; n++) {
		const struct past *p = &f->past[n % HISTORY];

		fprintf(stderr, "  %s %jd+%jd: %jd, size %jd\n", p->what,
			(intmax_t)p->off, (intmax_t)p->len, (intmax_t)p->ret,
			(intmax_t)p->size);
	}
}

static const char *name_of(char kind, int i)
{
	static char name[2][64];
	static int which;

	which = !which;
	/* long ones at times, so that directories grow too */
	snprintf(name[which], sizeof(name[which]), "%c%d%s", kind, i,
		 i % 3 ? "" : "-with-a-name-that-takes-its-place");
	return name[which];
}

/* ---- files ---- */

static int open_file(int i, int flags)
{
	int fd = open(name_of('f', i), O_RDWR | flags, 0644);

	if (!went(fd, "open", i))
		return -1;
	files[i].exists = true;
	return fd;
}

static void expect_size(int fd, int i, const char *after)
{
	struct stat st;

	if (fstat(fd, &st))
		wrong("fstat %d: %s", i, strerror(errno));
	if (st.st_size != files[i].size)
		wrong("file %d has %jd bytes, not %jd, after %s", i,
		      (intmax_t)st.st_size, (intmax_t)files[i].size, after);
}

static void check_file(int i)
{
	static unsigned char got[MAX_SIZE + 1];
	struct file *f = &files[i];
	int fd = open(name_of('f', i), O_RDONLY);
	ssize_t n;
	int64_t j;

	if (fd < 0)
		wrong("file %d is lost: %s", i, strerror(errno));
	expect_size(fd, i, "all");
	n = pread(fd, got, sizeof(got), 0);
	if (n != f->size)
		wrong("read %d: %zd of %jd", i, n, (intmax_t)f->size);
	if (n && memcmp(got, f->bytes, n)) {
		for (j = 0; got[j] == f->bytes[j]; j++)
			;
		tell_history(i);
		wrong("file %d of %zd: byte %jd is %u, not %u", i, n,
		      (intmax_t)j, got[j], f->bytes[j]);
	}
	close(fd);
	self->counts->ops++;
}

/* Bytes of @buf as they may be: what was written last, never zero. */
static void new_bytes(unsigned char *buf, int64_t len)
{
	uint64_t x = rnd() | 1;
	int64_t j;

	for (j = 0; j < len; j++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		buf[j] = (x >> 56) | 1;
	}
}

static void note_write(struct file *f, int64_t off, const void *buf,
		       int64_t n)
{
	memcpy(f->bytes + off, buf, n);
	if (off + n > f->size)
		f->size = off + n;
	self->counts->bytes += n;
}

/* One write somewhere, mostly at the end.  Returns: false at ENOSPC. */
static bool write_some(int fd, int i)
{
	static unsigned char buf[MAX_SIZE];
	struct file *f = &files[i];
	int64_t len = 1 + rnd() % (rnd() % 6 ? 20000 : 300000);
	int64_t off = rnd() % 3 ? f->size : (int64_t)(rnd() % MAX_SIZE);
	ssize_t n;

	if (off >= MAX_SIZE)
		off = rnd() % MAX_SIZE;
	if (len > MAX_SIZE - off)
		len = MAX_SIZE - off;
	new_bytes(buf, len);
	n = pwrite(fd, buf, len, off);
	note(i, "write", off, len, n);
	if (!went(n, "write", i)) {
		expect_size(fd, i, "a failed write");
		return false;
	}
	if (n == 0 || n > len)
		wrong("write %d: %zd of %jd", i, n, (intmax_t)len);
	note_write(f, off, buf, n);
	expect_size(fd, i, "a write");
	return true;
}

/* When there is no space: insist. */
static void do_write(int i)
{
	int fd = open_file(i, O_CREAT), tries = 6;

	if (fd < 0)
		return;
	while (tries-- && !write_some(fd, i))
		;
	if (rnd() % 8 == 0 && fsync(fd))
		wrong("fsync %d: %s", i, strerror(errno));
	close(fd);
}

static void do_truncate(int i)
{
	struct file *f = &files[i];
	int64_t size = rnd() % MAX_SIZE;

	if (!f->exists)
		return;
	if (rnd() % 2)
		size = f->size / 2;
	note(i, "truncate", size, 0, 0);
	if (!went(truncate(name_of('f', i), size), "truncate", i))
		return;
	if (size < f->size)
		memset(f->bytes + size, 0, f->size - size);
	f->size = size;
}

/* A failed fallocate may be done up to some block: the file may be longer. */
static void note_part(int fd, int i, int64_t most)
{
	struct stat st;

	if (fstat(fd, &st))
		wrong("fstat %d: %s", i, strerror(errno));
	if (st.st_size > files[i].size && st.st_size <= most)
		files[i].size = st.st_size;
}

static void do_fallocate(int i)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};
	int mode = modes[rnd() % 3], fd, ret;
	struct file *f = &files[i];
	int64_t off = rnd() % MAX_SIZE, len = 1 + rnd() % 100000;

	if (len > MAX_SIZE - off)
		len = MAX_SIZE - off;
	fd = open_file(i, O_CREAT);
	if (fd < 0)
		return;
	ret = fallocate(fd, mode, off, len);
	note(i, !mode ? "allocate" : mode & FALLOC_FL_PUNCH_HOLE ? "punch" :
	     "preallocate", off, len, ret);
	if (ret) {
		if (errno != EOPNOTSUPP)
			went(-1, "fallocate", i);
		if (!mode)
			note_part(fd, i, off + len);
		expect_size(fd, i, "a failed fallocate");
		close(fd);
		return;
	}
	if (mode & FALLOC_FL_PUNCH_HOLE)
		memset(f->bytes + off, 0, len);
	else if (!mode && off + len > f->size)
		f->size = off + len;
	expect_size(fd, i, "fallocate");
	self->counts->ops++;
	close(fd);
}

static void do_unlink(int i)
{
	struct file *f = &files[i];

	if (!f->exists)
		return;
	/* with no space at all this must still work */
	if (unlink(name_of('f', i)))
		wrong("unlink %d: %s", i, strerror(errno));
	self->counts->ops++;
	note(i, "unlink", 0, 0, 0);
	f->exists = false;
	memset(f->bytes, 0, MAX_SIZE);
	f->size = 0;
}

static void do_rename(int i)
{
	int j = rnd() % FILES;
	struct file t;

	if (!files[i].exists || i == j ||
	    !went(rename(name_of('f', i), name_of('f', j)), "rename", i))
		return;
	t = files[j];
	files[j] = files[i];
	t.exists = false;
	t.size = 0;
	memset(t.bytes, 0, MAX_SIZE);
	files[i] = t;
	note(j, "rename", 0, 0, 0);
}

static void do_xattr(int i)
{
	char value[600];
	int n = rnd() % sizeof(value);

	if (!files[i].exists)
		return;
	memset(value, i, n);
	if (setxattr(name_of('f', i), "user.hammer", value, n, 0) &&
	    errno != EOPNOTSUPP)
		went(-1, "setxattr", i);
}

/* ---- names ---- */

static void do_directory(void)
{
	int i = rnd() % DIRS;

	if (dirs[i]) {
		if (rmdir(name_of('d', i)))
			wrong("rmdir %d: %s", i, strerror(errno));
		self->counts->ops++;
		dirs[i] = false;
	} else {
		dirs[i] = went(mkdir(name_of('d', i), 0755), "mkdir", i);
	}
}

static void do_link(void)
{
	int i = rnd() % LINKS;
	char target[1000];

	if (links[i]) {
		if (unlink(name_of('l', i)))
			wrong("unlink link %d: %s", i, strerror(errno));
		self->counts->ops++;
		links[i] = false;
		return;
	}
	memset(target, 't', sizeof(target));
	target[1 + rnd() % 990] = '\0';
	links[i] = went(symlink(target, name_of('l', i)), "symlink", i);
}

static void step(void)
{
	int i = rnd() % FILES;

	switch (rnd() % 32) {
	case 0: do_unlink(i); break;
	case 1: do_truncate(i); break;
	case 2: case 3: do_fallocate(i); break;
	case 4: do_rename(i); break;
	case 5: case 6: do_xattr(i); break;
	case 7: case 8: do_directory(); break;
	case 9: case 10: do_link(); break;
	case 11:
		if (files[i].exists)
			check_file(i);
		break;
	default: do_write(i);
	}
}

static void check_all(void)
{
	int i;

	for (i = 0; i < FILES; i++) {
		if (files[i].exists)
			check_file(i);
		else if (!access(name_of('f', i), F_OK))
			wrong("file %d is back", i);
	}
}

static void remove_all(void)
{
	int i;

	for (i = 0; i < FILES; i++)
		do_unlink(i);
	for (i = 0; i < DIRS; i++) {
		if (dirs[i] && rmdir(name_of('d', i)))
			wrong("rmdir %d: %s", i, strerror(errno));
	}
	for (i = 0; i < LINKS; i++) {
		if (links[i] && unlink(name_of('l', i)))
			wrong("unlink %d: %s", i, strerror(errno));
	}
}

int hammer_run(struct hammer *h)
{
	struct timespec ts;
	int i;

	self = h;
	for (i = 0; i < FILES; i++) {
		files[i].bytes = calloc(1, MAX_SIZE);
		if (!files[i].bytes)
			wrong("no memory");
	}
	for (i = 0; !stopping; i++) {
		step();
		clock_gettime(CLOCK_MONOTONIC, &ts);
		stopping = ts.tv_sec >= h->end;
		if (i % 5000 == 4999)
			check_all();
	}
	check_all();
	remove_all();
	h->counts->done = true;
	return 0;
}
