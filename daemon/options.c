/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.c - parse the command line by the table of opttable.c.
 *
 * Owns the splitting of `-o` lists and the checking of values.  Must not know
 * what an option makes happen.
 */
#include "options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "cleanup.h"
#include "optnum.h"
#include "opttable.h"

/* ---- one option ---- */

static bool opt_matches(const struct dxf_opt *opt, const char *name)
{
	size_t len = strlen(opt->name);

	assert(len > 0);
	if (opt->name[len - 1] == '*')
		return strncmp(opt->name, name, len - 1) == 0;
	return strcmp(opt->name, name) == 0;
}

static const struct dxf_opt *opt_find(const char *name)
{
	const struct dxf_opt *opt;

	for (opt = dxf_opt_table; opt->name != NULL; opt++)
		if (opt_matches(opt, name))
			return opt;
	return NULL;
}

static int bad_value(struct dxf_err *err, int ret, const char *name,
		     const char *value, const char *wanted)
{
	return dxf_err_set(err, EINVAL, "option %s=%s: %s, %s is wanted", name,
			   value, ret == -ERANGE ? "out of range" :
			   "cannot be understood", wanted);
}

static int set_word(const struct dxf_opt *opt, int *to, const char *value,
		    struct dxf_err *err)
{
	const struct dxf_opt_word *w;

	if (value == NULL && opt->bare) {
		*to = opt->value;
		return 0;
	}
	for (w = opt->words; value != NULL && w->name != NULL; w++) {
		if (strcmp(w->name, value) == 0) {
			*to = w->value;
			return 0;
		}
	}
	return bad_value(err, -EINVAL, opt->name, value ? value : "",
			 opt->arg);
}

static int set_size(const struct dxf_opt *opt, uint64_t *to, const char *value,
		    struct dxf_err *err)
{
	int ret = dxf_parse_size(value, to);

	if (ret)
		return bad_value(err, ret, opt->name, value,
				 "a number of bytes, perhaps with k, m, g or "
				 "t behind it,");
	return 0;
}

static int set_uint(const struct dxf_opt *opt, unsigned int *to,
		    const char *value, struct dxf_err *err)
{
	int ret = dxf_parse_uint(value, opt->min, opt->max, to);

	if (ret)
		return dxf_err_set(err, EINVAL,
			"option %s=%s: a number from %u to %u is wanted",
			opt->name, value, opt->min, opt->max);
	return 0;
}

static int set_string(const struct dxf_opt *opt, char **to, const char *value,
		      struct dxf_err *err)
{
	char *copy = dxf_strdup(value);

	if (copy == NULL)
		return dxf_err_set(err, ENOMEM, "no memory for option %s",
				   opt->name);
	free(*to);
	*to = copy;
	return 0;
}

/* Does the kind go with "name" or with "name=value"? */
static int check_form(const struct dxf_opt *opt, const char *value,
		      struct dxf_err *err)
{
	switch (opt->kind) {
	case DXF_OPT_BOOL:
	case DXF_OPT_INT:
		if (value != NULL)
			return dxf_err_set(err, EINVAL,
				"option %s takes no value", opt->name);
		return 0;
	case DXF_OPT_SIZE:
	case DXF_OPT_UINT:
	case DXF_OPT_STRING:
	case DXF_OPT_WORD:
		if ((value == NULL && !opt->bare) ||
		    (value != NULL && *value == '\0'))
			return dxf_err_set(err, EINVAL,
				"option %s needs a value: %s=%s", opt->name,
				opt->name, opt->arg);
		return 0;
	case DXF_OPT_ACCEPT:
	case DXF_OPT_REFUSE:
		return 0;
	}
	return 0;
}

