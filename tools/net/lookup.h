// SPDX-License-Identifier: GPL-2.0
//
// A name's addresses, asked for from within the kernel.
#ifndef LKL_TOOL_LOOKUP_H
#define LKL_TOOL_LOOKUP_H

#include <string>
#include <vector>

#include "net/dns_message.h"

namespace lkl::tool {

struct Lookup {
  bool answered = false;               // by a server, whatever it says
  std::string server;                  // which one
  std::string problem;                 // empty if there are addresses
  std::vector<std::string> addresses;  // IPv4 first
};

// Asks one server after the other for A and AAAA, by UDP, twice each.
Lookup look_up(const std::string& name, const std::vector<HostAddress>& servers, int ifindex);

}  // namespace lkl::tool

#endif  // LKL_TOOL_LOOKUP_H
