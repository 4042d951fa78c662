// SPDX-License-Identifier: GPL-2.0
//
// The kernel that programs are served by, with its network.
#ifndef LKL_TOOL_RUN_GUEST_NETWORK_H
#define LKL_TOOL_RUN_GUEST_NETWORK_H

#include <lkl_config.h>

#include <lkl.hpp>
#include <string>
#include <vector>

#include "session/session_options.h"

namespace lkl::tool::served {

struct NetworkOptions {
  std::vector<std::string> wires;         // URIs; none: slirp:, if nothing else says
  std::vector<std::string> addresses;     // "10.0.0.2/24", of the first wire: instead of DHCP
  std::vector<std::string> gateways;      // one for each family
  std::vector<std::string> name_servers;  // instead of those that DHCP names
  std::vector<std::string> settings;      // "net.ipv4.tcp_congestion_control=bbr"
  std::string config;                     // a file, as lkl_load_config_json() has it
  std::string capture;                    // a file for what goes over the first wire
};

// What lkl_load_config_json() has to be given besides the environment, in this order; empty:
// nothing.
struct NetworkTexts {
  std::string file, options;
};
// Reads all of it to `config`, where it is checked. Throws Failure.
NetworkTexts read_network(const NetworkOptions& options, lkl_config& config);

class GuestNetwork {
 public:
  // Throws Failure: what is wrong has been said by the library, too.
  GuestNetwork(const NetworkOptions& options, const SessionOptions& session);
  ~GuestNetwork();
  GuestNetwork(const GuestNetwork&) = delete;
  GuestNetwork& operator=(const GuestNetwork&) = delete;

 private:
  void open_wires();

  lkl_config config_ = {};
  Kernel kernel_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_GUEST_NETWORK_H
