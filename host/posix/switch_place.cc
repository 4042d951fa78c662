// SPDX-License-Identifier: GPL-2.0
#include "posix/switch_place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "host.h"
#include "net/switch_name.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

constexpr size_t kDigits = 16;             // of a port's number, which is the name of its socket
constexpr std::string_view kNew = ".new";  // while it takes no connections yet
constexpr int kBacklog = 128;
// Others hold the lock for moments; one that is stopped meanwhile does not hold us for ever.
constexpr int kLockTries = 2000;

bool is_folder_of_ours(const std::string& path, bool closed) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid() && (!closed || (status.st_mode & 077) == 0);
}

// All that it needs is there, and of nobody else: 0 or -errno.
int make_closed_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) return -errno;
  return is_folder_of_ours(path, true) ? 0 : -EPERM;
}

std::string base_folder() {
  const char* runtime = environment("XDG_RUNTIME_DIR");
  if (runtime && runtime[0] == '/' && is_folder_of_ours(runtime, false))
    return std::string(runtime) + "/lkl-switch";
  return "/tmp/lkl-switch-" + std::to_string(::geteuid());
}

// Into kDigits bytes.
void write_number(uint64_t number, char* to) {
  for (size_t i = kDigits; i-- > 0; number >>= 4) to[i] = "0123456789abcdef"[number & 15];
}

uint64_t read_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc() && end == text.data() + text.size() && text.size() == kDigits ? number
                                                                                            : 0;
}

int lock(int folder) {
  for (int i = 0; i < kLockTries; ++i) {
    if (::flock(folder, LOCK_EX | LOCK_NB) == 0) return 0;
    if (errno != EWOULDBLOCK && errno != EINTR) return -errno;
    sleep_ns(1'000'000);
  }
  return -EBUSY;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::vector<std::string> files_in(const std::string& path) {
  std::vector<std::string> files;
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (!folder) return files;
  while (const dirent* entry = ::readdir(folder.get())) files.emplace_back(entry->d_name);
  return files;
}

}  // namespace

bool SwitchPlace::address_of(uint64_t port, sockaddr_un& address) const {
  address = {};
  address.sun_family = AF_UNIX;
  if (folder_.size() + 1 + kDigits + kNew.size() >= sizeof address.sun_path) return false;
  std::ranges::copy(folder_, address.sun_path);
  address.sun_path[folder_.size()] = '/';
  write_number(port, address.sun_path + folder_.size() + 1);
  return true;
}

int SwitchPlace::connect(uint64_t port, Descriptor& connection) const {
  sockaddr_un address;
  if (!address_of(port, address)) return -ENAMETOOLONG;
  const int64_t fd =
      raw_call(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return static_cast<int>(fd);
  Descriptor file(static_cast<int>(fd));
  const int64_t error = raw_call(SYS_connect, file.get(), &address, sizeof address);
  if (error == 0) connection = std::move(file);
  return static_cast<int>(error);
}

int SwitchPlace::listen() {
  Descriptor file(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!file) return -errno;
  if (!random_bytes(std::as_writable_bytes(std::span(&own_, 1))) || own_ == 0)
    own_ = monotonic_ns() << 20 ^ process_id();
  sockaddr_un address;
  if (!address_of(own_, address)) return -ENAMETOOLONG;
  const std::string final_name = address.sun_path;
  std::ranges::copy(kNew, address.sun_path + final_name.size());
  // It gets its name when it takes connections: one that refuses has ended.
  if (::bind(file.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return -errno;
  if (::listen(file.get(), kBacklog) < 0 || ::rename(address.sun_path, final_name.c_str()) < 0) {
    const int error = -errno;
    ::unlink(address.sun_path);
    return error;
  }
  listener_ = std::move(file);
  return 0;
}

// Whatever was left by processes that were killed goes.
void SwitchPlace::meet_others(const Meet& meet) {
  for (const std::string& file : files_in(folder_)) {
    const uint64_t port = read_number(file);
    if (port != 0 && port != own_) {
      if (meet(port) == -ECONNREFUSED) ::unlink(path_of(file).c_str());
    } else if (std::string_view(file).ends_with(kNew)) {
      ::unlink(path_of(file).c_str());  // who makes one has the lock, as we do
    }
  }
}

int SwitchPlace::enter(const std::string& name, const std::function<void(std::string_view)>& say,
                       const Meet& meet) {
  if (const int error = check_switch_name(name, say)) return error;
  const std::string base = base_folder();
  folder_ = base + "/" + name;
  sockaddr_un address;
  if (!address_of(0, address)) {
    say(folder_ + " is too long for the name of a socket; choose a shorter XDG_RUNTIME_DIR");
    return -ENAMETOOLONG;
  }
  // The last port takes the folder with it, perhaps while we are on the way in.
  for (int error = -ENOENT, tries = 0; error == -ENOENT; ++tries) {
    for (const std::string& path : {base, folder_})
      if (const int bad = make_closed_folder(path); bad && (bad != -ENOENT || tries > 100)) {
        say(path + " can't be used: " +
            (bad == -EPERM ? "it is of somebody else, or open to others" : std::strerror(-bad)));
        return bad;
      }
    const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    error = folder ? lock(folder.get()) : -errno;
    if (!error) error = listen();
    if (!error) meet_others(meet);
    if (error && (error != -ENOENT || tries > 100)) {
      say(folder_ + ": " +
          (error == -EBUSY ? "somebody keeps the lock of the switch" : std::strerror(-error)));
      return error;
    }
  }
  return 0;
}

void SwitchPlace::leave() {
  if (!listener_) return;
  sockaddr_un address;
  if (address_of(own_, address)) ::unlink(address.sun_path);
  ::rmdir(folder_.c_str());  // not if somebody is there
  listener_.reset();
}

}  // namespace lkl::host
