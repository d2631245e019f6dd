/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runner.h - main() of a test program.
 */
#ifndef TEST_RUNNER_H
#define TEST_RUNNER_H

#include <check.h>

/*
 * Run a suite of one test case, both @name, to which @add adds tests; each may
 * take 300 seconds unless @add says otherwise.
 * Returns: what main() does: 0, or 1 where some failed.
 */
int run_tests(const char *name, void (*add)(TCase *tc));

#endif
