// SPDX-License-Identifier: GPL-2.0
// A device of DPDK's as a wire. Its drivers are asked for frames, again and again: where one has
// interrupts they say when, else a moment that is short when frames come, and longer each time when
// none do.
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "descriptor.h"
#include "net/cannot_open.h"
#include "net/host_net.h"
#include "net/vector.h"
#include "posix/dpdk_port.h"
#include "posix/event_counter.h"
#include "posix/side_stack.h"
#include "posix/wire_events.h"

namespace lkl::host {
namespace {

constexpr std::string_view kNeed =
    "its driver needs rights (CAP_NET_ADMIN, CAP_NET_RAW, a device of /dev/vfio): run as root";
constexpr uint64_t kMicrosecond = 1000;
constexpr uint64_t kUsualPause = 1000, kLongestPause = 1'000'000;  // microseconds
constexpr size_t kStack = 256 << 10;                               // of a driver

class DpdkNet final : public NetBackend, DpdkPort::Owner {
 public:
  DpdkNet(const DpdkCalls& calls, uint64_t longest_pause_ns)
      : longest_pause_(longest_pause_ns),
        port_(std::make_unique<DpdkPort>(calls, static_cast<DpdkPort::Owner&>(*this))) {}
  ~DpdkNet() override;
  int open(const std::string& device, uint16_t mtu);

  // Drivers are told nothing of a frame but its bytes.
  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  // One that an interface of the host has is another one's.
  std::array<uint8_t, 6> mac() const override {
    return port_->is_of_host() ? std::array<uint8_t, 6>{} : port_->mac();
  }
  uint16_t mtu() const override { return port_->mtu(); }
  bool has_link() const override { return link_.load(std::memory_order_relaxed); }
  int in(unsigned) const override { return events_.in(); }
  int out(unsigned) const override { return events_.out(); }

  int send(unsigned, std::span<const IoVec> frame) override;
  int64_t receive(unsigned, std::span<const IoVec> room) override;

 private:
  // As many as most drivers give at once.
  static constexpr unsigned kBurst = 32;
  static constexpr uint64_t kShortestPause = 20'000;
  static constexpr uint64_t kLinkEvery = 100'000'000;

  void link_changed(bool up) override;
  void removed() override;
  bool fetch();
  void rest();
  bool take(std::span<const IoVec> room, size_t& size);

  const uint64_t longest_pause_;
  const pid_t owner_ = ::getpid();
  std::unique_ptr<DpdkPort> port_;
  Descriptor interrupts_, set_, alarm_;
  WireEvents events_;
  std::atomic<bool> link_ = true, gone_ = false;

  SideStack sending_{kStack};  // who sends

