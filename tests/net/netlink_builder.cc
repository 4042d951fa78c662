// SPDX-License-Identifier: GPL-2.0
#include "net/netlink_builder.h"

#include <arpa/inet.h>
#include <lkl/linux/genetlink.h>
#include <lkl/linux/netfilter/nf_tables.h>
#include <lkl/linux/netfilter/nfnetlink.h>
#include <lkl/linux/netlink.h>
#include <lkl/linux/rtnetlink.h>

namespace lkl_test {
namespace {

constexpr size_t aligned(size_t size) {
  return (size + 3) & ~size_t{3};
}

// Sends these, of which `answers` are acknowledged; the first error.
int converse(int protocol, const std::vector<char>& data, size_t answers) {
  const int fd =
      static_cast<int>(lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_RAW | LKL_SOCK_CLOEXEC, protocol));
  if (fd < 0) return fd;
  long result = lkl_sys_sendto(fd, const_cast<char*>(data.data()), data.size(), 0, nullptr, 0);
  std::vector<char> answer(16384);
  int error = result < 0 ? static_cast<int>(result) : 0;
  // a batch that is given up as a whole is answered once
  for (size_t got = 0; got < answers && error == 0;) {
    result = lkl_sys_recvfrom(fd, answer.data(), answer.size(), 0, nullptr, nullptr);
    if (result < 0) error = static_cast<int>(result);
    for (long at = 0; at + static_cast<long>(sizeof(lkl_nlmsghdr)) <= result;) {
      lkl_nlmsghdr header;
      std::memcpy(&header, &answer[static_cast<size_t>(at)], sizeof header);
      if (header.nlmsg_type == LKL_NLMSG_ERROR) {
        ++got;
        int said;
        std::memcpy(&said, &answer[static_cast<size_t>(at) + sizeof header], sizeof said);
        if (error == 0) error = said;
      }
      at += static_cast<long>(aligned(header.nlmsg_len));
    }
  }
  lkl_sys_close(fd);
  return error;
}

}  // namespace

void Message::append(const void* data, size_t size) {
  const size_t at = data_.size();
  data_.resize(at + aligned(size));
  if (size > 0) std::memcpy(&data_[at], data, size);
}

Message& Message::bytes(unsigned type, const void* data, size_t size) {
  const lkl_nlattr attribute = {.nla_len = static_cast<__lkl__u16>(sizeof(lkl_nlattr) + size),
                                .nla_type = static_cast<__lkl__u16>(type)};
  append(&attribute, sizeof attribute);
  append(data, size);
  return *this;
}

Message& Message::text(unsigned type, std::string_view value) {
  const std::string copy(value);
  return bytes(type, copy.c_str(), copy.size() + 1);
}

Message& Message::address(unsigned type, const char* text) {
  unsigned char raw[16];
  const int family = std::strchr(text, ':') ? AF_INET6 : AF_INET;
  EXPECT_EQ(inet_pton(family, text, raw), 1) << text;
  return bytes(type, raw, family == AF_INET6 ? 16 : 4);
}

Message& Message::nest(unsigned type, const std::function<void()>& inside) {
  const size_t at = data_.size();
  bytes(type | LKL_NLA_F_NESTED, nullptr, 0);
  inside();
  const auto length = static_cast<__lkl__u16>(data_.size() - at);
  std::memcpy(&data_[at], &length, sizeof length);
  return *this;
}

