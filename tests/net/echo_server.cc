// SPDX-License-Identifier: GPL-2.0
#include "net/echo_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

namespace lkl_test {

EchoServer::EchoServer(int family) : listener_(socket(family, SOCK_STREAM, 0)) {
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 in6 = {};
  in6.sin6_family = AF_INET6;
  in6.sin6_addr = in6addr_loopback;
  void* const address = family == AF_INET ? static_cast<void*>(&in) : &in6;
  const socklen_t size = family == AF_INET ? sizeof in : sizeof in6;
  works_ =
      bind(listener_, static_cast<sockaddr*>(address), size) == 0 && listen(listener_, 1000) == 0;
  sockaddr_in6 own = {};
  socklen_t length = sizeof own;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&own), &length);
  port_ = ntohs(own.sin6_port);
  thread_ = std::thread([this] { serve(); });
}
EchoServer::~EchoServer() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  for (std::thread& each : echoes_) each.join();
  close(listener_);
}

void EchoServer::serve() {
  for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    ++accepted_;
    echoes_.emplace_back([fd] {
      echo(kHosts, fd);
      close(fd);
    });
  }
}

unsigned short free_port(int type) {
  const int fd = socket(AF_INET, type, 0);
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  socklen_t size = sizeof own;
  getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size);
  close(fd);
  return ntohs(own.sin_port);
}

int host_connect(unsigned short port, int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 in6 = {};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  in6.sin6_addr = in6addr_loopback;
  const int error = family == AF_INET ? connect(fd, reinterpret_cast<sockaddr*>(&in), sizeof in)
                                      : connect(fd, reinterpret_cast<sockaddr*>(&in6), sizeof in6);
  if (error == 0) return fd;
  close(fd);
  return -1;
}

void talk_from_host(int fd, size_t size) {
  ASSERT_GE(fd, 0);
  talk(kHosts, fd, size, [&] { EXPECT_EQ(shutdown(fd, SHUT_WR), 0); });
  close(fd);
}

void talk_and_close(int fd, size_t size) {
  ASSERT_GE(fd, 0) << lkl_strerror(fd);
  talk(kOurs, fd, size, [&] { EXPECT_EQ(lkl_sys_shutdown(fd, LKL_SHUT_WR), 0); });
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

}  // namespace lkl_test
