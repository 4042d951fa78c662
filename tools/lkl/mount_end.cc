// SPDX-License-Identifier: GPL-2.0
#include "mount_end.h"

#include <errno.h>
#include <fmt/format.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>

namespace lkl::tool {

namespace {

struct Address {
  sockaddr_un name = {};
  socklen_t length = 0;
};

// In the abstract namespace, see unix(7): it leaves nothing behind. A path may be too long for it.
Address address_of(const std::string& mount_point) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : mount_point) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  const std::string text = fmt::format("lklfuse/{}/{:016x}", ::geteuid(), hash);
  Address address;
  address.name.sun_family = AF_UNIX;
  text.copy(address.name.sun_path + 1, sizeof(address.name.sun_path) - 1);
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return address;
}

constexpr char kComplete = 'c';

}  // namespace

MountEnd::MountEnd(const std::string& mount_point)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const Address address = address_of(mount_point);
  constexpr int kBacklog = 16;
  if (fd_ < 0 ||
      ::bind(fd_, reinterpret_cast<const sockaddr*>(&address.name), address.length) != 0 ||
      ::listen(fd_, kBacklog) != 0) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
}

MountEnd::~MountEnd() {
  if (fd_ >= 0) ::close(fd_);
}

void MountEnd::tell(bool complete) {
  if (fd_ < 0 || !complete) return;
  for (int peer; (peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    (void)!::send(peer, &kComplete, 1, MSG_NOSIGNAL);
    ::close(peer);
  }
}

MountEndWaiter::MountEndWaiter(const std::string& mount_point)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const Address address = address_of(mount_point);
  if (fd_ >= 0 &&
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&address.name), address.length) == 0)
    return;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

MountEndWaiter::~MountEndWaiter() {
  if (fd_ >= 0) ::close(fd_);
}

bool MountEndWaiter::wait() {
  if (fd_ < 0) return true;
  char word = 0;
  ssize_t n;
  do n = ::read(fd_, &word, 1);
  while (n < 0 && errno == EINTR);
  return n == 1 && word == kComplete;
}

}  // namespace lkl::tool
