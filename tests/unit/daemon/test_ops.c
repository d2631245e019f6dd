/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ops.c - requests as the kernel sends them, whole and cut short: each is
 * answered once, and nothing behind its end is read.
 */
#include <check.h>
#include <errno.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fs/fs_fixture.h"
#include "conn.h"
#include "keeper.h"
#include "ops.h"
#include "rawreq.h"
#include "statinfo.h"
#include "worker.h"

/* The first inodes of a new filesystem, and node ids. */
#define ROOT	DXF_ROOT_NODE
#define FILE_	12
#define DIR_	13
#define LINK_	14
#define COPY_	15	/* where a test makes one */

#define HEAD	sizeof(struct fuse_in_header)

static struct fsx fx;
static struct dxf_options opt;
static struct dxf_session session;
static int kernel;		/* the other end of the connection */
static char *page;		/* one; the next one cannot be touched */

/* ---- what the operations need of the daemon ---- */

void *dxf_worker_scratch(size_t len)
{
	static char buf[128 * 1024];

	return len <= sizeof(buf) ? buf : NULL;
}

bool dxf_keeper_in_group(struct dxf_keeper *k, pid_t pid, gid_t gid)
{
	return false;
}

void dxf_statinfo_get(const struct dxf_session *s, struct dxf_stat *st)
{
	memset(st, 0, sizeof(*st));
}

bool dxf_session_has_acl(const struct dxf_session *s)
{
	return false;
}

uint32_t dxf_conn_want(struct fuse_conn_info *conn, uint32_t more)
{
	return more;
}

/* ---- the fixture ---- */

static void make(const char *name, mode_t mode, dxf_ino_t want)
{
	struct dxf_attr a;

	ck_assert_int_eq(dxf_fs_mknod(fx.fs, &fsx_root, DXF_ROOT_INO, name,
				      mode, 0, &a), 0);
	ck_assert_uint_eq(a.ino, want);
	ck_assert_int_eq(dxf_fs_open_file(fx.fs, a.ino, 0, false), 0);
}

static void make_tree(void)
{
	struct dxf_attr a;

	make("file", S_IFREG | 0644, FILE_);
	make("dir", S_IFDIR | 0755, DIR_);
	ck_assert_int_eq(dxf_fs_symlink(fx.fs, &fsx_root, DXF_ROOT_INO, "link",
					"target", &a), 0);
	ck_assert_uint_eq(a.ino, LINK_);
}

static void setup(void)
{
	static const struct fsx_image img = {
		"", "-t ext2 -b 4096 -I 256 -O ^resize_inode", 16,
	};
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	int sv[2];

	signal(SIGPIPE, SIG_IGN);
	fsx_make(&fx, &img);
	fsx_mount(&fx);
	make_tree();
	session.opt = &opt;
	session.fs = fx.fs;
	session.inited = true;
	session.init_flags = DXF_INIT_SETXATTR_EXT;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				    sv), 0);
	dxf_rawreq_fd = sv[0];
	kernel = sv[1];
	page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	ck_assert_int_eq(mprotect(page + size, size, PROT_NONE), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(fsx_drop(&fx), 0);
	fsx_check(&fx);
	fsx_remove(&fx);
}

/* ---- requests ---- */

struct request {
	uint32_t opcode;
	uint64_t node;
	const void *in;
	size_t in_len;
	const char *tail;
	size_t tail_len;
	size_t loose;		/* bytes at the end that may be missing */
	bool fh;		/* it begins with a handle */
	bool silent;		/* never answered */
	int error;
};

#define IN(type, ...)	&(const struct type){ __VA_ARGS__ }, sizeof(struct type)
#define NO_IN		NULL, 0
#define TAIL(s)		(s), sizeof(s)
#define NO_TAIL		NULL, 0

/* nobody counts those of the root */
static const struct fuse_forget_one forgets[2] = { { ROOT, 1 }, { ROOT, 1 } };

