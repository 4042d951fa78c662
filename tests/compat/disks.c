/* SPDX-License-Identifier: GPL-2.0 */
/*
 * disks IMAGE FOLDER: an image in a file and one that the program keeps in memory; FOLDER of the
 * host is copied into the image, and compared with what comes back.
 */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK_SIZE (1024 * 1024)
static char *disk_bytes;

static int get_capacity(struct lkl_disk disk, unsigned long long *res)
{
	CHECK(disk.handle == disk_bytes);
	*res = DISK_SIZE;
	return 0;
}

static int request(struct lkl_disk disk, struct lkl_blk_req *req)
{
	char *at = (char *)disk.handle + req->sector * 512;
	int i;

	switch (req->type) {
	case LKL_DEV_BLK_TYPE_READ:
	case LKL_DEV_BLK_TYPE_WRITE:
		for (i = 0; i < req->count; i++) {
#ifdef LKL_COMPAT_5
			struct iovec *part = &req->buf[i];
#else
			struct lkl_iovec *part = &req->buf[i];
#endif
			if (req->type == LKL_DEV_BLK_TYPE_READ)
				memcpy(part->iov_base, at, part->iov_len);
			else
				memcpy(at, part->iov_base, part->iov_len);
			at += part->iov_len;
		}
		return LKL_DEV_BLK_STATUS_OK;
	case LKL_DEV_BLK_TYPE_FLUSH:
	case LKL_DEV_BLK_TYPE_FLUSH_OUT:
		return LKL_DEV_BLK_STATUS_OK;
	default:
		return LKL_DEV_BLK_STATUS_UNSUP;
	}
}

static struct lkl_dev_blk_ops blk_ops = {.get_capacity = get_capacity, .request = request};

static void write_to_memory_disk(int id)
{
	char path[32], text[512] = "";
	__lkl__u32 dev;
	lkl_long fd;

	OK(lkl_get_virtio_blkdev(id, 0, &dev));
	snprintf(path, sizeof(path), "/dev/%08x", dev);
	lkl_sys_mkdir("/dev", 0700);
	OK(lkl_sys_mknod(path, LKL_S_IFBLK | 0600, dev));
	fd = OK(lkl_sys_open(path, LKL_O_RDWR, 0));
	strcpy(text, "sector 2");
	CHECK(lkl_sys_pwrite64((unsigned int)fd, text, sizeof(text), 1024) == sizeof(text));
	OK(lkl_sys_fsync((unsigned int)fd));
	CHECK(strcmp(disk_bytes + 1024, "sector 2") == 0);
	OK(lkl_sys_close((unsigned int)fd));
}

static void copy_file(const char *from, const char *to, int mode)
{
	char buffer[4096];
	ssize_t len;
	int in = open(from, O_RDONLY);
	lkl_long out = OK(lkl_sys_open(to, LKL_O_RDWR | LKL_O_TRUNC | LKL_O_CREAT, mode));

	CHECK(in >= 0);
	while ((len = read(in, buffer, sizeof(buffer))) > 0)
		CHECK(lkl_sys_write((unsigned int)out, buffer, (lkl_size_t)len) == len);
	CHECK(len == 0);
	OK(lkl_sys_fchown((unsigned int)out, 1000, 100));
	OK(lkl_sys_fsetxattr((int)out, "user.from", from, strlen(from), 0));
	OK(lkl_sys_close((unsigned int)out));
	close(in);
}

static void copy_tree(const char *from, const char *to)
{
	DIR *dir = opendir(from);
	struct dirent *de;

	CHECK(dir);
	while ((de = readdir(dir))) {
		char src[PATH_MAX], dst[PATH_MAX], target[PATH_MAX];
		struct __lkl__kernel_timespec times[2];
		struct stat st;
		ssize_t len;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		CHECK(snprintf(src, sizeof(src), "%s/%s", from, de->d_name) < PATH_MAX);
		CHECK(snprintf(dst, sizeof(dst), "%s/%s", to, de->d_name) < PATH_MAX);
		CHECK(lstat(src, &st) == 0);
		switch (st.st_mode & S_IFMT) {
		case S_IFREG:
			copy_file(src, dst, st.st_mode & 07777);
			break;
		case S_IFDIR:
			OK(lkl_sys_mkdir(dst, st.st_mode & 07777));
			OK(lkl_sys_chown(dst, 1000, 100));
			copy_tree(src, dst);
			break;
		case S_IFLNK:
			len = readlink(src, target, sizeof(target) - 1);
			CHECK(len > 0);
			target[len] = 0;
			OK(lkl_sys_symlink(target, dst));
			break;
		}
		times[0].tv_sec = st.st_atim.tv_sec;
		times[0].tv_nsec = st.st_atim.tv_nsec;
		times[1].tv_sec = st.st_mtim.tv_sec;
		times[1].tv_nsec = st.st_mtim.tv_nsec;
		OK(lkl_sys_utimensat(LKL_AT_FDCWD, dst, times, LKL_AT_SYMLINK_NOFOLLOW));
	}
	closedir(dir);
}

