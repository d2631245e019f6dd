/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - messages of a running filesystem.
 *
 * Before the daemon goes to the background they go to stderr behind
 * "daxfuse: ", afterwards to syslog.  Log once, where the cause is known, with
 * inode and block; expected errors (ENOENT, ENOSPC) are not logged; no file
 * names at the default level.
 */
#ifndef DXF_LOG_H
#define DXF_LOG_H

#include <stdbool.h>

enum dxf_log_level {
	DXF_LOG_ERR,
	DXF_LOG_WARN,
	DXF_LOG_INFO,
	DXF_LOG_DEBUG,
};

void dxf_log(enum dxf_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Messages above @level are dropped; the default is DXF_LOG_INFO. */
void dxf_log_set_level(enum dxf_log_level level);
/*
 * From now on to the system's log (facility daemon) instead of stderr; it was
 * opened by dxf_syslogfd_open().
 */
void dxf_log_to_syslog(bool on);
/*
 * Is standard error the journal's?  Then lines begin with their priority as
 * sd-daemon(3) wants it.
 */
void dxf_log_detect_journal(void);

/*
 * Debugging messages of these modules only: their names, each the folder that
 * a message's file lies in, with ":" between them.  NULL: of all.
 * Ownership: @modules stays the caller's.
 * Returns: 0; -EINVAL an unknown name.
 */
int dxf_log_set_modules(const char *modules);

/* Tests: hand messages to @fn instead; NULL undoes it. */
void dxf_log_set_sink(void (*fn)(void *ctx, enum dxf_log_level level,
				 const char *text), void *ctx);

#define dxf_log_err(...)	dxf_log(DXF_LOG_ERR, __VA_ARGS__)
#define dxf_log_warn(...)	dxf_log(DXF_LOG_WARN, __VA_ARGS__)
#define dxf_log_info(...)	dxf_log(DXF_LOG_INFO, __VA_ARGS__)
/* Of the module that __FILE__ lies in. */
bool dxf_log_wants(const char *file);
#define dxf_log_debug(...) \
	do { \
		if (dxf_log_wants(__FILE__)) \
			dxf_log(DXF_LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