static const struct request requests[] = {
	{ FUSE_LOOKUP, ROOT, NO_IN, TAIL("file") },
	{ FUSE_FORGET, FILE_, IN(fuse_forget_in, .nlookup = 1), NO_TAIL,
	  .silent = true },
	{ FUSE_BATCH_FORGET, 0, IN(fuse_batch_forget_in, .count = 2),
	  (const char *)forgets, sizeof(forgets), .silent = true },
	{ FUSE_GETATTR, FILE_, IN(fuse_getattr_in, 0), NO_TAIL },
	{ FUSE_SETATTR, FILE_, IN(fuse_setattr_in, .valid = FATTR_SIZE,
				  .size = 5), NO_TAIL },
	{ DXF_FUSE_STATX, FILE_, IN(dxf_fuse_statx_in, 0), NO_TAIL },
	{ FUSE_READLINK, LINK_, NO_IN, NO_TAIL },
	{ FUSE_SYMLINK, ROOT, NO_IN, TAIL("name\0to where") },
	{ FUSE_MKNOD, ROOT, IN(fuse_mknod_in, .mode = S_IFIFO | 0600),
	  TAIL("fifo") },
	{ FUSE_MKDIR, ROOT, IN(fuse_mkdir_in, .mode = 0700), TAIL("new") },
	{ FUSE_UNLINK, ROOT, NO_IN, TAIL("file") },
	{ FUSE_RMDIR, ROOT, NO_IN, TAIL("dir") },
	{ FUSE_RENAME, ROOT, IN(fuse_rename_in, .newdir = DIR_),
	  TAIL("file\0moved") },
	{ FUSE_RENAME2, ROOT, IN(fuse_rename2_in, .newdir = ROOT,
				 .flags = RENAME_NOREPLACE),
	  TAIL("file\0dir"), .error = -EEXIST },
	{ FUSE_LINK, DIR_, IN(fuse_link_in, .oldnodeid = FILE_),
	  TAIL("second") },
	{ FUSE_CREATE, ROOT, IN(dxf_fuse_create_in, .mode = 0644),
	  TAIL("created") },
	/* what comes as its name means nothing */
	{ DXF_FUSE_TMPFILE, ROOT, IN(dxf_fuse_create_in, .mode = 0600),
	  TAIL("/"), .loose = sizeof("/") },
	{ FUSE_OPEN, FILE_, IN(dxf_fuse_open_in, 0), NO_TAIL },
	{ FUSE_READ, FILE_, IN(fuse_read_in, .size = 10), NO_TAIL,
	  .fh = true },
	{ FUSE_WRITE, FILE_, IN(fuse_write_in, .size = 5), "bytes", 5,
	  .fh = true },
	{ FUSE_FLUSH, FILE_, IN(fuse_flush_in, 0), NO_TAIL,
	  .loose = sizeof(struct fuse_flush_in) },
	{ FUSE_RELEASE, FILE_, NO_IN, NO_TAIL },
	{ FUSE_FSYNC, FILE_, IN(fuse_fsync_in, 0), NO_TAIL },
	{ FUSE_OPENDIR, DIR_, NO_IN, NO_TAIL },
	{ FUSE_READDIR, ROOT, IN(fuse_read_in, .size = 4096), NO_TAIL },
	{ FUSE_READDIRPLUS, ROOT, IN(fuse_read_in, .size = 4096), NO_TAIL },
	{ FUSE_RELEASEDIR, DIR_, NO_IN, NO_TAIL },
	{ FUSE_FSYNCDIR, DIR_, IN(fuse_fsync_in, 0), NO_TAIL },
	{ FUSE_STATFS, ROOT, NO_IN, NO_TAIL },
	{ FUSE_SETXATTR, FILE_, IN(dxf_fuse_setxattr_in, .size = 5),
	  TAIL("user.a\0five") },
	{ FUSE_GETXATTR, FILE_, IN(fuse_getxattr_in, .size = 64),
	  TAIL("user.b"), .error = -ENODATA },
	{ FUSE_LISTXATTR, FILE_, IN(fuse_getxattr_in, 0), NO_TAIL },
	{ FUSE_REMOVEXATTR, FILE_, NO_IN, TAIL("user.b"), .error = -ENODATA },
	{ FUSE_IOCTL, FILE_, IN(fuse_ioctl_in, .cmd = FS_IOC_SETFLAGS,
				.in_size = 4), "\0\0\0\0", 4 },
	{ FUSE_FALLOCATE, FILE_, IN(fuse_fallocate_in, .length = 10), NO_TAIL },
	{ FUSE_LSEEK, FILE_, IN(fuse_lseek_in, .whence = SEEK_DATA), NO_TAIL,
	  .error = -ENXIO },
	{ FUSE_COPY_FILE_RANGE, FILE_, IN(fuse_copy_file_range_in,
					  .nodeid_out = FILE_, .off_out = 5,
					  .len = 5),
	  NO_TAIL },
};

