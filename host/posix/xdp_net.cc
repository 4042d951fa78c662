// SPDX-License-Identifier: GPL-2.0
// A queue of an interface of the host by AF_XDP: its frames pass by the host's stack. They are in
// memory that the host's driver knows (the UMEM), in frames of one size: from there to the kernel's
// own memory, and back, they are copied.
#include <linux/if_link.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "library_calls.h"
#include "net/cannot_open.h"
#include "net/host_net.h"
#include "posix/interface.h"
#include "posix/raw_call.h"
#include "posix/wire_events.h"

#define LKL_XDP_CALLS(call)                                                                       \
  call(xsk_umem__create) call(xsk_umem__delete) call(xsk_socket__create) call(xsk_socket__delete) \
      call(xsk_socket__fd) call(libxdp_set_print) call(libbpf_set_print)

namespace lkl::host {
namespace {

LKL_LIBRARY_CALLS(XdpLibrary, "libxdp.so.1", LKL_XDP_CALLS)

constexpr std::string_view kNeed =
    "programs of an interface need CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF: run as root";

int nothing(libxdp_print_level, const char*, va_list) {
  return 0;
}
int nothing(libbpf_print_level, const char*, va_list) {
  return 0;
}

// The libraries print what they try in vain, on standard error: not in this scope.
class Silence final {
 public:
  explicit Silence(const XdpLibrary& library)
      : library_(library),
        xdp_(library.libxdp_set_print(nothing)),
        bpf_(library.libbpf_set_print(nothing)) {}
  ~Silence() {
    library_.libxdp_set_print(xdp_);
    library_.libbpf_set_print(bpf_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  const XdpLibrary& library_;
  const libxdp_print_fn_t xdp_;
  const libbpf_print_fn_t bpf_;
};

class XdpNet final : public NetBackend {
 public:
  XdpNet(const XdpLibrary& library, const Interface& interface)
      : library_(library), interface_(interface), owner_(::getpid()) {}
  ~XdpNet() override;
  int open(unsigned queue, uint16_t bind_flags);

  // The host's drivers say nothing of a frame but its bytes.
  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  // The host gets nothing of this queue any more: it is as if the interface were ours.
  std::array<uint8_t, 6> mac() const override { return interface_.mac; }
  uint16_t mtu() const override { return interface_.mtu; }
  bool has_link() const override { return events_.has_link(); }
  int in(unsigned) const override { return events_.in(); }
  int out(unsigned) const override { return events_.out(); }

  int send(unsigned, std::span<const IoVec> frame) override;
  int64_t receive(unsigned, std::span<const IoVec> room) override;

 private:
  static constexpr uint32_t kFrame = XSK_UMEM__DEFAULT_FRAME_SIZE;
  static constexpr uint32_t kFrames = 1024;  // in each direction, and of each ring
  static constexpr size_t kMemory = size_t{2} * kFrames * kFrame;

  std::byte* at(uint64_t address) const { return memory_ + address; }
  void reclaim();
  void kick();
  bool receive_one(std::span<const IoVec> room, size_t& size);

  const XdpLibrary& library_;
  const Interface interface_;
  const pid_t owner_;
  std::byte* memory_ = nullptr;
  xsk_umem* umem_ = nullptr;
  xsk_socket* socket_ = nullptr;
  WireEvents events_;
  std::atomic<bool> unsent_ = false;  // the host has not taken all that is in sent_

  // who sends: the rings of what is to go out and of what has gone, and the frames that are free
  xsk_ring_prod sent_ = {};
  xsk_ring_cons gone_ = {};
  std::array<uint64_t, kFrames> free_;
  uint32_t free_count_ = 0;

  // who receives: the rings of what has come, and of empty frames for more
  xsk_ring_cons received_ = {};
  xsk_ring_prod empty_ = {};
  bool frames_ = false;  // have come since there were none
};

// A child of fork() has the same rings, and the program on the interface is its parent's.
XdpNet::~XdpNet() {
  if (::getpid() != owner_) return;
  const Silence silence(library_);
  if (socket_) library_.xsk_socket__delete(socket_);
  if (umem_) library_.xsk_umem__delete(umem_);
  if (memory_) ::munmap(memory_, kMemory);
}

int XdpNet::open(unsigned queue, uint16_t bind_flags) {
  // Shared: what is the parent's stays where the driver knows it to be when there is a child.
  void* const memory = ::mmap(nullptr, kMemory, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return -errno;
  memory_ = static_cast<std::byte*>(memory);
  const xsk_umem_config umem = {.fill_size = kFrames,
                                .comp_size = kFrames,
                                .frame_size = kFrame,
                                .frame_headroom = 0,
                                .flags = 0};
  if (const int error = library_.xsk_umem__create(&umem_, memory, kMemory, &empty_, &gone_, &umem))
    return error;
  xsk_socket_config config = {};
  config.rx_size = config.tx_size = kFrames;
  config.bind_flags = bind_flags;
  if (const int error = library_.xsk_socket__create(&socket_, interface_.name.c_str(), queue, umem_,
                                                    &received_, &sent_, &config))
    return error;
  uint32_t index = 0;
  xsk_ring_prod__reserve(&empty_, kFrames, &index);
  for (uint32_t i = 0; i < kFrames; ++i)
    *xsk_ring_prod__fill_addr(&empty_, index + i) = uint64_t{i} * kFrame;
  xsk_ring_prod__submit(&empty_, kFrames);
  for (; free_count_ < kFrames; ++free_count_)
    free_[free_count_] = uint64_t{kFrames + free_count_} * kFrame;
  return events_.open(library_.xsk_socket__fd(socket_), interface_.index);
}

void XdpNet::reclaim() {
  uint32_t index = 0;
  const uint32_t count = xsk_ring_cons__peek(&gone_, kFrames, &index);
  for (uint32_t i = 0; i < count; ++i)
    free_[free_count_++] = *xsk_ring_cons__comp_addr(&gone_, index + i);
  xsk_ring_cons__release(&gone_, count);
}

// The host looks at what is in the ring. Where it can't take it now, it is asked again by who
// receives, when a moment is over.
void XdpNet::kick() {
  if (!xsk_ring_prod__needs_wakeup(&sent_)) return;
  const int64_t result =
      raw_call(SYS_sendto, library_.xsk_socket__fd(socket_), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
  if (result != -EAGAIN && result != -EBUSY && result != -ENOBUFS) return;
  unsent_.store(true);
  events_.wait_a_moment();
}

int XdpNet::send(unsigned, std::span<const IoVec> frame) {
  size_t size = 0;
  for (const IoVec& part : frame) size += part.size;
  if (size > kFrame) return -EMSGSIZE;
  reclaim();
  uint32_t index = 0;
  if (free_count_ == 0 || xsk_ring_prod__reserve(&sent_, 1, &index) != 1) {
    // nothing tells when the driver is through with one
    unsent_.store(true);
    events_.wait_a_moment();
    return -EAGAIN;
  }
  xdp_desc& place = *xsk_ring_prod__tx_desc(&sent_, index);
  place = {.addr = free_[--free_count_], .len = static_cast<uint32_t>(size), .options = 0};
  std::byte* to = at(place.addr);
  for (const IoVec& part : frame) {
    if (part.size == 0) continue;
    std::memcpy(to, part.base, part.size);
    to += part.size;
  }
  xsk_ring_prod__submit(&sent_, 1);
  if (!unsent_.load()) events_.went_on();
  kick();
  return 0;
}

// Whether there was one; its size, 0 if there is no room for it.
bool XdpNet::receive_one(std::span<const IoVec> room, size_t& size) {
  uint32_t index = 0;
  if (xsk_ring_cons__peek(&received_, 1, &index) != 1) return false;
  const xdp_desc place = *xsk_ring_cons__rx_desc(&received_, index);
  size = place.len;
  size_t copied = 0;
  for (const IoVec& part : room) {
    const size_t count = std::min(part.size, size - copied);
    if (count == 0) continue;
    std::memcpy(part.base, at(place.addr) + copied, count);
    copied += count;
  }
  if (copied < size) size = 0;
  xsk_ring_cons__release(&received_, 1);
  // there is a place for each
  xsk_ring_prod__reserve(&empty_, 1, &index);
  *xsk_ring_prod__fill_addr(&empty_, index) = place.addr - place.addr % kFrame;
  xsk_ring_prod__submit(&empty_, 1);
  return true;
}

int64_t XdpNet::receive(unsigned, std::span<const IoVec> room) {
  for (size_t size; receive_one(room, size);) {
    frames_ = true;
    if (size > 0) return static_cast<int64_t>(size);
  }
  // the driver has waited for empty frames
  if (xsk_ring_prod__needs_wakeup(&empty_))
    raw_call(SYS_recvfrom, library_.xsk_socket__fd(socket_), nullptr, 0, MSG_DONTWAIT, nullptr,
             nullptr);
  if (events_.wants_look(frames_)) events_.look();
  frames_ = false;
  if (events_.gone()) return -ENODEV;
  if (unsent_.exchange(false)) kick();
  return -EAGAIN;
}

}  // namespace

int open_xdp(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::string name = uri.target();
  const bool copy = uri.take_flag("copy"), zero_copy = uri.take_flag("zerocopy");
  uint64_t queue = 0;
  if (!uri.take_number("queue", 0, 4095, queue)) return -EINVAL;
  if (const int error = uri.end()) return error;
  if (copy && zero_copy) return uri.refuse("copy or zerocopy, not both");
  const XdpLibrary* const library = XdpLibrary::get();
  if (!library) return cannot_load(uri, "libxdp.so.1", "libxdp1");
  Interface interface;
  if (const int error = find_interface(name, interface))
    return cannot_open(uri, name, error, kNeed);
  if (!interface.ethernet) return uri.refuse(name + " is not an Ethernet");
  const Silence silence(*library);
  const uint16_t flags = static_cast<uint16_t>(XDP_USE_NEED_WAKEUP | (copy ? XDP_COPY : 0) |
                                               (zero_copy ? XDP_ZEROCOPY : 0));
  auto wire = std::make_unique<XdpNet>(*library, interface);
  if (const int error = wire->open(static_cast<unsigned>(queue), flags)) {
    if (error == -EOPNOTSUPP && zero_copy)
      uri.say(name + ": its driver can do copy, not zerocopy");
    else if (error == -ERANGE)
      uri.say(name + ": its MTU is too large for XDP, whose frames have up to some 3500 bytes");
    else
      return cannot_open(uri, name, error, kNeed);
    return error;
  }
  result = std::move(wire);
  return 0;
}

}  // namespace lkl::host
