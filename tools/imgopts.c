// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * imgopts.c - the command line of daxfuse-image.
 */
#include "imgopts.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "optnum.h"

static int parse_number(const char *value, const char *name, uint64_t *out,
			struct dxf_err *err)
{
	if (dxf_parse_size(value, out) != 0)
		return dxf_err_set(err, EINVAL, "%s=%s is no number of bytes "
				   "(with k, m, g or t behind it)", name,
				   value);
	return 0;
}

static const struct {
	const char *word;
	size_t field;			/* a bool of struct dxf_imgopts */
	bool value;
} words[] = {
	{ "ro", offsetof(struct dxf_imgopts, region.ro), true },
	{ "rw", offsetof(struct dxf_imgopts, region.ro), false },
	{ "discard", offsetof(struct dxf_imgopts, discard), true },
	{ "nodiscard", offsetof(struct dxf_imgopts, discard), false },
};

static int parse_word(struct dxf_imgopts *o, const char *word,
		      struct dxf_err *err)
{
	if (*word == '\0')
		return 0;
	if (strncmp(word, "offset=", 7) == 0)
		return parse_number(word + 7, "offset", &o->region.offset,
				    err);
	if (strncmp(word, "sizelimit=", 10) == 0)
		return parse_number(word + 10, "sizelimit", &o->region.size,
				    err);
	for (size_t i = 0; i < DXF_ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		*(bool *)((char *)o + words[i].field) = words[i].value;
		return 0;
	}
	return dxf_err_set(err, EINVAL, "unknown option `-o %s': ro, rw, "
			   "discard, nodiscard, offset=BYTES and "
			   "sizelimit=BYTES are known", word);
}

static int parse_list(struct dxf_imgopts *o, char *list, struct dxf_err *err)
{
	char *word;
	int ret = 0;

	while (ret == 0 && (word = strsep(&list, ",")) != NULL)
		ret = parse_word(o, word, err);
	return ret;
}

static int parse_flags(struct dxf_imgopts *o, int argc, char **argv,
		       struct dxf_err *err)
{
	static const struct option longs[] = {
		{ "run", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c, ret = 0;

	opterr = 0;
	while (ret == 0 &&
	       (c = getopt_long(argc, argv, "+o:rfvhV", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			ret = parse_list(o, optarg, err);
			break;
		case 'r':
			o->region.ro = true;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'R':
			o->run = true;
			break;
		case 'h':
			o->help = true;
			break;
		case 'V':
			o->version = true;
			break;
		default:
			ret = dxf_err_set(err, EINVAL, "unknown option `%s'; "
					  "see daxfuse-image -h",
					  argv[optind - 1]);
		}
	}
	return ret;
}

static int parse_run(struct dxf_imgopts *o, int argc, char **argv,
		     struct dxf_err *err)
{
	int at = optind + 1;

	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	if (at >= argc)
		return dxf_err_set(err, EINVAL, "--run needs a device and a "
				   "program: daxfuse-image --run DEVICE -- "
				   "PROGRAM {}");
	o->device = argv[optind];
	o->program = argv + at;
	return 0;
}

int dxf_imgopts_parse(struct dxf_imgopts *o, int argc, char **argv,
		      struct dxf_err *err)
{
	int ret;

	*o = (struct dxf_imgopts){ .region = { .thin = true } };
	ret = parse_flags(o, argc, argv, err);
	if (ret != 0 || o->help || o->version)
		return ret;
	o->region.beside = o->region.ro;
	if (o->run)
		return parse_run(o, argc, argv, err);
	if (argc - optind != 2)
		return dxf_err_set(err, EINVAL, "name the device, and the file "
				   "to show it in (or --run); see "
				   "daxfuse-image -h");
	o->device = argv[optind];
	o->file = argv[optind + 1];
	return 0;
}
