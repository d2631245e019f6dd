/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser against its table, and the table against the options that others
 * document: each of theirs is in it, and each that it says is theirs is theirs.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "opttable.h"

static struct dxf_options got;
static struct dxf_err err;

static int parse(const char *fmt, const char *a, const char *b)
{
	char list[256];
	const char *argv[] = { "daxfuse", "SOURCE", "DIR", "-o", list, NULL };

	err.text[0] = '\0';
	snprintf(list, sizeof(list), fmt, a, b);
	return dxf_options_parse(&got, 5, (char **)argv, &err);
}

static void parses(const char *fmt, const char *a, const char *b)
{
	ck_assert_msg(parse(fmt, a, b) == 0, "%s %s: %s", a, b, err.text);
}

static void names(const char *what)
{
	ck_assert_msg(strstr(err.text, what) != NULL, "\"%s\" not in: %s", what,
		      err.text);
}

static void refuses(const char *fmt, const char *a, const char *b)
{
	ck_assert_msg(parse(fmt, a, b) == -EINVAL, "%s %s is taken", a, b);
	names(a);
	dxf_options_free(&got);
}

static const void *field(const struct dxf_opt *o)
{
	return (const char *)&got + o->at;
}

static long number(const struct dxf_opt *o)
{
	if (o->kind == DXF_OPT_BOOL)
		return *(const bool *)field(o);
	return *(const int *)field(o);
}

/* A word that the entry matches. */
static const char *word_of(const struct dxf_opt *o)
{
	static char word[64];
	char *star;

	snprintf(word, sizeof(word), "%s", o->name);
	star = strchr(word, '*');
	if (star != NULL)
		strcpy(star, "any");
	return word;
}

/* ---- the table ---- */

static void changes_nothing(const struct dxf_opt *o, const char *value)
{
	struct dxf_options before;

	parses("%s", "rw", "");
	free(got.source);
	free(got.mountpoint);
	before = got;
	parses("%s%s", word_of(o), value);
	ck_assert_str_eq(got.source, "SOURCE");
	ck_assert_str_eq(got.mountpoint, "DIR");
	before.source = got.source;
	before.mountpoint = got.mountpoint;
	ck_assert_msg(memcmp(&before, &got, sizeof(got)) == 0,
		      "%s changes something", o->name);
	dxf_options_free(&got);
}

static void check_flag(const struct dxf_opt *o)
{
	parses("%s", o->name, "");
	ck_assert_msg(number(o) == o->value, "%s", o->name);
	dxf_options_free(&got);
	refuses("%s=%s", o->name, "1");
	refuses("%s=", o->name, "");
}

static void check_word(const struct dxf_opt *o)
{
	const struct dxf_opt_word *w;

	for (w = o->words; w->name != NULL; w++) {
		parses("%s=%s", o->name, w->name);
		ck_assert_msg(number(o) == w->value, "%s", w->name);
		dxf_options_free(&got);
		ck_assert_ptr_nonnull(strstr(o->arg, w->name));
	}
	refuses("%s=%s", o->name, "nosuch");
	names(o->arg);
	if (!o->bare) {
		refuses("%s", o->name, "");
		return;
	}
	parses("%s", o->name, "");
	ck_assert_int_eq(number(o), o->value);
	dxf_options_free(&got);
}

static void check_size(const struct dxf_opt *o)
{
	parses("%s=%s", o->name, "12k");
	ck_assert_uint_eq(*(const uint64_t *)field(o), 12 * 1024);
	dxf_options_free(&got);
	refuses("%s=%s", o->name, "12x");
	refuses("%s", o->name, "");
}

static void check_uint(const struct dxf_opt *o)
{
	const unsigned int ends[] = { o->min, o->max };
	char text[32];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%u", ends[i]);
		parses("%s=%s", o->name, text);
		ck_assert_uint_eq(*(const unsigned int *)field(o), ends[i]);
		dxf_options_free(&got);
	}
	snprintf(text, sizeof(text), "%llu", o->max + 1ULL);
	refuses("%s=%s", o->name, text);
	snprintf(text, sizeof(text), "%lld", o->min - 1LL);
	refuses("%s=%s", o->name, text);
	refuses("%s", o->name, "");
}

static void check_string(const struct dxf_opt *o)
{
	parses("%s=%s", o->name, "a=b c");
	ck_assert_str_eq(*(char *const *)field(o), "a=b c");
	dxf_options_free(&got);
	refuses("%s=", o->name, "");
	refuses("%s", o->name, "");
}

START_TEST(test_options_each_entry_parses_as_it_says)
{
	const struct dxf_opt *o = &dxf_opt_table[_i];

	switch (o->kind) {
	case DXF_OPT_BOOL:
	case DXF_OPT_INT:
		check_flag(o);
		break;
	case DXF_OPT_WORD:
		check_word(o);
		break;
	case DXF_OPT_SIZE:
		check_size(o);
		break;
	case DXF_OPT_UINT:
		check_uint(o);
		break;
	case DXF_OPT_STRING:
		check_string(o);
		break;
	case DXF_OPT_ACCEPT:
		changes_nothing(o, "");
		changes_nothing(o, "=1");
		break;
	case DXF_OPT_REFUSE:
		refuses("%s", word_of(o), "");
		names(o->help);
		refuses("%s=%s", word_of(o), "1");
		break;
	}
}
END_TEST

