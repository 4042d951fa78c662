// SPDX-License-Identifier: GPL-2.0
//
// A server of HTTP on the host, for programs that are to reach it; and ports for theirs.
#ifndef LKL_TESTS_RUN_WEB_SERVER_H
#define LKL_TESTS_RUN_WEB_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

namespace lkl::tool_test {

// Answers each request with the same body, at this address of the host.
class WebServer {
 public:
  explicit WebServer(std::string body, const std::string& address = "127.0.0.1")
      : body_(std::move(body)) {
    sockaddr_storage storage = {};
    socklen_t size;
    auto* const generic = reinterpret_cast<sockaddr*>(&storage);
    if (address.find(':') == address.npos) {
      auto* const v4 = reinterpret_cast<sockaddr_in*>(generic);
      v4->sin_family = AF_INET;
      ::inet_pton(AF_INET, address.c_str(), &v4->sin_addr);
      size = sizeof *v4;
    } else {
      auto* const v6 = reinterpret_cast<sockaddr_in6*>(generic);
      v6->sin6_family = AF_INET6;
      ::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
      size = sizeof *v6;
    }
    listener_ = ::socket(generic->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, generic, size);
    ::listen(listener_, 64);
    ::getsockname(listener_, generic, &size);
    // at the same place in both
    port_ = ntohs(reinterpret_cast<sockaddr_in*>(generic)->sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~WebServer() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    {
      // of a peer that is gone without a word
      const std::lock_guard lock(mutex_);
      if (connection_ >= 0) ::shutdown(connection_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  // As the kernel sees it, by slirp:.
  std::string url() const { return url("10.0.2.2"); }
  std::string url(const std::string& host) const {
    return "http://" + host + ":" + std::to_string(port_) + "/file";
  }
  int requests() const { return requests_; }

 private:
  void set_connection(int fd) {
    const std::lock_guard lock(mutex_);
    connection_ = fd;
    if (over_ && fd >= 0) ::shutdown(fd, SHUT_RDWR);
  }
  void serve() {
    while (!over_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      set_connection(fd);
      std::string request;
      char part[4096];
      while (request.find("\r\n\r\n") == request.npos) {
        const ssize_t count = ::read(fd, part, sizeof part);
        if (count <= 0) break;
        request.append(part, static_cast<std::size_t>(count));
      }
      // before who asks can be through with it
      requests_++;
      const std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                 std::to_string(body_.size()) + "\r\n\r\n" + body_;
      for (std::size_t at = 0; at < answer.size();) {
        const ssize_t count = ::send(fd, answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
        if (count <= 0) break;
        at += static_cast<std::size_t>(count);
      }
      ::shutdown(fd, SHUT_WR);
      // not closed with something unread
      while (::read(fd, part, sizeof part) > 0) {
      }
      set_connection(-1);
      ::close(fd);
    }
  }

  const std::string body_;
  int listener_ = -1, port_ = 0;
  std::atomic<int> requests_{0};
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  int connection_ = -1;
  std::thread thread_;
};

// A port of the host's loopback that nobody has.
inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace lkl::tool_test

#endif  // LKL_TESTS_RUN_WEB_SERVER_H
