/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t_mmap.c - mapped files, shared and private, and programs run from the
 * filesystem.
 */
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "suite.h"
#include "util.h"

#define PAGE 4096

static char *map_shared(int fd, size_t len, int prot)
{
	char *p = mmap(NULL, len, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED && errno == ENODEV)
		UNSUPPORTED("shared-mmap");
	ASSERT(p != MAP_FAILED);
	return p;
}

static char *map_rw(int fd, size_t len)
{
	return map_shared(fd, len, PROT_READ | PROT_WRITE);
}

static int open_sized(size_t len)
{
	int fd = open_new("f");

	ASSERT_OK(ftruncate(fd, len));
	return fd;
}

CASE(mmap_shared_store_is_read)
{
	int fd = open_sized(3 * PAGE);
	char *p = map_rw(fd, 3 * PAGE), buf[8];

	memcpy(p + PAGE - 2, "across", 6);
	read_all(fd, buf, 6, PAGE - 2);
	ASSERT(!memcmp(buf, "across", 6));
}

CASE(mmap_shared_sees_writes)
{
	int fd = open_sized(2 * PAGE), i;
	char *p = map_rw(fd, 2 * PAGE), c;

	for (i = 0; i < 200; i++) {
		c = 'a' + i % 26;
		write_all(fd, &c, 1, i * 40);
		ASSERT_EQ(p[i * 40], c);
		p[i * 40 + 1] = c + 1;
		read_all(fd, &c, 1, i * 40 + 1);
		ASSERT_EQ(c, 'a' + i % 26 + 1);
	}
}

CASE(mmap_shared_store_lasts)
{
	int fd = open_sized(50 * PAGE), i;
	char *p = map_rw(fd, 50 * PAGE), c;

	for (i = 0; i < 50; i += 2)
		p[i * PAGE + i] = i + 1;
	ASSERT_OK(msync(p, 50 * PAGE, MS_SYNC));
	ASSERT_OK(munmap(p, 50 * PAGE));
	ASSERT_OK(close(fd));
	drop_caches();
	fd = ASSERT_OK(open("f", O_RDONLY));
	for (i = 0; i < 50; i++) {
		read_all(fd, &c, 1, i * PAGE + i);
		ASSERT_EQ(c, i % 2 ? 0 : i + 1);
	}
	/* the holes between them stayed holes, or were filled with zeros */
	ASSERT(lst("f").st_blocks * 512 >= 25 * (long)fs_bsize());
}

CASE(mmap_shared_by_two_processes)
{
	int fd = open_sized(PAGE), status;
	volatile int *p = (volatile int *)map_rw(fd, PAGE);
	pid_t pid = ASSERT_OK(fork());
	int i;

	/* they count in turn */
	for (i = 0; i < 100; i++) {
		while (p[0] % 2 != !pid)
			usleep(10);
		p[0]++;
	}
	if (!pid)
		_exit(0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(p[0], 200);
}

CASE(mmap_shared_read_only_sees_writes)
{
	int fd = open_sized(PAGE), ro;
	char *p;

	ro = ASSERT_OK(open("f", O_RDONLY));
	p = map_shared(ro, PAGE, PROT_READ);
	ASSERT_EQ(p[5], 0);
	write_all(fd, "text", 4, 5);
	ASSERT(!memcmp(p + 5, "text", 4));
	ASSERT(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, ro, 0) ==
	       MAP_FAILED);
	ASSERT_EQ(errno, EACCES);
}

CASE(mmap_private_keeps_its_stores)
{
	int fd = open_sized(PAGE);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	ASSERT(p != MAP_FAILED);
	memcpy(p, "mine", 4);
	expect_zeros(fd, PAGE, 0);
	write_all(fd, "file", 4, 0);
	ASSERT(!memcmp(p, "mine", 4));
}

CASE(mmap_last_page_ends_in_zeros)
{
	int fd = open_new("f");
	char *p;
	int i;

	write_all(fd, "text", 4, 0);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT(p != MAP_FAILED);
	for (i = 4; i < PAGE; i++)
		ASSERT_EQ(p[i], 0);
}

