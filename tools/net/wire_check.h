// SPDX-License-Identifier: GPL-2.0
//
// What works on a wire, step by step: lkl net check.
#ifndef LKL_TOOL_WIRE_CHECK_H
#define LKL_TOOL_WIRE_CHECK_H

#include <optional>
#include <string>
#include <vector>

#include "session/session_options.h"

namespace lkl::tool {

struct WireCheckOptions {
  std::string uri;
  std::vector<std::string> addresses;     // "10.0.0.2/24": instead of DHCP, or of a router's
  std::vector<std::string> gateways;      // one for each family
  std::vector<std::string> name_servers;  // instead of those that DHCP or a router names
  std::optional<std::string> name;        // to be resolved; it has to be then
  bool only_v4 = false;
  bool only_v6 = false;
  unsigned mtu = 0;
  unsigned seconds = 10;  // for DHCP, and for a router
};

struct CheckStep {
  enum class State { kWorks, kAbsent, kFails };  // kAbsent: not there, and not asked for

  std::string name;  // "wire", "ipv4", ...
  State state = State::kWorks;
  std::string what;
  std::string cure;  // of what does not work
};

// The steps in their order; after one that the rest stands on, no more. Throws UsageFailure for
// addresses that are none, Failure if there is no kernel.
std::vector<CheckStep> check_wire(const WireCheckOptions& options, const SessionOptions& session);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WIRE_CHECK_H