static void same_file(const char *host, const char *path)
{
	char a[4096], b[4096], from[PATH_MAX] = "";
	ssize_t len;
	int in = open(host, O_RDONLY);
	lkl_long fd = OK(lkl_sys_open(path, LKL_O_RDONLY, 0));

	CHECK(in >= 0);
	do {
		len = read(in, a, sizeof(a));
		CHECK(len >= 0 && lkl_sys_read((unsigned int)fd, b, sizeof(b)) == len);
		CHECK(memcmp(a, b, (size_t)len) == 0);
	} while (len > 0);
	CHECK(lkl_sys_lgetxattr(path, "user.from", from, sizeof(from) - 1) > 0);
	CHECK(strcmp(from, host) == 0);
	OK(lkl_sys_close((unsigned int)fd));
	close(in);
}

/* How many names are in it, after comparing what they are. */
static int same_tree(const char *host, const char *path)
{
	struct lkl_linux_dirent64 *de;
	struct lkl_dir *dir;
	int err, names = 0;

	dir = lkl_opendir(path, &err);
	CHECK(dir && err == 0);
	while ((de = lkl_readdir(dir))) {
		char a[PATH_MAX], b[PATH_MAX], target[PATH_MAX] = "", other[PATH_MAX] = "";
		struct lkl_stat st;
		struct stat host_st;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		names++;
		CHECK(snprintf(a, sizeof(a), "%s/%s", host, de->d_name) < PATH_MAX);
		CHECK(snprintf(b, sizeof(b), "%s/%s", path, de->d_name) < PATH_MAX);
		OK(lkl_sys_lstat(b, &st));
		CHECK(lstat(a, &host_st) == 0);
		CHECK(st.st_mode == host_st.st_mode && st.lkl_st_mtime == host_st.st_mtim.tv_sec);
		CHECK(st.st_mtime_nsec == (unsigned long)host_st.st_mtim.tv_nsec);
		switch (st.st_mode & LKL_S_IFMT) {
		case LKL_S_IFREG:
			CHECK(de->d_type == LKL_DT_REG && st.st_uid == 1000 && st.st_gid == 100);
			same_file(a, b);
			break;
		case LKL_S_IFDIR:
			names += same_tree(a, b);
			break;
		case LKL_S_IFLNK:
			CHECK(lkl_sys_readlink(b, target, sizeof(target)) > 0);
			CHECK(readlink(a, other, sizeof(other) - 1) > 0);
			CHECK(strcmp(target, other) == 0);
			break;
		}
	}
	CHECK(lkl_errdir(dir) == 0);
	OK(lkl_closedir(dir));
	return names;
}

static int kernel_has_ext4(void)
{
	char text[4096] = "";
	lkl_long fd;

	OK(lkl_mount_fs("proc"));
	fd = OK(lkl_sys_open("/proc/filesystems", LKL_O_RDONLY, 0));
	OK(lkl_sys_read((unsigned int)fd, text, sizeof(text) - 1));
	OK(lkl_sys_close((unsigned int)fd));
	return strstr(text, "\text4\n") != NULL;
}

int main(int argc, char **argv)
{
	struct lkl_disk disk, memory;
	char mpoint[32], path[PATH_MAX], tried[] = "xxxx";
	struct lkl_statfs statfs;
	int id, memory_id;

	CHECK(argc == 3);
	lkl_host_ops.print = NULL;
	init(&lkl_host_ops);
	memset(&disk, 0, sizeof(disk));
	disk.fd = open(argv[1], O_RDWR);
	CHECK(disk.fd >= 0);
	disk.ops = NULL;
	id = (int)OK(lkl_disk_add(&disk));
	start(&lkl_host_ops, 100);
	if (!kernel_has_ext4()) {
		puts("skipped: this kernel has no ext4 (LKL_PROFILE)");
		return SKIPPED;
	}

	/* another one while the kernel runs */
	disk_bytes = (char *)lkl_host_ops.page_alloc(DISK_SIZE);
	CHECK(disk_bytes);
	memset(&memory, 0, sizeof(memory));
	memory.handle = disk_bytes;
	memory.ops = &blk_ops;
	memory_id = (int)OK(lkl_disk_add(&memory));
	CHECK(memory_id != id);
	write_to_memory_disk(memory_id);

	CHECK(lkl_mount_dev(id, 0, tried, 0, NULL, mpoint, sizeof(mpoint)) == -LKL_ENODEV);
	OK(lkl_mount_dev(id, 0, "ext4", 0, NULL, mpoint, sizeof(mpoint)));
	OK(lkl_sys_umask(0));
	snprintf(path, sizeof(path), "%s/copy", mpoint);
	OK(lkl_sys_mkdir(path, 0755));
	copy_tree(argv[2], path);
	OK(lkl_umount_dev(id, 0, 0, 1000));

	OK(lkl_mount_dev(id, 0, "ext4", LKL_MS_RDONLY, NULL, mpoint, sizeof(mpoint)));
	CHECK(same_tree(argv[2], path) > 3);
	OK(lkl_sys_chdir(mpoint));
	OK(lkl_sys_statfs(".", &statfs));
	CHECK(statfs.f_type == LKL_EXT4_SUPER_MAGIC && statfs.f_bfree > 0);
	CHECK(lkl_umount_dev(id, 0, 0, 0) == -LKL_EBUSY);
	OK(lkl_sys_chdir("/"));
	OK(lkl_umount_dev(id, 0, 0, 1000));
	OK(lkl_disk_remove(memory));
	OK(lkl_disk_remove(disk));
	stop();
	close(disk.fd);
	lkl_host_ops.page_free(disk_bytes, DISK_SIZE);
	return 0;
}
