// SPDX-License-Identifier: GPL-2.0
// What rtnetlink tells of all there is, or of what changes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "api/netlink.h"
#include "api/util.h"

namespace lkl::host {

using TakeMessage = std::function<void(const lkl_nlmsghdr& message)>;

// Each whole message of what a receive call gave.
void for_each_message(std::span<const char> received, const TakeMessage& take);

// The attributes behind the fixed part of a message, which has to be as long.
template <class Header>
void for_each_attribute(
    const lkl_nlmsghdr& message,
    const std::function<void(const lkl_rtattr& attribute, std::span<const std::byte> value)>& take);

// All messages that answer RTM_GETADDR and its like for a family; 0 or an error. std::bad_alloc.
int netlink_dump(unsigned type, int family, const TakeMessage& take);

struct InterfaceAddress {
  std::array<uint8_t, 16> bytes = {};  // the first ones, as many as the family has
  unsigned prefix = 0;
  unsigned flags = 0;  // LKL_IFA_F_*
  unsigned scope = 0;
};
// Those of an interface. 0 or an error. std::bad_alloc.
int read_addresses(int ifindex, int family, std::vector<InterfaceAddress>& addresses);

// ---- of the template ----

std::span<const std::byte> attributes_behind(const lkl_nlmsghdr& message, size_t header);
bool next_attribute(std::span<const std::byte>& left, lkl_rtattr& attribute,
                    std::span<const std::byte>& value);

template <class Header>
void for_each_attribute(const lkl_nlmsghdr& message,
                        const std::function<void(const lkl_rtattr& attribute,
                                                 std::span<const std::byte> value)>& take) {
  std::span<const std::byte> left = attributes_behind(message, sizeof(Header)), value;
  lkl_rtattr attribute;
  while (next_attribute(left, attribute, value)) take(attribute, value);
}

// The fixed part; zero if the message is shorter.
template <class Header>
Header header_of(const lkl_nlmsghdr& message) {
  Header header = {};
  if (message.nlmsg_len >= sizeof message + sizeof header)
    std::memcpy(&header, &message + 1, sizeof header);
  return header;
}

}  // namespace lkl::host
