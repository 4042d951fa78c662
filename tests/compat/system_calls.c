/* SPDX-License-Identifier: GPL-2.0 */
/* System calls, one after the other, with the log in a buffer of the program. */
#include "check.h"

#include <string.h>
#include <time.h>

static char log_text[64 * 1024];
static int log_length;

static void collect(const char *str, int len)
{
	if (log_length + len >= (int)sizeof(log_text))
		len = (int)sizeof(log_text) - 1 - log_length;
	memcpy(log_text + log_length, str, (size_t)len);
	log_length += len;
}

static void latency(lkl_long (*f)(void))
{
	unsigned long long before, after, sum = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		before = lkl_host_ops.time();
		f();
		after = lkl_host_ops.time();
		CHECK(after >= before);
		sum += after - before;
	}
	CHECK(sum < 1000000000ull);
}

static void nanosleep_takes_its_time(void)
{
	struct lkl_timespec ts = {.tv_sec = 0, .tv_nsec = 20000000};
	unsigned long long before = lkl_host_ops.time();

#ifdef LKL_COMPAT_5
	OK(lkl_sys_nanosleep(&ts, NULL));
#else
	OK(lkl_sys_nanosleep((struct __lkl__kernel_timespec *)&ts, NULL));
#endif
	CHECK(lkl_host_ops.time() - before >= 20000000);
}

static void a_file(void)
{
	static const char text[] = "test";
	struct lkl_stat stat;
	char back[10] = "";
	lkl_long fd;

	CHECK(lkl_sys_getpid() == 1);
	CHECK(lkl_sys_umask(0777) > 0);
	CHECK(lkl_sys_umask(0) == 0777);
	fd = OK(lkl_sys_creat("/file", 0721));
	CHECK(fd == 0);
	OK(lkl_sys_close(0));
	CHECK(lkl_sys_open("/file2", 0, 0) == -LKL_ENOENT);
	CHECK(lkl_sys_open("/file", LKL_O_RDWR, 0) == 0);
	CHECK(lkl_sys_write(0, text, sizeof(text)) == sizeof(text));
	CHECK(lkl_sys_lseek(0, 0, LKL_SEEK_SET) == 0);
	CHECK(lkl_sys_read(0, back, sizeof(back)) == sizeof(text));
	CHECK(strcmp(back, text) == 0);
	OK(lkl_sys_fstat(0, &stat));
	CHECK(stat.st_size == sizeof(text) && stat.st_mode == (0721 | LKL_S_IFREG));
	OK(lkl_sys_mkdir("/dir", 0721));
	OK(lkl_sys_fstatat(LKL_AT_FDCWD, "/dir", &stat, LKL_AT_SYMLINK_NOFOLLOW));
	OK(lkl_sys_stat("/dir", &stat));
	CHECK(stat.st_mode == (0721 | LKL_S_IFDIR));
	CHECK(stat.lkl_st_mtime >= 0 && stat.st_mtime_nsec < 1000000000);
	OK(lkl_sys_close(0));
}

static void clocks(void)
{
	struct lkl_timeval now = {.tv_sec = 0, .tv_usec = 0};
	struct lkl_itimerval timer;

	OK(lkl_sys_gettimeofday(&now, NULL));
	CHECK(now.tv_sec > 1000000000 && llabs((long long)now.tv_sec - (long long)time(NULL)) < 5);
	OK(lkl_sys_getitimer(LKL_ITIMER_REAL, &timer));
	CHECK(timer.it_value.tv_sec == 0);
}