/* Stores behind the end of the file never become part of it. */
CASE(mmap_store_behind_the_end_is_lost)
{
	int fd = open_sized(100);
	char *p = map_rw(fd, PAGE);

	memset(p, 'x', PAGE);
	ASSERT_OK(msync(p, PAGE, MS_SYNC));
	ASSERT_EQ(fst(fd).st_size, 100);
	ASSERT_OK(munmap(p, PAGE));
	drop_caches();
	ASSERT_OK(ftruncate(fd, PAGE));
	expect_zeros(fd, PAGE - 100, 100);
}

static sigjmp_buf jump;

static void on_sigbus(int sig)
{
	siglongjmp(jump, sig);
}

/* Does a load of *@p end in SIGBUS? */
static bool faults(volatile char *p)
{
	struct sigaction sa = { .sa_handler = on_sigbus };

	ASSERT_OK(sigaction(SIGBUS, &sa, NULL));
	if (sigsetjmp(jump, 1))
		return true;
	(void)*p;
	return false;
}

CASE(mmap_page_behind_the_end_is_sigbus)
{
	int fd = open_sized(PAGE + 1);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	ASSERT(p != MAP_FAILED);
	ASSERT(!faults(p + PAGE));
	ASSERT(faults(p + 2 * PAGE));
	ASSERT_OK(ftruncate(fd, 3 * PAGE));
	ASSERT(!faults(p + 2 * PAGE));
	ASSERT(faults(p + 3 * PAGE));
	ASSERT_OK(ftruncate(fd, 10));
	ASSERT(faults(p + PAGE));
	ASSERT(!faults(p));
}

CASE(mmap_cut_and_grown_shows_zeros)
{
	int fd = open_sized(2 * PAGE);
	char *p = map_rw(fd, 2 * PAGE);
	int i;

	memset(p, 'x', 2 * PAGE);
	ASSERT_OK(ftruncate(fd, 100));
	ASSERT_OK(ftruncate(fd, 2 * PAGE));
	for (i = 100; i < 2 * PAGE; i++)
		ASSERT_EQ(p[i], 0);
	ASSERT_EQ(p[99], 'x');
}

CASE(mmap_sees_a_punched_hole)
{
	int fd = open_sized(4 * PAGE);
	char *p = map_rw(fd, 4 * PAGE);

	memset(p, 'x', 4 * PAGE);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      PAGE + 10, 2 * PAGE)) {
		ASSERT_EQ(errno, EOPNOTSUPP);
		UNSUPPORTED("punch-hole");
	}
	ASSERT_EQ(p[PAGE + 9], 'x');
	ASSERT_EQ(p[PAGE + 10], 0);
	ASSERT_EQ(p[3 * PAGE + 9], 0);
	ASSERT_EQ(p[3 * PAGE + 10], 'x');
	p[2 * PAGE] = 'y';
	ASSERT_OK(msync(p, 4 * PAGE, MS_SYNC));
	drop_caches();
	ASSERT_EQ(p[2 * PAGE], 'y');
}

CASE(mmap_store_changes_times)
{
	int fd = open_sized(PAGE);
	char *p = map_rw(fd, PAGE);
	struct stat st;

	st = fst(fd);
	tick();
	p[0] = 'x';
	ASSERT_OK(msync(p, PAGE, MS_SYNC));
	ASSERT(ts_before(st.st_mtim, fst(fd).st_mtim));
}

CASE(mmap_file_stays_after_close_and_unlink)
{
	int fd = open_sized(PAGE);
	char *p = map_rw(fd, PAGE);

	ASSERT_OK(close(fd));
	ASSERT_OK(unlink("f"));
	memcpy(p, "still", 5);
	ASSERT_OK(msync(p, PAGE, MS_SYNC));
	drop_caches();
	ASSERT(!memcmp(p, "still", 5));
}

