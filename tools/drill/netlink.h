// SPDX-License-Identifier: GPL-2.0
//
// Requests to the kernel by netlink.
#ifndef LKL_TOOL_DRILL_NETLINK_H
#define LKL_TOOL_DRILL_NETLINK_H

#include <lkl.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "drill/guest.h"

namespace lkl::tool::drill {

class NetlinkMessage {
 public:
  // `body`: the structure that follows the header.
  template <class Body>
  NetlinkMessage(int type, int flags, const Body& body) : bytes_(sizeof(lkl_nlmsghdr)) {
    put(&body, sizeof(body));
    auto* const header = reinterpret_cast<lkl_nlmsghdr*>(bytes_.data());
    header->nlmsg_type = static_cast<std::uint16_t>(type);
    header->nlmsg_flags = static_cast<std::uint16_t>(LKL_NLM_F_REQUEST | LKL_NLM_F_ACK | flags);
  }

  void add(int type, std::uint32_t value) { add(type, &value, sizeof(value)); }
  // with its NUL
  void add(int type, const std::string& text) { add(type, text.c_str(), text.size() + 1); }

  // Ready to go.
  std::vector<char>& finish() {
    reinterpret_cast<lkl_nlmsghdr*>(bytes_.data())->nlmsg_len =
        static_cast<std::uint32_t>(bytes_.size());
    return bytes_;
  }

 private:
  void add(int type, const void* data, std::size_t size) {
    lkl_rtattr attribute = {};
    attribute.rta_len = static_cast<unsigned short>(sizeof(attribute) + size);
    attribute.rta_type = static_cast<unsigned short>(type);
    put(&attribute, sizeof(attribute));
    put(data, size);
  }
  void put(const void* data, std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + ((size + 3) & ~std::size_t{3}));
    std::memcpy(bytes_.data() + at, data, size);
  }

  std::vector<char> bytes_;
};

class RouteSocket {
 public:
  // Of NETLINK_ROUTE, NETLINK_GENERIC. Throws Failure.
  explicit RouteSocket(int protocol);

  // Sends it and waits for its end; 0, or the kernel's error. `answer`: the message before the end,
  // if there was one.
  long ask(NetlinkMessage& message, std::vector<char>* answer = nullptr);

 private:
  GuestDescriptor socket_;
};

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_NETLINK_H
