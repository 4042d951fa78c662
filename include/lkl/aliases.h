/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_ALIASES_H
#define LKL_ALIASES_H

#include <lkl/asm/syscalls.h>

#ifdef __GNUC__
/* Casts of C, which C++ would have otherwise. */
#pragma GCC system_header
#endif

/*
 * System calls that programs know and this kernel's table has only in a more
 * general form: man 2 of the name. Included by <lkl/asm/syscalls.h>.
 */

static inline lkl_long lkl_sys_open(const char *file, int flags, int mode)
{
	return lkl_sys_openat(LKL_AT_FDCWD, file, flags, (lkl_umode_t)mode);
}

static inline lkl_long lkl_sys_creat(const char *file, int mode)
{
	return lkl_sys_open(file, LKL_O_CREAT | LKL_O_WRONLY | LKL_O_TRUNC, mode);
}

static inline lkl_long lkl_sys_stat(const char *path, struct lkl_stat *buf)
{
	return lkl_sys_newfstatat(LKL_AT_FDCWD, path, buf, 0);
}

static inline lkl_long lkl_sys_fstatat(int fd, const char *path, struct lkl_stat *buf, int flags)
{
	return lkl_sys_newfstatat(fd, path, buf, flags);
}

static inline lkl_long lkl_sys_lstat(const char *path, struct lkl_stat *buf)
{
	return lkl_sys_newfstatat(LKL_AT_FDCWD, path, buf, LKL_AT_SYMLINK_NOFOLLOW);
}

static inline lkl_long lkl_sys_access(const char *file, int mode)
{
	return lkl_sys_faccessat(LKL_AT_FDCWD, file, mode);
}

static inline lkl_long lkl_sys_chown(const char *path, lkl_uid_t uid, lkl_gid_t gid)
{
	return lkl_sys_fchownat(LKL_AT_FDCWD, path, uid, gid, 0);
}

static inline lkl_long lkl_sys_lchown(const char *path, lkl_uid_t uid, lkl_gid_t gid)
{
	return lkl_sys_fchownat(LKL_AT_FDCWD, path, uid, gid, LKL_AT_SYMLINK_NOFOLLOW);
}

static inline lkl_long lkl_sys_chmod(const char *path, lkl_mode_t mode)
{
	return lkl_sys_fchmodat(LKL_AT_FDCWD, path, (lkl_umode_t)mode);
}

static inline lkl_long lkl_sys_link(const char *existing, const char *path)
{
	return lkl_sys_linkat(LKL_AT_FDCWD, existing, LKL_AT_FDCWD, path, 0);
}

static inline lkl_long lkl_sys_unlink(const char *path)
{
	return lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0);
}

static inline lkl_long lkl_sys_symlink(const char *existing, const char *path)
{
	return lkl_sys_symlinkat(existing, LKL_AT_FDCWD, path);
}

static inline lkl_long lkl_sys_readlink(const char *path, char *buf, lkl_size_t size)
{
	return lkl_sys_readlinkat(LKL_AT_FDCWD, path, buf, (int)size);
}

static inline lkl_long lkl_sys_rename(const char *from, const char *to)
{
	return lkl_sys_renameat2(LKL_AT_FDCWD, from, LKL_AT_FDCWD, to, 0);
}

static inline lkl_long lkl_sys_mkdir(const char *path, lkl_mode_t mode)
{
	return lkl_sys_mkdirat(LKL_AT_FDCWD, path, (lkl_umode_t)mode);
}

static inline lkl_long lkl_sys_rmdir(const char *path)
{
	return lkl_sys_unlinkat(LKL_AT_FDCWD, path, LKL_AT_REMOVEDIR);
}

static inline lkl_long lkl_sys_mknod(const char *path, lkl_mode_t mode, unsigned int dev)
{
	return lkl_sys_mknodat(LKL_AT_FDCWD, path, (lkl_umode_t)mode, dev);
}

static inline lkl_long lkl_sys_pipe(int fd[2])
{
	return lkl_sys_pipe2(fd, 0);
}

static inline lkl_long lkl_sys_dup2(int from, int to)
{
	if (from == to)
		return lkl_sys_fcntl(from, LKL_F_GETFD, 0) < 0 ? -LKL_EBADF : to;
	return lkl_sys_dup3(from, to, 0);
}

static inline lkl_long lkl_sys_send(int fd, void *buf, lkl_size_t len, unsigned int flags)
{
	return lkl_sys_sendto(fd, buf, len, flags, NULL, 0);
}

static inline lkl_long lkl_sys_recv(int fd, void *buf, lkl_size_t len, unsigned int flags)
{
	return lkl_sys_recvfrom(fd, buf, len, flags, NULL, NULL);
}

static inline lkl_long lkl_sys_select(int n, lkl_fd_set *rfds, lkl_fd_set *wfds, lkl_fd_set *xfds,
				      struct lkl_timeval *tv)
{
	struct __lkl__kernel_timespec ts;

	if (tv) {
		ts.tv_sec = tv->tv_sec;
		ts.tv_nsec = tv->tv_usec * 1000;
	}
	return lkl_sys_pselect6(n, rfds, wfds, xfds, tv ? &ts : NULL, NULL);
}

static inline lkl_long lkl_sys_poll(struct lkl_pollfd *fds, unsigned int n, int timeout_ms)
{
	struct __lkl__kernel_timespec ts;

	ts.tv_sec = timeout_ms / 1000;
	ts.tv_nsec = timeout_ms % 1000 * 1000000;
	return lkl_sys_ppoll(fds, n, timeout_ms >= 0 ? &ts : NULL, NULL, 0);
}

static inline lkl_long lkl_sys_epoll_create(int size)
{
	return size > 0 ? lkl_sys_epoll_create1(0) : -LKL_EINVAL;
}

static inline lkl_long lkl_sys_epoll_wait(int fd, struct lkl_epoll_event *events, int max,
					  int timeout_ms)
{
	return lkl_sys_epoll_pwait(fd, events, max, timeout_ms, NULL, 0);
}

static inline lkl_long lkl_sys_eventfd(unsigned int count)
{
	return lkl_sys_eventfd2(count, 0);
}

static inline lkl_long lkl_sys_signalfd(int fd, lkl_sigset_t *mask, lkl_size_t size)
{
	return lkl_sys_signalfd4(fd, mask, size, 0);
}

static inline lkl_long lkl_sys_inotify_init(void)
{
	return lkl_sys_inotify_init1(0);
}

static inline lkl_long lkl_sys_getpgrp(void)
{
	return lkl_sys_getpgid(0);
}

static inline lkl_long lkl_sys_pause(void)
{
	return lkl_sys_ppoll(NULL, 0, NULL, NULL, 0);
}

static inline lkl_long lkl_sys_time(lkl_long *result)
{
	struct __lkl__kernel_old_timeval tv;
	lkl_long err = lkl_sys_gettimeofday(&tv, NULL);

	if (err)
		return err;
	if (result)
		*result = tv.tv_sec;
	return tv.tv_sec;
}

static inline lkl_long lkl_sys_utimes(const char *path, struct __lkl__kernel_old_timeval tv[2])
{
	struct __lkl__kernel_timespec ts[2];
	int i;

	for (i = 0; tv && i < 2; i++) {
		ts[i].tv_sec = tv[i].tv_sec;
		ts[i].tv_nsec = tv[i].tv_usec * 1000;
	}
	return lkl_sys_utimensat(LKL_AT_FDCWD, (char *)path, tv ? ts : NULL, 0);
}

#endif
