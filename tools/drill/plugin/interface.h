/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What packetdrill (https://github.com/google/packetdrill) asks of a library that it is given by
 * --so_filename: this one function, which fills in a table of others. They are what POSIX has of
 * these names, with the library's own pointer before the arguments: -1 and errno if they fail. The
 * order is packetdrill's.
 */
#ifndef LKL_PACKETDRILL_INTERFACE_H
#define LKL_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

struct packetdrill_interface {
	void *userdata;
	void (*free)(void *user);
	int (*socket)(void *user, int domain, int type, int protocol);
	int (*bind)(void *user, int fd, const struct sockaddr *address, socklen_t size);
	int (*listen)(void *user, int fd, int backlog);
	int (*accept)(void *user, int fd, struct sockaddr *address, socklen_t *size);
	int (*connect)(void *user, int fd, const struct sockaddr *address, socklen_t size);
	ssize_t (*read)(void *user, int fd, void *to, size_t size);
	ssize_t (*readv)(void *user, int fd, const struct iovec *parts, int count);
	ssize_t (*recv)(void *user, int fd, void *to, size_t size, int flags);
	ssize_t (*recvfrom)(void *user, int fd, void *to, size_t size, int flags,
			    struct sockaddr *address, socklen_t *address_size);
	ssize_t (*recvmsg)(void *user, int fd, struct msghdr *message, int flags);
	ssize_t (*write)(void *user, int fd, const void *from, size_t size);
	ssize_t (*writev)(void *user, int fd, const struct iovec *parts, int count);
	ssize_t (*send)(void *user, int fd, const void *from, size_t size, int flags);
	ssize_t (*sendto)(void *user, int fd, const void *from, size_t size, int flags,
			  const struct sockaddr *address, socklen_t address_size);
	ssize_t (*sendmsg)(void *user, int fd, const struct msghdr *message, int flags);
	int (*fcntl)(void *user, int fd, int command, ...);
	int (*ioctl)(void *user, int fd, unsigned long request, ...);
	int (*close)(void *user, int fd);
	int (*shutdown)(void *user, int fd, int how);
	int (*getsockopt)(void *user, int fd, int level, int option, void *value, socklen_t *size);
	int (*setsockopt)(void *user, int fd, int level, int option, const void *value,
			  socklen_t size);
	int (*poll)(void *user, struct pollfd *list, nfds_t count, int timeout);
	/* A packet of IP for the kernel. */
	int (*netdev_send)(void *user, const void *packet, size_t size);
	/* The next one from the kernel, and when it came. *size is the room, and its size after
	 * that: 0 if there is none. */
	int (*netdev_receive)(void *user, void *packet, size_t *size, long long *time_usecs);
	int (*usleep)(void *user, useconds_t usecs);
	int (*gettimeofday)(void *user, struct timeval *time, struct timezone *zone);
	int (*epoll_create)(void *user, int size);
	int (*epoll_ctl)(void *user, int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(void *user, int epfd, struct epoll_event *events, int most, int timeout);
	int (*pipe)(void *user, int fds[2]);
	int (*splice)(void *user, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out,
		      size_t size, unsigned int flags);
};

/*
 * Boots the kernel. @flags, what --so_flags has: NAME=VALUE with commas between them, or NULL.
 * ip_version=ipv4 (or ipv4-mapped-ipv6, ipv6), local_ip, remote_ip, netmask_ip, mtu as packetdrill has
 * them; mem=MEGABYTES; control=PATH: a socket there, which takes commands for the kernel (see
 * control.h); folder=PATH: where scripts of commands are. If something is wrong it says so on
 * standard error and ends the process: packetdrill gives it no other way.
 */
__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface);

typedef void (*packetdrill_interface_init_function)(const char *flags,
						    struct packetdrill_interface *interface);

#ifdef __cplusplus
}
#endif

#endif /* LKL_PACKETDRILL_INTERFACE_H */
