// SPDX-License-Identifier: GPL-2.0
// Messages of netlink(7), put together piece by piece: what ip, tc, nft and wg send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/kernel_test.h"

namespace lkl_test {

class Message final {
 public:
  // `header` is the fixed part of this type of message: lkl_ifinfomsg, lkl_genlmsghdr, ...
  template <class Header>
  Message(unsigned type, unsigned flags, const Header& header) {
    const lkl_nlmsghdr start = {.nlmsg_len = 0,
                                .nlmsg_type = static_cast<__lkl__u16>(type),
                                .nlmsg_flags = static_cast<__lkl__u16>(LKL_NLM_F_REQUEST | flags),
                                .nlmsg_seq = 0,
                                .nlmsg_pid = 0};
    append(&start, sizeof start);
    append(&header, sizeof header);
  }

  Message& bytes(unsigned type, const void* data, size_t size);
  // With the zero at its end.
  Message& text(unsigned type, std::string_view value);
  template <class Number>
  Message& number(unsigned type, Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    return bytes(type, &value, sizeof value);
  }
  template <class Struct>
  Message& object(unsigned type, const Struct& value) {
    static_assert(std::is_trivially_copyable_v<Struct> && !std::is_pointer_v<Struct>);
    return bytes(type, &value, sizeof value);
  }
  // A fixed part without an attribute of its own.
  template <class Struct>
  Message& raw(const Struct& value) {
    append(&value, sizeof value);
    return *this;
  }
  Message& flag(unsigned type) { return bytes(type, nullptr, 0); }
  // "10.0.0.1" or "fd00::1", in network order.
  Message& address(unsigned type, const char* text);
  // What `inside` adds is in this attribute.
  Message& nest(unsigned type, const std::function<void()>& inside);

  // Finished, with this number.
  const std::vector<char>& finish(uint32_t sequence);

 private:
  void append(const void* data, size_t size);

  std::vector<char> data_;
};

// 10.0.0.1 in network order.
uint32_t ipv4(const char* text);
// 2 and 4 bytes in network order.
uint16_t net16(unsigned value);
uint32_t net32(uint32_t value);

// Sends it over a socket of this protocol (LKL_NETLINK_ROUTE, ...). 0, or the error that it is
// answered with.
int ask(int protocol, Message& message);
int ask_route(Message& message);
// All of them or none, as nft does it; the first error.
int ask_nftables(std::vector<Message> messages);

// The number of a family of generic netlink ("wireguard"); or an error.
int generic_family(const char* name);
// A command of such a family; `fill` adds its attributes. 0, or the error that it is answered with.
int ask_generic(int family, unsigned command, const std::function<void(Message&)>& fill);

// A new interface of this kind; `data` adds what is particular to it (IFLA_INFO_DATA), `more` what
// is not. The index, or an error.
int make_interface(const char* kind, const char* name,
                   const std::function<void(Message&)>& data = nullptr,
                   const std::function<void(Message&)>& more = nullptr);
// What an interface has: its master, its name space, ...; 0 or an error.
int change_interface(int index, const std::function<void(Message&)>& change);

}  // namespace lkl_test
