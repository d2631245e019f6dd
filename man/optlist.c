/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * optlist.c - the table of options, as the manual page has it.
 *
 *	optlist lists	the mdoc text of what is accepted or refused
 *	optlist heads	each option that does something, with its value
 *
 * Not installed; tests/project/manual.sh compares daxfuse.8 with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opttable.h"

#define WIDTH	66

static bool is_first_of_its_reason(const struct dxf_opt *o)
{
	const struct dxf_opt *p;

	for (p = dxf_opt_table; p < o; p++)
		if (p->kind == o->kind && strcmp(p->help, o->help) == 0)
			return false;
	return true;
}

static const struct dxf_opt *next_of_reason(const struct dxf_opt *o)
{
	const struct dxf_opt *p;

	for (p = o + 1; p->name != NULL; p++)
		if (p->kind == o->kind && strcmp(p->help, o->help) == 0)
			return p;
	return NULL;
}

/* Names with commas between them; a line begins with the macro. */
static void print_names(const struct dxf_opt *o)
{
	size_t col = 0;

	for (; o != NULL; o = next_of_reason(o)) {
		if (col + strlen(o->name) > WIDTH) {
			putchar('\n');
			col = 0;
		}
		col += (size_t)printf("%s %s %s", col == 0 ? ".Cm" : "",
				      o->name, next_of_reason(o) ? "," : ".");
	}
	putchar('\n');
}

static void print_list(enum dxf_opt_kind kind)
{
	const struct dxf_opt *o;

	puts(".Bl -tag -width Ds");
	for (o = dxf_opt_table; o->name != NULL; o++) {
		if (o->kind != kind || !is_first_of_its_reason(o))
			continue;
		printf(".It %s\n", o->help);
		print_names(o);
	}
	puts(".El");
}

static void print_lists(void)
{
	puts(".Ss Options that have no effect\n"
	     "These are accepted, with any value, because:");
	print_list(DXF_OPT_ACCEPT);
	puts(".Ss Options that are refused\n"
	     "These are an error, because:");
	print_list(DXF_OPT_REFUSE);
}

static void print_heads(void)
{
	const struct dxf_opt *o;

	for (o = dxf_opt_table; o->name != NULL; o++)
		if (dxf_opt_does(o))
			printf("%s%s%s\n", o->name, o->arg ? "=" : "",
			       o->arg ? o->arg : "");
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "lists") == 0)
		print_lists();
	else if (argc == 2 && strcmp(argv[1], "heads") == 0)
		print_heads();
	else
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
