// SPDX-License-Identifier: GPL-2.0
#include "netconf/router_options.h"

#include <algorithm>

#include "netconf/domain_names.h"

namespace lkl::host {
namespace {

constexpr uint8_t kServers = 25, kSearch = 31;
constexpr size_t kHeader = 8;  // type, length, reserved, lifetime

template <class Value>
void change(std::vector<Value>& values, const Value& value, bool there) {
  std::erase(values, value);
  if (there && values.size() < RouterNames::kMost) values.push_back(value);
}

}  // namespace

void read_router_options(Bytes options, RouterNames& names) {
  while (options.size() >= kHeader) {
    const size_t length = options[1] * size_t{8};
    if (length == 0 || length > options.size()) return;
    const Bytes option = options.first(length);
    options = options.subspan(length);
    const bool there = be32(option, 4) != 0;
    if (option[0] == kServers) {
      std::array<uint8_t, 16> server;
      for (size_t at = kHeader; at + server.size() <= length; at += server.size()) {
        std::ranges::copy(option.subspan(at, server.size()), server.begin());
        change(names.servers, server, there);
      }
    } else if (option[0] == kSearch) {
      for (const std::string& name : read_domain_names(option.subspan(kHeader), false))
        change(names.search, name, there);
    }
  }
}

}  // namespace lkl::host
