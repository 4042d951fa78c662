// SPDX-License-Identifier: GPL-2.0
// workload IMAGE TYPE ROUNDS: makes, writes, renames and removes files in an image; 0: for ever, until
// somebody ends the process. Says a line after each round, and at the end one figure a line:
// "NAME VALUE". Also built for Linux, to compare.
#include <lkl.h>
#include <lkl/linux/fadvise.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 64 << 10, BIG = 64 << 20, FILES = 1000, CALLS = 1000000, PINGS = 5000 };

static char block[SIZE], back[SIZE];

static lkl_long check(lkl_long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, lkl_strerror((int)result));
		exit(1);
	}
	return result;
}

static double now(void)
{
	return (double)lkl_host_ops.time() * 1e-9;
}

static void fill(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < SIZE; ++i)
		block[i] = (char)(i * 7 + number);
}

/* One file in ten stays. */
static void round_of(unsigned int number)
{
	char name[40], other[40];
	unsigned int i, fd;

	for (i = 0; i < 20; ++i) {
		snprintf(name, sizeof(name), "new-%u", i);
		snprintf(other, sizeof(other), "kept-%u-%u", number % 50, i);
		fill(number + i);
		fd = (unsigned int)check(lkl_sys_open(name, LKL_O_RDWR | LKL_O_CREAT | LKL_O_TRUNC, 0644), name);
		if (check(lkl_sys_write(fd, block, SIZE), "write") != SIZE)
			check(-LKL_ENOSPC, "write");
		if (i % 5 == 0)
			check(lkl_sys_fsync(fd), "fsync");
		if (check(lkl_sys_pread64(fd, back, SIZE, 0), "read") != SIZE || memcmp(block, back, SIZE)) {
			fprintf(stderr, "read something else than was written\n");
			exit(1);
		}
		lkl_sys_close(fd);
		if (i % 10 == 0)
			check(lkl_sys_rename(name, other), other);
		else
			check(lkl_sys_unlink(name), name);
	}
}

static void measure(void)
{
	double begin, write, read;
	unsigned int i, fd;
	struct lkl_stat status;
	char name[40];

	begin = now();
	for (i = 0; i < CALLS; ++i)
		lkl_sys_getppid();
	printf("getppid_ns %.1f\n", (now() - begin) / CALLS * 1e9);

	fd = (unsigned int)check(lkl_sys_open("big", LKL_O_RDWR | LKL_O_CREAT, 0644), "big");
	begin = now();
	for (i = 0; i < BIG / SIZE; ++i)
		check(lkl_sys_write(fd, block, SIZE), "write");
	check(lkl_sys_fsync(fd), "fsync");
	write = now() - begin;
	check(lkl_sys_fadvise64((int)fd, 0, 0, LKL_POSIX_FADV_DONTNEED), "fadvise");
	begin = now();
	for (i = 0; i < BIG / SIZE; ++i)
		check(lkl_sys_pread64(fd, back, SIZE, (lkl_long)i * SIZE), "read");
	read = now() - begin;
	lkl_sys_close(fd);
	printf("write_ms %.1f\nread_ms %.1f\n", write * 1e3, read * 1e3);

	begin = now();
	for (i = 0; i < FILES; ++i) {
		snprintf(name, sizeof(name), "small-%u", i);
		fd = (unsigned int)check(lkl_sys_open(name, LKL_O_WRONLY | LKL_O_CREAT, 0644), name);
		lkl_sys_close(fd);
		check(lkl_sys_stat(name, &status), name);
		check(lkl_sys_unlink(name), name);
	}
	printf("create_stat_unlink_us %.2f\n", (now() - begin) / FILES * 1e6);
}

/* Gives back each byte. */
static void *echo(void *ends)
{
	const int *end = ends;
	char byte;

	while (lkl_sys_read((unsigned int)end[0], &byte, 1) == 1)
		check(lkl_sys_write((unsigned int)end[1], &byte, 1), "write");
	return NULL;
}

/* Two threads that wait for each other, by pipes of the kernel. */
static void measure_pipes(void)
{
	int there[2], back_again[2], ends[2];
	pthread_t thread;
	unsigned int i;
	double begin;
	char byte = 0;

	check(lkl_sys_pipe2(there, 0), "pipe");
	check(lkl_sys_pipe2(back_again, 0), "pipe");
	ends[0] = there[0];
	ends[1] = back_again[1];
	if (pthread_create(&thread, NULL, echo, ends))
		exit(1);
	begin = now();
	for (i = 0; i < PINGS; ++i) {
		check(lkl_sys_write((unsigned int)there[1], &byte, 1), "write");
		check(lkl_sys_read((unsigned int)back_again[0], &byte, 1), "read");
	}
	printf("ping_pong_us %.2f\n", (now() - begin) / PINGS * 1e6);
	lkl_sys_close((unsigned int)there[1]);
	pthread_join(thread, NULL);
	for (i = 0; i < 2; ++i)
		lkl_sys_close((unsigned int)back_again[i]);
	lkl_sys_close((unsigned int)there[0]);
}

int main(int argc, char **argv)
{
	struct lkl_disk disk = { .fd = -1 };
	unsigned int rounds, i;
	char point[32];
	double begin;
	int id;

	if (argc != 4)
		return 2;
	rounds = (unsigned int)atoi(argv[3]);
	lkl_host_ops.print = NULL;
	check(lkl_init(&lkl_host_ops), "init");
	begin = now();
	check(lkl_start_kernel("mem=256M"), "boot");
	printf("boot_ms %.2f\n", (now() - begin) * 1e3);
	id = (int)check(lkl_disk_open(&disk, argv[1], 0), argv[1]);
	check(lkl_mount_dev((unsigned int)id, 0, argv[2], 0, "discard", point, sizeof(point)), "mount");
	check(lkl_sys_chdir(point), "chdir");
	for (i = 0; rounds == 0 || i < rounds; ++i) {
		round_of(i);
		printf("round %u\n", i);
		fflush(stdout);
	}
	measure();
	measure_pipes();
	check(lkl_sys_chdir("/"), "chdir");
	check(lkl_umount_dev((unsigned int)id, 0, 0, 5000), "umount");
	check(lkl_disk_remove(disk), "disk");
	check(lkl_sys_halt(), "halt");
	lkl_cleanup();
	return 0;
}