const std::vector<char>& Message::finish(uint32_t sequence) {
  lkl_nlmsghdr header;
  std::memcpy(&header, data_.data(), sizeof header);
  header.nlmsg_len = static_cast<__lkl__u32>(data_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(data_.data(), &header, sizeof header);
  return data_;
}

uint32_t ipv4(const char* text) {
  return inet_addr(text);
}
uint16_t net16(unsigned value) {
  return htons(static_cast<uint16_t>(value));
}
uint32_t net32(uint32_t value) {
  return htonl(value);
}

int ask(int protocol, Message& message) {
  return converse(protocol, message.finish(1), 1);
}

int ask_route(Message& message) {
  return ask(LKL_NETLINK_ROUTE, message);
}

int ask_nftables(std::vector<Message> messages) {
  const auto bound = [](unsigned type) {
    lkl_nfgenmsg header = {};
    header.res_id = net16(LKL_NFNL_SUBSYS_NFTABLES);
    return Message(type, 0, header);
  };
  std::vector<char> batch;
  uint32_t sequence = 0;
  const auto add = [&](Message& message) {
    const std::vector<char>& data = message.finish(sequence++);
    batch.insert(batch.end(), data.begin(), data.end());
  };
  Message begin = bound(LKL_NFNL_MSG_BATCH_BEGIN), end = bound(LKL_NFNL_MSG_BATCH_END);
  add(begin);
  for (Message& message : messages) add(message);
  add(end);
  return converse(LKL_NETLINK_NETFILTER, batch, messages.size());
}

int generic_family(const char* name) {
  lkl_genlmsghdr header = {};
  header.cmd = LKL_CTRL_CMD_GETFAMILY;
  header.version = 1;
  Message question(LKL_GENL_ID_CTRL, 0, header);
  question.text(LKL_CTRL_ATTR_FAMILY_NAME, name);
  const std::vector<char>& data = question.finish(1);
  const int fd = static_cast<int>(
      lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_RAW | LKL_SOCK_CLOEXEC, LKL_NETLINK_GENERIC));
  if (fd < 0) return fd;
  long result = lkl_sys_sendto(fd, const_cast<char*>(data.data()), data.size(), 0, nullptr, 0);
  std::vector<char> answer(16384);
  if (result >= 0) result = lkl_sys_recvfrom(fd, answer.data(), answer.size(), 0, nullptr, nullptr);
  lkl_sys_close(fd);
  if (result < 0) return static_cast<int>(result);
  lkl_nlmsghdr start;
  std::memcpy(&start, answer.data(), sizeof start);
  if (start.nlmsg_type == LKL_NLMSG_ERROR) {
    int said;
    std::memcpy(&said, &answer[sizeof start], sizeof said);
    return said;
  }
  for (size_t at = sizeof start + sizeof header; at + sizeof(lkl_nlattr) <= start.nlmsg_len;) {
    lkl_nlattr attribute;
    std::memcpy(&attribute, &answer[at], sizeof attribute);
    if (attribute.nla_type == LKL_CTRL_ATTR_FAMILY_ID) {
      uint16_t id;
      std::memcpy(&id, &answer[at + sizeof attribute], sizeof id);
      return id;
    }
    at += aligned(attribute.nla_len);
  }
  return -LKL_ENOENT;
}

int ask_generic(int family, unsigned command, const std::function<void(Message&)>& fill) {
  lkl_genlmsghdr header = {};
  header.cmd = static_cast<__lkl__u8>(command);
  header.version = 1;
  Message message(static_cast<unsigned>(family), LKL_NLM_F_ACK, header);
  fill(message);
  return ask(LKL_NETLINK_GENERIC, message);
}

int make_interface(const char* kind, const char* name, const std::function<void(Message&)>& data,
                   const std::function<void(Message&)>& more) {
  Message link(LKL_RTM_NEWLINK, LKL_NLM_F_ACK | LKL_NLM_F_CREATE | LKL_NLM_F_EXCL, lkl_ifinfomsg{});
  link.text(LKL_IFLA_IFNAME, name);
  if (more) more(link);
  link.nest(LKL_IFLA_LINKINFO, [&] {
    link.text(LKL_IFLA_INFO_KIND, kind);
    if (data) link.nest(LKL_IFLA_INFO_DATA, [&] { data(link); });
  });
  if (const int error = ask_route(link)) return error;
  return lkl_ifname_to_ifindex(name);
}

int change_interface(int index, const std::function<void(Message&)>& change) {
  lkl_ifinfomsg header = {};
  header.ifi_index = index;
  Message link(LKL_RTM_NEWLINK, LKL_NLM_F_ACK, header);
  change(link);
  return ask_route(link);
}

}  // namespace lkl_test