/* @given is the name as it was given: it may be longer than the table's. */
static int opt_apply(struct dxf_options *o, const struct dxf_opt *opt,
		     const char *given, const char *value, struct dxf_err *err)
{
	void *to = (char *)o + opt->at;
	int ret = check_form(opt, value, err);

	assert(opt->at < sizeof(*o));
	if (ret)
		return ret;
	switch (opt->kind) {
	case DXF_OPT_BOOL:
		*(bool *)to = opt->value;
		return 0;
	case DXF_OPT_INT:
		*(int *)to = opt->value;
		return 0;
	case DXF_OPT_WORD:
		return set_word(opt, to, value, err);
	case DXF_OPT_SIZE:
		return set_size(opt, to, value, err);
	case DXF_OPT_UINT:
		return set_uint(opt, to, value, err);
	case DXF_OPT_STRING:
		return set_string(opt, to, value, err);
	case DXF_OPT_ACCEPT:
		return 0;
	case DXF_OPT_REFUSE:
		return dxf_err_set(err, EINVAL, "option %s cannot be used: %s",
				   given, opt->help);
	}
	return 0;
}

/* @word is "name" or "name=value"; it is cut up. */
static int apply_word(struct dxf_options *o, char *word, struct dxf_err *err)
{
	const struct dxf_opt *opt;
	char *value = strchr(word, '=');

	if (*word == '\0')
		return 0;	/* mount(8) leaves empty elements */
	if (value != NULL)
		*value++ = '\0';
	assert(value == NULL || value > word);
	opt = opt_find(word);
	if (opt != NULL)
		return opt_apply(o, opt, word, value, err);
	if (o->sloppy)
		return 0;
	return dxf_err_set(err, EINVAL,
			   "unknown option \"%s\" (daxfuse -h lists them)",
			   word);
}

/* ---- lists of options ---- */

/*
 * Cut the next element off the list at *@s, in place: it ends at a comma that
 * is not within double quotes, which are taken away.  A backslash takes the
 * special meaning from the character behind it.
 * Returns: NULL: the quotes are not closed.
 */
static char *next_word(char **s)
{
	char *word = *s, *to = *s, *p = *s;
	bool quoted = false;

	for (; *p != '\0' && (quoted || *p != ','); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
		*to++ = *p;
	}
	*s = *p == ',' ? p + 1 : NULL;
	*to = '\0';
	assert(to <= p);
	return quoted ? NULL : word;
}

static int apply_list(struct dxf_options *o, const char *list,
		      struct dxf_err *err)
{
	DXF_CLEANUP_FREE char *copy = dxf_strdup(list);
	char *s = copy, *word;
	int ret = 0;

	if (copy == NULL)
		return dxf_err_set(err, ENOMEM, "no memory for the options");
	while (ret == 0 && s != NULL) {
		word = next_word(&s);
		if (word == NULL)
			return dxf_err_set(err, EINVAL, "a \" is not closed in "
					   "the options: %s", list);
		ret = apply_word(o, word, err);
	}
	return ret;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "options", required_argument, NULL, 'o' },
	{ "read-only", no_argument, NULL, 'r' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "debug", no_argument, NULL, 'd' },
	{ NULL },
};

/* Flags that mean the same however we were called. */
static int apply_flag(struct dxf_options *o, int c)
{
	switch (c) {
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	case 'r':
		o->region.ro = true;
		return 0;
	case 'w':
		o->region.ro = false;
		return 0;
	default:
		return -EINVAL;
	}
}

static int apply_own_flag(struct dxf_options *o, int c)
{
	switch (c) {
	case 'f':
		o->foreground = true;
		return 0;
	case 'd':
		o->foreground = true;
		o->debug = true;
		return 0;
	case 's':
		o->workers = 1;
		return 0;
	default:
		return apply_flag(o, c);
	}
}

/* What mount(8) gives to a helper. */
static int apply_helper_flag(struct dxf_options *o, int c)
{
	switch (c) {
	case 's':
		o->sloppy = true;
		return 0;
	case 'f':
		o->fake = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'N':
		free(o->ns);
		o->ns = dxf_strdup(optarg);
		return o->ns ? 0 : -ENOMEM;
	case 'n':	/* no mtab: there is none */
	case 't':	/* the type, which is in our name */
		return 0;
	default:
		return apply_flag(o, c);
	}
}

