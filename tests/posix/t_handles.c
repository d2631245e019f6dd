/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_handles.c - file handles as NFS uses them, and locks.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#include "suite.h"
#include "util.h"

struct handle {
	struct file_handle fh;
	unsigned char bytes[128];
};

static struct handle handle_of(const char *path)
{
	struct handle h = { .fh.handle_bytes = sizeof(h.bytes) };
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, path, &h.fh, &mount_id, 0)) {
		ASSERT_EQ(errno, EOPNOTSUPP);
		UNSUPPORTED("handles");
	}
	return h;
}

static int open_handle(struct handle *h, int flags)
{
	int dir = ASSERT_OK(open(".", O_RDONLY | O_DIRECTORY)), fd, e;

	fd = open_by_handle_at(dir, &h->fh, flags);
	e = errno;
	ASSERT_OK(close(dir));
	errno = e;
	return fd;
}

static void handle_text(struct handle *h, const char *text)
{
	char buf[64] = "";
	int fd = ASSERT_OK(open_handle(h, O_RDONLY));

	ASSERT_OK(read(fd, buf, sizeof(buf) - 1));
	ASSERT(!strcmp(buf, text));
	ASSERT_OK(close(fd));
}

CASE(handle_opens_the_file)
{
	struct handle h;
	struct stat st;
	int fd;

	put_text("f", "text");
	h = handle_of("f");
	handle_text(&h, "text");
	fd = ASSERT_OK(open_handle(&h, O_RDWR));
	st = fst(fd);
	ASSERT_EQ(st.st_ino, lst("f").st_ino);
	write_all(fd, "T", 1, 0);
	expect_text("f", "Text");
}

CASE(handle_survives_drop_caches)
{
	struct handle h, d;

	make_dir("d", 0755);
	put_text("d/f", "text");
	h = handle_of("d/f");
	d = handle_of("d");
	drop_caches();
	handle_text(&h, "text");
	drop_caches();
	ASSERT_OK(open_handle(&d, O_RDONLY | O_DIRECTORY));
	drop_caches();
	handle_text(&h, "text");
}

CASE(handle_survives_rename)
{
	struct handle h;

	put_text("f", "text");
	h = handle_of("f");
	make_dir("d", 0755);
	ASSERT_OK(rename("f", "d/g"));
	drop_caches();
	handle_text(&h, "text");
}

CASE(handle_of_directory_leads_to_its_files)
{
	struct handle h;
	int fd;

	make_dir("d", 0755);
	make_dir("d/e", 0755);
	put_text("d/e/f", "text");
	h = handle_of("d/e");
	drop_caches();
	fd = ASSERT_OK(open_handle(&h, O_RDONLY | O_DIRECTORY));
	ASSERT_OK(faccessat(fd, "f", R_OK, 0));
	ASSERT_OK(faccessat(fd, "..", R_OK, 0));
	ASSERT_OK(mkdirat(fd, "new", 0755));
	ASSERT(exists("d/e/new"));
}

CASE(handle_of_removed_file_estale)
{
	struct handle h;

	put_text("f", "text");
	h = handle_of("f");
	ASSERT_OK(unlink("f"));
	drop_caches();
	ASSERT_ERR(ESTALE, open_handle(&h, O_RDONLY));
}

CASE(handle_of_removed_directory_estale)
{
	struct handle h;

	make_dir("d", 0755);
	h = handle_of("d");
	ASSERT_OK(rmdir("d"));
	drop_caches();
	ASSERT_ERR(ESTALE, open_handle(&h, O_RDONLY | O_DIRECTORY));
}

/* The same inode number again is another file. */
CASE(handle_of_reused_inode_estale)
{
	struct handle h;
	char name[16];
	ino_t ino;
	int i;

	put_text("f", "text");
	h = handle_of("f");
	ino = lst("f").st_ino;
	ASSERT_OK(unlink("f"));
	drop_caches();
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		put_text(name, "other");
		if (lst(name).st_ino == ino)
			break;
	}
	ASSERT_ERR(ESTALE, open_handle(&h, O_RDONLY));
	drop_caches();
	ASSERT_ERR(ESTALE, open_handle(&h, O_RDONLY));
}

CASE(handle_with_one_name_left)
{
	struct handle h;

	put_text("f", "text");
	ASSERT_OK(link("f", "g"));
	h = handle_of("f");
	ASSERT_OK(unlink("f"));
	drop_caches();
	handle_text(&h, "text");
	ASSERT_OK(unlink("g"));
	drop_caches();
	ASSERT_ERR(ESTALE, open_handle(&h, O_RDONLY));
}

