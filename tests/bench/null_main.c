/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * null_main.c - nullfuse: mount a server that does nothing, until umount(8).
 *
 * Owns the session and the choice of the loop.  Must not know what a request
 * asks for.
 */
#include "null.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi.h"
#include "conn.h"
#include "keeper.h"
#include "ops.h"
#include "rawreq.h"
#include "transport.h"
#include "worker.h"

struct null_conf null_conf = { .size = 64 * DXF_MIB };

/* ---- libfuse's io_uring ---- */

#ifdef FUSE_CAP_OVER_IO_URING
static bool is_uring(fuse_req_t req)
{
	return fuse_req_is_uring(req);
}
#else
#define FUSE_CAP_OVER_IO_URING	0

static bool is_uring(fuse_req_t req)
{
	return false;
}
#endif

/* ---- answers that both give ---- */

void null_init(void *userdata, struct fuse_conn_info *conn)
{
	dxf_conn_want(conn, FUSE_CAP_POSIX_ACL | (null_conf.uring ?
						   FUSE_CAP_OVER_IO_URING : 0));
	conn->time_gran = 1;
}

void null_fill_open(struct fuse_file_info *fi)
{
	fi->direct_io = null_conf.direct || (fi->flags & O_DIRECT);
	fi->keep_cache = 1;
	fi->noflush = 1;
	/* where our write_patched() is not asked */
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 15)
	fi->parallel_direct_writes = fi->direct_io;
#endif
}

void null_fill_opendir(struct fuse_file_info *fi)
{
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
}

void null_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

void null_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

void null_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
		   size_t size)
{
	char text[128];
	size_t n = strcmp(name, "user.persisted") != 0 ? 0 :
		   null_durable_counts(text, sizeof(text));

	if (n == 0)
		fuse_reply_err(req, ENODATA);
	else if (size == 0)
		fuse_reply_xattr(req, n);
	else
		fuse_reply_buf(req, text, n);
}

void null_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, 0);
	else
		fuse_reply_buf(req, NULL, 0);
}

void null_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = {
		.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255,
		.f_blocks = 1 << 20, .f_bfree = 1 << 19, .f_bavail = 1 << 19,
		.f_files = 1 << 20, .f_ffree = 1 << 19, .f_favail = 1 << 19,
	};

	/* libfuse goes on without a ring where it cannot have one */
	if (null_conf.uring && !is_uring(req))
		fuse_reply_err(req, EPROTONOSUPPORT);
	else
		fuse_reply_statfs(req, &st);
}

/* worker.c offers each request: all of them are libfuse's. */
bool dxf_ops_process(struct dxf_session *s, const void *buf, size_t len)
{
	null_spend();
	return false;
}

/*
 * As the daemon has it: writers of a file that is opened for direct I/O do not
 * wait for each other in the kernel.  Not every libfuse has a word for that.
 */
static void patch_open(struct fuse_open_out *out)
{
	if (out->open_flags & FOPEN_DIRECT_IO)
		out->open_flags |= DXF_FOPEN_PARALLEL_DIRECT_WRITES;
	out->open_flags |= DXF_FOPEN_NOFLUSH;
}

static ssize_t write_patched(int fd, struct iovec *iov, int count,
			     void *userdata)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	size_t len = count == 2 ? iov[1].iov_len : 0;
	size_t at = dxf_rawreq.opcode == FUSE_CREATE ?
		    sizeof(struct fuse_entry_out) : 0;

	if (h->error == 0 && h->unique == dxf_rawreq.unique &&
	    (dxf_rawreq.opcode == FUSE_OPEN ||
	     dxf_rawreq.opcode == FUSE_CREATE) &&
	    len == at + sizeof(struct fuse_open_out))
		patch_open((void *)((char *)iov[1].iov_base + at));
	return dxf_rawreq_io.writev(fd, iov, count, userdata);
}

/* place.c asks it where there is one. */
int dxf_keeper_open_stat(struct dxf_keeper *k, pid_t tid)
{
	return -EPIPE;
}

/* ---- libfuse's loop ---- */

/* The thread that reads a request answers it: so this is the place to look. */
static ssize_t read_parsed(int fd, void *buf, size_t len, void *userdata)
{
	ssize_t n = read(fd, buf, len);

	if (n >= (ssize_t)sizeof(struct fuse_in_header))
		dxf_rawreq_parse(buf, (size_t)n);
	return n;
}

static int serve_libfuse(struct dxf_session *s)
{
	struct fuse_loop_config config = { .max_idle_threads = 10 };

	return fuse_session_loop_mt(s->se, &config);
}

/* ---- our workers ---- */

