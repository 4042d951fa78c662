// SPDX-License-Identifier: GPL-2.0
// An Ethernet device of DPDK's, a port in its words, set up for one queue in each direction.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "posix/dpdk_library.h"

namespace lkl::host {

class DpdkPort final {
 public:
  // Told by the library's thread.
  struct Owner {
    virtual void link_changed(bool up) = 0;
    virtual void removed() = 0;

   protected:
    ~Owner() = default;
  };

  DpdkPort(const DpdkCalls& calls, Owner& owner) : calls_(calls), owner_(owner) {}
  ~DpdkPort();
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;

  // A device by its name and arguments, which is there then, or was before. Its interrupts, if it
  // has some, are in this epoll(7) set, which is for rte_epoll_wait(). 0 or -errno: ENODEV if there
  // is no driver for it, EBUSY if somebody else has it. By Dpdk::on_own_thread().
  int open(const std::string& device, uint16_t mtu, int set);

  uint16_t mtu() const { return mtu_; }
  const std::array<uint8_t, 6>& mac() const { return mac_; }
  // It has the address that an interface of the host has.
  bool is_of_host() const { return info_.if_index != 0; }
  // Frames that come are told of by the set.
  bool has_interrupts() const { return interrupts_; }
  // The owner is told of the link.
  bool tells_link() const { return tells_link_; }
  bool read_link() const;
  // The longest frame that can be sent.
  size_t longest() const;

  // ---- on any stack that has room for a driver ----
  unsigned receive(std::span<rte_mbuf*> frames) const;
  void free(std::span<rte_mbuf*> frames) const;
  // One that is empty; nullptr if all are on their way.
  rte_mbuf* make() const;
  // Whether the driver has taken it; if not, it is still ours.
  bool send(rte_mbuf* frame) const;
  // Interrupts that have been are forgotten, and there will be one for the next frame; or none.
  void want_interrupt(bool wanted);

 private:
  // The more of it, the better; what the driver can do is known when it has been tried.
  struct Attempt {
    bool interrupts, link;
  };
  int find(const std::string& device);
  int set_up(const std::string& device, uint16_t mtu, int set);
  int start(const Attempt& attempt, uint16_t mtu, int set);
  int make_pools(size_t frame);
  void listen();
  static int tell(uint16_t port, rte_eth_event_type event, void* owner, void*);

  const DpdkCalls& calls_;
  Owner& owner_;
  uint16_t number_ = RTE_MAX_ETHPORTS;
  bool added_ = false, ours_ = false, started_ = false, promiscuous_ = false;
  bool interrupts_ = false, armed_ = false, tells_link_ = false, hears_ = false;
  rte_eth_dev_owner ownership_ = {};
  rte_eth_dev_info info_ = {};
  rte_mempool* received_ = nullptr;
  rte_mempool* sent_ = nullptr;
  int set_ = -1;
  uint16_t mtu_ = 0;
  std::array<uint8_t, 6> mac_ = {};
};

}  // namespace lkl::host
