// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <optional>
#include <string>

namespace lkl::host {

struct HostPort {
  std::string host, port;
};

// "HOST:PORT", "[HOST]:PORT", ":PORT".
inline std::optional<HostPort> host_port_of(const std::string& name) {
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos || colon + 1 == name.size()) return std::nullopt;
  std::string host = name.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return HostPort{.host = host, .port = name.substr(colon + 1)};
}

}  // namespace lkl::host
