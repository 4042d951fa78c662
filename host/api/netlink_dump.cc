// SPDX-License-Identifier: GPL-2.0
#include "api/netlink_dump.h"

#include <algorithm>

namespace lkl::host {
namespace {

size_t aligned(size_t size) {
  return (size + 3) & ~size_t{3};
}

// Reads until the end of the dump, or its error.
int read_dump(const KernelFile& socket, std::vector<char>& all) {
  std::vector<char> part(32768);  // as much as the kernel gives at once
  bool interrupted = false;
  for (;;) {
    const lkl_long count = lkl_sys_recv(socket.fd(), part.data(), part.size(), 0);
    if (count == -LKL_EINTR) continue;
    if (count < 0) return static_cast<int>(count);
    int error = 1;
    for_each_message(std::span(part.data(), static_cast<size_t>(count)),
                     [&](const lkl_nlmsghdr& message) {
                       if (message.nlmsg_flags & LKL_NLM_F_DUMP_INTR) interrupted = true;
                       if (message.nlmsg_type == LKL_NLMSG_DONE)
                         error = header_of<int>(message);
                       else if (message.nlmsg_type == LKL_NLMSG_ERROR)
                         error = header_of<lkl_nlmsgerr>(message).error;
                     });
    all.insert(all.end(), part.begin(), part.begin() + count);
    all.resize(aligned(all.size()));
    if (error <= 0) return error == 0 && interrupted ? -LKL_EINTR : error;
  }
}

}  // namespace

void for_each_message(std::span<const char> received, const TakeMessage& take) {
  lkl_nlmsghdr header;
  while (received.size() >= sizeof header) {
    std::memcpy(&header, received.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > received.size()) return;
    take(*reinterpret_cast<const lkl_nlmsghdr*>(received.data()));
    received = received.subspan(std::min(aligned(header.nlmsg_len), received.size()));
  }
}

std::span<const std::byte> attributes_behind(const lkl_nlmsghdr& message, size_t header) {
  const std::span all(reinterpret_cast<const std::byte*>(&message), message.nlmsg_len);
  return all.subspan(std::min(sizeof message + aligned(header), all.size()));
}

bool next_attribute(std::span<const std::byte>& left, lkl_rtattr& attribute,
                    std::span<const std::byte>& value) {
  if (left.size() < sizeof attribute) return false;
  std::memcpy(&attribute, left.data(), sizeof attribute);
  if (attribute.rta_len < sizeof attribute || attribute.rta_len > left.size()) return false;
  value = left.first(attribute.rta_len).subspan(sizeof attribute);
  left = left.subspan(std::min(aligned(attribute.rta_len), left.size()));
  return true;
}

int netlink_dump(unsigned type, int family, const TakeMessage& take) {
  struct {
    lkl_nlmsghdr message;
    lkl_rtmsg header;  // the longest of those that begin with a family
  } request = {};
  request.message.nlmsg_len = sizeof request;
  request.message.nlmsg_type = static_cast<__lkl__u16>(type);
  request.message.nlmsg_flags = LKL_NLM_F_REQUEST | LKL_NLM_F_DUMP;
  request.header.rtm_family = static_cast<unsigned char>(family);
  constexpr int kTries = 8;  // while it changes
  int error = -LKL_EINTR;
  std::vector<char> all;
  for (int i = 0; i < kTries && error == -LKL_EINTR; ++i) {
    const KernelFile socket(
        lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, LKL_NETLINK_ROUTE));
    if (!socket.is_open()) return socket.error();
    const lkl_long sent = lkl_sys_send(socket.fd(), &request, sizeof request, 0);
    if (sent < 0) return static_cast<int>(sent);
    all.clear();
    error = read_dump(socket, all);
  }
  if (error) return error;
  for_each_message(all, [&](const lkl_nlmsghdr& message) {
    if (message.nlmsg_type >= LKL_NLMSG_MIN_TYPE) take(message);
  });
  return 0;
}

int read_addresses(int ifindex, int family, std::vector<InterfaceAddress>& addresses) {
  addresses.clear();
  return netlink_dump(LKL_RTM_GETADDR, family, [&](const lkl_nlmsghdr& message) {
    const auto header = header_of<lkl_ifaddrmsg>(message);
    if (header.ifa_index != static_cast<__lkl__u32>(ifindex) || header.ifa_family != family) return;
    InterfaceAddress address = {
        .prefix = header.ifa_prefixlen, .flags = header.ifa_flags, .scope = header.ifa_scope};
    bool local = false;
    for_each_attribute<lkl_ifaddrmsg>(
        message, [&](const lkl_rtattr& attribute, std::span<const std::byte> value) {
          if (attribute.rta_type == LKL_IFA_FLAGS && value.size() == sizeof address.flags)
            std::memcpy(&address.flags, value.data(), value.size());
          // where the two differ, IFA_ADDRESS is that of the other side
          const bool is_local = attribute.rta_type == LKL_IFA_LOCAL;
          if ((is_local || (attribute.rta_type == LKL_IFA_ADDRESS && !local)) &&
              value.size() == address_length(family))
            std::memcpy(address.bytes.data(), value.data(), value.size());
          local = local || is_local;
        });
    addresses.push_back(address);
  });
}

}  // namespace lkl::host
