// SPDX-License-Identifier: GPL-2.0
#include "mount_end.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <span>
#include <string_view>
#include <utility>

#include "signals.h"

namespace lkl::tool {

namespace {

struct Address {
  sockaddr_un name = {};
  socklen_t length = 0;

  // In the abstract namespace, see unix(7): it leaves nothing behind.
  explicit Address(std::string_view text) {
    name.sun_family = AF_UNIX;
    text.copy(name.sun_path + 1, sizeof(name.sun_path) - 1);
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

std::string common_part(dev_t mount) {
  return fmt::format("lklfuse/{}:{}/", major(mount), minor(mount));
}

// Said if all went well: no message is like that.
constexpr std::string_view kComplete("\0", 1);
// So much of a message is sent, and read.
constexpr std::size_t kMostText = 4096;

bool belongs_to(int socket, uid_t owner) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == owner;
}

// -1 if nobody listens, or somebody else.
int connect_to(const Address& address, uid_t owner) {
  // Others could keep us waiting in their queue.
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (::connect(fd, address.get(), address.length) == 0 && belongs_to(fd, owner)) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::optional<dev_t> mounted_device(const std::string& path) {
  struct statx status = {};
  // Nothing is asked for: so it is not the file system that answers.
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &status) != 0)
    return std::nullopt;
  return makedev(status.stx_dev_major, status.stx_dev_minor);
}

int open_mount_end(dev_t mount) {
  std::uint64_t random[2];
  if (::getrandom(random, sizeof(random), 0) != sizeof(random)) return -1;
  const Address address(fmt::format("{}{:016x}{:016x}", common_part(mount), random[0], random[1]));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (::bind(fd, address.get(), address.length) == 0 && ::listen(fd, SOMAXCONN) == 0) return fd;
  ::close(fd);
  return -1;
}

MountEnd::~MountEnd() {
  if (fd_ >= 0) ::close(fd_);
}

void MountEnd::tell(const std::string& problem) {
  if (fd_ < 0) return;
  const std::string_view text =
      problem.empty() ? kComplete : std::string_view(problem).substr(0, kMostText);
  for (int peer; (peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    // At once or not at all: nobody is waited for.
    (void)!::send(peer, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(peer);
  }
}

MountEndWaiter::MountEndWaiter(dev_t mount, uid_t owner) {
  std::ifstream sockets("/proc/net/unix");
  const std::string wanted = "@" + common_part(mount);
  for (std::string line; fd_ < 0 && std::getline(sockets, line);) {
    check_interrupted();
    const std::size_t at = line.find(wanted);
    if (at != std::string::npos) fd_ = connect_to(Address(line.substr(at + 1)), owner);
  }
}

MountEndWaiter::~MountEndWaiter() {
  if (fd_ >= 0) ::close(fd_);
}

MountEndWaiter::End MountEndWaiter::wait() {
  std::string text(kMostText, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t n = read_or_signal(fd_, std::as_writable_bytes(std::span(text)).subspan(filled));
    check_interrupted();
    if (n < 0 && errno == EAGAIN) continue;
    if (n <= 0) break;
    filled += static_cast<std::size_t>(n);
  }
  text.resize(filled);
  if (text == kComplete) return {true, {}};
  return {false, std::move(text)};
}

}  // namespace lkl::tool
