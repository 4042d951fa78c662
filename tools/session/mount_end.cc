// SPDX-License-Identifier: GPL-2.0
#include "session/mount_end.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <span>
#include <string_view>
#include <utility>

#include "base/signal_sets.h"
#include "base/signals.h"

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

// Said at once: the mount is there.
constexpr std::string_view kServing("\1", 1);
// Said at the end if all went well: no message is like that.
constexpr std::string_view kComplete("\0", 1);
// So much of a message is sent, and read.
constexpr std::size_t kMostText = 4096;

// So many may wait for one mount.
constexpr std::size_t kMostPeers = 64;
constexpr std::chrono::seconds kMostForAnswer(3);

std::optional<uid_t> owner_of(int socket) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

// At once or not at all: nobody is waited for.
void say(int peer, std::string_view text) {
  (void)!::send(peer, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// None if nobody listens, or somebody else.
Descriptor connect_to(const Address& address, uid_t owner) {
  // Others could keep us waiting in their queue.
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), address.get(), address.length) != 0 ||
      owner_of(socket.get()) != owner)
    return {};
  return socket;
}

}  // namespace

std::optional<dev_t> mounted_device(const std::string& path) {
  struct statx status = {};
  // Nothing is asked for: so it is not the file system that answers.
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &status) != 0)
    return std::nullopt;
  return makedev(status.stx_dev_major, status.stx_dev_minor);
}

bool is_mounted(int fuse) {
  pollfd mount = {.fd = fuse, .events = 0, .revents = 0};
  while (::poll(&mount, 1, 0) < 0 && errno == EINTR) continue;
  return (mount.revents & POLLERR) == 0;
}

int open_mount_end(dev_t mount) {
  std::uint64_t random[2];
  if (::getrandom(random, sizeof(random), 0) != sizeof(random)) return -1;
  const Address address(fmt::format("{}{:016x}{:016x}", common_part(mount), random[0], random[1]));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::bind(socket.get(), address.get(), address.length) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0)
    return -1;
  return socket.release();
}

void MountEnd::tell(const std::string& problem) {
  const std::string_view text =
      problem.empty() ? kComplete : std::string_view(problem).substr(0, kMostText);
  for (const Descriptor& peer : peers_) say(peer.get(), text);
  peers_.clear();
}

MountEndSocket::~MountEndSocket() {
  if (thread_.joinable()) {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  socket_.reset();
  for (Descriptor& peer : peers_) end_.add(std::move(peer));
}

void MountEndSocket::start(int socket, int mount) {
  socket_ = Descriptor(socket);
  mount_ = mount;
  if (!socket_) return;
  const EndSignalsBlocked blocked;
  thread_ = std::thread([this] { answer(); });
}

// Whether it is mounted still is looked at for each who comes. To wait for the end of that as well
// would be to be woken for each request: what waits for requests is the same descriptor.
void MountEndSocket::answer() {
  ::prctl(PR_SET_NAME, "mount-end");
  constexpr short kGone = POLLHUP | POLLERR | POLLNVAL;
  std::vector<pollfd> watched;
  for (;;) {
    watched.clear();
    watched.push_back(
        {socket_.get(), static_cast<short>(peers_.size() < kMostPeers ? POLLIN : 0), 0});
    for (const Descriptor& peer : peers_) watched.push_back({peer.get(), 0, 0});
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents & kGone) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < peers_.size(); i++)
      if (!(watched[i + 1].revents & kGone)) std::swap(peers_[kept++], peers_[i]);
    peers_.resize(kept);
    if (watched[0].revents & POLLIN) welcome();
  }
}

void MountEndSocket::welcome() {
  Descriptor peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer) return;
  const std::optional<uid_t> owner = owner_of(peer.get());
  // It is there after the other side has looked which mount it is.
  if ((owner != ::geteuid() && owner != 0) || !is_mounted(mount_)) return;
  peers_.push_back(std::move(peer));
  say(peers_.back().get(), kServing);
}

MountEndWaiter::MountEndWaiter(dev_t mount, uid_t owner) {
  std::ifstream sockets("/proc/net/unix");
  const std::string wanted = "@" + common_part(mount);
  for (std::string line; peers_.size() < kMostPeers && std::getline(sockets, line);) {
    check_interrupted();
    const std::size_t at = line.find(wanted);
    if (at == std::string::npos) continue;
    Descriptor peer = connect_to(Address(line.substr(at + 1)), owner);
    if (peer) peers_.push_back(std::move(peer));
  }
  find_the_one();
}

void MountEndWaiter::find_the_one() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + kMostForAnswer;
  while (!peers_.empty()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return;
    std::vector<pollfd> watched;
    for (const Descriptor& peer : peers_) watched.push_back({peer.get(), POLLIN, 0});
    const bool any = poll_or_signal(watched, static_cast<int>(left));
    check_interrupted();
    if (!any) continue;
    std::vector<Descriptor> others;
    for (std::size_t i = 0; i < peers_.size(); i++) {
      char word = 0;
      if (watched[i].revents == 0) {
        others.push_back(std::move(peers_[i]));
      } else if (::recv(peers_[i].get(), &word, 1, MSG_DONTWAIT) == 1 && word == kServing[0]) {
        others.clear();
        others.push_back(std::move(peers_[i]));
        peers_ = std::move(others);
        return;
      }  // else its mount is gone
    }
    peers_ = std::move(others);
  }
}

namespace {

MountEndWaiter::End end_of(int peer) {
  std::string text(kMostText, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t n = read_or_signal(peer, std::as_writable_bytes(std::span(text)).subspan(filled));
    check_interrupted();
    if (n < 0 && errno == EAGAIN) continue;
    if (n <= 0) break;
    filled += static_cast<std::size_t>(n);
  }
  text.resize(filled);
  // If it was late.
  if (text.starts_with(kServing)) text.erase(0, kServing.size());
  if (text == kComplete) return {true, {}};
  return {false, std::move(text)};
}

}  // namespace

MountEndWaiter::End MountEndWaiter::wait() {
  End end = {!peers_.empty(), {}};
  // Of several it may be any one.
  for (const Descriptor& peer : peers_)
    if (End one = end_of(peer.get()); !one.complete && end.problem.empty()) end = std::move(one);
  return end;
}

}  // namespace lkl::tool
