// SPDX-License-Identifier: GPL-2.0
// write IMAGE NAME TEXT: a file in an ext4 image that is on the host's disk when it returns.
#include <fcntl.h>
#include <lkl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	struct lkl_disk disk;
	char point[32], path[256];
	long long fd;
	size_t done;
	int id;

	if (argc != 4)
		return fprintf(stderr, "usage: write IMAGE NAME TEXT\n"), 2;
	disk = (struct lkl_disk){ .fd = open(argv[1], O_RDWR) };
	lkl_host_ops.print = NULL;
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=64M"), "boot");
	/* The image is locked from here on: nobody else writes to it. */
	id = (int)check(lkl_disk_add(&disk), argv[1]);
	check(lkl_mount_dev(id, 0, "ext4", 0, NULL, point, sizeof(point)), "mount");
	snprintf(path, sizeof(path), "%s/%s", point, argv[2]);
	fd = check(lkl_sys_open(path, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_TRUNC, 0644), path);
	for (done = 0; done < strlen(argv[3]);)
		done += check(lkl_sys_write(fd, argv[3] + done, strlen(argv[3]) - done), "write");
	/* fdatasync(2) of the image, on the host */
	check(lkl_sys_fsync(fd), "fsync");
	check(lkl_sys_close(fd), "close");
	check(lkl_umount_dev(id, 0, 0, 1000), "umount");
	check(lkl_disk_remove(disk), "remove");
	lkl_sys_halt();
	lkl_cleanup();
	printf("%s: %zu bytes\n", argv[2], done);
}
