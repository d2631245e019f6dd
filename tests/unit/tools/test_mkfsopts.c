/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What mke2fs is told: our defaults, each unless the user said otherwise. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mkfsopts.h"
#include "pmem_rig.h"

static struct dxf_mkfsopts o;
static struct dxf_err err;

/* Parse the words of @line.  Returns: what the parser does. */
static int parse(const char *line)
{
	static char text[512];
	static char *argv[32];
	int argc = 0;

	snprintf(text, sizeof(text), "mkfs.daxfuse %s", line);
	for (char *w = strtok(text, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	optind = 0;
	return dxf_mkfsopts_parse(&o, argc, argv, &err);
}

/* The command for @line, as one line. */
static const char *command(const char *line)
{
	static char text[1024];
	char **words;

	ck_assert_int_eq(parse(line), 0);
	ck_assert_int_eq(dxf_mkfsopts_command(&o, "PATH", &words), 0);
	text[0] = '\0';
	for (char **w = words; *w != NULL; w++) {
		strcat(text, w == words ? "" : " ");
		strcat(text, *w);
	}
	dxf_mkfsopts_free(words);
	return text;
}

START_TEST(test_command_has_the_defaults_of_the_manual)
{
	if (geteuid() == 0)
		ck_assert_str_eq(command("dev"), "mke2fs -F -t ext2 -b 4096 "
				 "-I 256 -m 1 -e remount-ro -E nodiscard -- "
				 "PATH");
	ck_assert_ptr_nonnull(strstr(command("dev"), "-t ext2 -b 4096 -I 256 "
				     "-m 1 -e remount-ro -E nodiscard"));
}
END_TEST

START_TEST(test_given_option_stands_instead_of_the_default)
{
	const char *c = command("-b 1024 dev -m 0 -L x -E resize=4G 8M");

	ck_assert_ptr_null(strstr(c, "4096"));
	ck_assert_ptr_null(strstr(c, "-m 1"));
	ck_assert_ptr_nonnull(strstr(c, "-b 1024 -m 0 -L x -- PATH 8192k"));
	ck_assert_ptr_nonnull(strstr(c, ",resize=4G "));
	ck_assert_ptr_nonnull(strstr(c, "-E nodiscard"));
	ck_assert_str_eq(o.target, "dev");
	ck_assert_uint_eq(o.size, 8 * DXF_MIB);
}
END_TEST

START_TEST(test_other_type_gets_no_journal)
{
	ck_assert_ptr_nonnull(strstr(command("-t ext4 dev"),
				     "-O ^has_journal"));
	ck_assert_ptr_nonnull(strstr(command("-t ext4 -O extent dev"),
				     "-O extent,^has_journal --"));
	ck_assert_ptr_nonnull(strstr(command("-O ^has_journal,64bit dev"),
				     "-O ^has_journal,64bit --"));
	ck_assert_int_eq(parse("-j dev"), -EINVAL);
	ck_assert_int_eq(parse("-J size=4 dev"), -EINVAL);
}
END_TEST

START_TEST(test_nonsense_is_refused)
{
	static const char *const lines[] = {
		"", "a b c", "-Y dev", "dev 1024", "dev 0M", "dev M",
		"dev -1M", "dev 1MB", "-S dev", "dev -b",
	};

	ck_assert_int_eq(parse(lines[_i]), -EINVAL);
	ck_assert(err.text[0] != '\0');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mkfsopts");
	TCase *tc = tcase_create("mkfsopts");

	tcase_add_test(tc, test_command_has_the_defaults_of_the_manual);
	tcase_add_test(tc, test_given_option_stands_instead_of_the_default);
	tcase_add_test(tc, test_other_type_gets_no_journal);
	tcase_add_loop_test(tc, test_nonsense_is_refused, 0, 10);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
