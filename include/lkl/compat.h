/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LKL_COMPAT_H
#define LKL_COMPAT_H

/*
 * What programs get from the C library and not from the kernel's user headers,
 * with the names that LKL has given it.
 */

#ifdef __GNUC__
/* It has what is no C++: arrays without a length, as the kernel's headers do. */
#pragma GCC system_header
#endif

#include <stddef.h>
#include <lkl/long.h>
#include <lkl/linux/types.h>
#include <lkl/linux/posix_types.h>
#include <lkl/linux/time.h>
#include <lkl/linux/socket.h>
#include <lkl/asm/fcntl.h>
#include <lkl/sockets.h>

/*
 * What system calls take: the same layout, and from here on one type, whichever name a program
 * has for it.
 */
#define lkl_timeval __lkl__kernel_old_timeval
#define lkl_itimerval __lkl__kernel_old_itimerval

typedef size_t lkl_size_t;
typedef lkl_long lkl_ssize_t;
typedef long long lkl_loff_t;
typedef lkl_long lkl_off_t;
typedef int lkl_pid_t;
typedef unsigned int lkl_uid_t;
typedef unsigned int lkl_gid_t;
typedef unsigned int lkl_mode_t;
typedef unsigned short lkl_umode_t;
typedef int lkl_key_t;
typedef int lkl_mqd_t;
typedef int lkl_clockid_t;
typedef int lkl_timer_t;
typedef unsigned int lkl_qid_t;
typedef unsigned int lkl_socklen_t;
typedef unsigned int lkl_nlink_t;
typedef lkl_long lkl_time_t;
typedef lkl_long lkl_suseconds_t;
typedef lkl_long lkl_clock_t;
typedef int lkl_key_serial_t;
typedef unsigned short lkl_sa_family_t;
typedef __lkl__kernel_fd_set lkl_fd_set;

#define LKL_FD_SETSIZE 1024
#define LKL_FD_BITS (8 * (int)sizeof(lkl_ulong))
#define LKL_FD_SET(fd, set) \
	((void)((set)->fds_bits[(fd) / LKL_FD_BITS] |= (lkl_ulong)1 << ((fd) % LKL_FD_BITS)))
#define LKL_FD_CLR(fd, set) \
	((void)((set)->fds_bits[(fd) / LKL_FD_BITS] &= ~((lkl_ulong)1 << ((fd) % LKL_FD_BITS))))
#define LKL_FD_ISSET(fd, set) \
	(((set)->fds_bits[(fd) / LKL_FD_BITS] >> ((fd) % LKL_FD_BITS)) & 1)
#define LKL_FD_ZERO(set)                                                                     \
	do {                                                                                 \
		unsigned int lkl_i_;                                                         \
		for (lkl_i_ = 0; lkl_i_ < sizeof(*(set)) / sizeof((set)->fds_bits[0]); lkl_i_++) \
			(set)->fds_bits[lkl_i_] = 0;                                         \
	} while (0)

/* The member of struct lkl_in_addr, by the name that LKL has given it. */
#define lkl_s_addr s_addr

struct lkl_sockaddr {
	lkl_sa_family_t sa_family;
	char sa_data[14];
};

/* for one of any family */
#define lkl_sockaddr_storage __lkl__kernel_sockaddr_storage

/* man 2 open_by_handle_at */
struct lkl_file_handle {
	unsigned int handle_bytes;
	int handle_type;
	unsigned char f_handle[];
};

struct lkl_iovec;

struct lkl_msghdr {
	void *msg_name;
	int msg_namelen;
	struct lkl_iovec *msg_iov;
	lkl_size_t msg_iovlen;
	void *msg_control;
	lkl_size_t msg_controllen;
	unsigned int msg_flags;
};

/* its other name */
#define lkl_user_msghdr lkl_msghdr

struct lkl_mmsghdr {
	struct lkl_msghdr msg_hdr;
	unsigned int msg_len;
};

struct lkl_cmsghdr {
	lkl_size_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};

#define LKL_CMSG_ALIGN(len) (((len) + sizeof(lkl_long) - 1) & ~(sizeof(lkl_long) - 1))
#define LKL_CMSG_DATA(cmsg) ((unsigned char *)((struct lkl_cmsghdr *)(cmsg) + 1))
#define LKL_CMSG_SPACE(len) (LKL_CMSG_ALIGN(len) + LKL_CMSG_ALIGN(sizeof(struct lkl_cmsghdr)))
#define LKL_CMSG_LEN(len) (LKL_CMSG_ALIGN(sizeof(struct lkl_cmsghdr)) + (len))
#define LKL_CMSG_FIRSTHDR(msg)                                         \
	((msg)->msg_controllen >= sizeof(struct lkl_cmsghdr) ?         \
		 (struct lkl_cmsghdr *)(msg)->msg_control : (struct lkl_cmsghdr *)NULL)

struct lkl_ucred {
	__lkl__u32 pid;
	__lkl__u32 uid;
	__lkl__u32 gid;
};

/* getdents64(2) */
struct lkl_linux_dirent64 {
	__lkl__u64 d_ino;
	__lkl__s64 d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

#define LKL_DT_UNKNOWN	0
#define LKL_DT_FIFO	1
#define LKL_DT_CHR	2
#define LKL_DT_DIR	4
#define LKL_DT_BLK	6
#define LKL_DT_REG	8
#define LKL_DT_LNK	10
#define LKL_DT_SOCK	12
#define LKL_DT_WHT	14

/* st_rdev and the dev_t of mknod(2) and mount helpers */
#define LKL_MAKEDEV(major, minor) \
	(((minor) & 0xffu) | (((major) & 0xfffu) << 8) | (((minor) & ~0xffu) << 12))
#define LKL_MAJOR(dev)	(((unsigned int)(dev) & 0xfff00u) >> 8)
#define LKL_MINOR(dev)	(((unsigned int)(dev) & 0xffu) | (((unsigned int)(dev) >> 12) & 0xfff00u))

#define LKL_R_OK	4
#define LKL_W_OK	2
#define LKL_X_OK	1
#define LKL_F_OK	0

#define LKL_MNT_FORCE		0x00000001
#define LKL_MNT_DETACH		0x00000002
#define LKL_MNT_EXPIRE		0x00000004
#define LKL_UMOUNT_NOFOLLOW	0x00000008

#endif
