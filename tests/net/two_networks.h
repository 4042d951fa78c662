// SPDX-License-Identifier: GPL-2.0
// Two networks of the host in one process, and a cable (a pair of veth) between: "near0" here and
// "far0" there. The near one is the machine on whose interface we sit, the far one is somebody
// else's, with a stack of its own.
#pragma once

#include <netinet/in.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace lkl_test {

inline constexpr char kFarAddress[] = "10.8.0.1", kOurAddress[] = "10.8.0.2";

// A command (ip, tc, ...), in the network of the calling thread. Whether it could.
bool run_command(const std::string& command);

// What it prints.
std::string output_of(const std::string& command);

// A socket address of the host's.
sockaddr_in host_address(const char* text, unsigned short port);

class TwoNetworks final {
 public:
  // The process is in the near one from now on; both interfaces are up, and the far one has its
  // address. Whether it could be so: ready().
  explicit TwoNetworks(unsigned mtu = 1500);
  ~TwoNetworks();
  TwoNetworks(const TwoNetworks&) = delete;
  TwoNetworks& operator=(const TwoNetworks&) = delete;
  bool ready() const { return ready_; }

  // On a thread of its own, in the far network: sockets that are made there belong to it.
  void in_far(const std::function<void()>& body) const;

  // The far one sends back what comes by UDP, and by TCP on one connection, to port kPort. Whether
  // it could be set up.
  bool start_echo();
  // Whether all that came by TCP went back.
  bool echo_ended();

  // So many replies come from this address to one echo request, within a moment after the first.
  int replies_to_ping(const char* to, size_t size = 56) const;

 private:
  bool make(unsigned mtu);

  bool ready_ = false, echoed_ = false;
  int far_ = -1, udp_ = -1, tcp_ = -1;
  std::thread udp_echo_, tcp_echo_;
};

}  // namespace lkl_test
