// SPDX-License-Identifier: GPL-2.0
//
// Networks of our kernel, by name (network_namespaces(7)).
#ifndef LKL_TOOL_RUN_GUEST_NAMESPACES_H
#define LKL_TOOL_RUN_GUEST_NAMESPACES_H

#include <map>
#include <string>

#include "run/guest_user.h"

namespace lkl::tool::served {

class GuestNamespaces {
 public:
  GuestNamespaces() = default;
  ~GuestNamespaces();
  GuestNamespaces(const GuestNamespaces&) = delete;
  GuestNamespaces& operator=(const GuestNamespaces&) = delete;

  // It stays; "" is the first one. One that nobody has named before is made, with a loopback and
  // an interface "eth0", whose other end has its name in the first one. All are up and have no
  // addresses. Throws Failure. One thread, which is root of some network afterwards.
  const GuestNamespace& find(const std::string& name);

 private:
  int set_up(const std::string& name, const GuestNamespace& network);

  std::map<std::string, GuestNamespace> known_;
};

// Why it is no name; "" if it is one.
std::string why_no_name(const std::string& name);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_GUEST_NAMESPACES_H