static void pipes_and_polling(void)
{
	struct lkl_epoll_event wanted, got;
	struct lkl_pollfd poll;
	struct lkl_timeval tv = {.tv_sec = 0, .tv_usec = 1000};
	lkl_fd_set set;
	int fds[2], epoll;

	memset(&wanted, 0, sizeof(wanted));
	OK(lkl_sys_pipe2(fds, LKL_O_NONBLOCK));
	epoll = (int)OK(lkl_sys_epoll_create(1));
	wanted.events = LKL_POLLIN | LKL_POLLOUT;
	wanted.data = fds[0];
	OK(lkl_sys_epoll_ctl(epoll, LKL_EPOLL_CTL_ADD, fds[0], &wanted));
	CHECK(lkl_sys_epoll_wait(epoll, &got, 1, 0) == 0);
	LKL_FD_ZERO(&set);
	LKL_FD_SET(fds[0], &set);
	CHECK(lkl_sys_select(fds[0] + 1, &set, NULL, NULL, &tv) == 0);
	CHECK(lkl_sys_write(fds[1], "Hello", 6) == 6);
	CHECK(lkl_sys_epoll_wait(epoll, &got, 1, 0) == 1);
	CHECK(got.data == (__lkl__u64)fds[0] && (got.events & LKL_POLLIN));
	poll.fd = fds[0];
	poll.events = LKL_POLLIN;
	poll.revents = 0;
	CHECK(lkl_sys_poll(&poll, 1, 1000) == 1);
	OK(lkl_sys_close(epoll));
	OK(lkl_sys_close(fds[0]));
	OK(lkl_sys_close(fds[1]));
}

static int fds[2];

static void drain(void *arg)
{
	static char buffer[LKL_PIPE_BUF + 1];
	lkl_long_t ret = lkl_sys_read(fds[0], buffer, sizeof(buffer));

	*(int *)arg = ret > 0;
}

static void a_thread_that_blocks(void)
{
	static char buffer[LKL_PIPE_BUF + 1];
	int drained = 0, i;
	lkl_thread_t tid;

	OK(lkl_sys_pipe2(fds, 0));
	OK(lkl_sys_fcntl(fds[0], LKL_F_SETPIPE_SZ, 1));
	tid = lkl_host_ops.thread_create(drain, &drained);
	CHECK(tid);
	CHECK(lkl_sys_write(fds[1], buffer, sizeof(buffer)) == sizeof(buffer));
	CHECK(lkl_host_ops.thread_join(tid) == 0);
	CHECK(drained);
	for (i = 0; i < 65; i++) {
		tid = lkl_host_ops.thread_create((void (*)(void *))lkl_host_ops.mem_free, NULL);
		CHECK(tid && lkl_host_ops.thread_join(tid) == 0);
	}
}

static void file_systems(void)
{
	struct lkl_linux_dirent64 *de;
	char buffer[1024], *pos;
	lkl_long fd, ret;
	int found = 0;

	CHECK(lkl_mount_fs("proc") == 0);
	CHECK(lkl_mount_fs("sysfs") == 0);
	OK(lkl_sys_chdir("/proc"));
	fd = OK(lkl_sys_open(".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0));
	de = (struct lkl_linux_dirent64 *)buffer;
	while ((ret = OK(lkl_sys_getdents64((unsigned int)fd, de, sizeof(buffer)))) > 0) {
		for (pos = buffer; pos - buffer < ret; pos += de->d_reclen) {
			de = (struct lkl_linux_dirent64 *)pos;
			found += strcmp(de->d_name, "version") == 0;
		}
		de = (struct lkl_linux_dirent64 *)buffer;
	}
	CHECK(found == 1);
	OK(lkl_sys_close((unsigned int)fd));
	OK(lkl_sys_chdir("/"));
	CHECK(lkl_umount_timeout("proc", 0, 1000) == 0);
}

static void by_number(void)
{
	lkl_long params[6] = {0};

	CHECK(lkl_syscall(__lkl__NR_getpid, params) == 1);
	CHECK(lkl_syscall(__lkl__NR_umount2, params) < 0);
}

static void messages(void)
{
	log_length = 0;
	lkl_perror("thing", -LKL_EEXIST);
	CHECK(lkl_printf("%s %d\n", "seven", 7) == 8);
	log_text[log_length] = 0;
	CHECK(strstr(log_text, "thing: File exists\n") && strstr(log_text, "seven 7\n"));
	CHECK(strcmp(lkl_strerror(-LKL_ENOMEM), "Out of memory") == 0);
}

int main(void)
{
	lkl_host_ops.print = collect;
	init(&lkl_host_ops);
	start(&lkl_host_ops, 64);
	CHECK(lkl_is_running() == 1);
	CHECK(strstr(log_text, "Linux version"));
	latency(lkl_sys_getpid);
	nanosleep_takes_its_time();
	a_file();
	clocks();
	pipes_and_polling();
	a_thread_that_blocks();
	file_systems();
	by_number();
	messages();
	stop();
	CHECK(lkl_is_running() == 0);
	return 0;
}
