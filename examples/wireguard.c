// SPDX-License-Identifier: GPL-2.0
// wireguard TEXT: through a tunnel of WireGuard between two kernels, which have a wire in common: the
// parent's says TEXT, the child's says what it has heard. No rights are needed, nor the host's network.
#include <arpa/inet.h>
#include <lkl.h>
#include <lkl/linux/genetlink.h>
#include <lkl/linux/netlink.h>
#include <lkl/linux/rtnetlink.h>
#include <lkl/linux/wireguard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEY = 32, PORT = 51820 };

static long long check(long long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, lkl_strerror((int)result));
		exit(1);
	}
	return result;
}

/* ---- netlink(7): a header, a part of its own for each kind of message, attributes ---- */

struct message {
	struct lkl_nlmsghdr header;
	char rest[4096];
};

static void begin(struct message *m, int type, int flags, const void *part, unsigned int size)
{
	memset(m, 0, sizeof(*m));
	m->header.nlmsg_type = (__lkl__u16)type;
	m->header.nlmsg_flags = (__lkl__u16)(LKL_NLM_F_REQUEST | flags);
	m->header.nlmsg_len = LKL_NLMSG_LENGTH(size);
	memcpy(LKL_NLMSG_DATA(&m->header), part, size);
}

static struct lkl_nlattr *put(struct message *m, int type, const void *data, size_t size)
{
	struct lkl_nlattr *it = (void *)((char *)m + m->header.nlmsg_len);

	it->nla_type = (__lkl__u16)type;
	it->nla_len = (__lkl__u16)(LKL_NLA_HDRLEN + size);
	if (size)
		memcpy(it + 1, data, size);
	m->header.nlmsg_len += LKL_NLA_ALIGN(it->nla_len);
	return it;
}

/* What was put since then is inside. */
static void end(struct message *m, struct lkl_nlattr *it)
{
	it->nla_len = (__lkl__u16)((char *)m + m->header.nlmsg_len - (char *)it);
}

/* The answer takes the question's place. */
static void ask(int protocol, struct message *m, const char *what)
{
	int fd = (int)check(lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_RAW, protocol), "netlink");

	check(lkl_sys_sendto(fd, m, m->header.nlmsg_len, 0, NULL, 0), what);
	check(lkl_sys_recvfrom(fd, m, sizeof(*m), 0, NULL, NULL), what);
	check(lkl_sys_close((unsigned int)fd), what);
	if (m->header.nlmsg_type == LKL_NLMSG_ERROR)
		check(((struct lkl_nlmsgerr *)LKL_NLMSG_DATA(&m->header))->error, what);
}

/* The value of an attribute of an answer of generic netlink. */
static void *find(struct message *m, int type)
{
	char *at = (char *)LKL_NLMSG_DATA(&m->header) + LKL_GENL_HDRLEN;

	while (at < (char *)m + m->header.nlmsg_len) {
		struct lkl_nlattr *it = (void *)at;

		if ((it->nla_type & LKL_NLA_TYPE_MASK) == type)
			return it + 1;
		at += LKL_NLA_ALIGN(it->nla_len);
	}
	check(-LKL_ENOENT, "an attribute");
	return NULL;
}

static void begin_generic(struct message *m, int family, int command, int flags)
{
	struct lkl_genlmsghdr part = { .cmd = (__lkl__u8)command, .version = 1 };

	begin(m, family, flags, &part, sizeof(part));
}

/* ---- the tunnel: what "ip link add wg0 type wireguard" and wg(8) do ---- */

static int family;

static int make_tunnel(const unsigned char *secret, unsigned char *public)
{
	struct lkl_ifinfomsg part = { .ifi_family = LKL_AF_UNSPEC };
	struct lkl_nlattr *info;
	struct message m;
	__lkl__u16 port = PORT;

	begin(&m, LKL_RTM_NEWLINK, LKL_NLM_F_ACK | LKL_NLM_F_CREATE, &part, sizeof(part));
	put(&m, LKL_IFLA_IFNAME, "wg0", 4);
	info = put(&m, LKL_IFLA_LINKINFO | LKL_NLA_F_NESTED, NULL, 0);
	put(&m, LKL_IFLA_INFO_KIND, "wireguard", 10);
	end(&m, info);
	ask(LKL_NETLINK_ROUTE, &m, "wg0");

	begin_generic(&m, LKL_GENL_ID_CTRL, LKL_CTRL_CMD_GETFAMILY, 0);
	put(&m, LKL_CTRL_ATTR_FAMILY_NAME, "wireguard", 10);
	ask(LKL_NETLINK_GENERIC, &m, "wireguard");
	family = *(__lkl__u16 *)find(&m, LKL_CTRL_ATTR_FAMILY_ID);

	begin_generic(&m, family, LKL_WG_CMD_SET_DEVICE, LKL_NLM_F_ACK);
	put(&m, LKL_WGDEVICE_A_IFNAME, "wg0", 4);
	put(&m, LKL_WGDEVICE_A_PRIVATE_KEY, secret, KEY);
	put(&m, LKL_WGDEVICE_A_LISTEN_PORT, &port, sizeof(port));
	ask(LKL_NETLINK_GENERIC, &m, "the key");

	begin_generic(&m, family, LKL_WG_CMD_GET_DEVICE, LKL_NLM_F_DUMP);
	put(&m, LKL_WGDEVICE_A_IFNAME, "wg0", 4);
	ask(LKL_NETLINK_GENERIC, &m, "the public key");
	memcpy(public, find(&m, LKL_WGDEVICE_A_PUBLIC_KEY), KEY);
	return (int)check(lkl_ifname_to_ifindex("wg0"), "wg0");
}

