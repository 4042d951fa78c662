// SPDX-License-Identifier: GPL-2.0
//
// What sockets do, a line a case. Run on the host and by lkl run it has to say the same.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace {

const char* current = "";

void say(const char* what, long result) {
  if (result < 0)
    printf("%s: %s: %s\n", current, what, strerrorname_np(errno));
  else
    printf("%s: %s: %ld\n", current, what, result);
}
void say(const char* what, const std::string& text) {
  printf("%s: %s: %s\n", current, what, text.c_str());
}

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
int port_of(int fd) {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}
int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno;
}
std::string error_text(int fd) {
  const int error = option(fd, SOL_SOCKET, SO_ERROR);
  return error == 0 ? "none" : error < 0 ? "?" : strerrorname_np(error);
}
int listen_somewhere(int flags = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  const sockaddr_in any = loopback(0);
  bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any);
  listen(fd, 16);
  return fd;
}
int connect_to(int port, int flags = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  const sockaddr_in there = loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
      errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}
struct Pair {
  int near, far;
};
Pair connected() {
  const int listener = listen_somewhere();
  const int near = connect_to(port_of(listener));
  const int far = accept(listener, nullptr, nullptr);
  close(listener);
  return {near, far};
}
void done(const Pair& pair) {
  close(pair.near);
  close(pair.far);
}
int wait_for(int fd, short events, int ms = 2000) {
  pollfd one = {fd, events, 0};
  const int count = poll(&one, 1, ms);
  return count < 0 ? count : one.revents;
}
std::string read_text(int fd) {
  char text[256];
  const ssize_t count = read(fd, text, sizeof text);
  return count < 0 ? strerrorname_np(errno)
                   : "\"" + std::string(text, static_cast<size_t>(count)) + "\"";
}

// ---- streams ----

