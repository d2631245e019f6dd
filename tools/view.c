// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view.c - mounting a view and serving it.
 *
 * Owns the connection to the kernel and the loop.  Must not know what requests
 * mean.
 *
 * Invariants: the loop's thread never touches the view (it would wait for
 * itself, unkillably); closing ends the connection before anything is freed,
 * so that nobody waits for what is gone.
 */
#include "view.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "alloc.h"
#include "cleanup.h"
#include "log.h"
#include "persist.h"
#include "view_priv.h"

#define SUBTYPE	"daxfuse-image"

/* The last thing that libfuse said, for the sentence of a failed mount. */
static char fuse_said[256];

static void note_fuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char text[sizeof(fuse_said)];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	snprintf(fuse_said, sizeof(fuse_said), "%s",
		 strncmp(text, "fuse: ", 6) == 0 ? text + 6 : text);
	dxf_log_debug("%s", text);
}

static int fuse_failed(struct dxf_err *err, int ret, const char *what)
{
	return dxf_err_set(err, ret, "%s: %s", what,
			   fuse_said[0] ? fuse_said : "the mount failed");
}

/* ---- open ---- */

/* The file belongs to who made the view: nobody else had the region. */
static void set_attr(struct dxf_view *v)
{
	struct stat *st = &v->st;

	st->st_ino = FUSE_ROOT_ID;
	st->st_mode = S_IFREG | (dxf_region_is_ro(v->r) ? 0400 : 0600);
	st->st_nlink = 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_size = (off_t)dxf_region_size(v->r);
	st->st_blocks = (st->st_size + 511) / 512;
	st->st_blksize = 4096;
	clock_gettime(CLOCK_REALTIME, &st->st_mtim);
	st->st_atim = st->st_ctim = st->st_mtim;
}

static int add_options(const struct dxf_view *v, char **opts)
{
	DXF_CLEANUP_FREE char *name = NULL;

	if (asprintf(&name, "fsname=%s", v->opts.fsname) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (fuse_opt_add_opt(opts, "default_permissions,subtype=" SUBTYPE) ||
	    fuse_opt_add_opt(opts, "nosuid,nodev,noexec") ||
	    fuse_opt_add_opt_escaped(opts, name))
		return -ENOMEM;
	if (dxf_region_is_ro(v->r) && fuse_opt_add_opt(opts, "ro"))
		return -ENOMEM;
	/* Root's other groups, too; its mode keeps others out. */
	if (geteuid() == 0 && fuse_opt_add_opt(opts, "allow_other"))
		return -ENOMEM;
	return 0;
}

static int new_session(struct dxf_view *v, struct dxf_err *err)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	DXF_CLEANUP_FREE char *opts = NULL;
	char max[64];
	int ret;

	snprintf(max, sizeof(max), "max_read=%d", DXF_VIEW_MAX_READ);
	fuse_set_log_func(note_fuse);
	ret = add_options(v, &opts);
	if (ret != 0 || fuse_opt_add_opt(&opts, max) ||
	    fuse_opt_add_arg(&args, SUBTYPE) || fuse_opt_add_arg(&args, "-o") ||
	    fuse_opt_add_arg(&args, opts)) {
		fuse_opt_free_args(&args);
		return dxf_err_set(err, ENOMEM, "out of memory");
	}
	v->se = fuse_session_new(&args, &dxf_view_ops, sizeof(dxf_view_ops),
				 v);
	fuse_opt_free_args(&args);
	return v->se != NULL ? 0 : fuse_failed(err, EINVAL, "libfuse");
}

int dxf_view_open(struct dxf_view **out, struct dxf_region *r,
		  const struct dxf_view_opts *opts, struct dxf_err *err)
{
	struct dxf_view *v = dxf_calloc(1, sizeof(*v));
	int ret;

	assert(opts->fsname != NULL);
	if (v == NULL)
		return dxf_err_set(err, ENOMEM, "out of memory");
	v->r = r;
	v->opts = *opts;
	set_attr(v);
	v->buf = dxf_malloc(DXF_VIEW_MAX_READ);
	ret = v->buf != NULL ? new_session(v, err) :
		dxf_err_set(err, ENOMEM, "out of memory");
	if (ret != 0) {
		dxf_view_close(v);
		return ret;
	}
	*out = v;
	return 0;
}

/* ---- mount ---- */

static uint64_t mount_id_of(const char *path)
{
#ifdef STATX_MNT_ID
	struct statx sx;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_MNT_ID, &sx) == 0 && (sx.stx_mask & STATX_MNT_ID))
		return sx.stx_mnt_id;
#endif
	return 0;
}

/* The loop polls: a read must not wait. */
static int set_nonblocking(struct dxf_view *v, struct dxf_err *err)
{
	int fd = fuse_session_fd(v->se), flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return dxf_err_set(err, errno, "/dev/fuse: %s",
				   strerror(errno));
	return 0;
}