static char *lay_out(const struct request *q, char *to)
{
	struct fuse_in_header h = {
		.len = (uint32_t)(HEAD + q->in_len + q->tail_len),
		.opcode = q->opcode, .unique = 44, .nodeid = q->node,
	};
	uint64_t fh = q->fh ? (uintptr_t)dxf_fs_opened(fx.fs, FILE_) : 0;

	memcpy(to, &h, HEAD);
	to += HEAD;
	if (q->in_len > 0)
		memcpy(to, q->in, q->in_len);
	if (q->fh)
		memcpy(to, &fh, sizeof(fh));
	if (q->tail_len > 0)
		memcpy(to + q->in_len, q->tail, q->tail_len);
	return to + q->in_len + q->tail_len;
}

/*
 * Process the first @len bytes, which end where memory does, or less than a
 * word before, with no string's end in between.
 */
static bool send_part(const struct request *q, size_t len)
{
	char whole[512];
	size_t room = (len + 7) / 8 * 8;
	char *at = page + sysconf(_SC_PAGESIZE) - room;

	ck_assert_uint_le((size_t)(lay_out(q, whole) - whole), sizeof(whole));
	memset(at, 0xff, room);
	memcpy(at, whole, len);
	return dxf_ops_process(&session, at, len);
}

static bool send_whole(const struct request *q)
{
	return send_part(q, HEAD + q->in_len + q->tail_len);
}

/* ---- answers ---- */

static union {
	struct fuse_out_header h;
	char bytes[8192];
} got;

