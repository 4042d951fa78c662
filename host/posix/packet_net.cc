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
#include <string>
#include <vector>

#include "descriptor.h"
#include "net/cannot_open.h"
#include "net/host_net.h"
#include "posix/iovec.h"
#include "posix/raw_call.h"
#include "posix/socket_frames.h"
#include "posix/tap.h"

namespace lkl::host {
namespace {

constexpr unsigned kMostQueues = 16;  // of a card of ours

int reopened(int fd, Descriptor& file) {
  file = Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return file ? 0 : -errno;
}

// What one thread reads from and another one writes to: the same, or two.
struct Ends {
  Descriptor in, out;
  int reads() const { return in.get(); }
  int writes() const { return out ? out.get() : in.get(); }
};

// The other side may have a larger MTU than ours; that it does is nobody's wish.
size_t frame_of(unsigned mtu) {
  return mtu + NetBackend::kEthernetSize;
}

// The other side is a program that knows what the header says: another kernel of ours, say.
class SocketNet final : public NetBackend {
 public:
  SocketNet(Ends ends, PacketHeader header, bool datagrams)
      : ends_(std::move(ends)), header_(header), datagrams_(datagrams) {}

  bool has_header() const override { return header_ != PacketHeader::kNone; }
  NetOffloads offloads() const override {
    const bool knows = has_header();
    return {.checksum = knows,
            .tso4 = knows,
            .tso6 = knows,
            .ecn = knows,
            .uso = header_ == PacketHeader::kWithUso};
  }
  // It sends what it likes: nobody can tell it.
  int accept(const NetOffloads& taken) override { return taken == offloads() ? 0 : -EOPNOTSUPP; }
  size_t longest_frame(unsigned mtu) const override { return frame_of(mtu); }

  int send(unsigned, std::span<const IoVec> frame) override {
    const int64_t sent = send_pieces(ends_.writes(), frame);
    return sent < 0 ? static_cast<int>(sent) : 0;
  }
  int64_t receive(unsigned, std::span<const IoVec> room) override {
    const int64_t size = receive_pieces(ends_.reads(), room);
    // an empty datagram is a frame of no use, and no end; nor is what became of one that was sent
    return datagrams_ && (size == 0 || size == -ECONNREFUSED) ? -EAGAIN : size;
  }
  int in(unsigned) const override { return ends_.reads(); }
  int out(unsigned) const override { return ends_.writes(); }

 private:
  const Ends ends_;
  const PacketHeader header_;
  const bool datagrams_;
};

class Tap final : public NetBackend {
 public:
  Tap(std::vector<Ends> queues, bool header, const NetOffloads& offloads)
      : queues_(std::move(queues)), header_(header), offloads_(offloads) {}

  bool has_header() const override { return header_; }
  NetOffloads offloads() const override { return offloads_; }
  int accept(const NetOffloads& taken) override {
    if (!offloads_.checksum) return 0;
    return static_cast<int>(raw_call(SYS_ioctl, in(0), TUNSETOFFLOAD, flags(taken)));
  }
  size_t longest_frame(unsigned mtu) const override { return frame_of(mtu); }

  unsigned queues() const override { return static_cast<unsigned>(queues_.size()); }
  // The host gives frames to queues that are attached only.
  int use_queues(unsigned count) override {
    for (unsigned i = 1; i < queues(); ++i) {
      ifreq request = {};
      request.ifr_flags = static_cast<short>(i < count ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE);
      // EINVAL: it was so already
      if (const int64_t error = raw_call(SYS_ioctl, in(i), TUNSETQUEUE, &request);
          error < 0 && error != -EINVAL)
        return static_cast<int>(error);
    }
    return 0;
  }

  int send(unsigned queue, std::span<const IoVec> frame) override {
    const int64_t sent = raw_call(SYS_writev, out(queue), to_iovec(frame), frame.size());
    return sent < 0 ? static_cast<int>(sent) : 0;
  }
  int64_t receive(unsigned queue, std::span<const IoVec> room) override {
    return raw_call(SYS_readv, in(queue), to_iovec(room), room.size());
  }
  int in(unsigned queue) const override { return queues_[queue].reads(); }
  int out(unsigned queue) const override { return queues_[queue].writes(); }

  static unsigned long flags(const NetOffloads& offloads) {
    // since Linux 6.2, and later headers than some have
    constexpr unsigned long kUso4 = 0x20, kUso6 = 0x40;
    unsigned long flags = 0;
    if (offloads.checksum) flags |= TUN_F_CSUM;
    if (offloads.checksum && offloads.tso4) flags |= TUN_F_TSO4;
    if (offloads.checksum && offloads.tso6) flags |= TUN_F_TSO6;
    if (flags & (TUN_F_TSO4 | TUN_F_TSO6) && offloads.ecn) flags |= TUN_F_TSO_ECN;
    if (offloads.checksum && offloads.uso) flags |= kUso4 | kUso6;
    return flags;
  }

