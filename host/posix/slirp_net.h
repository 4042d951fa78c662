// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "descriptor.h"
#include "net/backend.h"
#include "net/frame_queue.h"
#include "net/host_forwards.h"
#include "net/host_net.h"
#include "posix/slirp_library.h"
#include "posix/slirp_words.h"

namespace lkl::host {

class SlirpNet final : public NetBackend, public HostForwards {
 public:
  static int open(NetUri& uri, std::unique_ptr<NetBackend>& result);
  ~SlirpNet() override;

  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads& taken) override { return taken == NetOffloads{} ? 0 : -EOPNOTSUPP; }
  size_t longest_frame(unsigned mtu) const override {
    return std::max<size_t>(mtu, mtu_) + kEthernetSize;
  }
  uint16_t mtu() const override { return static_cast<uint16_t>(mtu_); }
  HostForwards* host_forwards() override { return this; }

  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;
  int in(unsigned queue) const override;
  int out(unsigned queue) const override;

  int add_host_forward(const HostForward& forward) override;
  int remove_host_forward(bool udp, const std::string& host_address, uint16_t host_port) override;

 private:
  struct Callbacks;
  struct Timer {
    SlirpTimerId id;
    void* argument;
    uint64_t due_ns = 0;  // 0: it does not run
  };
  // What is known of one of the library's descriptors.
  struct Socket {
    uint32_t events = 0;  // of epoll, that it is watched for
    uint32_t ready = 0;   // of these
    uint32_t round = 0;   // when the library has last asked for it
    bool open = false;
  };

  SlirpNet();
  int start();
  int open_descriptors();
  void begin_use() const;
  int add_guest_forward(const GuestForward& forward);

  void look();
  void fill();
  void watch(int fd, uint32_t events);
  void set_timer(uint32_t timeout_ms);
  void tell();
  void changed();
  void set_full(bool full);
  Socket& socket_of(int fd);

  SlirpWords words_;
  size_t mtu_ = 0;
  Descriptor set_, event_, timer_, room_;

  // SlirpUse guards what follows.
  Slirp* slirp_ = nullptr;
  FrameQueue frames_;
  std::unique_ptr<std::byte[]> gathered_;  // a frame that came in pieces
  std::vector<Socket> sockets_;            // by their numbers
  std::vector<int> watched_, wanted_;
  std::vector<std::unique_ptr<Timer>> timers_;
  uint32_t round_ = 0;
  uint64_t armed_ns_ = 0;   // when the timer is due, 0 for never
  uint64_t active_ns_ = 0;  // when something was last sent or read
  bool told_ = false;       // event_ is ready
  bool changed_ = false;    // fill() is to be called
  bool full_ = false;       // room_ is not writable

  uint64_t process_;
  mutable bool had_card_ = false, foreign_ = false;
};

}  // namespace lkl::host