static void no_answer(void)
{
	ck_assert_int_eq(recv(kernel, &got, sizeof(got), 0), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

/* Exactly one.  Returns: what it says. */
static int answer(void)
{
	ssize_t n = recv(kernel, &got, sizeof(got), 0);
	struct fuse_out_header h = got.h;

	ck_assert_int_ge(n, (ssize_t)sizeof(h));
	ck_assert_uint_eq(h.len, (size_t)n);
	ck_assert_uint_eq(h.unique, 44);
	if (h.error)
		ck_assert_uint_eq(h.len, sizeof(h));
	ck_assert_int_eq(recv(kernel, got.bytes + n, sizeof(got) - (size_t)n,
			      0), -1);
	return h.error;
}

static void *body(size_t want)
{
	ck_assert_uint_eq(got.h.len, sizeof(got.h) + want);
	return got.bytes + sizeof(got.h);
}

/* ---- tests ---- */

START_TEST(test_request_cut_short_is_refused)
{
	const struct request *q = &requests[_i];
	size_t full = HEAD + q->in_len + q->tail_len, len;

	for (len = HEAD; len + q->loose < full; len++) {
		ck_assert(send_part(q, len));
		if (q->silent) {
			no_answer();
			continue;
		}
		ck_assert_msg(answer() == -EINVAL, "operation %u, %zu of %zu",
			      q->opcode, len, full);
	}
	ck_assert(send_whole(q));
	if (q->silent)
		no_answer();
	else
		ck_assert_int_eq(answer(), q->error);
}
END_TEST

START_TEST(test_name_that_is_empty_is_refused)
{
	const struct request q = {
		FUSE_UNLINK, ROOT, NO_IN, TAIL(""),
	};

	ck_assert(send_whole(&q));
	ck_assert_int_eq(answer(), -EINVAL);
}
END_TEST

START_TEST(test_unknown_operation_is_enosys)
{
	static const uint32_t ops[] = {
		0, FUSE_ACCESS, FUSE_INTERRUPT, FUSE_POLL, 53, 63, 4096,
		~UINT32_C(0),
	};
	struct request q = { ops[_i], ROOT, NO_IN, TAIL("whatever") };

	ck_assert(send_whole(&q));
	ck_assert_int_eq(answer(), -ENOSYS);
}
END_TEST

START_TEST(test_init_and_all_before_it_is_libfuses)
{
	struct request q = { FUSE_INIT, 0, NO_IN, NO_TAIL };

	ck_assert(!send_whole(&q));
	q.opcode = FUSE_DESTROY;
	ck_assert(!send_whole(&q));
	session.inited = false;
	q.opcode = FUSE_STATFS;
	ck_assert(!send_whole(&q));
	no_answer();
}
END_TEST

static int answer_to(const struct request *q, uid_t uid)
{
	struct fuse_in_header *h = (struct fuse_in_header *)page;

	lay_out(q, page);
	h->uid = uid;
	ck_assert(dxf_ops_process(&session, page, h->len));
	return answer();
}

/* As by libfuse: who has a file open may go on with it. */
START_TEST(test_allow_root_keeps_others_out)
{
	const struct request stat = {
		FUSE_GETATTR, FILE_, IN(fuse_getattr_in, 0), NO_TAIL,
	};
	const struct request sync = {
		FUSE_FSYNC, FILE_, IN(fuse_fsync_in, 0), NO_TAIL,
	};

	opt.allow_root = true;
	session.owner = 1000;
	ck_assert_int_eq(answer_to(&stat, 0), 0);
	ck_assert_int_eq(answer_to(&stat, 1000), 0);
	ck_assert_int_eq(answer_to(&stat, 1001), -EACCES);
	ck_assert_int_eq(answer_to(&sync, 1001), 0);
}
END_TEST

static const struct request create_it = {
	FUSE_CREATE, ROOT, IN(dxf_fuse_create_in, .mode = 0644),
	TAIL("created"),
};

START_TEST(test_create_answers_entry_and_open)
{
	const struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} *out;

	opt.dax = DXF_DAX_ALWAYS;
	ck_assert(send_whole(&create_it));
	ck_assert_int_eq(answer(), 0);
	out = body(sizeof(*out));
	ck_assert_uint_eq(out->entry.nodeid, out->entry.attr.ino);
	ck_assert_uint_eq(out->entry.attr.mode, S_IFREG | 0644);
	ck_assert_uint_gt(out->entry.entry_valid, 0);
	ck_assert_uint_eq(out->open.open_flags, FOPEN_DIRECT_IO |
			  FOPEN_KEEP_CACHE | DXF_FOPEN_NOFLUSH |
			  DXF_FOPEN_PARALLEL_DIRECT_WRITES);
	ck_assert_ptr_eq(dxf_fh_file(out->open.fh),
			 dxf_fs_opened(fx.fs, (dxf_ino_t)out->entry.nodeid));
}
END_TEST

START_TEST(test_lookup_that_finds_nothing_is_an_answer)
{
	const struct request q = {
		FUSE_LOOKUP, ROOT, NO_IN, TAIL("nothing"),
	};
	const struct fuse_entry_out *out;

	ck_assert(send_whole(&q));
	ck_assert_int_eq(answer(), 0);
	out = body(sizeof(*out));
	ck_assert_uint_eq(out->nodeid, 0);
	ck_assert_uint_gt(out->entry_valid, 0);
}
END_TEST

START_TEST(test_bytes_written_are_read)
{
	const struct request w = {
		FUSE_WRITE, FILE_, IN(fuse_write_in, .offset = 3, .size = 5),
		"bytes", 5, .fh = true,
	};
	const struct request rd = {
		FUSE_READ, FILE_, IN(fuse_read_in, .offset = 1, .size = 100),
		NO_TAIL, .fh = true,
	};
	const struct fuse_write_out *out;

	ck_assert(send_whole(&w));
	ck_assert_int_eq(answer(), 0);
	out = body(sizeof(*out));
	ck_assert_uint_eq(out->size, 5);
	ck_assert_uint_eq(dxf_rawreq.bytes, 5);
	session.copy_reads = _i;
	ck_assert(send_whole(&rd));
	ck_assert_int_eq(answer(), 0);
	ck_assert_mem_eq(body(7), "\0\0bytes", 7);
	ck_assert_uint_eq(dxf_rawreq.bytes, 7);
}
END_TEST

/* The answer has 32 bits, the request 64: Linux before 6.17 asks for all. */
START_TEST(test_copy_of_more_than_the_answer_holds)
{
	const uint64_t size = (UINT64_C(1) << 32) + 8192;
	const struct dxf_setattr sa = { .valid = DXF_SET_SIZE, .size = size };
	const struct request q = {
		FUSE_COPY_FILE_RANGE, FILE_, IN(fuse_copy_file_range_in,
						.nodeid_out = COPY_,
						.len = size),
		NO_TAIL,
	};
	const struct fuse_write_out *out;
	struct dxf_attr a;

	make("copy", S_IFREG | 0644, COPY_);
	ck_assert_int_eq(dxf_fs_setattr(fx.fs, FILE_, &sa, &fsx_root, &a), 0);
	ck_assert(send_whole(&q));
	ck_assert_int_eq(answer(), 0);
	out = body(sizeof(*out));
	ck_assert_int_eq(dxf_fs_getattr(fx.fs, COPY_, &a), 0);
	ck_assert_uint_eq(a.size, out->size);
	ck_assert_uint_ge(out->size, UINT64_C(1) << 31);
}
END_TEST

/* More than that many are not read. */
START_TEST(test_batch_of_forgets_is_done_as_far_as_it_goes)
{
	static const struct fuse_forget_one both[] = {
		{ FILE_, 2 }, { LINK_, 1 },
	};
	const struct request q = {
		FUSE_BATCH_FORGET, 0, IN(fuse_batch_forget_in, .count = 3),
		(const char *)both, sizeof(both), .silent = true,
	};
	uint64_t cached = fsx_stats(&fx).inodes_cached;

	fsx_hold(&fx, FILE_);
	dxf_fs_release(fx.fs, FILE_);
	ck_assert_int_eq(dxf_fs_unlink(fx.fs, DXF_ROOT_INO, "file"), 0);
	ck_assert_uint_eq(fsx_stats(&fx).zombies, 1);
	ck_assert_int_eq(dxf_fs_unlink(fx.fs, DXF_ROOT_INO, "link"), 0);
	ck_assert_uint_eq(fsx_stats(&fx).zombies, 2);
	ck_assert(send_whole(&q));
	no_answer();
	ck_assert_uint_eq(fsx_stats(&fx).zombies, 0);
	ck_assert_uint_eq(fsx_stats(&fx).inodes_cached, cached - 2);
}
END_TEST

/* Linux before 5.13 knows no SETXATTR_EXT. */
START_TEST(test_setxattr_of_an_old_kernel)
{
	static const struct {
		uint32_t size, flags;
	} in = { 5, 0 };
	const struct request q = {
		FUSE_SETXATTR, FILE_, &in, sizeof(in), TAIL("user.a\0five"),
	};
	char value[8];

	session.init_flags = 0;
	ck_assert(send_whole(&q));
	ck_assert_int_eq(answer(), 0);
	ck_assert_int_eq(dxf_fs_getxattr(fx.fs, FILE_, "user.a", value,
					 sizeof(value)), 5);
	ck_assert_str_eq(value, "five");
}
END_TEST

/* The kernel knows neither the lookup nor the open, and will not give back. */
START_TEST(test_answer_not_taken_is_taken_back)
{
	const struct request plus = {
		FUSE_READDIRPLUS, ROOT, IN(fuse_read_in, .size = 4096),
		NO_TAIL,
	};
	const struct request found = {
		FUSE_LOOKUP, ROOT, NO_IN, TAIL("file"),
	};
	const struct request open = {
		FUSE_OPEN, FILE_, IN(dxf_fuse_open_in, 0), NO_TAIL,
	};
	struct dxf_fs_stats before = fsx_stats(&fx), after;

	close(kernel);
	ck_assert(send_whole(&create_it));
	ck_assert(send_whole(&plus));
	ck_assert(send_whole(&found));
	ck_assert(send_whole(&open));
	after = fsx_stats(&fx);
	ck_assert_uint_eq(after.inodes_open, before.inodes_open);
	/* what setup() holds of it is the last */
	dxf_fs_release(fx.fs, FILE_);
	ck_assert_int_eq(dxf_fs_unlink(fx.fs, DXF_ROOT_INO, "file"), 0);
	ck_assert_uint_eq(fsx_stats(&fx).zombies, 1);
	dxf_fs_forget(fx.fs, FILE_, 1);
	ck_assert_uint_eq(fsx_stats(&fx).zombies, 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_request_cut_short_is_refused, 0,
			    DXF_ARRAY_SIZE(requests));
	tcase_add_test(tc, test_name_that_is_empty_is_refused);
	tcase_add_loop_test(tc, test_unknown_operation_is_enosys, 0, 8);
	tcase_add_test(tc, test_init_and_all_before_it_is_libfuses);
	tcase_add_test(tc, test_allow_root_keeps_others_out);
	tcase_add_test(tc, test_create_answers_entry_and_open);
	tcase_add_test(tc, test_lookup_that_finds_nothing_is_an_answer);
	tcase_add_loop_test(tc, test_bytes_written_are_read, 0, 2);
	tcase_add_test(tc, test_copy_of_more_than_the_answer_holds);
	tcase_add_test(tc, test_batch_of_forgets_is_done_as_far_as_it_goes);
	tcase_add_test(tc, test_setxattr_of_an_old_kernel);
	tcase_add_test(tc, test_answer_not_taken_is_taken_back);
}

int main(void)
{
	return run_tests("ops", add);
}