/* Who is at the other end, where that is, and which addresses in the tunnel it has. */
static void set_peer(const unsigned char *public, const char *outside, const char *inside)
{
	struct lkl_sockaddr_in place = { .sin_family = LKL_AF_INET, .sin_port = htons(PORT) };
	struct lkl_nlattr *peers, *peer, *allowed, *network;
	unsigned int address = inet_addr(inside);
	__lkl__u16 inet = LKL_AF_INET;
	__lkl__u8 bits = 32;
	struct message m;

	place.sin_addr.s_addr = inet_addr(outside);
	begin_generic(&m, family, LKL_WG_CMD_SET_DEVICE, LKL_NLM_F_ACK);
	put(&m, LKL_WGDEVICE_A_IFNAME, "wg0", 4);
	peers = put(&m, LKL_WGDEVICE_A_PEERS | LKL_NLA_F_NESTED, NULL, 0);
	peer = put(&m, LKL_NLA_F_NESTED, NULL, 0);
	put(&m, LKL_WGPEER_A_PUBLIC_KEY, public, KEY);
	put(&m, LKL_WGPEER_A_ENDPOINT, &place, sizeof(place));
	allowed = put(&m, LKL_WGPEER_A_ALLOWEDIPS | LKL_NLA_F_NESTED, NULL, 0);
	network = put(&m, LKL_NLA_F_NESTED, NULL, 0);
	put(&m, LKL_WGALLOWEDIP_A_FAMILY, &inet, sizeof(inet));
	put(&m, LKL_WGALLOWEDIP_A_IPADDR, &address, sizeof(address));
	put(&m, LKL_WGALLOWEDIP_A_CIDR_MASK, &bits, sizeof(bits));
	end(&m, network);
	end(&m, allowed);
	end(&m, peer);
	end(&m, peers);
	ask(LKL_NETLINK_GENERIC, &m, "the peer");
}

/* ---- the two kernels ---- */

static const char *const outside[2] = { "10.0.0.1", "10.0.0.2" };
static const char *const inside[2] = { "10.9.0.1", "10.9.0.2" };

/* A kernel with a card on this end of a wire, and the tunnel; keys go over the other socket. */
static void boot(int side, int wire, int keys)
{
	unsigned char secret[KEY], public[KEY], theirs[KEY];
	struct lkl_netdev *nd;
	char uri[32];
	int card, tunnel;

	lkl_host_ops.print = NULL;
	check(lkl_init(&lkl_host_ops), "init");
	check(lkl_start_kernel("mem=64M"), "boot");
	snprintf(uri, sizeof(uri), "fd:%d", wire);
	check(lkl_netdev_open(uri, NULL, &nd), uri);
	card = (int)check(lkl_netdev_get_ifindex((int)check(lkl_netdev_add(nd, NULL), "card")), "card");
	check(lkl_if_up(card), "card");
	check(lkl_if_set_ipv4(card, inet_addr(outside[side]), 24), outside[side]);

	check(lkl_sys_getrandom((char *)secret, KEY, 0), "random");
	tunnel = make_tunnel(secret, public);
	if (write(keys, public, KEY) != KEY || read(keys, theirs, KEY) != KEY)
		exit(1);
	set_peer(theirs, outside[!side], inside[!side]);
	check(lkl_if_up(tunnel), "wg0");
	check(lkl_if_set_ipv4(tunnel, inet_addr(inside[side]), 24), inside[side]);
}

static struct lkl_sockaddr_in port_of(int side)
{
	struct lkl_sockaddr_in at = { .sin_family = LKL_AF_INET, .sin_port = htons(7) };

	at.sin_addr.s_addr = inet_addr(inside[side]);
	return at;
}

static void hear(int ready)
{
	struct lkl_sockaddr_in at = port_of(1);
	int fd = (int)check(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0), "socket");
	char text[1500];
	long long count;

	check(lkl_sys_bind(fd, (struct lkl_sockaddr *)&at, sizeof(at)), "bind");
	if (write(ready, "", 1) != 1)
		exit(1);
	count = check(lkl_sys_recvfrom(fd, text, sizeof(text), 0, NULL, NULL), "receive");
	printf("heard: %.*s\n", (int)count, text);
}

static void say(const char *text, int ready)
{
	struct lkl_sockaddr_in to = port_of(1);
	int fd = (int)check(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0), "socket");
	char byte;

	if (read(ready, &byte, 1) != 1)
		exit(1);
	check(lkl_sys_sendto(fd, text, strlen(text), 0, (struct lkl_sockaddr *)&to, sizeof(to)),
	      "send");
}

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "hello";
	int wire[2], keys[2], side, status = 0;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, wire) || socketpair(AF_UNIX, SOCK_STREAM, 0, keys))
		return 1;
	child = fork();
	if (child < 0)
		return 1;
	side = child == 0;
	close(wire[!side]);
	close(keys[!side]);
	boot(side, wire[side], keys[side]);
	if (side == 1)
		hear(keys[side]);
	else
		say(text, keys[side]);
	/* a kernel that is gone would neither answer the handshake nor send what waits for it */
	if (side == 0 && waitpid(child, &status, 0) != child)
		return 1;
	lkl_sys_halt();
	lkl_cleanup();
	return status != 0;
}
