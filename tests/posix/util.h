/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util.h - what several groups of cases need: files with known content, other
 * users, clocks, the page cache.
 *
 * Every function ends the case by itself when it fails, unless it says what
 * it returns on an error.
 */
#ifndef DXF_POSIX_UTIL_H
#define DXF_POSIX_UTIL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Users and groups without a name anywhere; USER_A's group is GROUP_A. */
enum {
	USER_A = 20001,
	USER_B = 20002,
	GROUP_A = 20001,
	GROUP_B = 20002,
	GROUP_EXTRA = 20003,
};

/* Effective ids, no supplementary groups; back to root. */
void as_user(uid_t uid, gid_t gid);
void as_user_with_group(uid_t uid, gid_t gid, gid_t extra);
void as_root(void);
/* One call as somebody else; errno is kept. */
#define AS_USER(uid, gid, call)						\
	({								\
		long long v_;						\
		int e_;							\
									\
		as_user(uid, gid);					\
		v_ = (call);						\
		e_ = errno;						\
		as_root();						\
		errno = e_;						\
		v_;							\
	})
#define AS_A(call) AS_USER(USER_A, GROUP_A, call)
#define AS_B(call) AS_USER(USER_B, GROUP_B, call)

/* An empty file of exactly @mode. */
void make_file(const char *path, mode_t mode);
void make_dir(const char *path, mode_t mode);
/* The same, owned by @uid and @gid. */
void make_file_of(const char *path, mode_t mode, uid_t uid, gid_t gid);
void make_dir_of(const char *path, mode_t mode, uid_t uid, gid_t gid);
/* A file with @text. */
void put_text(const char *path, const char *text);
/* Assert that a file holds @text and nothing else. */
void expect_text(const char *path, const char *text);
/* An open file (O_RDWR, created). */
int open_new(const char *path);
/* All of @len, or the case fails. */
void write_all(int fd, const void *buf, size_t len, off_t off);
void read_all(int fd, void *buf, size_t len, off_t off);
/* Bytes that are a function of @seed and the position. */
void fill_pattern(void *buf, size_t len, uint64_t seed);
/* Assert @len bytes of zero at @off. */
void expect_zeros(int fd, size_t len, off_t off);
/* open() and close(): 0 or -1 with errno. */
int try_open(const char *path, int flags);
int try_creat(const char *path, mode_t mode);

/* lstat, fstat. */
struct stat lst(const char *path);
struct stat fst(int fd);
bool exists(const char *path);
/* The block size of the filesystem under the working directory. */
size_t fs_bsize(void);
struct statvfs fs_stat(void);

/* The permission bits, 07777. */
#define MODE_OF(path) (lst(path).st_mode & 07777)

bool ts_before(struct timespec a, struct timespec b);
bool ts_equal(struct timespec a, struct timespec b);
/* Wait until a time that the filesystem takes now differs from before. */
void tick(void);
/* Write back and forget: the next access comes from the filesystem. */
void drop_caches(void);

/* Which of the times a call must change. */
enum { T_A = 1, T_M = 2, T_C = 4 };
/*
 * Times of an object before and after a call: snap, do it, then assert that
 * exactly @changed of mtime and ctime (and atime if T_A) moved forward.
 */
struct times {
	const char *path;
	struct stat st;
};
struct times times_snap(const char *path);
void times_changed(const char *file, int line, const struct times *t,
		   int changed);
#define TIMES_CHANGED(t, what) times_changed(__FILE__, __LINE__, t, what)

/* A repeatable random number (xorshift); seed with suite_seed. */
uint64_t rnd(uint64_t *state);

/* Remove @path and all below it, flags notwithstanding.  0, -1 and errno. */
int remove_tree(int dirfd, const char *path);

/* FS_IOC_GETFLAGS, FS_IOC_SETFLAGS by path: 0, -1 and errno. */
int get_flags(const char *path, int *flags);
int set_flags(const char *path, int flags);

/*
 * A new directory @dir, and the same by a bind mount as @other - in a mount
 * namespace of this case.
 */
void make_twice(const char *dir, const char *other);

/* How many names readdir shows ("." and ".." not counted). */
int count_names(const char *path);

#endif
