// SPDX-License-Identifier: GPL-2.0
// Descriptors that give and take one frame a call. Nothing here is a cancellation point, or changes
// errno: frames are sent on threads of the application, in the middle of their calls.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "descriptor.h"
#include "net/host_net.h"
#include "posix/iovec.h"

namespace lkl::host {
namespace {

// A raw system call: the result or -errno.
template <class... Arguments>
int64_t call(long number, Arguments... arguments) {
  const int before = errno;
  const long result = ::syscall(number, arguments...);
  const int64_t answer = result < 0 ? -errno : result;
  errno = before;
  return answer;
}

int reopened(int fd, Descriptor& file) {
  file = Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return file ? 0 : -errno;
}

class PacketNet : public NetBackend {
 public:
  PacketNet(Descriptor in, Descriptor out, bool header)
      : in_(std::move(in)), out_(std::move(out)), header_(header) {}

  bool has_header() const final { return header_; }
  // The other side may have a larger MTU than ours; that it does is nobody's wish.
  size_t longest_frame(unsigned mtu) const final { return mtu + kEthernetSize; }
  int in(unsigned) const final { return in_.get(); }
  int out(unsigned) const final { return out_ ? out_.get() : in_.get(); }

 private:
  const Descriptor in_, out_;
  const bool header_;
};

// The other side is a program that knows what the header says: another kernel of ours, say.
class SocketNet final : public PacketNet {
 public:
  using PacketNet::PacketNet;

  NetOffloads offloads() const override {
    const bool knows = has_header();
    return {.checksum = knows, .tso4 = knows, .tso6 = knows, .ecn = knows};
  }
  // It sends what it likes: nobody can tell it.
  int accept(const NetOffloads& taken) override {
    const NetOffloads all = offloads();
    return taken.checksum == all.checksum && taken.tso4 == all.tso4 && taken.tso6 == all.tso6
               ? 0
               : -EOPNOTSUPP;
  }

  int send(unsigned queue, std::span<const IoVec> frame) override {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(to_iovec(frame));
    message.msg_iovlen = frame.size();
    const int64_t sent = call(SYS_sendmsg, out(queue), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? static_cast<int>(sent) : 0;
  }
  int64_t receive(unsigned queue, std::span<const IoVec> room) override {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(to_iovec(room));
    message.msg_iovlen = room.size();
    return call(SYS_recvmsg, in(queue), &message, MSG_DONTWAIT);
  }
};

class Tap final : public PacketNet {
 public:
  Tap(Descriptor in, Descriptor out, bool header, bool offloads)
      : PacketNet(std::move(in), std::move(out), header), offloads_(header && offloads) {}

  NetOffloads offloads() const override {
    return {.checksum = offloads_, .tso4 = offloads_, .tso6 = offloads_, .ecn = offloads_};
  }
  int accept(const NetOffloads& taken) override {
    if (!offloads_) return 0;
    return static_cast<int>(call(SYS_ioctl, in(0), TUNSETOFFLOAD, flags(taken)));
  }

  int send(unsigned queue, std::span<const IoVec> frame) override {
    const int64_t sent = call(SYS_writev, out(queue), to_iovec(frame), frame.size());
    return sent < 0 ? static_cast<int>(sent) : 0;
  }
  int64_t receive(unsigned queue, std::span<const IoVec> room) override {
    return call(SYS_readv, in(queue), to_iovec(room), room.size());
  }

  static unsigned long flags(const NetOffloads& offloads) {
    unsigned long flags = 0;
    if (offloads.checksum) flags |= TUN_F_CSUM;
    if (offloads.checksum && offloads.tso4) flags |= TUN_F_TSO4;
    if (offloads.checksum && offloads.tso6) flags |= TUN_F_TSO6;
    if (flags & (TUN_F_TSO4 | TUN_F_TSO6) && offloads.ecn) flags |= TUN_F_TSO_ECN;
    return flags;
  }

 private:
  const bool offloads_;
};

// A queue of a TAP interface, whoever has opened it; -ENOTTY if it is none.
int make_tap(Descriptor in, Descriptor out, std::unique_ptr<NetBackend>& result) {
  ifreq request = {};
  if (::ioctl(in.get(), TUNGETIFF, &request) < 0) return -ENOTTY;
  const auto flags = static_cast<unsigned short>(request.ifr_flags);
  if (!(flags & IFF_TAP) || !(flags & IFF_NO_PI)) return -EINVAL;
  for (const Descriptor* file : {&in, &out})
    if (*file && ::fcntl(file->get(), F_SETFL, ::fcntl(file->get(), F_GETFL) | O_NONBLOCK) < 0)
      return -errno;
  const bool header = flags & IFF_VNET_HDR;
  int size = NetBackend::kHeaderSize;
  if (header && ::ioctl(in.get(), TUNSETVNETHDRSZ, &size) < 0) return -errno;
  const unsigned long all = Tap::flags({.checksum = true, .tso4 = true, .tso6 = true, .ecn = true});
  const bool offloads = header && ::ioctl(in.get(), TUNSETOFFLOAD, all) == 0;
  // until the driver has agreed to them
  if (offloads && ::ioctl(in.get(), TUNSETOFFLOAD, 0UL) < 0) return -errno;
  result = std::make_unique<Tap>(std::move(in), std::move(out), header, offloads);
  return 0;
}

}  // namespace

int open_tap(const std::string& name, std::unique_ptr<NetBackend>& result) {
  ifreq request = {};
  if (name.empty() || name.size() >= sizeof request.ifr_name) return -EINVAL;
  Descriptor file(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file) return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
  std::ranges::copy(name, request.ifr_name);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  if (::ioctl(file.get(), TUNSETIFF, &request) < 0) return -errno;
  return make_tap(std::move(file), {}, result);
}

int open_packets(int in, int out, bool header, std::unique_ptr<NetBackend>& result) {
  Descriptor files[2];
  if (const int error = reopened(in, files[0])) return error;
  if (out != in)
    if (const int error = reopened(out, files[1])) return error;
  struct stat status;
  if (::fstat(in, &status) < 0) return -errno;
  if (!S_ISSOCK(status.st_mode)) {
    const int error = make_tap(std::move(files[0]), std::move(files[1]), result);
    return error == -ENOTTY ? -EINVAL : error;
  }
  for (const int fd : {in, out}) {
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
      return errno == ENOTSOCK ? -EINVAL : -errno;
    if (type != SOCK_DGRAM && type != SOCK_SEQPACKET) return -EPROTOTYPE;
  }
  result = std::make_unique<SocketNet>(std::move(files[0]), std::move(files[1]), header);
  return 0;
}

}  // namespace lkl::host
