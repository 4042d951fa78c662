// SPDX-License-Identifier: GPL-2.0
//
// Streams: how they are connected, what comes through, how they end.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "oracle.h"

extern "C" {
ssize_t __read_chk(int, void*, size_t, size_t);
ssize_t __recv_chk(int, void*, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void*, size_t, size_t, int, sockaddr*, socklen_t*);
int __poll_chk(pollfd*, nfds_t, int, size_t);
int __ppoll_chk(pollfd*, nfds_t, const timespec*, const sigset_t*, size_t);
int __openat_2(int, const char*, int);
}

namespace lkl::oracle {

namespace {

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
// What is peeked at goes on where the last one ended, and what is read counts.
void peeked_by_offset() {
  for (const bool datagram : {false, true}) {
    const int one = datagram ? datagrams() : -1, two = datagram ? datagrams() : -1;
    const Pair pair = datagram ? Pair{one, two} : connected();
    if (datagram) {
      const sockaddr_in there = loopback(port_of(two));
      connect(one, reinterpret_cast<const sockaddr*>(&there), sizeof there);
    }
    say("at first", option(pair.far, SOL_SOCKET, SO_PEEK_OFF));
    const int begin = 0;
    say("set", setsockopt(pair.far, SOL_SOCKET, SO_PEEK_OFF, &begin, sizeof begin));
    (void)!write(pair.near, "abcdef", 6);
    wait_for(pair.far, POLLIN);
    char text[8] = {};
    for (int i = 0; i < 2; i++) {
      say("peek", recv(pair.far, text, 2, MSG_PEEK));
      say("text", std::string(text, 2));
      say("offset", option(pair.far, SOL_SOCKET, SO_PEEK_OFF));
    }
    const size_t size = datagram ? 6 : 3;
    say("recv", recv(pair.far, text, size, 0));
    say("text", std::string(text, size));
    say("offset", option(pair.far, SOL_SOCKET, SO_PEEK_OFF));
    const int none = -1;
    say("unset", setsockopt(pair.far, SOL_SOCKET, SO_PEEK_OFF, &none, sizeof none));
    done(pair);
  }
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

// Connected by what it sends first. The host asks the peer for a cookie and goes on without one.
void fast_open() {
  const int listener = listen_somewhere();
  const sockaddr_in there = loopback(port_of(listener));
  const auto* const address = reinterpret_cast<const sockaddr*>(&there);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  say("sendto", sendto(fd, "first", 5, MSG_FASTOPEN, address, sizeof there));
  const int far = accept(listener, nullptr, nullptr);
  say("read", read_text(far));
  say("again", sendto(fd, "x", 1, MSG_FASTOPEN, address, sizeof there));
  say("write", write(fd, "second", 6));
  say("read", read_text(far));
  close(fd), close(far);
  const int other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const ssize_t sent = sendto(other, "third", 5, MSG_FASTOPEN, address, sizeof there);
  say("without waiting", sent);
  say("writable", wait_for(other, POLLOUT));
  say("error", error_text(other));
  if (sent < 0) say("write", write(other, "third", 5));
  const int third = accept(listener, nullptr, nullptr);
  say("read", read_text(third));
  close(other), close(third), close(listener);
  const int nobody = socket(AF_INET, SOCK_STREAM, 0);
  say("nobody", sendto(nobody, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, address, sizeof there));
  close(nobody);
  const int nowhere = socket(AF_INET, SOCK_STREAM, 0);
  say("no address", sendto(nowhere, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, nullptr, 0));
  close(nowhere);
}
void fast_open_by_an_option() {
  const int listener = listen_somewhere();
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  say("set", setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on));
  const sockaddr_in there = loopback(port_of(listener));
  say("connect", connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there));
  say("write", write(fd, "first", 5));
  const int far = accept(listener, nullptr, nullptr);
  say("read", read_text(far));
  (void)!write(far, "back", 4);
  say("read", read_text(fd));
  close(fd), close(far), close(listener);
}
// What makes programs do without: EINVAL, as Java wants it.
void files_that_are_not_sent() {
  const Pair pair = connected();
  int ends[2];
  (void)!pipe(ends);
  (void)!write(ends[1], "piped", 5);
  (void)!write(pair.far, "socket", 6);
  wait_for(pair.near, POLLIN);
  say("of a pipe", sendfile(pair.near, ends[0], nullptr, 5));
  say("of a socket", sendfile(ends[1], pair.near, nullptr, 6));
  say("of itself", sendfile(pair.near, pair.near, nullptr, 6));
  say("copy", copy_file_range(pair.near, nullptr, pair.far, nullptr, 6, 0));
  say("tee", tee(pair.near, ends[1], 6, 0));
  FILE* const file = tmpfile();
  fputs("of a file", file);
  fflush(file);
  say("none", sendfile(pair.near, fileno(file), nullptr, 0));
  off_t past = 100;
  say("past the end", sendfile(pair.near, fileno(file), &past, 9));
  lseek(fileno(file), 0, SEEK_SET);
  say("by its place", sendfile(pair.near, fileno(file), nullptr, 100));
  say("place", lseek(fileno(file), 0, SEEK_CUR));
  say("read", read_text(pair.far));
  say("no place", lseek(pair.near, 0, SEEK_CUR));
  char byte;
  say("no place", pread(pair.near, &byte, 1, 0));
  fclose(file);
  close(ends[0]), close(ends[1]);
  done(pair);
}
void parts() {
  const Pair pair = connected();
  char a[] = "one ", b[] = "two ", c[] = "three";
  const iovec out[] = {{a, 4}, {nullptr, 0}, {b, 4}, {c, 5}};
  say("writev", writev(pair.near, out, 4));
  char x[3], y[64];
  const iovec in[] = {{x, sizeof x}, {y, sizeof y}};
  wait_for(pair.far, POLLIN);
  say("readv", readv(pair.far, in, 2));
  say("text", std::string(x, 3) + "|" + std::string(y, 10));
  mmsghdr several[2] = {};
  iovec parts[] = {{a, 4}, {c, 5}};
  for (int i = 0; i < 2; i++)
    several[i].msg_hdr.msg_iov = &parts[i], several[i].msg_hdr.msg_iovlen = 1;
  say("sendmmsg", sendmmsg(pair.near, several, 2, 0));
  say("lengths", std::to_string(several[0].msg_len) + " " + std::to_string(several[1].msg_len));
  char all[9];
  say("recv", recv(pair.far, all, sizeof all, MSG_WAITALL));
  say("text", std::string(all, 9));
  done(pair);
}
// What calls become that a compiler checks (_FORTIFY_SOURCE).
void fortified() {
  const Pair pair = connected();
  const int one = datagrams();
  const sockaddr_in here = loopback(port_of(one));
  char text[8] = {};
  (void)!write(pair.near, "abcd", 4);
  pollfd fds[] = {{pair.far, POLLIN, 0}, {one, POLLIN, 0}};
  say("poll", __poll_chk(fds, 2, 2000, sizeof fds));
  say("read", __read_chk(pair.far, text, 2, sizeof text));
  say("recv", __recv_chk(pair.far, text + 2, 2, sizeof text - 2, 0));
  say("text", text);
  sendto(one, "efg", 3, 0, reinterpret_cast<const sockaddr*>(&here), sizeof here);
  const timespec soon = {2, 0};
  say("ppoll", __ppoll_chk(fds, 2, &soon, nullptr, sizeof fds));
  sockaddr_in from = {};
  socklen_t size = sizeof from;
  say("recvfrom", __recvfrom_chk(one, text, sizeof text, sizeof text, 0,
                                 reinterpret_cast<sockaddr*>(&from), &size));
  say("from", ntohs(from.sin_port) == port_of(one));
  const int file = __openat_2(AT_FDCWD, "/proc/self/net/dev", O_RDONLY);
  say("open", file >= 0);
  say("read", __read_chk(file, text, 6, sizeof text));
  say("text", std::string(text, 6));
  close(file), close(one);
  done(pair);
}

}  // namespace

std::span<const Case> streams_cases() {
  static constexpr Case kCases[] = {
      OFTEN(echo),
      OFTEN(refused),
      OFTEN(nonblocking),
      CASE(unreachable_is_not_writable),
      OFTEN(reset),
      OFTEN(reset_is_an_error),
      OFTEN(unread_is_a_reset),
      CASE(closed_is_a_broken_pipe),
      CASE(much),
      CASE(slow_reader),
      CASE(sent_files),
      CASE(shut_both),
      CASE(peeked),
      CASE(peeked_by_offset),
      OFTEN(fast_open),
      OFTEN(fast_open_by_an_option),
      CASE(files_that_are_not_sent),
      CASE(parts),
      CASE(fortified),
  };
  return kCases;
}

}  // namespace lkl::oracle
