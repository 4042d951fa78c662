// SPDX-License-Identifier: GPL-2.0
#include "api/netlink.h"

#include "api/util.h"

namespace lkl::host {

void NetlinkRequest::append(const void* data, size_t size) {
  std::memcpy(buffer_ + message().nlmsg_len, data, size);
  message().nlmsg_len += static_cast<__lkl__u32>((size + 3) & ~size_t{3});
}

void NetlinkRequest::attribute(unsigned type, std::span<const std::byte> data) {
  lkl_rtattr attribute = {};
  // the buffer is a multiple of the alignment, so that what fits does so with its padding
  if (data.size() > sizeof buffer_ || sizeof attribute + data.size() > room()) {
    too_long_ = true;
    return;
  }
  attribute.rta_type = static_cast<unsigned short>(type);
  attribute.rta_len = static_cast<unsigned short>(sizeof attribute + data.size());
  append(&attribute, sizeof attribute);
  append(data.data(), data.size());
}

void NetlinkRequest::attribute(unsigned type, std::string_view text) {
  char copy[sizeof buffer_] = {};
  if (text.size() >= sizeof copy) {
    too_long_ = true;
    return;
  }
  std::memcpy(copy, text.data(), text.size());
  attribute(type, std::as_bytes(std::span(copy, text.size() + 1)));
}

int NetlinkRequest::send() {
  if (too_long_) return -LKL_EMSGSIZE;
  const KernelFile socket(
      lkl_sys_socket(LKL_AF_NETLINK, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, LKL_NETLINK_ROUTE));
  if (!socket.is_open()) return socket.error();
  lkl_long count = lkl_sys_send(socket.fd(), buffer_, message().nlmsg_len, 0);
  if (count < 0) return static_cast<int>(count);

  alignas(8) char answer[2048];
  count = lkl_sys_recv(socket.fd(), answer, sizeof answer, 0);
  if (count < 0) return static_cast<int>(count);
  const auto* header = reinterpret_cast<const lkl_nlmsghdr*>(answer);
  if (static_cast<size_t>(count) < sizeof(lkl_nlmsghdr) + sizeof(lkl_nlmsgerr) ||
      header->nlmsg_type != LKL_NLMSG_ERROR)
    return -LKL_EBADMSG;
  return reinterpret_cast<const lkl_nlmsgerr*>(answer + sizeof *header)->error;
}

}  // namespace lkl::host