int dxf_view_mount(struct dxf_view *v, const char *path, struct dxf_err *err)
{
	struct stat st;

	assert(v->path == NULL);
	v->path = realpath(path, NULL);
	if (v->path == NULL || stat(v->path, &st) != 0)
		return dxf_err_set(err, errno, "%s: %s%s", path,
				   strerror(errno), errno == ENOENT ?
				   " (make an empty file to mount on: touch)" :
				   "");
	if (!S_ISREG(st.st_mode))
		return dxf_err_set(err, EINVAL, "%s is no regular file: name "
				   "the device, then the file to show it in",
				   path);
	if (fuse_session_mount(v->se, v->path) != 0)
		return fuse_failed(err, EIO, path);
	v->mount_id = mount_id_of(v->path);
	return set_nonblocking(v, err);
}

static int mount_private(struct dxf_view *v, int fuse_fd)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC |
		(dxf_region_is_ro(v->r) ? MS_RDONLY : 0);
	char opts[160];

	/* No '/' in the source: it is not that what tools shall see mounted. */
	snprintf(opts, sizeof(opts), "fd=%d,rootmode=%o,user_id=%u,"
		 "group_id=%u,default_permissions,allow_other,max_read=%d",
		 fuse_fd, (unsigned int)S_IFREG, getuid(), getgid(),
		 DXF_VIEW_MAX_READ);
	return mount(SUBTYPE, dxf_region_path(v->r), "fuse." SUBTYPE, flags,
		     opts) == 0 ? 0 : -errno;
}

int dxf_view_mount_over(struct dxf_view *v, struct dxf_err *err)
{
	DXF_CLEANUP_CLOSE int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char name[32];
	int ret;

	assert(v->path == NULL && !v->over);
	if (fd < 0)
		return dxf_err_set(err, errno, "/dev/fuse: %s",
				   strerror(errno));
	ret = mount_private(v, fd);
	if (ret != 0)
		return dxf_err_set(err, -ret, "cannot mount a view of %s: %s",
				   dxf_region_path(v->r), strerror(-ret));
	v->over = true;
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	if (fuse_session_mount(v->se, name) != 0)
		return fuse_failed(err, EIO, name);
	/* The session's now. */
	(void)DXF_STEAL_FD(fd);
	return set_nonblocking(v, err);
}

/* ---- serve ---- */

static int serve_one(struct dxf_view *v)
{
	int ret = fuse_session_receive_buf(v->se, &v->req);

	if (ret > 0)
		fuse_session_process_buf(v->se, &v->req);
	return ret == -EAGAIN || ret == -EINTR ? 1 : ret;
}

int dxf_view_serve(struct dxf_view *v, int wake_fd)
{
	struct pollfd p[2] = {
		{ .fd = fuse_session_fd(v->se), .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	int ret = 1;

	assert(wake_fd >= 0 && p[0].fd >= 0);
	while (ret > 0 && !fuse_session_exited(v->se)) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			return 1;
		if (p[0].revents != 0)
			ret = serve_one(v);
	}
	return ret < 0 ? ret : 0;
}

/* ---- end ---- */

/*
 * In a process of its own, which has none of our files: what an umount makes
 * the kernel send us we must serve.
 */
static int umount_in_child(const struct dxf_view *v)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid > 0 ? 0 : -errno;
	close_range(3, ~0u, 0);
	if (mount_id_of(v->path) != v->mount_id)
		_exit(0);
	if (umount2(v->path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--",
		       v->path, (char *)NULL);
	_exit(0);
}

int dxf_view_detach(struct dxf_view *v)
{
	assert(v->path != NULL);
	return umount_in_child(v);
}

void dxf_view_get_stats(const struct dxf_view *v, struct dxf_view_stats *out)
{
	struct dxf_persist_stats p;

	dxf_persist_get_stats(v->r, &p);
	out->reads = __atomic_load_n(&v->stats.reads, __ATOMIC_RELAXED);
	out->bytes_read = __atomic_load_n(&v->stats.bytes_read,
					  __ATOMIC_RELAXED);
	out->writes = __atomic_load_n(&v->stats.writes, __ATOMIC_RELAXED);
	out->bytes_written = __atomic_load_n(&v->stats.bytes_written,
					     __ATOMIC_RELAXED);
	out->bytes_zeroed = __atomic_load_n(&v->stats.bytes_zeroed,
					    __ATOMIC_RELAXED);
	out->bytes_stored = p.bytes_stored;
}

void dxf_view_close(struct dxf_view *v)
{
	if (v == NULL)
		return;
	assert(!v->over || v->path == NULL);
	dxf_view_stop_zeroing(v);
	assert(!v->zeroing);
	if (v->se != NULL) {
		/* of /dev/fd/N it closes the connection */
		fuse_session_unmount(v->se);
		fuse_session_destroy(v->se);
	}
	/* With no connection it asks nobody. */
	if (v->over)
		umount2(dxf_region_path(v->r), MNT_DETACH | UMOUNT_NOFOLLOW);
	free(v->req.mem);
	free(v->buf);
	free(v->path);
	free(v);
}
