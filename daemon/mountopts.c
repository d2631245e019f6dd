/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountopts.c - the options that libfuse and the kernel are given.
 *
 * Owns the defaults that depend on who mounts: root's mount behaves as a
 * kernel filesystem's does (everybody may enter, setuid programs and device
 * files work); a user's has what fusermount3 allows.  Permissions are the
 * kernel's to check, but for fakeroot.
 *
 * Flags of the mount that libfuse does not know (3.14 refuses relatime) never
 * reach it: root sets them on the new mount before FUSE_INIT is answered, so
 * that nobody can have used it without them.
 */
#include "mountopts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
#include "log.h"
#include "region.h"

static int add(char **opts, bool on, const char *word)
{
	if (!on)
		return 0;
	return fuse_opt_add_opt(opts, word) ? -ENOMEM : 0;
}

/* "key=value" with the commas and backslashes of @value escaped. */
static int add_value(char **opts, const char *key, const char *value)
{
	DXF_CLEANUP_FREE char *word = NULL;

	assert(value[0] != '\0');
	if (asprintf(&word, "%s=%s", key, value) < 0) {
		word = NULL;
		return -ENOMEM;
	}
	return fuse_opt_add_opt_escaped(opts, word) ? -ENOMEM : 0;
}

static int add_names(const struct dxf_session *s, char **opts)
{
	const struct dxf_options *o = s->opt;
	int err;

	err = add_value(opts, "fsname", o->fsname ? o->fsname :
			dxf_region_path(s->region));
	if (err)
		return err;
	return add_value(opts, "subtype", o->subtype ? o->subtype : "daxfuse");
}

static int add_flags(const struct dxf_session *s, char **opts)
{
	const struct dxf_options *o = s->opt;
	bool root = geteuid() == 0;
	const struct {
		bool on;
		const char *word;
	} words[] = {
		{ !o->fakeroot, "default_permissions" },
		{ s->ro, "ro" },
		/* where all may make them, a setuid program is anybody's */
		{ root && !o->fakeroot && o->suid != DXF_TRI_NO, "suid" },
		{ root && !o->fakeroot && o->dev != DXF_TRI_NO, "dev" },
		{ o->exec == DXF_TRI_NO, "noexec" },
		{ o->fs.sync, "sync" },
		{ o->fs.dirsync, "dirsync" },
		{ (root || o->allow_other) && !o->allow_root, "allow_other" },
		{ o->allow_root, "allow_root" },
		{ o->debug, "debug" },
	};
	size_t i;
	int err = 0;

	assert(!(o->allow_root && o->allow_other));
	for (i = 0; err == 0 && i < DXF_ARRAY_SIZE(words); i++)
		err = add(opts, words[i].on, words[i].word);
	return err;
}

/* The kernel wants the quotes where there is a comma; libfuse keeps them. */
static int add_contexts(const struct dxf_options *o, char **opts)
{
	static const char *const keys[DXF_CONTEXTS] = {
		[DXF_CONTEXT_ALL] = "context",
		[DXF_CONTEXT_FS] = "fscontext",
		[DXF_CONTEXT_DEF] = "defcontext",
		[DXF_CONTEXT_ROOT] = "rootcontext",
	};
	int i, err = 0;

	for (i = 0; err == 0 && i < DXF_CONTEXTS; i++) {
		DXF_CLEANUP_FREE char *quoted = NULL;

		if (o->context[i] == NULL)
			continue;
		assert(o->context[i][0] != '\0');
		if (asprintf(&quoted, "\"%s\"", o->context[i]) < 0) {
			quoted = NULL;
			return -ENOMEM;
		}
		err = add_value(opts, keys[i], quoted);
	}
	return err;
}

/* As mount(8): without SELinux a kernel takes no label, so none is passed. */
static bool has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

int dxf_mountopts_list(const struct dxf_session *s, bool selinux, char **opts)
{
	int err;

	*opts = NULL;
	err = add_flags(s, opts);
	if (err == 0 && selinux)
		err = add_contexts(s->opt, opts);
	if (err == 0)
		err = add_names(s, opts);
	if (err) {
		free(*opts);
		*opts = NULL;
	}
	return err;
}

int dxf_mountopts_build(const struct dxf_session *s, struct fuse_args *args)
{
	DXF_CLEANUP_FREE char *opts = NULL;
	int err;

	*args = (struct fuse_args)FUSE_ARGS_INIT(0, NULL);
	err = dxf_mountopts_list(s, has_selinux(), &opts);
	if (err == 0 && (fuse_opt_add_arg(args, "daxfuse") ||
			 fuse_opt_add_arg(args, "-o") ||
			 fuse_opt_add_arg(args, opts)))
		err = -ENOMEM;
	if (err)
		fuse_opt_free_args(args);
	return err;
}

#ifdef MOUNT_ATTR_NOSYMFOLLOW

static uint64_t wanted_attrs(const struct dxf_options *o)
{
	uint64_t set = o->fs.nodiratime ? MOUNT_ATTR_NODIRATIME : 0;

	if (o->fs.atime == DXF_ATIME_NONE)
		set |= MOUNT_ATTR_NOATIME;
	if (o->fs.atime == DXF_ATIME_STRICT)
		set |= MOUNT_ATTR_STRICTATIME;
	if (o->nosymfollow)
		set |= MOUNT_ATTR_NOSYMFOLLOW;
	return set;
}

static int set_attrs(const char *at, uint64_t set)
{
	struct mount_attr attr = {
		.attr_set = set,
		.attr_clr = MOUNT_ATTR__ATIME,
	};

	return mount_setattr(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, &attr,
			     sizeof(attr)) ? -errno : 0;
}

#else

static uint64_t wanted_attrs(const struct dxf_options *o)
{
	return o->nosymfollow;
}

static int set_attrs(const char *at, uint64_t set)
{
	return -ENOSYS;
}

#endif

int dxf_mountopts_apply(const struct dxf_options *o, const char *at,
			struct dxf_err *err)
{
	uint64_t set = wanted_attrs(o);
	int ret;

	assert(at[0] == '/');
	if (set == 0)
		return 0;
	ret = set_attrs(at, set);
	if (ret == 0)
		return 0;
	/* the others are the daemon's to keep; these are for show */
	dxf_log_debug("%s: mount_setattr: %s", at, strerror(-ret));
	if (!o->nosymfollow)
		return 0;
	return dxf_err_set(err, -ret, "option nosymfollow cannot be used: %s",
			   ret == -EPERM ? "only root can have it set" :
			   strerror(-ret));
}
