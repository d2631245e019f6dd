// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkfsopts.c - the command line of mkfs.daxfuse, and mke2fs's made from it.
 *
 * Owns the defaults; the manual page names them.
 */
#include "mkfsopts.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "optnum.h"

/* mke2fs's, by which an option's value is told from the device. */
#define MKE2FS_OPTIONS	"b:cd:e:g:i:jl:m:no:qr:s:t:vC:DE:FG:I:J:KL:M:N:O:R:ST:U:Vz:"

static const struct {
	char letter;
	const char *value;
} defaults[] = {
	{ 't', "ext2" },
	{ 'b', "4096" },
	{ 'I', "256" },
	{ 'm', "1" },
	{ 'e', "remount-ro" },
};

static int pass_on(struct dxf_mkfsopts *o, int c, char *value,
		   char *flag, struct dxf_err *err)
{
	if (o->npass + 2 > DXF_MKFS_MAX_ARGS)
		return dxf_err_set(err, EINVAL, "too many options");
	o->given[c & 0xff] = 1;
	o->pass[o->npass++] = flag;
	if (value != NULL)
		o->pass[o->npass++] = value;
	return 0;
}

static int take(struct dxf_mkfsopts *o, int c, struct dxf_err *err)
{
	static char flags[256][3];

	switch (c) {
	case 'F':
		o->force = true;
		return 0;
	case 'E':
		o->extended = optarg;
		return 0;
	case 'O':
		o->features = optarg;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	case 'n':
		o->dry_run = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'S':
		return dxf_err_set(err, EINVAL, "-S rescues a filesystem "
				   "rather than making one: daxfuse-image "
				   "--run DEVICE -- mke2fs -S {}");
	case 'j':
	case 'J':
		return dxf_err_set(err, EINVAL, "-%c: a journal is of no use "
				   "here, the redo log takes its place", c);
	}
	snprintf(flags[c & 0xff], sizeof(flags[0]), "-%c", c);
	return pass_on(o, c, optarg, flags[c & 0xff], err);
}

static int parse_options(struct dxf_mkfsopts *o, int argc, char **argv,
			 struct dxf_err *err)
{
	static const struct option longs[] = {
		{ "sparse", no_argument, NULL, 1 },
		{ "help", no_argument, NULL, 2 },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c, ret = 0;

	opterr = 0;
	while (ret == 0 && (c = getopt_long(argc, argv, MKE2FS_OPTIONS, longs,
					    NULL)) != -1) {
		if (c == '?')
			ret = dxf_err_set(err, EINVAL, "unknown option `%s', "
					  "or its value is missing; see "
					  "mkfs.daxfuse --help",
					  argv[optind - 1]);
		else if (c == 1)
			o->sparse = true;
		else if (c == 2)
			o->help = true;
		else
			ret = take(o, c, err);
	}
	return ret;
}

/* A number alone is blocks to mke2fs, but of which size? */
static int parse_size(struct dxf_mkfsopts *o, const char *text,
		      struct dxf_err *err)
{
	size_t len = strlen(text);

	if (len == 0 || strchr("kKmMgGtT", text[len - 1]) == NULL ||
	    dxf_parse_size(text, &o->size) != 0 || o->size == 0)
		return dxf_err_set(err, EINVAL, "the size `%s' is no number "
				   "with K, M, G or T behind it", text);
	return 0;
}

int dxf_mkfsopts_parse(struct dxf_mkfsopts *o, int argc, char **argv,
		       struct dxf_err *err)
{
	int ret;

	*o = (struct dxf_mkfsopts){ .target = NULL };
	ret = parse_options(o, argc, argv, err);
	if (ret != 0 || o->help || o->version)
		return ret;
	if (argc - optind < 1 || argc - optind > 2)
		return dxf_err_set(err, EINVAL, "name a device or file, and "
				   "for a new file its size; see "
				   "mkfs.daxfuse --help");
	o->target = argv[optind];
	return argc - optind == 2 ? parse_size(o, argv[optind + 1], err) : 0;
}

/* ---- mke2fs's command line ---- */

static bool add(char **command, unsigned int *n, char *word)
{
	assert(*n < DXF_MKFS_MAX_ARGS + 24);
	command[*n] = word;
	return word != NULL && ++*n > 0;
}

static char *extended_of(const struct dxf_mkfsopts *o)
{
	char owner[64] = "", *text;

	if (geteuid() != 0)
		snprintf(owner, sizeof(owner), ",root_owner=%u:%u", geteuid(),
			 getegid());
	if (asprintf(&text, "nodiscard%s%s%s", owner,
		     o->extended != NULL ? "," : "",
		     o->extended != NULL ? o->extended : "") < 0)
		return NULL;
	return text;
}

static bool add_defaults(const struct dxf_mkfsopts *o, char **command,
			 unsigned int *n)
{
	char flag[3] = "-?";

	for (size_t i = 0; i < DXF_ARRAY_SIZE(defaults); i++) {
		if (o->given[(unsigned char)defaults[i].letter])
			continue;
		flag[1] = defaults[i].letter;
		if (!add(command, n, dxf_strdup(flag)) ||
		    !add(command, n, dxf_strdup(defaults[i].value)))
			return false;
	}
	return add(command, n, dxf_strdup("-E")) &&
	       add(command, n, extended_of(o));
}

/* Other types have a journal by default: not here, unless it was asked for. */
static bool add_features(const struct dxf_mkfsopts *o, char **command,
			 unsigned int *n)
{
	const char *given = o->features != NULL ? o->features : "";
	bool journal = strstr(given, "has_journal") == NULL;
	char *text;

	if (o->features == NULL && !o->given['t'])
		return true;
	if (asprintf(&text, "%s%s%s", given, journal && *given ? "," : "",
		     journal ? "^has_journal" : "") < 0)
		return false;
	if (!add(command, n, dxf_strdup("-O"))) {
		free(text);
		return false;
	}
	return add(command, n, text);
}

static bool add_given(const struct dxf_mkfsopts *o, char **command,
		      unsigned int *n)
{
	for (unsigned int i = 0; i < o->npass; i++)
		if (!add(command, n, dxf_strdup(o->pass[i])))
			return false;
	return add_features(o, command, n);
}

static bool add_target(const struct dxf_mkfsopts *o, const char *path,
		       char **command, unsigned int *n)
{
	char size[32];

	snprintf(size, sizeof(size), "%lluk",
		 (unsigned long long)(o->size / DXF_KIB));
	return add(command, n, dxf_strdup("--")) &&
	       add(command, n, dxf_strdup(path)) &&
	       (o->size == 0 || add(command, n, dxf_strdup(size)));
}

int dxf_mkfsopts_command(const struct dxf_mkfsopts *o, const char *path,
			 char ***out)
{
	char **command = dxf_calloc(DXF_MKFS_MAX_ARGS + 24,
				    sizeof(*command));
	unsigned int n = 0;

	if (command == NULL)
		return -ENOMEM;
	/* -F: what there is to ask was asked already. */
	if (!add(command, &n, dxf_strdup("mke2fs")) ||
	    !add(command, &n, dxf_strdup("-F")) ||
	    !add_defaults(o, command, &n) || !add_given(o, command, &n) ||
	    !add_target(o, path, command, &n)) {
		dxf_mkfsopts_free(command);
		return -ENOMEM;
	}
	*out = command;
	return 0;
}

void dxf_mkfsopts_free(char **command)
{
	if (command == NULL)
		return;
	for (char **p = command; *p != NULL; p++)
		free(*p);
	free(command);
}