static int serve_ours(struct dxf_session *s, unsigned int n)
{
	struct dxf_workers *w;
	struct pollfd p = { .events = POLLIN };
	int ret;

	dxf_transport_prepare(s);
	do {
		ret = dxf_worker_one(s);
	} while (ret == -EINTR || ret == -EAGAIN);
	dxf_transport_settle(s);
	if (ret == 0)
		ret = dxf_workers_start(&w, s, n ? n : dxf_workers_default());
	if (ret)
		return ret;
	assert(s->inited);
	p.fd = dxf_workers_fd(w);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	dxf_workers_stop(w);
	return 0;
}

/* ---- main ---- */

struct args {
	const struct fuse_lowlevel_ops *ops;
	const char *mountpoint;
	bool libfuse;
	bool durable;
	unsigned int workers;
	bool ring;
};

static int usage(void)
{
	fputs("usage: nullfuse [-D] [-L | -u | -U] [-p] [-x] [-n WORKERS] [-s MIB] "
	      "[-w NS] data|meta MOUNTPOINT\n"
	      "  -D  direct I/O, as dax=always\n"
	      "  -L  libfuse's multi-threaded loop instead of ours\n"
	      "  -u  over io_uring\n"
	      "  -U  over libfuse's io_uring; without it statfs fails\n"
	      "  -p  stores, flushes and fences as of durable changes\n"
	      "  -x  data: drop what is written\n"
	      "  -w  our workers: spend so long on each request\n"
	      "  -s  data: what a file can hold\n", stderr);
	return 1;
}

static int no_uring(void)
{
	fprintf(stderr, "nullfuse: no io_uring in libfuse %s\n",
		fuse_pkgversion());
	return 1;
}

static int parse(struct args *a, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "DLuUpxn:s:w:")) != -1) {
		switch (c) {
		case 'D':
			null_conf.direct = true;
			break;
		case 'L':
			a->libfuse = true;
			break;
		case 'u':
			a->ring = true;
			break;
		case 'U':
			if (!FUSE_CAP_OVER_IO_URING)
				return no_uring();
			null_conf.uring = true;
			break;
		case 'p':
			a->durable = true;
			break;
		case 'x':
			null_conf.drop = true;
			break;
		case 'n':
			a->workers = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'w':
			null_conf.spend = (unsigned int)strtoul(optarg, NULL,
								10);
			break;
		case 's':
			null_conf.size = strtoul(optarg, NULL, 10) * DXF_MIB;
			break;
		default:
			return usage();
		}
	}
	if (argc - optind != 2 || a->workers > DXF_WORKERS_MAX)
		return usage();
	a->mountpoint = argv[optind + 1];
	if (strcmp(argv[optind], "data") == 0)
		a->ops = &null_data_ops;
	else if (strcmp(argv[optind], "meta") == 0)
		a->ops = &null_meta_ops;
	else
		return usage();
	return 0;
}

static int mount_and_serve(struct dxf_session *s, const struct args *a)
{
	struct fuse_custom_io io = {
		.writev = write_patched,
		.read = a->libfuse ? read_parsed : dxf_rawreq_io.read,
	};
	int ret;

	if (fuse_session_mount(s->se, a->mountpoint) != 0)
		return -EIO;
	if (null_conf.uring) {
		ret = serve_libfuse(s);
		fuse_session_unmount(s->se);
		return ret;
	}
	ret = fuse_session_custom_io(s->se, &io, fuse_session_fd(s->se));
	if (ret == 0)
		ret = a->libfuse ? serve_libfuse(s) :
				   serve_ours(s, a->workers);
	fuse_session_unmount(s->se);
	return ret;
}

int main(int argc, char **argv)
{
	char opts[] = "-odefault_permissions,suid,dev,allow_other,"
		      "fsname=nullfuse,subtype=nullfuse";
	char uring[] = "-oio_uring";
	char *fargv[] = { argv[0], opts, uring };
	struct fuse_args fargs = FUSE_ARGS_INIT(2, fargv);
	struct dxf_options opt = { .fs.acl = true };
	struct dxf_session s = { .opt = &opt };
	struct args a = { .ops = NULL };
	int ret;

	if (parse(&a, argc, argv) != 0)
		return 1;
	if ((a.ops == &null_data_ops && null_data_setup() != 0) ||
	    (a.durable && null_durable_setup() != 0)) {
		fputs("nullfuse: no memory\n", stderr);
		return 1;
	}
	opt.workers = a.workers;
	opt.dax = null_conf.direct ? DXF_DAX_ALWAYS : DXF_DAX_INODE;
	opt.io_uring = a.ring ? DXF_TRI_YES : DXF_TRI_NO;
	fargs.argc += null_conf.uring;
	s.se = fuse_session_new(&fargs, a.ops, sizeof(*a.ops), &s);
	if (s.se == NULL)
		return 1;
	ret = mount_and_serve(&s, &a);
	if (ret)
		fprintf(stderr, "nullfuse: %s\n", strerror(abs(ret)));
	fuse_session_destroy(s.se);
	return ret != 0;
}
