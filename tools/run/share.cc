// SPDX-License-Identifier: GPL-2.0
#include "run/share.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/socket_message.h"
#include "run/guest_namespaces.h"

namespace lkl::tool::served {

namespace {

// The first of what is said, and all of the answer if it is not why not.
constexpr char kServed = '\x06';

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    throw UsageFailure(fmt::format("{}: is too long, or empty, for the path of a socket", path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

[[noreturn]] void fail(const std::string& path) {
  throw Failure(fmt::format("{}: {}", path, describe({errno, std::system_category()})));
}

// Who may look into processes that are not its descendants.
void check_rights() {
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  if (!(file >> scope) || scope == 0 || ::geteuid() == 0) return;
  throw Failure(
      "the host lets a server see only into processes that it has started "
      "(kernel.yama.ptrace_scope): start "
      "the programs by one lkl run, as of a shell, or be root, or set it to 0");
}

}  // namespace

ServerSocket::ServerSocket(const std::string& path, bool all_users, Supervisor& supervisor)
    : path_(path), all_users_(all_users), supervisor_(supervisor) {
  if (all_users && ::geteuid() != 0)
    throw UsageFailure("--all-users: takes root, who may look into other users' programs");
  check_rights();
  const sockaddr_un address = address_of(path);
  lock_ = try_lock_file(path + ".lock");
  if (!lock_) throw Failure(fmt::format("{}: another server has it", path));
  ::unlink(path.c_str());
  socket_ = Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), path);
  const mode_t mask = ::umask(all_users ? 0111 : 0077);
  const int error =
      ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(mask);
  if (error != 0 || ::listen(socket_.get(), SOMAXCONN) != 0) fail(path);
  supervisor_.watch(socket_.get(), [this] { accept_one(); });
}

ServerSocket::~ServerSocket() {
  if (socket_) supervisor_.forget(socket_.get());
  for (const auto& [fd, visitor] : visitors_) supervisor_.forget(fd);
  ::unlink(path_.c_str());
  ::unlink((path_ + ".lock").c_str());
}

void ServerSocket::accept_one() {
  Descriptor visitor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!visitor) return;
  ucred who = {};
  socklen_t size = sizeof who;
  if (!all_users_ && (::getsockopt(visitor.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
                      who.uid != ::geteuid()))
    return;
  const int fd = visitor.get();
  visitors_[fd] = std::move(visitor);
  supervisor_.watch(fd, [this, fd] { take_listener(fd); });
}

void ServerSocket::take_listener(int fd) {
  SocketMessage said = receive_message(fd);
  if (!said.fd || said.text.empty()) {
    // has gone
    supervisor_.forget(fd);
    visitors_.erase(fd);
    return;
  }
  const std::string network = said.text.substr(1);
  std::string answer(1, kServed);
  try {
    if (!network.empty() && !why_no_name(network).empty()) throw Failure(why_no_name(network));
    if (!Listener::is_one(said.fd)) throw Failure("what was sent is no listener of seccomp");
    GuestUser user = user_of_peer(fd);
    if (!network.empty() && !user.all_rights)
      throw Failure("--netns: is for who has started the server");
    supervisor_.add_client(
        std::move(said.fd), [] {}, std::move(user), network);
  } catch (const std::exception& error) {
    answer = error.what();
  }
  send_message(fd, answer);
}

Descriptor hand_over(const std::string& path, const Descriptor& listener,
                     const std::string& network) {
  const sockaddr_un address = address_of(path);
  Descriptor server(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), path);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Failure(fmt::format("{}: no server is there: {}; start it with lkl server --socket {}",
                              path, describe({errno, std::system_category()}), path));
  std::string answer;
  if (send_message(server.get(), kServed + network, listener.get()))
    answer = receive_message(server.get()).text;
  if (answer.empty())
    throw Failure(
        fmt::format("{}: the server does not take the program: it is another user's", path));
  if (answer[0] != kServed) throw Failure(fmt::format("{}: {}", path, answer));
  return server;
}

}  // namespace lkl::tool::served
