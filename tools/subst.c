// SPDX-License-Identifier: GPL-2.0-or-later
#include "subst.h"

#include <assert.h>
#include <string.h>

#include "alloc.h"

static size_t length_of(const char *arg, size_t name_len)
{
	size_t len = strlen(arg) + 1;

	while ((arg = strstr(arg, "{}")) != NULL) {
		len += name_len;
		arg += 2;
	}
	return len;
}

/* Returns: behind what was written. */
static char *expand(char *to, const char *arg, const char *name)
{
	const char *hole;

	while ((hole = strstr(arg, "{}")) != NULL) {
		to = mempcpy(to, arg, (size_t)(hole - arg));
		to = stpcpy(to, name);
		arg = hole + 2;
	}
	return stpcpy(to, arg) + 1;
}

char **dxf_subst(char *const argv[], const char *name)
{
	size_t n = 0, len = 0;
	char **out, *text;

	for (; argv[n] != NULL; n++)
		len += length_of(argv[n], strlen(name));
	out = dxf_malloc((n + 1) * sizeof(*out) + len);
	if (out == NULL)
		return NULL;
	text = (char *)(out + n + 1);
	for (size_t i = 0; i < n; i++) {
		out[i] = strstr(argv[i], "{}") != NULL ? text : argv[i];
		text = expand(text, argv[i], name);
	}
	assert((size_t)(text - (char *)(out + n + 1)) <= len);
	out[n] = NULL;
	return out;
}
