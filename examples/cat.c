// SPDX-License-Identifier: GPL-2.0
// cat IMAGE: prints etc/hostname of an ext4 image, which it does not change.
#include <fcntl.h>
#include <lkl.h>
#include <stdio.h>
#include <stdlib.h>

static long long check(long long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, lkl_strerror((int)result));
		exit(1);
	}
	return result;
}

int main(int argc, char **argv)
{
	struct lkl_disk disk = { .fd = open(argc > 1 ? argv[1] : "disk.img", O_RDONLY) };
	char point[32], text[100];
	long long fd, count;
	int id;

	lkl_host_ops.print = NULL; /* without the kernel's messages */
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=64M"), "boot");
	id = (int)check(lkl_disk_add(&disk), "disk");
	check(lkl_mount_dev(id, 0, "ext4", LKL_MS_RDONLY, NULL, point, sizeof(point)), "mount");
	check(lkl_sys_chdir(point), "chdir");
	fd = check(lkl_sys_open("etc/hostname", LKL_O_RDONLY, 0), "etc/hostname");
	while ((count = check(lkl_sys_read(fd, text, sizeof(text)), "read")) > 0)
		fwrite(text, 1, (size_t)count, stdout);
	lkl_sys_halt();
	lkl_cleanup();
}
