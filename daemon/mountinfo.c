/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mountinfo.c - what is mounted where, as a process sees it.
 *
 * Owns the reading of /proc/PID/mountinfo.  Shared with the umount helper, so
 * it knows nothing of the daemon.
 */
#include "mountinfo.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' &&
	       s[2] >= '0' && s[2] <= '7';
}

void dxf_mountinfo_unescape(char *s)
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

/*
 * Cut up "id parent dev root TARGET option... - TYPE SOURCE option,...".  The
 * source may be an empty word.
 */
static bool parse(char *line, struct dxf_mount *m)
{
	char *dash = strstr(line, " - "), *save = NULL;
	char *word, *type, *source, *options;
	int i;

	if (dash == NULL)
		return false;
	*dash = '\0';
	word = strtok_r(line, " ", &save);
	if (word == NULL)
		return false;
	m->id = strtoull(word, NULL, 10);
	for (i = 0; word != NULL && i < 4; i++)
		word = strtok_r(NULL, " ", &save);
	type = dash + 3;
	source = strchr(type, ' ');
	options = source != NULL ? strchr(source + 1, ' ') : NULL;
	if (word == NULL || options == NULL)
		return false;
	*source++ = '\0';
	*options++ = '\0';
	dxf_mountinfo_unescape(word);
	dxf_mountinfo_unescape(source);
	m->target = word;
	m->type = type;
	m->source = source;
	m->ro = strncmp(options, "ro", 2) == 0 &&
		(options[2] == ',' || options[2] == '\n' ||
		 options[2] == '\0');
	return true;
}

void dxf_mountinfo_read(FILE *table,
			bool (*fn)(void *ctx, const struct dxf_mount *m),
			void *ctx)
{
	DXF_CLEANUP_FREE char *line = NULL;
	struct dxf_mount m;
	size_t room = 0;

	while (getline(&line, &room, table) > 0)
		if (parse(line, &m) && fn(ctx, &m))
			break;
}

int dxf_mountinfo_each(pid_t pid,
		       bool (*fn)(void *ctx, const struct dxf_mount *m),
		       void *ctx)
{
	char path[64] = "/proc/self/mountinfo";
	FILE *f;

	assert(pid >= 0 && fn != NULL);
	if (pid != 0)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -errno;
	dxf_mountinfo_read(f, fn, ctx);
	fclose(f);
	return 0;
}

struct search {
	const char *wanted;
	char *found;
};

static bool match_target(void *ctx, const struct dxf_mount *m)
{
	struct search *s = ctx;

	if (strcmp(m->target, s->wanted) != 0)
		return false;
	free(s->found);
	s->found = strdup(m->source);
	return false;
}

char *dxf_mountinfo_source(const char *target)
{
	struct search s = { .wanted = target };

	assert(target[0] != '\0');
	dxf_mountinfo_each(0, match_target, &s);
	return s.found;
}

static bool match_source(void *ctx, const struct dxf_mount *m)
{
	struct search *s = ctx;

	if (strcmp(m->source, s->wanted) != 0)
		return false;
	s->found = strdup(m->target);
	return true;
}

char *dxf_mountinfo_target(pid_t pid, const char *source)
{
	struct search s = { .wanted = source };

	assert(source[0] != '\0');
	dxf_mountinfo_each(pid, match_source, &s);
	return s.found;
}
