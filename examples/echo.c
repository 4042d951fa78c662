// SPDX-License-Identifier: GPL-2.0
// echo TEXT: over TCP to a thread of the same program, through the kernel's own loopback interface.
// The host's network is not touched, and no port of it is taken.
#include <lkl.h>
#include <pthread.h>
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

static void *serve(void *listener)
{
	char text[256];
	int fd = (int)check(lkl_sys_accept(*(int *)listener, NULL, NULL), "accept");
	long long count;

	while ((count = check(lkl_sys_read(fd, text, sizeof(text)), "read")) > 0)
		check(lkl_sys_write(fd, text, (size_t)count), "write");
	check(lkl_sys_close(fd), "close");
	return NULL;
}

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "hello";
	struct lkl_sockaddr_in at = { .sin_family = LKL_AF_INET, .sin_port = __builtin_bswap16(7) };
	char back[256];
	int listener, fd;
	size_t got = 0;
	pthread_t server;

	lkl_host_ops.print = NULL;
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=64M"), "boot");
	check(lkl_if_up(1), "lo"); /* the first interface */
	at.sin_addr.s_addr = __builtin_bswap32(LKL_INADDR_LOOPBACK);
	listener = (int)check(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0), "socket");
	check(lkl_sys_bind(listener, (struct lkl_sockaddr *)&at, sizeof(at)), "bind");
	check(lkl_sys_listen(listener, 1), "listen");
	if (pthread_create(&server, NULL, serve, &listener))
		return 1;
	fd = (int)check(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0), "socket");
	check(lkl_sys_connect(fd, (struct lkl_sockaddr *)&at, sizeof(at)), "connect");
	check(lkl_sys_write(fd, text, strlen(text)), "write");
	check(lkl_sys_shutdown(fd, LKL_SHUT_WR), "shutdown");
	while (got < sizeof(back)) {
		long long count = check(lkl_sys_read(fd, back + got, sizeof(back) - got), "read");

		if (count == 0)
			break;
		got += (size_t)count;
	}
	pthread_join(server, NULL);
	lkl_sys_halt();
	lkl_cleanup();
	printf("%.*s\n", (int)got, back);
	return got != strlen(text) || memcmp(text, back, got) != 0;
}
