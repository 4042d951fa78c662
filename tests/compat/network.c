/* SPDX-License-Identifier: GPL-2.0 */
/* The loopback interface: an ICMP echo, and TCP between two threads. */
#include "check.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned short checksum(const void *data, int len)
{
	const unsigned short *w = (const unsigned short *)data;
	int sum = 0;

	for (; len > 1; len -= 2)
		sum += *w++;
	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (unsigned short)~sum;
}

static void set_address(struct lkl_sockaddr_in *sin, unsigned short port)
{
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = LKL_AF_INET;
	sin->sin_addr.lkl_s_addr = inet_addr("127.0.0.1");
	sin->sin_port = htons(port);
}

static void interface_is_up(void)
{
	struct lkl_ifreq ifr;
	int sock = (int)OK(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));

	memset(&ifr, 0, sizeof(ifr));
	strcpy(ifr.lkl_ifr_name, "lo");
	OK(lkl_sys_ioctl(sock, LKL_SIOCGIFINDEX, (lkl_ulong)&ifr));
	CHECK(ifr.lkl_ifr_ifindex == 1 && lkl_ifname_to_ifindex("lo") == 1);
	OK(lkl_sys_ioctl(sock, LKL_SIOCGIFFLAGS, (lkl_ulong)&ifr));
	CHECK(ifr.lkl_ifr_flags & LKL_IFF_UP);
	OK(lkl_sys_close(sock));
}

static void ping(void)
{
	struct lkl_sockaddr_in to;
	struct lkl_icmphdr echo, *reply;
	struct lkl_iphdr *ip;
	struct lkl_pollfd poll;
	char buffer[64];
	int sock = (int)OK(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_RAW, LKL_IPPROTO_ICMP));

	set_address(&to, 0);
	memset(&echo, 0, sizeof(echo));
	echo.type = LKL_ICMP_ECHO;
	echo.un.echo.sequence = htons(7);
	echo.checksum = checksum(&echo, sizeof(echo));
	OK(lkl_sys_sendto(sock, &echo, sizeof(echo), 0, (struct lkl_sockaddr *)&to, sizeof(to)));
	do {
		poll.fd = sock;
		poll.events = LKL_POLLIN;
		poll.revents = 0;
		CHECK(lkl_sys_poll(&poll, 1, 1000) == 1);
		OK(lkl_sys_recv(sock, buffer, sizeof(buffer), LKL_MSG_DONTWAIT));
		ip = (struct lkl_iphdr *)buffer;
		reply = (struct lkl_icmphdr *)(buffer + ip->ihl * 4);
	} while (reply->type == LKL_ICMP_ECHO);
	CHECK(reply->type == LKL_ICMP_ECHOREPLY && reply->un.echo.sequence == htons(7));
	OK(lkl_sys_close(sock));
}

static struct lkl_sem *listening;

static void serve(void *arg)
{
	struct lkl_sockaddr_in here, peer;
	struct lkl_user_msghdr message;
	struct lkl_iovec part;
	char text[16];
	int size = sizeof(peer);
	int sock = (int)OK(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
	int on = 1, connection;

	(void)arg;
	set_address(&here, 9999);
	OK(lkl_sys_setsockopt(sock, LKL_SOL_SOCKET, LKL_SO_REUSEADDR, (char *)&on, sizeof(on)));
	OK(lkl_sys_bind(sock, (struct lkl_sockaddr *)&here, sizeof(here)));
	OK(lkl_sys_listen(sock, 3));
	lkl_host_ops.sem_up(listening);
	connection = (int)OK(lkl_sys_accept(sock, (struct lkl_sockaddr *)&peer, &size));
	CHECK(peer.sin_addr.lkl_s_addr == here.sin_addr.lkl_s_addr);
	memset(&message, 0, sizeof(message));
	part.iov_base = text;
	part.iov_len = sizeof(text);
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	CHECK(lkl_sys_recvmsg(connection, &message, 0) == 5);
	part.iov_len = 5;
	CHECK(lkl_sys_sendmsg(connection, &message, 0) == 5);
	OK(lkl_sys_close(connection));
	OK(lkl_sys_close(sock));
}

static void talk(void)
{
	struct lkl_sockaddr_in to;
	char text[16] = "";
	lkl_thread_t tid;
	int sock;

	listening = lkl_host_ops.sem_alloc(0);
	tid = lkl_host_ops.thread_create(serve, NULL);
	lkl_host_ops.sem_down(listening);
	sock = (int)OK(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
	set_address(&to, 9999);
	OK(lkl_sys_connect(sock, (struct lkl_sockaddr *)&to, sizeof(to)));
	strcpy(text, "ball");
	CHECK(lkl_sys_send(sock, text, 5, 0) == 5);
	memset(text, 0, sizeof(text));
	CHECK(lkl_sys_recv(sock, text, sizeof(text), 0) == 5 && strcmp(text, "ball") == 0);
	OK(lkl_sys_close(sock));
	CHECK(lkl_host_ops.thread_join(tid) == 0);
	lkl_host_ops.sem_free(listening);
}

int main(void)
{
	lkl_long sock;

	lkl_host_ops.print = NULL;
	init(&lkl_host_ops);
	start(&lkl_host_ops, 64);
	sock = lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0);
	if (sock == -LKL_EAFNOSUPPORT) {
		puts("skipped: this kernel has no network (LKL_PROFILE)");
		return SKIPPED;
	}
	OK(sock);
	OK(lkl_sys_close((unsigned int)sock));
	OK(lkl_if_up(1));
	OK(lkl_sysctl("net.ipv4.tcp_wmem", "4096 87380 2147483647"));
	interface_is_up();
	ping();
	talk();
	stop();
	return 0;
}
