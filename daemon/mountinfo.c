/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountinfo.c - what is mounted where, as this process sees it.
 *
 * Owns the reading of /proc/self/mountinfo.  Shared with the umount helper, so
 * it knows nothing of the daemon.
 */
#include "mountinfo.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

struct entry {
	const char *target;
	const char *source;
};

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' &&
	       s[2] >= '0' && s[2] <= '7';
}

/* Blanks and the like are written as \ooo: undo it in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++, to++) {
		if (s[0] == '\\' && is_octal(s + 1)) {
			*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				     (s[3] - '0'));
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

/* Cut up "id parent dev root TARGET option... - type SOURCE ...". */
static bool parse(char *line, struct entry *e)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save);
	char *target, *source;
	int i;

	for (i = 0; word != NULL && i < 4; i++)
		word = strtok_r(NULL, " \n", &save);
	target = word;
	while (word != NULL && strcmp(word, "-") != 0)
		word = strtok_r(NULL, " \n", &save);
	if (word == NULL || strtok_r(NULL, " \n", &save) == NULL)
		return false;
	source = strtok_r(NULL, " \n", &save);
	if (source == NULL)
		return false;
	unescape(target);
	unescape(source);
	e->target = target;
	e->source = source;
	return true;
}

/* Call @fn for each mount, in order. */
static void for_each(void (*fn)(void *ctx, const struct entry *e), void *ctx)
{
	DXF_CLEANUP_FREE char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct entry e;
	size_t room = 0;

	if (f == NULL)
		return;
	while (getline(&line, &room, f) > 0)
		if (parse(line, &e))
			fn(ctx, &e);
	fclose(f);
}

struct search {
	const char *wanted;
	char *source;
	bool found;
};

static void match_target(void *ctx, const struct entry *e)
{
	struct search *s = ctx;

	if (strcmp(e->target, s->wanted) != 0)
		return;
	free(s->source);
	s->source = strdup(e->source);
}

char *dxf_mountinfo_source(const char *target)
{
	struct search s = { .wanted = target };

	assert(target[0] != '\0');
	for_each(match_target, &s);
	return s.source;
}

static void match_source(void *ctx, const struct entry *e)
{
	struct search *s = ctx;

	if (strcmp(e->source, s->wanted) == 0)
		s->found = true;
}

bool dxf_mountinfo_is_mounted(const char *source)
{
	struct search s = { .wanted = source };

	for_each(match_source, &s);
	return s.found;
}
