// SPDX-License-Identifier: GPL-2.0
// What a kernel finds at the other end of its wire, without a network: a router that answers to
// ARP, neighbour solicitations and pings, gives addresses by DHCP and advertisements, and names by
// DNS. By the host's headers and own sums, so that it judges what the library makes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lkl_test {

using Packet = std::vector<uint8_t>;

struct LanOptions {
  bool dhcp = true;
  bool router = true;  // of IPv6
  bool ping = true;    // is answered
  bool dns = true;
  unsigned lost_discovers = 0;  // so many are not answered
  unsigned naks = 0;            // so many requests are refused
  // Options of DHCP behind message type and server, as they are.
  Packet dhcp_options = default_dhcp_options();
  uint8_t client = 15;  // 10.7.0.15 is given
  // Changes a message of DHCP before it goes out; also those that are to be sent before it.
  std::function<std::vector<Packet>(const Packet& message)> hostile;

  static Packet default_dhcp_options();
};

// The router is 10.7.0.1 and fe80::1, the networks 10.7.0.0/24 and fd07::/64; name servers 10.7.0.1
// and fd07::1, which know host.lan: 10.7.0.1 and fd07::1. A thread until the end of the object.
class Lan final {
 public:
  // On a socket of frames, which stays the caller's.
  Lan(int fd, LanOptions options);
  ~Lan();
  Lan(const Lan&) = delete;
  Lan& operator=(const Lan&) = delete;

  // What was asked by DHCP: 1 for a DISCOVER, 3 for a REQUEST, in their order.
  std::vector<int> dhcp_types() const;
  unsigned pings() const { return pings_; }
  // From now on.
  void give(uint8_t client) { client_ = client; }
  // No more answers by DHCP; or to those who ask all only, of whom there are so many.
  void be_silent(bool to_all = true) { (to_all ? silent_ : silent_to_one_) = true; }
  unsigned asked_all() const { return asked_all_; }
  void send(const Packet& frame);

 private:
  void run();
  void take(const Packet& frame);
  void take_arp(const Packet& frame);
  void take_ipv4(const Packet& frame);
  void take_ipv6(const Packet& frame);
  void take_dhcp(const Packet& frame, const Packet& message);
  void answer_dhcp(const Packet& frame, const Packet& question, uint8_t type);
  void advertise(const Packet& frame);
  Packet answer_dns(const Packet& question) const;

  const int fd_;
  const LanOptions options_;
  std::atomic<uint8_t> client_;
  std::atomic<unsigned> pings_ = 0, asked_all_ = 0;
  std::atomic<bool> silent_ = false, silent_to_one_ = false;
  unsigned lost_ = 0, refused_ = 0;
  mutable std::mutex mutex_;
  std::vector<int> dhcp_types_;
  int stop_[2];
  std::thread thread_;
};

}  // namespace lkl_test