 private:
  const std::vector<Ends> queues_;
  const bool header_;
  const NetOffloads offloads_;
};

// The most that this host's TAP interfaces do; none of it until the driver has agreed.
int find_offloads(int tap, NetOffloads& offloads) {
  for (const bool uso : {true, false}) {
    const NetOffloads all = {.checksum = true, .tso4 = true, .tso6 = true, .ecn = true, .uso = uso};
    if (::ioctl(tap, TUNSETOFFLOAD, Tap::flags(all)) < 0) continue;
    offloads = all;
    return ::ioctl(tap, TUNSETOFFLOAD, 0UL) < 0 ? -errno : 0;
  }
  return 0;
}

// Queues of a TAP interface, whoever has opened them; -ENOTTY if it is none.
int make_tap(std::vector<Ends> queues, std::unique_ptr<NetBackend>& result) {
  bool header = false;
  for (const Ends& queue : queues) {
    ifreq request = {};
    if (::ioctl(queue.reads(), TUNGETIFF, &request) < 0) return -ENOTTY;
    const auto flags = static_cast<unsigned short>(request.ifr_flags);
    if (!(flags & IFF_TAP) || !(flags & IFF_NO_PI)) return -EINVAL;
    for (const int fd : {queue.reads(), queue.writes()})
      if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) return -errno;
    header = flags & IFF_VNET_HDR;
    int size = NetBackend::kHeaderSize;
    if (header && ::ioctl(queue.reads(), TUNSETVNETHDRSZ, &size) < 0) return -errno;
  }
  NetOffloads offloads;
  if (header)
    if (const int error = find_offloads(queues[0].reads(), offloads)) return error;
  result = std::make_unique<Tap>(std::move(queues), header, offloads);
  return 0;
}

int open_tap_queue(const std::string& name, bool several, Ends& queue) {
  queue.in = Descriptor(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!queue.in) return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
  ifreq request = {};
  std::ranges::copy(name, request.ifr_name);
  const int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0);
  request.ifr_flags = static_cast<short>(flags);
  return ::ioctl(queue.in.get(), TUNSETIFF, &request) < 0 ? -errno : 0;
}

int open_queues(const std::string& name, unsigned count, std::unique_ptr<NetBackend>& result) {
  if (name.empty() || name.size() >= IFNAMSIZ) return -EINVAL;
  std::vector<Ends> queues(count);
  int error = open_tap_queue(name, count > 1, queues[0]);
  // one that somebody has made for several queues
  if (error == -EINVAL && count == 1) error = open_tap_queue(name, true, queues[0]);
  for (unsigned i = 1; i < count && !error; ++i) error = open_tap_queue(name, true, queues[i]);
  return error ? error : make_tap(std::move(queues), result);
}

}  // namespace

int open_tap(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  uint64_t queues = 1;
  if (!uri.take_number("queues", 1, kMostQueues, queues)) return -EINVAL;
  if (const int error = uri.end()) return error;
  const std::string& name = uri.target();
  const int error = open_queues(name, static_cast<unsigned>(queues), result);
  if (error == -EINVAL) return uri.refuse("\"" + name + "\" is no name of a TAP interface");
  if (error == -ENODEV) {
    uri.say(name + ": the host has no /dev/net/tun (\"modprobe tun\"); \"slirp:\" needs none");
    return error;
  }
  if (error)
    cannot_open(uri, name, error,
                "it needs CAP_NET_ADMIN, or root makes it for you (\"ip tuntap add dev " + name +
                    " mode tap user NAME\"), and /dev/net/tun to be open to all");
  return error;
}

int make_tap(Descriptor queue, std::unique_ptr<NetBackend>& result) {
  std::vector<Ends> queues(1);
  queues[0].in = std::move(queue);
  return make_tap(std::move(queues), result);
}

int open_tap_device(const char* path, ifreq* request, std::unique_ptr<NetBackend>& result) {
  Descriptor file(::open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file || (request && ::ioctl(file.get(), TUNSETIFF, request) < 0)) return -errno;
  const int error = make_tap(std::move(file), result);
  return error == -ENOTTY ? -EINVAL : error;
}

int open_packets(int in, int out, PacketHeader header, std::unique_ptr<NetBackend>& result) {
  Ends ends;
  if (const int error = reopened(in, ends.in)) return error;
  if (out != in)
    if (const int error = reopened(out, ends.out)) return error;
  struct stat status;
  if (::fstat(in, &status) < 0) return -errno;
  if (!S_ISSOCK(status.st_mode)) {
    std::vector<Ends> queues;
    queues.push_back(std::move(ends));
    const int error = make_tap(std::move(queues), result);
    return error == -ENOTTY ? -EINVAL : error;
  }
  int type = 0;
  for (const int fd : {out, in}) {
    socklen_t size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
      return errno == ENOTSOCK ? -EINVAL : -errno;
    if (type != SOCK_DGRAM && type != SOCK_SEQPACKET) return -EPROTOTYPE;
  }
  result = std::make_unique<SocketNet>(std::move(ends), header, type == SOCK_DGRAM);
  return 0;
}

}  // namespace lkl::host
