// SPDX-License-Identifier: GPL-2.0
#include "run/written_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fuse.h>
#include <lkl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <future>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "run/fuse_mount.h"

namespace lkl::tool::served {

namespace {

// CLOSE_RANGE_UNSHARE
constexpr int kOwnTable = 2;

// Longer writes come in parts.
constexpr std::size_t kLongestPart = 32 << 10;
constexpr std::size_t kLongestRequest =
    sizeof(fuse_in_header) + sizeof(fuse_write_in) + kLongestPart + FUSE_MIN_READ_BUFFER;

// The calling thread has these descriptors for itself from now on, and no others. 0, or errno.
int keep_only(int one, int other) {
  const auto low = static_cast<unsigned>(std::min(one, other));
  const auto high = static_cast<unsigned>(std::max(one, other));
  const auto close = [](unsigned first, unsigned last, int how) {
    return first > last || ::syscall(SYS_close_range, first, last, how) == 0;
  };
  const bool good = close(high + 1, ~0U, kOwnTable) && (low == 0 || close(0, low - 1, 0)) &&
                    close(low + 1, high - 1, 0);
  return good ? 0 : errno;
}

// Until the socket's other end says so, or nobody has the mount. By bare system calls: what checks
// threads (TSan) takes a number for one descriptor in all of them.
void relay(int fuse, int socket) {
  std::vector<char> room(kLongestRequest);
  pollfd both[] = {{fuse, POLLIN, 0}, {socket, POLLIN, 0}};
  ::syscall(SYS_fcntl, fuse, F_SETFL, O_NONBLOCK);
  for (;;) {
    ::syscall(SYS_poll, both, 2, -1);
    if (both[1].revents != 0) {
      const long size = ::syscall(SYS_recvfrom, socket, room.data(), room.size(), 0, nullptr, 0);
      if (size == 0 || (size < 0 && errno != EINTR)) return;
      // who has asked may have gone
      if (size > 0) ::syscall(SYS_write, fuse, room.data(), size);
    }
    if (both[0].revents != 0) {
      const long size = ::syscall(SYS_read, fuse, room.data(), room.size());
      // ENOENT: who has asked has gone before we read it
      if (size < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT) return;
      if (size > 0) ::syscall(SYS_sendto, socket, room.data(), size, MSG_NOSIGNAL, nullptr, 0);
    }
  }
}

// What is behind the head of a request; nothing if it is shorter than it has to be.
template <typename Body>
const Body* body_of(std::span<const char> request) {
  if (request.size() < sizeof(fuse_in_header) + sizeof(Body)) return nullptr;
  return reinterpret_cast<const Body*>(request.data() + sizeof(fuse_in_header));
}

template <typename Body>
std::span<const char> bytes_of(const Body& body) {
  return {reinterpret_cast<const char*>(&body), sizeof body};
}

fuse_attr attributes(std::uint64_t node, int fd) {
  fuse_attr attr = {};
  attr.ino = node;
  attr.mode = S_IFDIR | 0700;
  attr.nlink = 1;
  attr.blksize = 4096;
  // Whoever is root there need not be known to the host's namespace.
  attr.uid = ::geteuid();
  attr.gid = ::getegid();
  lkl_stat status = {};
  if (fd < 0 || lkl_sys_newfstat(static_cast<unsigned>(fd), &status) != 0) return attr;
  attr.mode = S_IFREG | (status.st_mode & 07777);
  attr.size = static_cast<std::uint64_t>(status.st_size);
  attr.mtime = attr.ctime = attr.atime = static_cast<std::uint64_t>(status.lkl_st_mtime);
  return attr;
}

}  // namespace

WrittenFiles::~WrittenFiles() {
  if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
  for (std::thread* const each : {&relay_, &thread_})
    if (each->joinable()) each->join();
  for (const auto& [node, file] : files_) lkl_sys_close(static_cast<unsigned>(file.fd));
}

void WrittenFiles::set_up() {
  FuseMount mount = mount_fuse();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::system_error(errno, std::system_category(), "a pair of sockets");
  socket_ = Descriptor(ends[0]);
  const Descriptor relays(ends[1]);
  room_.resize(kLongestRequest);
  std::promise<int> alone;
  relay_ = std::thread([&alone, fuse = mount.server.get(), socket = relays.get()] {
    const int error = keep_only(fuse, socket);
    alone.set_value(error);
    if (error == 0) relay(fuse, socket);
  });
  if (const int error = alone.get_future().get())
    throw std::system_error(error, std::system_category(), "descriptors of a thread");
  thread_ = std::thread([this] { run(); });
  root_ = std::move(mount.root);
}

// With the mutex.
bool WrittenFiles::start() {
  if (std::exchange(tried_, true)) return static_cast<bool>(root_);
  try {
    set_up();
  } catch (const std::system_error& error) {
    print_error(
        fmt::format("lkl: what programs write to files of the kernel's network goes through FUSE, "
                    "which cannot be had: {}: they get an error\n",
                    describe(error.code())));
    return false;
  }
  return true;
}

Descriptor WrittenFiles::open(const Client& client, int fd, int flags, int& error) {
  std::uint64_t node;
  {
    const std::lock_guard lock(mutex_);
    if (!start()) {
      lkl_sys_close(static_cast<unsigned>(fd));
      error = -EROFS;
      return {};
    }
    node = ++last_;
    files_[node] = {.fd = fd, .network = client.network, .user = client.user};
  }
  // Its thread is asked for it by the name that is the number.
  constexpr int kFlags = O_ACCMODE | O_APPEND | O_NONBLOCK;
  Descriptor file(
      ::openat(root_.get(), std::to_string(node).c_str(), (flags & kFlags) | O_CLOEXEC));
  error = file ? 0 : -errno;
  if (!file) {
    const std::lock_guard lock(mutex_);
    forget(node);
  }
  return file;
}

// With the mutex; what is found stays as long as it is open.
WrittenFiles::File* WrittenFiles::find(std::uint64_t node) {
  const auto found = files_.find(node);
  return found == files_.end() ? nullptr : &found->second;
}

void WrittenFiles::forget(std::uint64_t node) {
  const auto found = files_.find(node);
  if (found == files_.end()) return;
  lkl_sys_close(static_cast<unsigned>(found->second.fd));
  files_.erase(found);
}

void WrittenFiles::run() {
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), room_.data(), room_.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) return;
    serve({room_.data(), static_cast<std::size_t>(size)});
  }
}