START_TEST(test_options_names_are_unique_and_explained)
{
	const struct dxf_opt *o = &dxf_opt_table[_i], *p;

	for (p = o + 1; p->name != NULL; p++)
		ck_assert_str_ne(o->name, p->name);
	if (dxf_opt_does(o)) {
		/* -h: within 79 columns, behind the names */
		ck_assert_msg(o->help == NULL || strlen(o->help) <= 53, "%s",
			      o->help);
	} else {
		ck_assert_ptr_nonnull(o->help);
		ck_assert_msg(o->from != 0, "%s is nobody's", o->name);
	}
}
END_TEST

/* ---- what others document ---- */

/* mount(8), and the names that libmount 2.38 knows besides. */
static const char of_mount[] =
	" async atime noatime auto noauto context fscontext defcontext"
	" rootcontext defaults dev nodev diratime nodiratime dirsync exec"
	" noexec group iversion noiversion mand nomand _netdev nofail relatime"
	" norelatime strictatime nostrictatime lazytime nolazytime suid nosuid"
	" silent loud owner remount ro rw sync user nouser users X-* x-*"
	" nosymfollow loop offset sizelimit bind rbind move shared rshared"
	" private rprivate slave rslave unbindable runbindable nousers noowner"
	" nogroup symfollow comment encryption helper uhelper verity.*"
	" smackfsdef smackfsfloor smackfshat smackfsroot smackfstransmute ";

/* mount.fuse3(8), libfuse 3.14 and 2.9, and what a mount table shows. */
static const char of_fuse[] =
	" ro rw suid nosuid dev nodev exec noexec atime noatime sync async"
	" dirsync default_permissions allow_other rootmode blkdev blksize"
	" max_read fd user_id group_id fsname subtype allow_root auto_unmount"
	" kernel_cache auto_cache noauto_cache umask uid gid entry_timeout"
	" negative_timeout attr_timeout ac_attr_timeout noforget remember"
	" modules setuid drop_privileges context fscontext defcontext"
	" rootcontext debug clone_fd max_idle_threads max_threads direct_io"
	" no_rofd_flush nonempty large_read seclabel ";

/* ext4(5), and what the ext2 and ext4 drivers take besides. */
static const char of_ext[] =
	" acl noacl bsddf minixdf check nocheck debug errors grpid bsdgroups"
	" nogrpid sysvgroups grpquota noquota quota usrquota nouid32 oldalloc"
	" orlov resgid resuid sb user_xattr nouser_xattr journal_dev"
	" journal_path norecovery noload data data_err barrier commit jqfmt"
	" usrjquota grpjquota journal_checksum nojournal_checksum"
	" journal_async_commit nobarrier inode_readahead_blks stripe delalloc"
	" nodelalloc max_batch_time min_batch_time journal_ioprio abort"
	" auto_da_alloc noauto_da_alloc noinit_itable init_itable discard"
	" nodiscard block_validity noblock_validity dioread_lock"
	" dioread_nolock nodioread_nolock max_dir_size_kb i_version nombcache"
	" no_mbcache prjquota lazytime nolazytime dax xip bh nobh reservation"
	" noreservation journal mblk_io_submit nomblk_io_submit warn_on_error"
	" nowarn_on_error debug_want_extra_isize test_dummy_encryption"
	" inlinecrypt prefetch_block_bitmaps no_prefetch_block_bitmaps"
	" mb_optimize_scan fc_debug_force fc_debug_max_replay ";

/* fuse2fs(1). */
static const char of_fuse2fs[] =
	" ro errors minixdf fakeroot no_default_opts norecovery fuse2fs_debug"
	" offset ";

static const struct {
	unsigned int from;
	const char *names;
} others[] = {
	{ DXF_FROM_MOUNT, of_mount },
	{ DXF_FROM_FUSE, of_fuse },
	{ DXF_FROM_EXT, of_ext },
	{ DXF_FROM_FUSE2FS, of_fuse2fs },
};

