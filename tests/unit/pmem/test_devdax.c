/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a made-up sysfs says about dax devices, and what we make of it. */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "pmem_rig.h"
#include "region_priv.h"

#define RDEV	makedev(252, 7)
#define DEV	"dev/char/252:7/"

static struct dxf_err err;

static void says(const char *what)
{
	ck_assert_msg(strstr(err.text, what) != NULL, "\"%s\" not in \"%s\"",
		      what, err.text);
}

START_TEST(test_devdax_is_of_the_dax_subsystem)
{
	rig_link(rig_disk, DEV "subsystem", "../../../bus/dax");
	ck_assert(dxf_devdax_is(rig_disk, RDEV));
	ck_assert(!dxf_devdax_is(rig_disk, makedev(252, 8)));
	rig_link(rig_disk, "dev/char/1:5/subsystem", "../../../class/mem");
	ck_assert(!dxf_devdax_is(rig_disk, makedev(1, 5)));
}
END_TEST

START_TEST(test_probe_reads_size_and_align)
{
	struct dxf_devdax d;

	rig_write(rig_disk, DEV "size", "1073741824\n");
	rig_write(rig_disk, DEV "align", "1073741824\n");
	ck_assert_int_eq(dxf_devdax_probe(rig_disk, RDEV, "/dev/dax0.0", &d,
					  &err), 0);
	ck_assert_uint_eq(d.size, 1073741824);
	ck_assert_uint_eq(d.align, 1073741824);
}
END_TEST

START_TEST(test_probe_reads_attributes_one_up)
{
	struct dxf_devdax d;

	rig_write(rig_disk, DEV "device/size", "4194304\n");
	rig_write(rig_disk, DEV "device/align", "4096\n");
	ck_assert_int_eq(dxf_devdax_probe(rig_disk, RDEV, "/dev/dax0.0", &d,
					  &err), 0);
	ck_assert_uint_eq(d.size, 4194304);
	ck_assert_uint_eq(d.align, 4096);
}
END_TEST

START_TEST(test_probe_without_align_takes_2_mib_and_cuts)
{
	struct dxf_devdax d;

	rig_write(rig_disk, DEV "size", "5000000\n");
	ck_assert_int_eq(dxf_devdax_probe(rig_disk, RDEV, "/dev/dax0.0", &d,
					  &err), 0);
	ck_assert_uint_eq(d.size, 4194304);
	ck_assert_uint_eq(d.align, 2097152);
}
END_TEST

static const struct {
	const char *size, *align, *says;
} bad[] = {
	{ "0\n", "2097152\n", "no memory" },
	{ "4096\n", "2097152\n", "no memory" },
	{ "4194304\n", "3\n", "no alignment" },
	{ "4194304\n", "0\n", "no alignment" },
	{ "4194304\n", "3145728\n", "no alignment" },
	{ "", "2097152\n", "does not tell" },
	{ "many\n", "2097152\n", "does not tell" },
	{ "-4194304\n", "2097152\n", "does not tell" },
	{ "99999999999999999999\n", "2097152\n", "does not tell" },
};

START_TEST(test_probe_of_nonsense_is_einval)
{
	struct dxf_devdax d = { 1, 2 };

	rig_write(rig_disk, DEV "size", bad[_i].size);
	rig_write(rig_disk, DEV "align", bad[_i].align);
	ck_assert_int_eq(dxf_devdax_probe(rig_disk, RDEV, "/dev/dax0.0", &d,
					  &err), -EINVAL);
	says(bad[_i].says);
	says("/dev/dax0.0");
	ck_assert_uint_eq(d.size, 1);
}
END_TEST

START_TEST(test_explain_of_system_ram_names_the_command)
{
	rig_link(rig_disk, "bus/dax/devices/dax1.0/driver",
		 "../../drivers/kmem");
	ck_assert_int_eq(dxf_devdax_explain(rig_disk, "/dev/dax1.0", &err),
			 -ENXIO);
	says("system RAM");
	says("daxctl reconfigure-device --mode=devdax dax1.0");
	says("lost");
}
END_TEST

START_TEST(test_explain_without_driver_names_the_command)
{
	rig_write(rig_disk, "bus/dax/devices/dax1.0/size", "0\n");
	ck_assert_int_eq(dxf_devdax_explain(rig_disk, "/dev/dax1.0", &err),
			 -ENXIO);
	says("no driver");
}
END_TEST

START_TEST(test_explain_with_driver_points_to_daxctl)
{
	rig_write(rig_disk, "bus/dax/drivers/device_dax/x", "");
	rig_link(rig_disk, "bus/dax/devices/dax1.0/driver",
		 "../../drivers/device_dax");
	ck_assert_int_eq(dxf_devdax_explain(rig_disk, "/dev/dax1.0", &err),
			 -ENXIO);
	says("daxctl list");
}
END_TEST

static const char *const others[] = {
	"/dev/dax1.0", "/dev/sda", "image", "/dev/dax1", "/dev/dax1.0x", "",
};

START_TEST(test_explain_of_other_names_is_silent)
{
	err.text[0] = '\0';
	ck_assert_int_eq(dxf_devdax_explain(rig_disk, others[_i], &err), 0);
	ck_assert_str_eq(err.text, "");
}
END_TEST

#define DOMAIN(n)	"bus/nd/devices/region" #n "/persistence_domain"

START_TEST(test_eadr_needs_every_region)
{
	ck_assert(!dxf_devdax_eadr(rig_disk));
	rig_write(rig_disk, DOMAIN(0), "cpu_cache\n");
	ck_assert(dxf_devdax_eadr(rig_disk));
	rig_write(rig_disk, DOMAIN(1), "memory_controller\n");
	ck_assert(!dxf_devdax_eadr(rig_disk));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("devdax");
	TCase *tc = tcase_create("sysfs");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_devdax_is_of_the_dax_subsystem);
	tcase_add_test(tc, test_probe_reads_size_and_align);
	tcase_add_test(tc, test_probe_reads_attributes_one_up);
	tcase_add_test(tc, test_probe_without_align_takes_2_mib_and_cuts);
	tcase_add_loop_test(tc, test_probe_of_nonsense_is_einval, 0,
			    DXF_ARRAY_SIZE(bad));
	tcase_add_test(tc, test_explain_of_system_ram_names_the_command);
	tcase_add_test(tc, test_explain_without_driver_names_the_command);
	tcase_add_test(tc, test_explain_with_driver_points_to_daxctl);
	tcase_add_loop_test(tc, test_explain_of_other_names_is_silent, 0,
			    DXF_ARRAY_SIZE(others));
	tcase_add_test(tc, test_eadr_needs_every_region);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
