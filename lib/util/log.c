/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "syslogfd.h"
#include "units.h"

static enum dxf_log_level max_level = DXF_LOG_INFO;
static bool use_syslog;
static void (*sink)(void *ctx, enum dxf_log_level level, const char *text);
static void *sink_ctx;

void dxf_log(enum dxf_log_level level, const char *fmt, ...)
{
	static const int prio[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
	char text[1024];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sink != NULL)
		sink(sink_ctx, level, text);
	else if (use_syslog)
		dxf_syslogfd_send(prio[level], text);
	else
		fprintf(stderr, "daxfuse: %s\n", text);
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
