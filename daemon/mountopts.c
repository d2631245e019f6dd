/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountopts.c - the options that libfuse and the kernel are given.
 *
 * Owns the defaults that depend on who mounts: root's mount behaves as a
 * kernel filesystem's does (everybody may enter, setuid programs and device
 * files work); a user's has what fusermount3 allows.  Permissions are always
 * the kernel's to check.
 */
#include "mountopts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "cleanup.h"
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

static bool tri(enum dxf_tri t, bool unset)
{
	return t == DXF_TRI_UNSET ? unset : t == DXF_TRI_YES;
}

static int add_flags(const struct dxf_session *s, char **opts)
{
	const struct dxf_options *o = s->opt;
	bool root = geteuid() == 0;
	const struct {
		bool on;
		const char *word;
	} words[] = {
		{ true, "default_permissions" },
		{ s->ro, "ro" },
		{ tri(o->suid, root), "suid" },
		{ tri(o->dev, root), "dev" },
		{ o->exec == DXF_TRI_NO, "noexec" },
		{ o->fs.sync, "sync" },
		{ o->fs.dirsync, "dirsync" },
		{ o->fs.atime == DXF_ATIME_NONE, "noatime" },
		{ (root || o->allow_other) && !o->allow_root, "allow_other" },
		{ o->allow_root, "allow_root" },
		{ o->debug, "debug" },
	};
	size_t i;
	int err = 0;

	for (i = 0; err == 0 && i < DXF_ARRAY_SIZE(words); i++)
		err = add(opts, words[i].on, words[i].word);
	return err;
}

int dxf_mountopts_build(const struct dxf_session *s, struct fuse_args *args)
{
	DXF_CLEANUP_FREE char *opts = NULL;
	int err;

	*args = (struct fuse_args)FUSE_ARGS_INIT(0, NULL);
	err = add_flags(s, &opts);
	if (err == 0)
		err = add_names(s, &opts);
	if (err == 0 && (fuse_opt_add_arg(args, "daxfuse") ||
			 fuse_opt_add_arg(args, "-o") ||
			 fuse_opt_add_arg(args, opts)))
		err = -ENOMEM;
	if (err)
		fuse_opt_free_args(args);
	return err;
}
