// SPDX-License-Identifier: GPL-2.0
//
// liblkl-packetdrill.so: the kernel of this library for the user's own packetdrill.
#include <errno.h>
#include <fmt/format.h>
#include <lkl_host.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <lkl.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "drill/guest.h"
#include "drill/plugin/control.h"
#include "drill/plugin/interface.h"
#include "drill/settings.h"

namespace lkl::tool::drill {

namespace {

// So long a packet is waited for; then packetdrill looks after its own affairs.
constexpr std::int64_t kWait = 100'000;
constexpr std::uint64_t kMegabyte = 1 << 20;

struct Plugin {
  Kernel kernel;
  std::optional<GuestNetwork> network;
  std::optional<Control> control;
  std::mutex lock;  // of `kept`
  // What the kernel may still be sending from.
  std::list<GuestMemory> kept;
};

Plugin& plugin(void* user) {
  return *static_cast<Plugin*>(user);
}

// As the C library's functions say it.
template <class Result = int>
Result outcome(long result) {
  if (result >= 0) return static_cast<Result>(result);
  // the kernel's numbers are those of Linux, as the host's
  errno = static_cast<int>(-result);
  return -1;
}

// Both have the layout of Linux.
static_assert(sizeof(msghdr) == sizeof(lkl_msghdr) &&
              offsetof(msghdr, msg_flags) == offsetof(lkl_msghdr, msg_flags));
static_assert(sizeof(iovec) == sizeof(lkl_iovec) && sizeof(pollfd) == sizeof(lkl_pollfd));
static_assert(sizeof(timeval) == sizeof(__lkl__kernel_old_timeval));

const lkl_sockaddr* kernel_address(const sockaddr* address) {
  return reinterpret_cast<const lkl_sockaddr*>(address);
}
lkl_sockaddr* kernel_address(sockaddr* address) {
  return reinterpret_cast<lkl_sockaddr*>(address);
}
int* kernel_size(socklen_t* size) {
  return reinterpret_cast<int*>(size);
}

// The kernel holds on to what it sends with MSG_ZEROCOPY, which it can only do with memory of its
// own.
char* keep(Plugin& plugin, const void* from, std::size_t size) {
  const std::lock_guard guard(plugin.lock);
  plugin.kept.emplace_back(size);
  char* const data = plugin.kept.back().data();
  if (size > 0) std::memcpy(data, from, size);
  return data;
}

ssize_t send_to(void* user, int fd, const void* from, std::size_t size, int flags,
                const sockaddr* address, socklen_t address_size) {
  if ((flags & LKL_MSG_ZEROCOPY) != 0) from = keep(plugin(user), from, size);
  return outcome<ssize_t>(lkl_sys_sendto(fd, from, size, static_cast<unsigned>(flags),
                                         kernel_address(address), static_cast<int>(address_size)));
}

ssize_t send_message(void* user, int fd, const msghdr* message, int flags) {
  lkl_msghdr copy;
  std::memcpy(&copy, message, sizeof(copy));
  std::vector<lkl_iovec> parts(copy.msg_iov, copy.msg_iov + copy.msg_iovlen);
  copy.msg_iov = parts.data();
  if ((flags & LKL_MSG_ZEROCOPY) != 0)
    for (lkl_iovec& part : parts) part.iov_base = keep(plugin(user), part.iov_base, part.iov_len);
  return outcome<ssize_t>(lkl_sys_sendmsg(fd, &copy, static_cast<unsigned>(flags)));
}

int control_file(void*, int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  const auto argument = va_arg(list, lkl_ulong);
  va_end(list);
  return outcome(
      lkl_sys_fcntl(static_cast<unsigned>(fd), static_cast<unsigned>(command), argument));
}

int control_device(void*, int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  const auto argument = va_arg(list, lkl_ulong);
  va_end(list);
  return outcome(
      lkl_sys_ioctl(static_cast<unsigned>(fd), static_cast<unsigned>(request), argument));
}

int poll_files(void*, pollfd* list, nfds_t count, int timeout) {
  __lkl__kernel_timespec limit = {.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L};
  return outcome(lkl_sys_ppoll(reinterpret_cast<lkl_pollfd*>(list), static_cast<unsigned>(count),
                               timeout < 0 ? nullptr : &limit, nullptr, 0));
}

// The host's structure is packed, the kernel's is not.
int watch(void*, int epfd, int op, int fd, epoll_event* event) {
  if (event == nullptr) return outcome(lkl_sys_epoll_ctl(epfd, op, fd, nullptr));
  lkl_epoll_event copy = {};
  copy.events = event->events;
  copy.data = event->data.u64;
  return outcome(lkl_sys_epoll_ctl(epfd, op, fd, &copy));
}

int wait_for_events(void*, int epfd, epoll_event* events, int most, int timeout) {
  std::vector<lkl_epoll_event> got(static_cast<std::size_t>(std::max(most, 0)));
  const long count = lkl_sys_epoll_pwait(epfd, got.data(), most, timeout, nullptr, 0);
  for (long i = 0; i < count; i++) {
    events[i].events = got[static_cast<std::size_t>(i)].events;
    events[i].data.u64 = got[static_cast<std::size_t>(i)].data;
  }
  return outcome(count);
}

int netdev_send(void* user, const void* packet, size_t size) {
  return outcome(plugin(user).network->send({static_cast<const std::uint8_t*>(packet), size}));
}

int netdev_receive(void* user, void* packet, size_t* size, long long* time_usecs) {
  try {
    const std::optional<Captured> next = plugin(user).network->receive(guest_time() + kWait);
    const std::size_t room = *size;
    *size = 0;
    if (!next) return 0;
    if (next->bytes.size() > room) return outcome(-LKL_EMSGSIZE);
    *size = next->bytes.size();
    std::copy(next->bytes.begin(), next->bytes.end(), static_cast<std::uint8_t*>(packet));
    *time_usecs = next->time;
    return 0;
  } catch (const std::exception&) {
    return outcome(-LKL_EIO);
  }
}

void fill(packetdrill_interface& to) {
  to.free = [](void* user) { delete static_cast<Plugin*>(user); };
  to.socket = [](void*, int domain, int type, int protocol) {
    return outcome(lkl_sys_socket(domain, type, protocol));
  };
  to.bind = [](void*, int fd, const sockaddr* address, socklen_t size) {
    return outcome(lkl_sys_bind(fd, const_cast<lkl_sockaddr*>(kernel_address(address)),
                                static_cast<int>(size)));
  };
  to.listen = [](void*, int fd, int backlog) { return outcome(lkl_sys_listen(fd, backlog)); };
  to.accept = [](void*, int fd, sockaddr* address, socklen_t* size) {
    return outcome(lkl_sys_accept(fd, kernel_address(address), kernel_size(size)));
  };
  to.connect = [](void*, int fd, const sockaddr* address, socklen_t size) {
    return outcome(lkl_sys_connect(fd, kernel_address(address), static_cast<int>(size)));
  };
  to.read = [](void*, int fd, void* data, size_t size) {
    return outcome<ssize_t>(
        lkl_sys_read(static_cast<unsigned>(fd), static_cast<char*>(data), size));
  };
  to.readv = [](void*, int fd, const iovec* parts, int count) {
    return outcome<ssize_t>(lkl_sys_readv(static_cast<lkl_ulong>(fd),
                                          reinterpret_cast<const lkl_iovec*>(parts),
                                          static_cast<lkl_ulong>(count)));
  };
  to.recv = [](void*, int fd, void* data, size_t size, int flags) {
    return outcome<ssize_t>(
        lkl_sys_recvfrom(fd, data, size, static_cast<unsigned>(flags), nullptr, nullptr));
  };
  to.recvfrom = [](void*, int fd, void* data, size_t size, int flags, sockaddr* address,
                   socklen_t* address_size) {
    return outcome<ssize_t>(lkl_sys_recvfrom(fd, data, size, static_cast<unsigned>(flags),
                                             kernel_address(address), kernel_size(address_size)));
  };
  to.recvmsg = [](void*, int fd, msghdr* message, int flags) {
    return outcome<ssize_t>(
        lkl_sys_recvmsg(fd, reinterpret_cast<lkl_msghdr*>(message), static_cast<unsigned>(flags)));
  };
  to.write = [](void*, int fd, const void* data, size_t size) {
    return outcome<ssize_t>(
        lkl_sys_write(static_cast<unsigned>(fd), static_cast<const char*>(data), size));
  };
  to.writev = [](void*, int fd, const iovec* parts, int count) {
    return outcome<ssize_t>(lkl_sys_writev(static_cast<lkl_ulong>(fd),
                                           reinterpret_cast<const lkl_iovec*>(parts),
                                           static_cast<lkl_ulong>(count)));
  };
  to.send = [](void* user, int fd, const void* data, size_t size, int flags) {
    return send_to(user, fd, data, size, flags, nullptr, 0);
  };
  to.sendto = send_to;
  to.sendmsg = send_message;
  to.fcntl = control_file;
  to.ioctl = control_device;
  to.close = [](void*, int fd) { return outcome(lkl_sys_close(static_cast<unsigned>(fd))); };
  to.shutdown = [](void*, int fd, int how) { return outcome(lkl_sys_shutdown(fd, how)); };
  to.getsockopt = [](void*, int fd, int level, int option, void* value, socklen_t* size) {
    return outcome(
        lkl_sys_getsockopt(fd, level, option, static_cast<char*>(value), kernel_size(size)));
  };
  to.setsockopt = [](void*, int fd, int level, int option, const void* value, socklen_t size) {
    return outcome(lkl_sys_setsockopt(fd, level, option, static_cast<const char*>(value),
                                      static_cast<int>(size)));
  };
  to.poll = poll_files;
  to.netdev_send = netdev_send;
  to.netdev_receive = netdev_receive;
  to.usleep = [](void*, useconds_t us) {
    sleep_until(guest_time() + us);
    return 0;
  };
  to.gettimeofday = [](void*, timeval* time, struct timezone*) {
    const std::int64_t now = guest_time();
    time->tv_sec = now / 1000000;
    time->tv_usec = now % 1000000;
    return 0;
  };
  to.epoll_create = [](void*, int size) {
    return outcome(size > 0 ? lkl_sys_epoll_create1(0) : -LKL_EINVAL);
  };
  to.epoll_ctl = watch;
  to.epoll_wait = wait_for_events;
  to.pipe = [](void*, int* fds) { return outcome(lkl_sys_pipe2(fds, 0)); };
  to.splice = [](void*, int in, loff_t* off_in, int out, loff_t* off_out, size_t size,
                 unsigned flags) {
    return outcome(lkl_sys_splice(in, reinterpret_cast<lkl_loff_t*>(off_in), out,
                                  reinterpret_cast<lkl_loff_t*>(off_out), size, flags));
  };
}

// NAME=VALUE,...
std::vector<std::pair<std::string, std::string>> split_flags(const std::string& flags) {
  std::vector<std::pair<std::string, std::string>> list;
  for (std::size_t at = 0; at < flags.size();) {
    const std::size_t end = std::min(flags.find(',', at), flags.size());
    const std::string flag = flags.substr(at, end - at);
    const std::size_t equals = flag.find('=');
    if (equals == std::string::npos) throw Failure("'" + flag + "' is not NAME=VALUE");
    list.emplace_back(flag.substr(0, equals), flag.substr(equals + 1));
    at = end + 1;
  }
  return list;
}

std::unique_ptr<Plugin> make_plugin(const std::string& flags) {
  Family family = Family::kIpv4;
  std::uint64_t memory = 256;
  std::string control;
  std::string folder = ".";
  std::vector<std::pair<std::string, std::string>> others;
  for (auto& [name, value] : split_flags(flags)) {
    if (name == "ip_version")
      family = parse_families(value).front();
    else if (name == "mem")
      memory = std::strtoull(value.c_str(), nullptr, 10);
    else if (name == "control")
      control = value;
    else if (name == "folder")
      folder = value;
    else
      others.emplace_back(name, value);
  }
  Settings settings(family);
  for (const auto& [name, value] : others) settings.take(name, value);
  auto plugin = std::make_unique<Plugin>();
  BootOptions options;
  options.memory = memory * kMegabyte;
  plugin->kernel = Kernel::boot(options);
  char proc[] = "proc";
  lkl_mount_fs(proc);
  plugin->network.emplace(settings.network);
  if (!control.empty()) plugin->control.emplace(control, folder);
  return plugin;
}

}  // namespace

}  // namespace lkl::tool::drill

void packetdrill_interface_init(const char* flags, packetdrill_interface* interface) {
  try {
    interface->userdata = lkl::tool::drill::make_plugin(flags != nullptr ? flags : "").release();
  } catch (const std::exception& error) {
    fprintf(stderr, "liblkl-packetdrill: %s\n", error.what());
    exit(EXIT_FAILURE);
  }
  lkl::tool::drill::fill(*interface);
}
