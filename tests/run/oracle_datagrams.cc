// SPDX-License-Identifier: GPL-2.0
//
// Datagrams, with their addresses and what else goes with them.
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>  // wants struct timespec

#include <string>
#include <vector>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void addresses() {
  const int one = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two));
  say("sendto",
      sendto(one, "first", 5, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  say("sendto",
      sendto(one, "second one", 10, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  say("sendto", sendto(one, "", 0, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  say("readable", wait_for(two, POLLIN));
  char text[16] = {};
  for (const int flags : {int{MSG_PEEK}, 0}) {
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    say("recvfrom",
        recvfrom(two, text, sizeof text, flags, reinterpret_cast<sockaddr*>(&from), &size));
    say("from", size == sizeof from && ntohs(from.sin_port) == port_of(one));
  }
  sockaddr_in from = {};
  socklen_t size = sizeof from;
  say("cut", recvfrom(two, text, 3, MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &size));
  say("empty", recvfrom(two, text, 3, 0, reinterpret_cast<sockaddr*>(&from), &size));
  say("nothing", recvfrom(two, text, 3, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size));
  close(one), close(two);
}
void mixed_receivers() {
  // who takes some by read() still gets the right addresses for others
  const int one = datagrams(), other = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two));
  for (int i = 0; i < 6; i++)
    sendto(i % 2 ? one : other, "abcdefgh", static_cast<size_t>(i + 1), 0,
           reinterpret_cast<const sockaddr*>(&there), sizeof there);
  usleep(50'000);
  for (int i = 0; i < 6; i++) {
    char text[16];
    if (i % 3 == 1) {
      say("read", read(two, text, sizeof text));
      continue;
    }
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    say("recvfrom", recvfrom(two, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size));
    say("is right", ntohs(from.sin_port) == port_of(i % 2 ? one : other));
  }
  close(one), close(other), close(two);
}
void connected_datagrams() {
  const int one = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two)), back = loopback(port_of(one));
  say("connect", connect(one, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  say("connect", connect(two, reinterpret_cast<const sockaddr*>(&back), sizeof back));
  say("write", write(one, "plain", 5));
  say("send", send(one, "sent", 4, 0));
  say("read", read_text(two));
  say("read", read_text(two));
  say("write", write(two, "back", 4));
  say("read", read_text(one));
  close(one), close(two);
}
void messages() {
  const int one = datagrams(), two = datagrams();
  int on = 1;
  setsockopt(two, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  setsockopt(two, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
  sockaddr_in there = loopback(port_of(two)), from = {};
  char first[] = "scattered", room_a[4], room_b[16];
  iovec out[] = {{first, 4}, {first + 4, 5}}, in[] = {{room_a, 4}, {room_b, 16}};
  msghdr message = {};
  message.msg_name = &there, message.msg_namelen = sizeof there;
  message.msg_iov = out, message.msg_iovlen = 2;
  say("sendmsg", sendmsg(one, &message, 0));
  alignas(cmsghdr) char control[256];
  message = {};
  message.msg_name = &from, message.msg_namelen = sizeof from;
  message.msg_iov = in, message.msg_iovlen = 2;
  message.msg_control = control, message.msg_controllen = sizeof control;
  say("recvmsg", recvmsg(two, &message, 0));
  say("data", std::string(room_a, 4) + std::string(room_b, 5));
  say("from", ntohs(from.sin_port) == port_of(one) && message.msg_namelen == sizeof from);
  for (cmsghdr* one_of = CMSG_FIRSTHDR(&message); one_of; one_of = CMSG_NXTHDR(&message, one_of))
    say("control", std::to_string(one_of->cmsg_level) + " " + std::to_string(one_of->cmsg_type) +
                       " " + std::to_string(one_of->cmsg_len));
  say("flags", message.msg_flags);
  (void)!sendto(one, "truncated", 9, 0, reinterpret_cast<sockaddr*>(&there), sizeof there);
  message.msg_iovlen = 1;
  message.msg_controllen = 20;
  say("recvmsg", recvmsg(two, &message, 0));
  say("flags", message.msg_flags);

  mmsghdr several[3] = {};
  iovec parts[3];
  char rooms[3][8];
  for (int i = 0; i < 3; i++) {
    parts[i] = {first, static_cast<size_t>(i + 1)};
    several[i].msg_hdr.msg_iov = &parts[i], several[i].msg_hdr.msg_iovlen = 1;
    several[i].msg_hdr.msg_name = &there, several[i].msg_hdr.msg_namelen = sizeof there;
  }
  say("sendmmsg", sendmmsg(one, several, 3, 0));
  say("length", several[2].msg_len);
  usleep(50'000);
  for (int i = 0; i < 3; i++) {
    parts[i] = {rooms[i], 8};
    several[i].msg_hdr.msg_name = nullptr, several[i].msg_hdr.msg_namelen = 0;
  }
  say("recvmmsg", recvmmsg(two, several, 3, MSG_DONTWAIT, nullptr));
  say("lengths", std::to_string(several[0].msg_len) + std::to_string(several[1].msg_len) +
                     std::to_string(several[2].msg_len));
  close(one), close(two);
}
void timeouts() {
  const int fd = datagrams();
  const timeval time = {0, 100'000};
  say("set", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  char text[8];
  sockaddr_in from;
  socklen_t size = sizeof from;
  say("read", read(fd, text, sizeof text));
  say("recvfrom", recvfrom(fd, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size));
  close(fd);
  const int listener = listen_somewhere();
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  say("accept", accept(listener, nullptr, nullptr));
  close(listener);
}
void large_datagrams() {
  const int one = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two));
  std::vector<char> bytes(65'508, 'x');
  say("largest", sendto(one, bytes.data(), 65'507, 0, reinterpret_cast<const sockaddr*>(&there),
                        sizeof there));
  say("read", read(two, bytes.data(), bytes.size()));
  say("too large", sendto(one, bytes.data(), 65'508, 0, reinterpret_cast<const sockaddr*>(&there),
                          sizeof there));
  close(one), close(two);
}
void refused_datagrams() {
  const int gone = datagrams(), fd = datagrams();
  const sockaddr_in there = loopback(port_of(gone));
  close(gone);
  connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  say("send", send(fd, "x", 1, 0));
  usleep(50'000);
  say("error", error_text(fd));
  close(fd);
}
void listed_interfaces() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  sockaddr_nl own = {};
  own.nl_family = AF_NETLINK;
  say("bind", bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own));
  struct {
    nlmsghdr header;
    rtgenmsg message;
  } request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  say("send", send(fd, &request, sizeof request, 0));
  bool loopback_seen = false, over = false;
  std::vector<char> room(32 << 10);
  while (!over) {
    sockaddr_nl from = {};
    iovec part = {room.data(), room.size()};
    msghdr message = {};
    message.msg_name = &from, message.msg_namelen = sizeof from;
    message.msg_iov = &part, message.msg_iovlen = 1;
    ssize_t count = recvmsg(fd, &message, 0);
    if (count <= 0 || message.msg_namelen != sizeof from || from.nl_pid != 0) break;
    for (auto* header = reinterpret_cast<nlmsghdr*>(room.data()); NLMSG_OK(header, count);
         header = NLMSG_NEXT(header, count)) {
      if (header->nlmsg_type == NLMSG_DONE) over = true;
      if (header->nlmsg_type == RTM_NEWLINK &&
          static_cast<ifinfomsg*>(NLMSG_DATA(header))->ifi_index == 1)
        loopback_seen = true;
    }
  }
  say("lo", loopback_seen);
  say("over", over);
  close(fd);
}

// Of one that nobody has taken: who was asked is told.
void error_queue() {
  const int gone = datagrams(), fd = datagrams();
  const sockaddr_in there = loopback(port_of(gone));
  close(gone);
  const int on = 1;
  say("set", setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on));
  say("sendto", sendto(fd, "lost", 4, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  char text[16], control[512];
  sockaddr_in to = {};
  iovec part = {text, sizeof text};
  msghdr message = {};
  message.msg_name = &to, message.msg_namelen = sizeof to;
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  usleep(50'000);
  const ssize_t count = recvmsg(fd, &message, MSG_ERRQUEUE);
  say("recvmsg", count);
  if (count < 0) return (void)close(fd);
  say("text", std::string(text, static_cast<size_t>(count)));
  say("to", to.sin_port == there.sin_port);
  say("flags", message.msg_flags);
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  say("control", header != nullptr && header->cmsg_type == IP_RECVERR);
  sock_extended_err error = {};
  if (header != nullptr) memcpy(&error, CMSG_DATA(header), sizeof error);
  say("error", std::string(strerrorname_np(static_cast<int>(error.ee_errno))) + " " +
                   std::to_string(error.ee_origin) + " " + std::to_string(error.ee_type) + " " +
                   std::to_string(error.ee_code));
  say("empty", recvmsg(fd, &message, MSG_ERRQUEUE));
  close(fd);
}
// A large one that the kernel sends as several.
void segments() {
  const int one = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two));
  connect(one, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  const int size = 100;
  say("set", setsockopt(one, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size));
  const std::vector<char> bytes(250, 'x');
  char room[300];
  say("send", send(one, bytes.data(), bytes.size(), 0));
  for (int i = 0; i < 3; i++) say("read", read(two, room, sizeof room));
  say("sendto", sendto(one, bytes.data(), bytes.size(), 0,
                       reinterpret_cast<const sockaddr*>(&there), sizeof there));
  for (int i = 0; i < 3; i++) say("recv", recv(two, room, sizeof room, 0));
  close(one), close(two);
}
void dissolved() {
  const int one = datagrams(), two = datagrams(), three = datagrams();
  const sockaddr_in there = loopback(port_of(two)), other = loopback(port_of(three));
  say("connect", connect(one, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  sockaddr peer = {};
  socklen_t size = sizeof peer;
  say("peer", getpeername(one, &peer, &size));
  const sockaddr none = {.sa_family = AF_UNSPEC, .sa_data = {}};
  say("dissolve", connect(one, &none, sizeof none));
  say("peer", getpeername(one, &peer, &size));
  say("connect", connect(one, reinterpret_cast<const sockaddr*>(&other), sizeof other));
  say("send", send(one, "three", 5, 0));
  say("read", read_text(three));
  say("sendto", sendto(one, "two", 3, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  say("read", read_text(two));
  close(one), close(two), close(three);
}
void timestamps() {
  const int one = datagrams(), two = datagrams();
  const int on = 1;
  say("set", setsockopt(two, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
  const sockaddr_in there = loopback(port_of(two));
  timeval before = {}, after = {};
  gettimeofday(&before, nullptr);
  sendto(one, "now", 3, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  char text[16], control[256];
  iovec part = {text, sizeof text};
  msghdr message = {};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  say("recvmsg", recvmsg(two, &message, 0));
  gettimeofday(&after, nullptr);
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  timeval time = {};
  if (header != nullptr) memcpy(&time, CMSG_DATA(header), sizeof time);
  // by clocks of two kernels, which are set at different times
  const auto us = [](const timeval& when) { return when.tv_sec * 1'000'000 + when.tv_usec; };
  say("is now", us(time) > us(before) - 1'000'000 && us(time) < us(after) + 1'000'000);
  close(one), close(two);
}

}  // namespace

std::span<const Case> datagrams_cases() {
  static constexpr Case kCases[] = {
      CASE(addresses),   CASE(mixed_receivers), CASE(connected_datagrams), CASE(messages),
      CASE(timeouts),    CASE(large_datagrams), CASE(refused_datagrams),   CASE(listed_interfaces),
      CASE(error_queue), CASE(segments),        CASE(dissolved),           CASE(timestamps),
  };
  return kCases;
}

}  // namespace lkl::oracle
