// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>
#include <string_view>

namespace lkl::host {

// What nbd://HOST[:PORT]/EXPORT names.
struct NbdAddress {
  std::string host;  // of an IPv6 address without its brackets
  std::string port;
  std::string name;  // the export's; empty is the server's choice
};

// 0, -EPROTONOSUPPORT for one with TLS or on a socket of the file system's, -EINVAL.
int parse_nbd_address(std::string_view uri, NbdAddress& address);

}  // namespace lkl::host
