// SPDX-License-Identifier: GPL-2.0
//
// What a script runs with: by which protocol, with which addresses, how exact its times are.
#ifndef LKL_TOOL_DRILL_SETTINGS_H
#define LKL_TOOL_DRILL_SETTINGS_H

#include <cstdint>
#include <string>
#include <vector>

#include "drill/guest.h"
#include "drill/script.h"
#include "drill/symbols.h"

namespace lkl::tool::drill {

// IPv4 by sockets of IPv6 is kMapped.
enum class Family { kIpv4, kMapped, kIpv6 };
std::string family_name(Family family);
// "ipv4", "ipv6", "ipv4-mapped-ipv6" or "all". Throws UsageFailure for others.
std::vector<Family> parse_families(const std::string& text);

struct Settings {
  Family family = Family::kIpv4;
  NetworkSetup network;
  std::uint16_t bind_port = 8080;
  std::uint16_t connect_port = 8080;
  std::int64_t tolerance_us = 4000;
  double tolerance_percent = 1;
  // What does not end a script but is told: packets that differ, calls that give something else.
  bool packets_may_differ = false, calls_may_differ = false;
  Definitions definitions;

  // What the kernel tree's ksft_runner.sh gives packetdrill.
  explicit Settings(Family family);
  // Those of a script, by the names packetdrill has. Throws ScriptError with the script's name.
  void take(const Script& script);
  // Of the command line. Throws UsageFailure.
  void take(const std::string& name, const std::string& value);

  bool ipv6_sockets() const { return family != Family::kIpv4; }

 private:
  // What is wrong with it; empty if nothing is.
  std::string set(const std::string& name, const std::string& value);
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_SETTINGS_H
