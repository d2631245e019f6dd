/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "syslogfd.h"
#include "units.h"

static enum dxf_log_level max_level = DXF_LOG_INFO;
static bool use_syslog;
static bool use_prefix;
/* Bits of module_names whose debugging messages are wanted. */
static unsigned int wanted_modules = ~0u;
static void (*sink)(void *ctx, enum dxf_log_level level, const char *text);
static void *sink_ctx;

void dxf_log(enum dxf_log_level level, const char *fmt, ...)
{
	static const int prio[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	char text[1024];
	va_list ap;

	if (level > max_level)
		return;
	assert(level < DXF_ARRAY_SIZE(prio));
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sink != NULL)
		sink(sink_ctx, level, text);
	else if (use_syslog)
		dxf_syslogfd_send(prio[level], text);
	else if (use_prefix)
		fprintf(stderr, "<%d>%s\n", prio[level], text);
	else
		fprintf(stderr, "daxfuse: %s\n", text);
}

/* JOURNAL_STREAM is "DEVICE:INODE" of the stream that was given to us. */
void dxf_log_detect_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	use_prefix = stream != NULL &&
		     sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
		     fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
		     st.st_ino == ino;
}

/* ---- modules ---- */

static const char *const module_names[] = {
	"util", "pmem", "txn", "ext2", "fs", "daemon", "tools",
};

/* The module's bit; 0: there is none of that name. */
static unsigned int module_bit(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < DXF_ARRAY_SIZE(module_names); i++)
		if (strlen(module_names[i]) == len &&
		    memcmp(module_names[i], name, len) == 0)
			return 1u << i;
	return 0;
}

int dxf_log_set_modules(const char *modules)
{
	unsigned int bits = 0, bit;
	size_t len;

	if (modules == NULL) {
		wanted_modules = ~0u;
		return 0;
	}
	for (;; modules += len + 1) {
		len = strcspn(modules, ":");
		bit = module_bit(modules, len);
		if (bit == 0)
			return -EINVAL;
		bits |= bit;
		if (modules[len] == '\0')
			break;
	}
	wanted_modules = bits;
	return 0;
}

bool dxf_log_wants(const char *file)
{
	const char *end = strrchr(file, '/'), *start = end;
	unsigned int bit;

	if (max_level < DXF_LOG_DEBUG)
		return false;
	while (start != NULL && start > file && start[-1] != '/')
		start--;
	bit = start != NULL ? module_bit(start, (size_t)(end - start)) : 0;
	/* a file of no module is heard when all are */
	return bit != 0 ? wanted_modules & bit : wanted_modules == ~0u;
}

void dxf_log_set_level(enum dxf_log_level level)
{
	max_level = level;
}

void dxf_log_to_syslog(bool on)
{
	use_syslog = on;
}

void dxf_log_set_sink(void (*fn)(void *, enum dxf_log_level, const char *),
		      void *ctx)
{
	sink = fn;
	sink_ctx = ctx;
}
