// SPDX-License-Identifier: GPL-2.0
// own_disk IMAGE: a disk that the program implements: a copy of the image in memory, which counts
// what it is asked for. A file is made in it; the image stays as it is.
#include <lkl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	unsigned char *data;
	unsigned long long size;
	unsigned reads, writes, flushes;
} memory;

static long long check(long long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, lkl_strerror((int)result));
		exit(1);
	}
	return result;
}

static int get_capacity(struct lkl_disk disk, unsigned long long *size)
{
	(void)disk;
	*size = memory.size;
	return 0;
}

static int request(struct lkl_disk disk, struct lkl_blk_req *request)
{
	unsigned char *at = memory.data + request->sector * 512;
	int i;

	(void)disk;
	if (request->type == LKL_DEV_BLK_TYPE_FLUSH || request->type == LKL_DEV_BLK_TYPE_FLUSH_OUT) {
		memory.flushes++; /* memory is as sure as it gets */
		return LKL_DEV_BLK_STATUS_OK;
	}
	for (i = 0; i < request->count; at += request->buf[i++].iov_len) {
		if (request->type == LKL_DEV_BLK_TYPE_READ)
			memcpy(request->buf[i].iov_base, at, request->buf[i].iov_len);
		else
			memcpy(at, request->buf[i].iov_base, request->buf[i].iov_len);
	}
	memory.reads += request->type == LKL_DEV_BLK_TYPE_READ;
	memory.writes += request->type == LKL_DEV_BLK_TYPE_WRITE;
	return LKL_DEV_BLK_STATUS_OK;
}

int main(int argc, char **argv)
{
	struct lkl_dev_blk_ops ops = { get_capacity, request };
	struct lkl_disk disk = { .ops = &ops };
	FILE *image = fopen(argc > 1 ? argv[1] : "disk.img", "rb");
	char point[32], path[64];
	int id, fd;

	if (!image || fseek(image, 0, SEEK_END))
		return perror("image"), 1;
	memory.size = (unsigned long long)ftell(image);
	memory.data = malloc(memory.size);
	rewind(image);
	if (!memory.data || fread(memory.data, 1, memory.size, image) != memory.size)
		return perror("image"), 1;

	lkl_host_ops.print = NULL;
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=64M"), "boot");
	id = (int)check(lkl_disk_add(&disk), "disk");
	check(lkl_mount_dev(id, 0, "ext4", 0, NULL, point, sizeof(point)), "mount");
	snprintf(path, sizeof(path), "%s/made", point);
	fd = (int)check(lkl_sys_open(path, LKL_O_WRONLY | LKL_O_CREAT, 0644), path);
	check(lkl_sys_write(fd, "text\n", 5), "write");
	check(lkl_sys_fsync(fd), "fsync");
	check(lkl_sys_close(fd), "close");
	check(lkl_umount_dev(id, 0, 0, 1000), "umount");
	check(lkl_disk_remove(disk), "remove");
	lkl_sys_halt();
	lkl_cleanup();
	printf("%s, %s, %s\n", memory.reads ? "read" : "not read",
	       memory.writes ? "written" : "not written", memory.flushes ? "flushed" : "not flushed");
	free(memory.data);
}
