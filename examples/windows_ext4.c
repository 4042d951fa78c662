// SPDX-License-Identifier: GPL-2.0
// windows_ext4 IMAGE [NAME TEXT]: an ext4 image on Windows (or Linux) without a driver and without being
// an administrator: writes TEXT into the file NAME of it, then shows what is in its root.
#include <lkl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lkl_long check(lkl_long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, lkl_strerror((int)result));
		exit(1);
	}
	return result;
}

static void write_file(const char *name, const char *text)
{
	unsigned int fd = (unsigned int)check(lkl_sys_open(name, LKL_O_WRONLY | LKL_O_CREAT, 0644), name);

	check(lkl_sys_write(fd, text, strlen(text)), name);
	check(lkl_sys_fsync(fd), name);
	lkl_sys_close(fd);
}

static void show_file(const char *name)
{
	lkl_long fd = lkl_sys_open(name, LKL_O_RDONLY, 0), count;
	char text[100];

	count = fd < 0 ? fd : lkl_sys_read((unsigned int)fd, text, sizeof(text));
	if (count > 0)
		printf("%s: %.*s\n", name, (int)count, text);
	else
		printf("%s\n", name);
	if (fd >= 0)
		lkl_sys_close((unsigned int)fd);
}

int main(int argc, char **argv)
{
	struct lkl_disk disk = { .fd = -1 };
	struct lkl_linux_dirent64 *entry;
	struct lkl_dir *dir;
	char point[32];
	int id, error;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: windows_ext4 IMAGE [NAME TEXT]\n");
		return 2;
	}
	lkl_host_ops.print = NULL; /* without the kernel's messages */
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=64M"), "boot");
	id = (int)check(lkl_disk_open(&disk, argv[1], argc == 2 ? LKL_DISK_READ_ONLY : 0), argv[1]);
	check(lkl_mount_dev((unsigned int)id, 0, "ext4", argc == 2 ? LKL_MS_RDONLY : 0, NULL, point,
			    sizeof(point)), "mount");
	check(lkl_sys_chdir(point), "chdir");
	if (argc == 4)
		write_file(argv[2], argv[3]);
	dir = lkl_opendir(".", &error);
	check(error, "opendir");
	while ((entry = lkl_readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			show_file(entry->d_name);
	lkl_closedir(dir);
	check(lkl_sys_chdir("/"), "chdir");
	check(lkl_umount_dev((unsigned int)id, 0, 0, 1000), "umount");
	check(lkl_disk_remove(disk), "disk");
	lkl_sys_halt();
	lkl_cleanup();
	return 0;
}