CASE(mmap_write_from_own_mapping)
{
	int fd = open_sized(4 * PAGE), other;
	char *p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	ASSERT(p != MAP_FAILED);
	write_all(fd, "abcdef", 6, 0);
	/* the buffer of a write is a page of the file itself */
	write_all(fd, p, PAGE, 2 * PAGE);
	ASSERT(!memcmp(p + 2 * PAGE, "abcdef", 6));
	other = open_new("g");
	write_all(other, p, 4 * PAGE, 1);
	read_all(other, (char[6]){ 0 }, 6, 1);
	ASSERT_EQ(fst(other).st_size, 4 * PAGE + 1);
}

CASE(mmap_whole_file_of_4_mib)
{
	size_t len = 4 << 20, i;
	int fd = open_sized(len);
	char *p = map_rw(fd, len), *got = malloc(len);
	uint64_t seed = 1;

	for (i = 0; i < len; i += 1 + rnd(&seed) % 5000)
		p[i] = i % 251;
	ASSERT_OK(msync(p, len, MS_SYNC));
	read_all(fd, got, len, 0);
	ASSERT(!memcmp(p, got, len));
	ASSERT_OK(munmap(p, len));
	drop_caches();
	memset(got, 1, len);
	read_all(fd, got, len, 0);
	seed = 1;
	for (i = 0; i < len; i += 1 + rnd(&seed) % 5000)
		ASSERT_EQ((unsigned char)got[i], i % 251);
}

static void copy_in(const char *from, const char *to)
{
	char buf[65536];
	int in = ASSERT_OK(open(from, O_RDONLY)), out = open_new(to);
	ssize_t n;

	while ((n = ASSERT_OK(read(in, buf, sizeof(buf)))))
		ASSERT_EQ(write(out, buf, n), n);
	ASSERT_OK(fchmod(out, 0755));
	ASSERT_OK(close(out));
}

static int run(const char *cmd)
{
	int status = system(cmd);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

CASE(exec_a_program)
{
	copy_in("/bin/true", "yes");
	copy_in("/bin/false", "no");
	ASSERT_EQ(run("./yes"), 0);
	ASSERT_EQ(run("./no"), 1);
	drop_caches();
	ASSERT_EQ(run("./yes"), 0);
}

CASE(exec_a_script)
{
	put_text("script", "#!/bin/sh\nexit 42\n");
	ASSERT_OK(chmod("script", 0755));
	ASSERT_EQ(run("./script"), 42);
	ASSERT_OK(chmod("script", 0644));
	/* nobody may run what has no x bit, root neither */
	ASSERT_ERR(EACCES, execl("./script", "script", NULL));
}

CASE(exec_busy_etxtbsy)
{
	int fd, status, p[2];
	pid_t pid;
	char c;

	copy_in("/bin/sleep", "nap");
	ASSERT_OK(pipe2(p, O_CLOEXEC));
	pid = ASSERT_OK(fork());
	if (!pid) {
		execl("./nap", "nap", "30", NULL);
		_exit(1);
	}
	close(p[1]);
	/* closed by the exec */
	ASSERT_EQ(read(p[0], &c, 1), 0);
	ASSERT_ERR(ETXTBSY, try_open("nap", O_WRONLY));
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	fd = ASSERT_OK(open("nap", O_WRONLY));
	ASSERT_ERR(ETXTBSY, execl("./nap", "nap", "0", NULL));
	close(fd);
}

CASE(exec_set_user_id)
{
	char self[PATH_MAX], line[64] = "";
	ssize_t n;
	FILE *f;

	n = ASSERT_OK(readlink("/proc/self/exe", self, sizeof(self) - 1));
	self[n] = '\0';
	copy_in(self, "prog");
	ASSERT_OK(chown("prog", USER_A, GROUP_B));
	ASSERT_OK(chmod("prog", 06755));
	f = popen("./prog --print-euid", "r");
	ASSERT(f && fgets(line, sizeof(line), f));
	if (!strcmp(line, "0 0\n"))
		suite_skip("mounted nosuid");
	ASSERT(!strcmp(line, "20001 20002\n"));
}
