// SPDX-License-Identifier: GPL-2.0
#include "drill/plugin/control.h"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace lkl::tool::drill {

namespace {

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error(errno, std::system_category(), "control=" + path);
}

}  // namespace

Control::Control(const std::string& path, const std::string& folder)
    : path_(path), shell_(folder), socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    fail(path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (socket_.get() < 0 ||
      ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket_.get(), 1) != 0)
    fail(path);
  thread_ = std::thread([this] { serve(); });
}

Control::~Control() {
  // accept() ends
  ::shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
  ::unlink(path_.c_str());
}

void Control::serve() {
  for (;;) {
    const Descriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() >= 0)
      answer(connection.get());
    else if (errno != EINTR && errno != ECONNABORTED)
      return;
  }
}

void Control::answer(int connection) {
  std::string text;
  std::array<char, 4096> chunk;
  ssize_t size = 0;
  while ((size = ::read(connection, chunk.data(), chunk.size())) > 0)
    text.append(chunk.data(), static_cast<std::size_t>(size));
  int status = 1;
  std::string said;
  try {
    status = shell_.run(text);
    said = shell_.take_errors();
  } catch (const std::exception& error) {
    said = std::string(error.what()) + "\n";
  }
  const std::string reply = fmt::format("{}\n{}", status, status == 0 ? "" : said);
  ::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
}

}  // namespace lkl::tool::drill
