// SPDX-License-Identifier: GPL-2.0
// One rtnetlink request and its answer (man 7 rtnetlink).
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "lkl.h"

namespace lkl::host {

class NetlinkRequest final {
 public:
  // `header` is the fixed part: ifinfomsg, ifaddrmsg, rtmsg, ndmsg, tcmsg, ...
  template <typename Header>
  NetlinkRequest(unsigned type, unsigned flags, const Header& header) {
    message().nlmsg_type = static_cast<__lkl__u16>(type);
    message().nlmsg_flags = static_cast<__lkl__u16>(LKL_NLM_F_REQUEST | LKL_NLM_F_ACK | flags);
    message().nlmsg_len = sizeof(lkl_nlmsghdr);
    append(&header, sizeof header);
  }

  void attribute(unsigned type, std::span<const std::byte> data);
  void attribute(unsigned type, __lkl__u32 value) {
    attribute(type, std::as_bytes(std::span(&value, 1)));
  }
  void attribute(unsigned type, std::string_view text);  // with a terminating 0

  // 0 or an error: -LKL_EMSGSIZE if an attribute had no room, which is not sent then.
  int send();

 private:
  lkl_nlmsghdr& message() { return *reinterpret_cast<lkl_nlmsghdr*>(buffer_); }
  size_t room() { return sizeof buffer_ - message().nlmsg_len; }
  // What there is room for.
  void append(const void* data, size_t size);

  alignas(8) char buffer_[1024] = {};
  bool too_long_ = false;
};

// Length of an address of a family, 0 if it is neither of the two.
constexpr size_t address_length(int family) {
  return family == LKL_AF_INET ? 4 : family == LKL_AF_INET6 ? 16 : 0;
}

inline std::span<const std::byte> address_bytes(int family, const void* address) {
  return {static_cast<const std::byte*>(address), address_length(family)};
}

}  // namespace lkl::host