CASE(handle_of_nonsense_estale)
{
	struct handle h, bad;
	unsigned int i;

	put_text("f", "text");
	h = handle_of("f");
	for (i = 0; i < h.fh.handle_bytes; i++) {
		int fd;

		bad = h;
		bad.bytes[i] ^= 0x5a;
		fd = open_handle(&bad, O_RDONLY);
		/* another file's handle it may be, but never ours */
		if (fd >= 0) {
			if (fst(fd).st_ino == lst("f").st_ino)
				suite_fail(__FILE__, __LINE__,
					   "opened with byte %u of %u wrong",
					   i, h.fh.handle_bytes);
			ASSERT_OK(close(fd));
			continue;
		}
		ASSERT(errno == ESTALE || errno == EISDIR);
	}
	handle_text(&h, "text");
}

static struct flock whole(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

static void child_cannot_lock(void *arg)
{
	int fd = ASSERT_OK(open("f", O_RDWR));
	struct flock fl = whole(F_WRLCK);

	ASSERT(fcntl(fd, F_SETLK, &fl) < 0);
	ASSERT(errno == EAGAIN || errno == EACCES);
	ASSERT_OK(fcntl(fd, F_GETLK, &fl));
	ASSERT_EQ(fl.l_type, F_WRLCK);
	ASSERT_EQ(fl.l_pid, getppid());
}

static void child_can_lock(void *arg)
{
	int fd = ASSERT_OK(open("f", O_RDWR));
	struct flock fl = whole(F_WRLCK);

	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
}

CASE(lock_of_fcntl_excludes)
{
	int fd = open_new("f");
	struct flock fl = whole(F_WRLCK);

	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
	suite_join(suite_spawn(child_cannot_lock, NULL));
	fl.l_type = F_UNLCK;
	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
	suite_join(suite_spawn(child_can_lock, NULL));
}

CASE(lock_of_fcntl_ends_with_any_close)
{
	int fd = open_new("f"), other = ASSERT_OK(open("f", O_RDONLY));
	struct flock fl = whole(F_WRLCK);

	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
	ASSERT_OK(close(other));
	suite_join(suite_spawn(child_can_lock, NULL));
}

CASE(lock_of_fcntl_by_range)
{
	int fd = open_new("f"), pid;
	struct flock fl = { .l_type = F_WRLCK, .l_start = 0, .l_len = 100 };

	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
	pid = ASSERT_OK(fork());
	if (!pid) {
		int c = ASSERT_OK(open("f", O_RDWR));

		fl.l_start = 100;
		ASSERT_OK(fcntl(c, F_SETLK, &fl));
		fl.l_start = 99;
		fl.l_len = 1;
		ASSERT(fcntl(c, F_SETLK, &fl) < 0);
		_exit(0);
	}
	suite_join(pid);
}

static void child_waits(void *arg)
{
	int fd = ASSERT_OK(open("f", O_RDWR));
	struct flock fl = whole(F_WRLCK);

	ASSERT_OK(fcntl(fd, F_SETLKW, &fl));
	write_all(fd, "child", 5, 0);
}

CASE(lock_of_fcntl_waits)
{
	int fd = open_new("f"), pid;
	struct flock fl = whole(F_WRLCK);

	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
	pid = suite_spawn(child_waits, NULL);
	usleep(50000);
	ASSERT_EQ(fst(fd).st_size, 0);
	fl.l_type = F_UNLCK;
	ASSERT_OK(fcntl(fd, F_SETLK, &fl));
	suite_join(pid);
	expect_text("f", "child");
}

CASE(lock_of_open_file_description)
{
	int a = open_new("f"), b = ASSERT_OK(open("f", O_RDWR));
	struct flock fl = whole(F_WRLCK);

	ASSERT_OK(fcntl(a, F_OFD_SETLK, &fl));
	ASSERT_ERR(EAGAIN, fcntl(b, F_OFD_SETLK, &fl));
	ASSERT_OK(close(a));
	ASSERT_OK(fcntl(b, F_OFD_SETLK, &fl));
}

CASE(lock_of_flock_excludes)
{
	int a = open_new("f"), b = ASSERT_OK(open("f", O_RDONLY));

	ASSERT_OK(flock(a, LOCK_SH));
	ASSERT_OK(flock(b, LOCK_SH | LOCK_NB));
	ASSERT_ERR(EWOULDBLOCK, flock(a, LOCK_EX | LOCK_NB));
	ASSERT_OK(flock(b, LOCK_UN));
	ASSERT_OK(flock(a, LOCK_EX | LOCK_NB));
	ASSERT_ERR(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
	ASSERT_OK(close(a));
	ASSERT_OK(flock(b, LOCK_EX | LOCK_NB));
}

static void take_and_die(void *arg)
{
	int fd = ASSERT_OK(open("f", O_RDWR));

	ASSERT_OK(flock(fd, LOCK_EX));
}

CASE(lock_of_flock_ends_with_the_process)
{
	int fd = open_new("f");

	suite_join(suite_spawn(take_and_die, NULL));
	ASSERT_OK(flock(fd, LOCK_EX | LOCK_NB));
}