static int set_operands(struct dxf_options *o, int argc, char **argv,
			struct dxf_err *err)
{
	if (argc < 2)
		return dxf_err_set(err, EINVAL, "%s is missing: "
			"daxfuse SOURCE MOUNTPOINT [-o OPTIONS]",
			argc == 0 ? "the source" : "the mount point");
	if (argc > 2)
		return dxf_err_set(err, EINVAL, "one argument too many: %s",
				   argv[2]);
	if (*argv[0] == '\0' || *argv[1] == '\0')
		return dxf_err_set(err, EINVAL, "the %s is an empty name",
				   *argv[0] ? "mount point" : "source");
	o->source = dxf_strdup(argv[0]);
	o->mountpoint = dxf_strdup(argv[1]);
	if (o->source == NULL || o->mountpoint == NULL)
		return dxf_err_set(err, ENOMEM, "no memory");
	return 0;
}

/* mount.TYPE, as mount(8) looks for it, whatever TYPE is. */
static bool is_helper_name(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	const char *name = slash ? slash + 1 : argv0;

	return name != NULL && strncmp(name, "mount.", 6) == 0;
}

/*
 * -s (sloppy) changes how `-o` is read, and may stand behind it: two rounds.
 */
static int parse_flags(struct dxf_options *o, int argc, char **argv,
		       bool lists, struct dxf_err *err)
{
	const char *shorts = o->helper ? ":o:hVrwsfvnt:N:" : ":o:hVrwfds";
	int c, ret = 0;

	optind = 0;	/* glibc: start anew, and permute */
	while (ret == 0 &&
	       (c = getopt_long(argc, argv, shorts, long_options,
				NULL)) != -1) {
		if (c == ':')
			ret = dxf_err_set(err, EINVAL, "%s needs a value",
					  argv[optind - 1]);
		else if (c == '?')
			ret = dxf_err_set(err, EINVAL, "unknown flag %s "
				"(daxfuse -h lists them)", argv[optind - 1]);
		else if (c == 'o')
			ret = lists ? apply_list(o, optarg, err) : 0;
		else if (!lists)
			ret = o->helper ? apply_helper_flag(o, c) :
					  apply_own_flag(o, c);
		if (ret == -ENOMEM)
			dxf_err_set(err, ENOMEM, "no memory for the options");
	}
	return ret;
}

static int check_together(const struct dxf_options *o, struct dxf_err *err)
{
	const char *a, *b;

	if (o->allow_root && o->allow_other) {
		a = "allow_other";
		b = "allow_root";
	} else if (o->noconfine && o->drop_privileges) {
		a = "noconfine";
		b = "drop_privileges";
	} else {
		return 0;
	}
	return dxf_err_set(err, EINVAL, "options %s and %s exclude each other",
			   a, b);
}

int dxf_options_parse(struct dxf_options *o, int argc, char **argv,
		      struct dxf_err *err)
{
	int ret;

	memset(o, 0, sizeof(*o));
	dxf_fs_default_opts(&o->fs);
	o->helper = is_helper_name(argv[0]);
	opterr = 0;
	ret = parse_flags(o, argc, argv, false, err);
	if (ret == 0)
		ret = parse_flags(o, argc, argv, true, err);
	if (ret || o->help || o->version)
		return ret;
	assert(optind >= 1 && optind <= argc);
	ret = check_together(o, err);
	if (ret)
		return ret;
	o->fs.ro = o->region.ro;
	return set_operands(o, argc - optind, argv + optind, err);
}

void dxf_options_free(struct dxf_options *o)
{
	size_t i;

	for (i = 0; i < DXF_CONTEXTS; i++)
		free(o->context[i]);
	free(o->ns);
	free(o->setuid);
	free(o->fsname);
	free(o->subtype);
	free(o->debug_modules);
	free(o->source);
	free(o->mountpoint);
	memset(o, 0, sizeof(*o));
}