  // who receives
  SideStack receiving_{kStack};
  std::array<rte_mbuf*, kBurst> frames_;
  unsigned count_ = 0, next_ = 0;
  bool came_ = false;  // frames, since there were none: in() is ready all the time
  uint64_t pause_ = kShortestPause;
  uint64_t looked_ = 0;  // when, at the link
};

// The library, its memory and its devices are the parent's.
DpdkNet::~DpdkNet() {
  if (::getpid() != owner_) {
    (void)port_.release();
    return;
  }
  Dpdk::on_own_thread([this] {
    if (count_ > next_) port_->free(std::span(frames_).subspan(next_, count_ - next_));
    port_.reset();
  });
}

int DpdkNet::open(const std::string& device, uint16_t mtu) {
  interrupts_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  alarm_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!interrupts_ || !set_ || !alarm_) return -errno;
  for (const int fd : {interrupts_.get(), alarm_.get()}) {
    epoll_event event = {.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
  }
  for (SideStack* const stack : {&sending_, &receiving_})
    if (const int error = stack->open()) return error;
  if (const int error = events_.open(set_.get())) return error;
  if (const int error = port_->open(device, mtu, interrupts_.get())) return error;
  link_.store(port_->read_link());
  set_alarm(alarm_.get(), 1);  // the first look
  return 0;
}

// The alarm makes who waits look.
void DpdkNet::link_changed(bool up) {
  link_.store(up);
  set_alarm(alarm_.get(), 1);
}

void DpdkNet::removed() {
  gone_.store(true);
  link_changed(false);
}

int DpdkNet::send(unsigned, std::span<const IoVec> frame) {
  const size_t size = size_of(frame);
  if (size > port_->longest()) return -EMSGSIZE;
  if (!has_link()) return -ENETDOWN;
  const Unnoticed scope;
  bool sent = false;
  sending_.run([&] {
    rte_mbuf* made = port_->make();
    if (!made) return;
    gather(frame, {rte_pktmbuf_mtod(made, std::byte*), size});
    made->data_len = static_cast<uint16_t>(size);
    made->pkt_len = static_cast<uint32_t>(size);
    sent = port_->send(made);
    if (!sent) port_->free({&made, 1});
  });
  if (!sent) {
    // nothing tells when the driver has room again
    events_.wait_a_moment();
    return -EAGAIN;
  }
  events_.went_on();
  return 0;
}

// Whether there are some.
bool DpdkNet::fetch() {
  next_ = 0;
  count_ = port_->receive(frames_);
  if (count_ == 0) return false;
  port_->want_interrupt(false);
  // more may be left when nobody takes them for a while: what is in frames_ no driver tells of
  if (!came_) set_alarm(alarm_.get(), 1);
  came_ = true;
  return true;
}

// There were none: when to look again.
void DpdkNet::rest() {
  const uint64_t now = monotonic_ns();
  pause_ = std::min(came_ ? kShortestPause : 2 * pause_, longest_pause_);
  came_ = false;
  if (port_->has_interrupts()) {
    set_alarm(alarm_.get(), UINT64_MAX);
    port_->want_interrupt(true);
    // those that have come just before it
    if (fetch()) return;
  } else {
    set_alarm(alarm_.get(), now + pause_);
  }
  if (!port_->tells_link() && now - looked_ >= kLinkEvery) {
    looked_ = now;
    link_.store(port_->read_link());
  }
}

// The next one, which is there; false if there is no room for it.
bool DpdkNet::take(std::span<const IoVec> room, size_t& size) {
  rte_mbuf* const frame = frames_[next_++];
  size = frame->pkt_len;
  size_t offset = 0;
  for (const rte_mbuf* piece = frame; piece; piece = piece->next) {
    copy_to(room, offset, {rte_pktmbuf_mtod(piece, const std::byte*), piece->data_len});
    offset += piece->data_len;
  }
  return offset == size && size <= size_of(room);
}

int64_t DpdkNet::receive(unsigned, std::span<const IoVec> room) {
  if (gone_.load()) return -ENODEV;
  const Unnoticed scope;
  for (;;) {
    if (next_ == count_) {
      receiving_.run([&] {
        if (!fetch()) rest();
      });
      if (count_ == 0) {
        // who sends may wait for the moment that is over
        if (events_.wants_look(true)) events_.look();
        return -EAGAIN;
      }
    }
    size_t size = 0;
    const bool taken = take(room, size);
    if (next_ == count_) receiving_.run([&] { port_->free(std::span(frames_).first(count_)); });
    if (taken && size > 0) return static_cast<int64_t>(size);
  }
}

int cannot_have(const NetUri& uri, const std::string& device, int error) {
  const std::string name = device.substr(0, device.find(','));
  std::string driver = name.substr(0, name.find_last_not_of("0123456789") + 1);
  std::ranges::replace(driver, '_', '-');
  if (error == -ENODEV && driver.starts_with("net-"))
    uri.say(name + ": no driver of DPDK makes it; Debian's package of one is librte-" + driver +
            kDpdkAbi + ", say");
  else if (error == -ENODEV)
    uri.say(name + ": DPDK has no such device (dpdk-devbind.py shows those it could have)");
  else if (error == -ENOMEM)
    uri.say(name +
            ": DPDK has no memory left for it, or no driver of such (the package "
            "librte-mempool-ring" +
            kDpdkAbi + ")");
  else if (error == -ERANGE)
    uri.say(name + ": its driver has no MTU as large as that");
  else
    return cannot_open(uri, name, error, kNeed);
  return error;
}

}  // namespace

int open_dpdk(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::optional<std::string> words = uri.take("eal");
  uint64_t pause = kUsualPause, mtu = 0;
  if (!uri.take_number("poll", 1, kLongestPause, pause)) return -EINVAL;
  if (!uri.take_number("mtu", 68, 65535 - NetBackend::kEthernetSize - RTE_PKTMBUF_HEADROOM, mtu))
    return -EINVAL;
  std::string device = uri.target();
  if (device.empty()) return uri.refuse("which device? \"dpdk:net_tap0,iface=NAME\", say");
  // All other words are the device's.
  for (const std::string& word : uri.take_rest()) device += "," + word;
  int error = 0;
  const DpdkCalls* const calls = Dpdk::start(uri, words, error);
  if (!calls) return error;
  auto wire = std::make_unique<DpdkNet>(*calls, pause * kMicrosecond);
  const Dpdk::Messages messages;
  Dpdk::on_own_thread([&] { error = wire->open(device, static_cast<uint16_t>(mtu)); });
  if (error) {
    messages.say(uri);
    return cannot_have(uri, device, error);
  }
  result = std::move(wire);
  return 0;
}

}  // namespace lkl::host