void echo() {
  const Pair pair = connected();
  say("sent", write(pair.near, "hello", 5));
  say("read", read_text(pair.far));
  say("shut down", shutdown(pair.near, SHUT_WR));
  say("read", read_text(pair.far));
  say("sent after half", write(pair.far, "late", 4));
  say("read", read_text(pair.near));
  close(pair.far);
  say("read", read_text(pair.near));
  close(pair.near);
}
void refused() {
  const int listener = listen_somewhere();
  const int port = port_of(listener);
  close(listener);
  say("connect", connect_to(port));
  const int fd = connect_to(port, SOCK_NONBLOCK);
  if (fd < 0) return say("connect", fd);
  say("ready", (wait_for(fd, POLLOUT) & POLLOUT) != 0);
  say("error", error_text(fd));
  say("error again", error_text(fd));
  close(fd);
}
void nonblocking() {
  const int listener = listen_somewhere(SOCK_NONBLOCK);
  say("accept", accept(listener, nullptr, nullptr));
  say("readable", wait_for(listener, POLLIN, 0));
  const int fd = connect_to(port_of(listener), SOCK_NONBLOCK);
  say("writable", wait_for(fd, POLLOUT) & POLLOUT);
  say("error", error_text(fd));
  say("listener", wait_for(listener, POLLIN));
  sockaddr_in peer = {};
  socklen_t size = sizeof peer;
  const int far =
      accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  say("accepted", far >= 0);
  say("peer is right", ntohs(peer.sin_port) == port_of(fd) && size == sizeof peer);
  say("flags", (fcntl(far, F_GETFL) & O_NONBLOCK) != 0 && fcntl(far, F_GETFD) == FD_CLOEXEC);
  say("listener", wait_for(listener, POLLIN, 0));
  char byte;
  say("read", read(far, &byte, 1));
  const sockaddr_in there = loopback(port_of(listener));
  say("connect again", connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  close(fd), close(far), close(listener);
}
void unreachable_is_not_writable() {
  // nobody takes the connections of a full backlog
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in any = loopback(0);
  bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof any);
  listen(listener, 0);
  std::vector<int> fds;
  for (int i = 0; i < 4; i++) fds.push_back(connect_to(port_of(listener), SOCK_NONBLOCK));
  usleep(50'000);
  say("the last is writable", wait_for(fds.back(), POLLOUT, 100));
  const sockaddr_in there = loopback(port_of(listener));
  say("connect again",
      connect(fds.back(), reinterpret_cast<const sockaddr*>(&there), sizeof there));
  for (const int fd : fds) close(fd);
  close(listener);
}
void names_and_options() {
  const Pair pair = connected();
  sockaddr_in near = {}, far = {};
  socklen_t size = sizeof near;
  say("getsockname", getsockname(pair.near, reinterpret_cast<sockaddr*>(&near), &size));
  say("getpeername", getpeername(pair.far, reinterpret_cast<sockaddr*>(&far), &size));
  say("same", near.sin_port == far.sin_port && near.sin_addr.s_addr == far.sin_addr.s_addr);
  say("type", option(pair.near, SOL_SOCKET, SO_TYPE));
  say("family", option(pair.near, SOL_SOCKET, SO_DOMAIN));
  say("protocol", option(pair.near, SOL_SOCKET, SO_PROTOCOL));
  int one = 1;
  say("nodelay", setsockopt(pair.near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
  say("nodelay is", option(pair.near, IPPROTO_TCP, TCP_NODELAY));
  tcp_info info = {};
  size = sizeof info;
  getsockopt(pair.near, IPPROTO_TCP, TCP_INFO, &info, &size);
  say("state", info.tcpi_state);
  say("no such option", setsockopt(pair.near, SOL_SOCKET, 9999, &one, sizeof one));
  say("bad memory", setsockopt(pair.near, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<void*>(8), 4));
  say("bad name", getsockname(pair.near, reinterpret_cast<sockaddr*>(8), &size));
  done(pair);
  const int fresh = socket(AF_INET, SOCK_STREAM, 0);
  say("not connected", getpeername(fresh, reinterpret_cast<sockaddr*>(&near), &size));
  say("shut down", shutdown(fresh, SHUT_RDWR));
  say("accept", accept(fresh, nullptr, nullptr));
  close(fresh);
}
void reset() {
  const Pair pair = connected();
  const linger now = {1, 0};
  setsockopt(pair.far, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(pair.far);
  wait_for(pair.near, POLLIN);
  char byte;
  say("read", read(pair.near, &byte, 1));
  say("write", send(pair.near, "x", 1, MSG_NOSIGNAL));
  close(pair.near);
}
void reset_is_an_error() {
  const Pair pair = connected();
  const linger now = {1, 0};
  setsockopt(pair.far, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(pair.far);
  wait_for(pair.near, POLLIN);
  say("error", error_text(pair.near));
  say("error again", error_text(pair.near));
  say("write", send(pair.near, "x", 1, MSG_NOSIGNAL));
  close(pair.near);
}
void unread_is_a_reset() {
  const Pair pair = connected();
  (void)!write(pair.near, "unread", 6);
  wait_for(pair.far, POLLIN);
  close(pair.far);
  wait_for(pair.near, POLLIN);
  char byte;
  say("read", read(pair.near, &byte, 1));
  close(pair.near);
}
void closed_is_a_broken_pipe() {
  const Pair pair = connected();
  close(pair.far);
  say("read", read_text(pair.near));
  long last = 0;
  for (int i = 0; i < 100 && last >= 0; i++) {
    last = send(pair.near, "x", 1, MSG_NOSIGNAL);
    usleep(10'000);
  }
  say("write", last < 0 && (errno == EPIPE || errno == ECONNRESET));
  close(pair.near);
}
void much() {
  const Pair pair = connected();
  constexpr size_t kSize = 8 << 20;
  const auto fill = [](int fd) {
    std::vector<unsigned char> bytes(kSize);
    for (size_t i = 0; i < kSize; i++) bytes[i] = static_cast<unsigned char>(i * 31 >> 3);
    for (size_t at = 0; at < kSize;) {
      const ssize_t count = write(fd, bytes.data() + at, kSize - at);
      if (count <= 0) return;
      at += static_cast<size_t>(count);
    }
    shutdown(fd, SHUT_WR);
  };
  const auto drain = [](int fd, unsigned long& sum, size_t& all) {
    std::vector<unsigned char> room(70'001);
    for (ssize_t count; (count = read(fd, room.data(), room.size())) > 0;)
      for (ssize_t i = 0; i < count; i++) sum = sum * 33 + room[static_cast<size_t>(i)], all++;
  };
  unsigned long near_sum = 0, far_sum = 0;
  size_t near_all = 0, far_all = 0;
  std::thread one(fill, pair.near), two(fill, pair.far);
  std::thread three([&] { drain(pair.near, near_sum, near_all); });
  std::thread four([&] { drain(pair.far, far_sum, far_all); });
  one.join(), two.join(), three.join(), four.join();
  say("near", std::to_string(near_all) + " " + std::to_string(near_sum));
  say("far", std::to_string(far_all) + " " + std::to_string(far_sum));
  done(pair);
}
void slow_reader() {
  const Pair pair = connected();
  fcntl(pair.near, F_SETFL, O_NONBLOCK);
  std::vector<char> bytes(64 << 10, 'a');
  size_t written = 0;
  for (int idle = 0; idle < 20;) {
    const ssize_t count = write(pair.near, bytes.data(), bytes.size());
    if (count > 0)
      written += static_cast<size_t>(count), idle = 0;
    else
      idle++, usleep(5'000);
  }
  say("stops", written > (64 << 10) && written < (256 << 20));
  close(pair.near);
  size_t all = 0;
  for (ssize_t count; (count = read(pair.far, bytes.data(), bytes.size())) > 0;)
    all += static_cast<size_t>(count);
  say("all came", all == written);
  close(pair.far);
}
void sent_files() {
  const Pair pair = connected();
  FILE* const file = tmpfile();
  fputs("of a file", file);
  fflush(file);
  off_t at = 3;
  say("sendfile", sendfile(pair.near, fileno(file), &at, 6));
  say("read", read_text(pair.far));
  int ends[2];
  (void)!pipe(ends);
  (void)!write(pair.near, "spliced", 7);
  say("splice", splice(pair.far, nullptr, ends[1], nullptr, 100, 0));
  say("read", read_text(ends[0]));
  close(ends[0]), close(ends[1]);
  fclose(file);
  done(pair);
}
void shut_both() {
  const Pair pair = connected();
  std::string got;
  std::thread reader([&] { got = read_text(pair.near); });
  usleep(50'000);
  say("shut down", shutdown(pair.near, SHUT_RDWR));
  reader.join();
  say("reader", got);
  say("other", read_text(pair.far));
  say("write", send(pair.near, "x", 1, MSG_NOSIGNAL));
  done(pair);
}
void peeked() {
  const Pair pair = connected();
  (void)!write(pair.near, "abcdef", 6);
  char text[16] = {};
  say("peek", recv(pair.far, text, 3, MSG_PEEK));
  say("all", recv(pair.far, text, 6, MSG_WAITALL));
  say("text", std::string(text, 6));
  int left = -1;
  ioctl(pair.far, FIONREAD, &left);
  say("left", left);
  iovec part = {text, sizeof text};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  (void)!write(pair.near, "message", 7);
  say("recvmsg", recvmsg(pair.far, &message, 0));
  sockaddr_in from;
  socklen_t size = sizeof from;
  (void)!write(pair.near, "from", 4);
  say("recvfrom",
      recvfrom(pair.far, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size));
  done(pair);
}

// ---- servers ----

void edges() {
  const int listener = listen_somewhere(SOCK_NONBLOCK);
  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  say("nothing", epoll_wait(epoll, &event, 1, 0));
  const int one = connect_to(port_of(listener));
  say("edge", epoll_wait(epoll, &event, 1, 2000));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  const int two = connect_to(port_of(listener));
  say("edge", epoll_wait(epoll, &event, 1, 2000));
  const int first = accept(listener, nullptr, nullptr), second = accept(listener, nullptr, nullptr);
  say("both", first >= 0 && second >= 0);
  say("no more", accept(listener, nullptr, nullptr));
  say("no edge", epoll_wait(epoll, &event, 1, 50));
  event.events = EPOLLIN | EPOLLET;
  epoll_ctl(epoll, EPOLL_CTL_ADD, first, &event);
  (void)!write(one, "a", 1);
  say("data", epoll_wait(epoll, &event, 1, 2000));
  for (const int fd : {one, two, first, second, listener, epoll}) close(fd);
}
void epoll_before_bind() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int epoll = epoll_create1(0), outer = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &event);
  const sockaddr_in any = loopback(0);
  say("bind", bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any));
  say("listen", listen(fd, 4));
  const int other = connect_to(port_of(fd));
  say("event, by two", epoll_wait(outer, &event, 1, 2000));
  close(other), close(fd), close(epoll), close(outer);
}
void blocked_accept() {
  const int listener = listen_somewhere();
  std::vector<std::thread> threads;
  int accepted[2] = {-1, -1};
  for (int& one : accepted) threads.emplace_back([&] { one = accept(listener, nullptr, nullptr); });
  usleep(50'000);
  const int one = connect_to(port_of(listener)), two = connect_to(port_of(listener));
  for (std::thread& thread : threads) thread.join();
  say("both", accepted[0] >= 0 && accepted[1] >= 0 && accepted[0] != accepted[1]);
  close(one), close(two), close(accepted[0]), close(accepted[1]), close(listener);
}
void forked_server() {
  const int listener = listen_somewhere();
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 3; i++) {
      const int fd = accept(listener, nullptr, nullptr);
      (void)!write(fd, "child", 5);
      close(fd);
    }
    _exit(0);
  }
  const int port = port_of(listener);
  close(listener);
  for (int i = 0; i < 3; i++) {
    const int fd = connect_to(port);
    say("read", read_text(fd));
    say("read", read_text(fd));
    close(fd);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  say("nobody", connect_to(port));
}
void address_in_use() {
  const int one = listen_somewhere(), two = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in same = loopback(port_of(one));
  say("bind", bind(two, reinterpret_cast<sockaddr*>(&same), sizeof same));
  close(one);
  say("bind", bind(two, reinterpret_cast<sockaddr*>(&same), sizeof same));
  close(two);
}
void copies() {
  const Pair pair = connected();
  const int copy = dup(pair.near);
  close(pair.near);
  (void)!write(copy, "copy", 4);
  say("read", read_text(pair.far));
  dup2(copy, 200);
  close(copy);
  (void)!write(200, "two", 3);
  say("read", read_text(pair.far));
  say("type", option(200, SOL_SOCKET, SO_TYPE));
  close(200);
  say("read", read_text(pair.far));
  close(pair.far);
}
void passed() {
  const Pair pair = connected();
  int ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(pair.near);
    char byte;
    iovec part = {&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message = {};
    message.msg_iov = &part, message.msg_iovlen = 1;
    message.msg_control = control, message.msg_controllen = sizeof control;
    if (recvmsg(ends[1], &message, 0) != 1) _exit(1);
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    (void)!write(fd, "passed", 6);
    _exit(option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET ? 0 : 2);
  }
  char byte = 0;
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS,
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &pair.near, sizeof(int));
  say("sent", sendmsg(ends[0], &message, 0));
  close(pair.near);
  say("read", read_text(pair.far));
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  close(ends[0]), close(ends[1]), close(pair.far);
}

// ---- datagrams ----

int datagrams(int flags = 0) {
  const int fd = socket(AF_INET, SOCK_DGRAM | flags, 0);
  const sockaddr_in any = loopback(0);
  bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any);
  return fd;
}
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

// ---- signals, limits, mistakes ----

void nothing(int) {}
void interrupted(int flags) {
  struct sigaction action = {};
  action.sa_handler = nothing;
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, nullptr);
  const int listener = listen_somewhere(), fd = datagrams();
  const pthread_t me = pthread_self();
  const int port = port_of(listener), own = port_of(fd);
  std::thread other([&] {
    usleep(50'000);
    pthread_kill(me, SIGUSR1);
    usleep(50'000);
    if ((flags & SA_RESTART) != 0) close(connect_to(port));
  });
  const int accepted = accept(listener, nullptr, nullptr);
  say("accept", accepted >= 0 ? 0 : accepted);
  other.join();
  std::thread again([&] {
    usleep(50'000);
    pthread_kill(me, SIGUSR1);
    usleep(50'000);
    const sockaddr_in there = loopback(own);
    if ((flags & SA_RESTART) != 0)
      sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
  });
  char text[8];
  sockaddr_in from;
  socklen_t size = sizeof from;
  say("recvfrom", recvfrom(fd, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from), &size));
  again.join();
  if (accepted >= 0) close(accepted);
  close(listener), close(fd);
}
void interrupted_once() {
  interrupted(0);
}
void restarted() {
  interrupted(SA_RESTART);
}
// Signals at any time lose nothing and do nothing twice.
void hail_of_signals() {
  struct sigaction action = {};
  action.sa_handler = nothing;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  const int one = datagrams(), two = datagrams();
  const sockaddr_in there = loopback(port_of(two));
  const pthread_t me = pthread_self();
  bool over = false;
  int i = 0;
  std::thread other([&] {
    // one for each step at most: who is never let through gets nowhere on any system
    for (int last = -1, pause = 0; !__atomic_load_n(&over, __ATOMIC_RELAXED);
         pause = (pause + 7) % 100) {
      const int now = __atomic_load_n(&i, __ATOMIC_RELAXED);
      if (now != last) pthread_kill(me, SIGUSR1);
      last = now;
      usleep(static_cast<unsigned>(pause));
    }
  });
  int wrong = 0;
  for (; i < 1000; __atomic_store_n(&i, i + 1, __ATOMIC_RELAXED)) {
    if (sendto(one, &i, sizeof i, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there) !=
        sizeof i)
      wrong++;
    int got = -1;
    sockaddr_in from = {};
    socklen_t size = sizeof from;
    if (recvfrom(two, &got, sizeof got, 0, reinterpret_cast<sockaddr*>(&from), &size) !=
            sizeof got ||
        got != i || ntohs(from.sin_port) != port_of(one))
      wrong++;
  }
  __atomic_store_n(&over, true, __ATOMIC_RELAXED);
  other.join();
  say("wrong", wrong);
  close(one), close(two);
}
void exhausted() {
  const int listener = listen_somewhere(SOCK_NONBLOCK);
  const int one = connect_to(port_of(listener));
  wait_for(listener, POLLIN);
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit small = {30, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  std::vector<int> fds;
  for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;) fds.push_back(fd);
  say("socket", socket(AF_INET, SOCK_STREAM, 0));
  say("accept", accept(listener, nullptr, nullptr));
  say("still there", wait_for(listener, POLLIN, 0));
  for (const int fd : fds) close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
  const int fd = accept(listener, nullptr, nullptr);
  say("accepted", fd >= 0);
  close(fd), close(one), close(listener);
}
void closed_all() {
  const Pair pair = connected();
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close_range(3, ~0U, 0);
    const Pair own = connected();
    const bool good = write(own.near, "x", 1) == 1 && read_text(own.far) == "\"x\"";
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("child", status);
  (void)!write(pair.near, "mine", 4);
  say("parent", read_text(pair.far));
  done(pair);
}
void mistakes() {
  say("family", socket(AF_MAX + 5, SOCK_STREAM, 0));
  say("protocol", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  say("pair", socketpair(AF_INET, SOCK_STREAM, 0, nullptr));
  const sockaddr_in there = loopback(1);
  const auto* const address = reinterpret_cast<const sockaddr*>(&there);
  say("no descriptor", connect(999, address, sizeof there));
  int ends[2];
  (void)!pipe(ends);
  say("no socket", connect(ends[0], address, sizeof there));
  close(ends[0]), close(ends[1]);
  const int fd = datagrams();
  say("no stream", listen(fd, 1));
  say("no stream", accept(fd, nullptr, nullptr));
  say("short", connect(fd, address, 2));
  say("long", connect(fd, address, 4096));
  say("bad memory", connect(fd, reinterpret_cast<sockaddr*>(8), sizeof there));
  say("bad memory", sendto(fd, reinterpret_cast<void*>(8), 10, 0, address, sizeof there));
  say("bad message", recvmsg(fd, reinterpret_cast<msghdr*>(8), 0));
  msghdr message = {};
  message.msg_iovlen = 5000;
  say("parts", sendmsg(fd, &message, 0));
  close(fd);
  say("ring", syscall(425 /* io_uring_setup */, 0, nullptr) < 0);
}

struct Case {
  const char* name;
  void (*run)();
  int times = 1;  // what depends on who is first
};
#define OFTEN(name) \
  { #name, name, 50 }
#define CASE(name) \
  { #name, name }
constexpr Case kCases[] = {OFTEN(echo),
                           OFTEN(refused),
                           OFTEN(nonblocking),
                           CASE(unreachable_is_not_writable),
                           CASE(names_and_options),
                           OFTEN(reset),
                           OFTEN(reset_is_an_error),
                           OFTEN(unread_is_a_reset),
                           CASE(closed_is_a_broken_pipe),
                           CASE(much),
                           CASE(slow_reader),
                           CASE(sent_files),
                           CASE(shut_both),
                           CASE(peeked),
                           CASE(edges),
                           CASE(epoll_before_bind),
                           CASE(blocked_accept),
                           CASE(forked_server),
                           CASE(address_in_use),
                           OFTEN(copies),
                           CASE(passed),
                           CASE(addresses),
                           CASE(mixed_receivers),
                           CASE(connected_datagrams),
                           CASE(messages),
                           CASE(timeouts),
                           CASE(large_datagrams),
                           CASE(refused_datagrams),
                           CASE(listed_interfaces),
                           CASE(interrupted_once),
                           CASE(restarted),
                           CASE(hail_of_signals),
                           CASE(exhausted),
                           CASE(closed_all),
                           CASE(mistakes)};

}  // namespace

// Without a word: the names of the cases. With one: that case.
int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  alarm(60);
  for (const Case& one : kCases) {
    if (argc < 2) {
      puts(one.name);
      continue;
    }
    if (strcmp(argv[1], one.name) != 0 && strcmp(argv[1], "all") != 0) continue;
    current = one.name;
    for (int i = 0; i < one.times; i++) one.run();
    fflush(stdout);
  }
}