static const struct dxf_opt *find(const char *name)
{
	const struct dxf_opt *o;

	for (o = dxf_opt_table; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

START_TEST(test_options_every_documented_is_known)
{
	char *copy = strdup(others[_i].names), *save = NULL, *name;
	const struct dxf_opt *o;

	for (name = strtok_r(copy, " ", &save); name != NULL;
	     name = strtok_r(NULL, " ", &save)) {
		o = find(name);
		ck_assert_msg(o != NULL, "%s is not in the table", name);
		ck_assert_msg(o->from & others[_i].from,
			      "%s: the table does not say whose it is", name);
		parse("%s", word_of(o), "");
		ck_assert_msg(strstr(err.text, "unknown") == NULL, "%s",
			      err.text);
		dxf_options_free(&got);
	}
	free(copy);
}
END_TEST

START_TEST(test_options_none_is_invented)
{
	const struct dxf_opt *o;
	char word[64];

	for (o = dxf_opt_table; o->name != NULL; o++) {
		if (!(o->from & others[_i].from))
			continue;
		snprintf(word, sizeof(word), " %s ", o->name);
		ck_assert_msg(strstr(others[_i].names, word) != NULL,
			      "%s is not documented", o->name);
	}
}
END_TEST

START_TEST(test_options_an_unknown_one_is_named)
{
	refuses("%s", "nosuch", "");
	refuses("ro,%s=%s,rw", "nosuch", "5");
	refuses("%s", "Ro", "");
	refuses("%s", "x", "");
	ck_assert_int_eq(parse("%s", "=x", ""), -EINVAL);
	dxf_options_free(&got);
	refuses("%s", "ro ", "");
	ck_assert_int_eq(parse("%s", "unknown=1", ""), -EINVAL);
	names("unknown option \"unknown\"");
	dxf_options_free(&got);
}
END_TEST

/* ---- lists ---- */

START_TEST(test_options_list_may_have_empty_elements)
{
	parses(",,%s,,nodev,%s,", "ro", "");
	ck_assert(got.region.ro);
	ck_assert(got.fs.ro);
	ck_assert_int_eq(got.dev, DXF_TRI_NO);
	dxf_options_free(&got);
	parses("%s", "", "");
	dxf_options_free(&got);
}
END_TEST

START_TEST(test_options_the_last_one_counts)
{
	parses("ro,suid,%s,%s", "rw", "nosuid");
	ck_assert(!got.region.ro);
	ck_assert_int_eq(got.suid, DXF_TRI_NO);
	dxf_options_free(&got);
	parses("fsname=a,%s", "fsname=b", "");
	ck_assert_str_eq(got.fsname, "b");
	dxf_options_free(&got);
}
END_TEST

START_TEST(test_options_a_quoted_or_escaped_comma_is_part_of_the_value)
{
	parses("%s,ro", "context=\"u:o:t:s0:c1,c2\"", "");
	ck_assert_str_eq(got.context[DXF_CONTEXT_ALL], "u:o:t:s0:c1,c2");
	ck_assert(got.region.ro);
	dxf_options_free(&got);
	parses("%s,ro", "rootcontext=u:o:t:s0:c1\\,c2", "");
	ck_assert_str_eq(got.context[DXF_CONTEXT_ROOT], "u:o:t:s0:c1,c2");
	dxf_options_free(&got);
	parses("%s", "fsname=a\\,b\\\\c\\\"d", "");
	ck_assert_str_eq(got.fsname, "a,b\\c\"d");
	dxf_options_free(&got);
	refuses("ro,%s,nodev", "context=\"u:o:t", "");
}
END_TEST

/* ---- called by mount(8) ---- */

START_TEST(test_options_helper_flags_are_those_of_mount)
{
	const char *argv[] = { "/sbin/mount.fuse.daxfuse", "S", "D", "-sfnv",
			       "-o", "rw,,nosuch", NULL };

	ck_assert_int_eq(dxf_options_parse(&got, 6, (char **)argv, &err), 0);
	ck_assert(got.helper && got.sloppy && got.fake && got.verbose);
	ck_assert(!got.foreground);
	ck_assert_uint_eq(got.workers, 0);
	dxf_options_free(&got);
}
END_TEST

START_TEST(test_options_own_flags_are_ours)
{
	const char *argv[] = { "daxfuse", "-s", "S", "-f", "D", "-r", NULL };

	ck_assert_int_eq(dxf_options_parse(&got, 6, (char **)argv, &err), 0);
	ck_assert(!got.helper && !got.sloppy && !got.fake);
	ck_assert(got.foreground && got.region.ro);
	ck_assert_uint_eq(got.workers, 1);
	dxf_options_free(&got);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");
	SRunner *r;
	int n = 0, failed;

	while (dxf_opt_table[n].name != NULL)
		n++;
	tcase_add_loop_test(t, test_options_each_entry_parses_as_it_says, 0, n);
	tcase_add_loop_test(t, test_options_names_are_unique_and_explained, 0,
			    n);
	tcase_add_loop_test(t, test_options_every_documented_is_known, 0, 4);
	tcase_add_loop_test(t, test_options_none_is_invented, 0, 4);
	tcase_add_test(t, test_options_an_unknown_one_is_named);
	tcase_add_test(t, test_options_list_may_have_empty_elements);
	tcase_add_test(t, test_options_the_last_one_counts);
	tcase_add_test(t,
		test_options_a_quoted_or_escaped_comma_is_part_of_the_value);
	tcase_add_test(t, test_options_helper_flags_are_those_of_mount);
	tcase_add_test(t, test_options_own_flags_are_ours);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