void WrittenFiles::answer(std::uint64_t request, int error, std::span<const char> head,
                          std::span<const char> data) {
  fuse_out_header header = {};
  header.len = static_cast<unsigned>(sizeof header + head.size() + data.size());
  header.error = error;
  header.unique = request;
  iovec parts[] = {{&header, sizeof header},
                   {const_cast<char*>(head.data()), head.size()},
                   {const_cast<char*>(data.data()), data.size()}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

void WrittenFiles::serve(std::span<char> request) {
  fuse_in_header head;
  std::memcpy(&head, request.data(), sizeof head);
  const auto refuse = [&](int error) { answer(head.unique, -error, {}); };

  int fd = -1;
  std::uint64_t node = head.nodeid;
  {
    const std::lock_guard lock(mutex_);
    if (head.opcode == FUSE_LOOKUP) {
      const char* const begin = request.data() + sizeof head;
      const std::size_t room = request.size() - sizeof head;
      std::from_chars(begin, begin + ::strnlen(begin, room), node);
    }
    File* const file = find(node);
    if (file) {
      fd = file->fd;
      act_as(file->network, file->user);
    } else if (node != FUSE_ROOT_ID || head.opcode == FUSE_LOOKUP) {
      if (head.opcode == FUSE_FORGET || head.opcode == FUSE_BATCH_FORGET ||
          head.opcode == FUSE_INTERRUPT || head.opcode == FUSE_DESTROY)
        return;
      if (head.opcode != FUSE_INIT) return refuse(ENOENT);
    }
    if (file && head.opcode == FUSE_OPEN) file->opened++;
    if (file && head.opcode == FUSE_RELEASE && --file->opened == 0) {
      forget(node);
      return refuse(0);
    }
  }

  switch (head.opcode) {
    case FUSE_INIT: {
      fuse_init_out out = {};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = FUSE_KERNEL_MINOR_VERSION;
      out.max_write = kLongestPart;
      out.time_gran = 1;
      return answer(head.unique, 0, bytes_of(out));
    }
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
    case FUSE_DESTROY:
      return;
    case FUSE_LOOKUP: {
      fuse_entry_out out = {};
      out.nodeid = node;
      out.attr = attributes(node, fd);
      return answer(head.unique, 0, bytes_of(out));
    }
    case FUSE_SETATTR: {
      const auto* const in = body_of<fuse_setattr_in>(request);
      if (!in || fd < 0) return refuse(EINVAL);
      constexpr unsigned kRights = FATTR_MODE | FATTR_UID | FATTR_GID;
      if ((in->valid & kRights) != 0) return refuse(EPERM);
      if ((in->valid & FATTR_SIZE) != 0) {
        const lkl_long error =
            lkl_sys_ftruncate(static_cast<unsigned>(fd), static_cast<lkl_off_t>(in->size));
        if (error != 0) return answer(head.unique, static_cast<int>(error), {});
      }
      [[fallthrough]];
    }
    case FUSE_GETATTR: {
      fuse_attr_out out = {};
      out.attr = attributes(node, fd);
      return answer(head.unique, 0, bytes_of(out));
    }
    case FUSE_OPEN: {
      fuse_open_out out = {};
      out.fh = node;
      out.open_flags = FOPEN_DIRECT_IO;
      return answer(head.unique, 0, bytes_of(out));
    }
    case FUSE_RELEASE:
      return refuse(0);
    case FUSE_READ: {
      const auto* const in = body_of<fuse_read_in>(request);
      if (!in || fd < 0) return refuse(EINVAL);
      std::vector<char> data(std::min<std::size_t>(in->size, kLongestPart));
      const lkl_long count = lkl_sys_pread64(static_cast<unsigned>(fd), data.data(), data.size(),
                                             static_cast<lkl_loff_t>(in->offset));
      if (count < 0) return answer(head.unique, static_cast<int>(count), {});
      return answer(head.unique, 0, {}, {data.data(), static_cast<std::size_t>(count)});
    }
    case FUSE_WRITE: {
      const auto* const in = body_of<fuse_write_in>(request);
      if (!in || fd < 0 || request.size() - sizeof head - sizeof *in < in->size)
        return refuse(EINVAL);
      const lkl_long count =
          lkl_sys_pwrite64(static_cast<unsigned>(fd), reinterpret_cast<const char*>(in + 1),
                           in->size, static_cast<lkl_loff_t>(in->offset));
      if (count < 0) return answer(head.unique, static_cast<int>(count), {});
      fuse_write_out out = {};
      out.size = static_cast<unsigned>(count);
      return answer(head.unique, 0, bytes_of(out));
    }
    default:
      // The host does without, and asks no more.
      return refuse(ENOSYS);
  }
}

}  // namespace lkl::tool::served
