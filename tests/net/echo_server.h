// SPDX-License-Identifier: GPL-2.0
// The host's own sockets as the other end of a wire that ends in them, and the kernel's as theirs.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "net/conversation.h"

namespace lkl_test {

// Who listens on the host's loopback, and sends back what comes, on any number of connections.
class EchoServer final {
 public:
  explicit EchoServer(int family = AF_INET);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  bool works() const { return works_; }
  unsigned short port() const { return port_; }
  int accepted() const { return accepted_; }

 private:
  void serve();

  const int listener_;
  bool works_ = false;
  unsigned short port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::vector<std::thread> echoes_;
  std::thread thread_;
};

// A port of the host's loopback that nobody has.
unsigned short free_port(int type = SOCK_STREAM);

// To a port of the host's loopback: the descriptor, or -1.
int host_connect(unsigned short port, int family = AF_INET);
// The host's side of a conversation, of which the other one echoes.
void talk_from_host(int fd, size_t size);

// The kernel's: a connection, or -errno.
template <class Address>
int open_and_connect(Address& there) {
  const auto family = generic(there)->sa_family;
  const int fd = static_cast<int>(lkl_sys_socket(family, LKL_SOCK_STREAM, 0));
  const long error = lkl_sys_connect(fd, generic(there), sizeof there);
  if (error == 0) return fd;
  lkl_sys_close(fd);
  return static_cast<int>(error);
}
void talk_and_close(int fd, size_t size);

// A thread of the kernel's side that takes one connection on this port and echoes.
template <class Address>
std::thread echo_once(Address here) {
  const int listener =
      static_cast<int>(lkl_sys_socket(generic(here)->sa_family, LKL_SOCK_STREAM, 0));
  EXPECT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
  EXPECT_EQ(lkl_sys_listen(listener, 5), 0);
  return std::thread([listener] {
    const int fd = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr));
    EXPECT_GE(fd, 0);
    EXPECT_TRUE(echo(kOurs, fd));
    lkl_sys_close(fd);
    lkl_sys_close(listener);
  });
}

}  // namespace lkl_test
