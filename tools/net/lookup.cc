// SPDX-License-Identifier: GPL-2.0
#include "net/lookup.h"

#include <fmt/format.h>
#include <sys/random.h>

#include "net/ping.h"

namespace lkl::tool {

namespace {

constexpr unsigned kPort = 53;

// From this server, and to this question: the socket is connected.
std::optional<DnsAnswer> ask(const HostAddress& server, DnsQuestion question, int ifindex) {
  const SocketAddress to(server, kPort, ifindex);
  const KernelSocket socket(to.family(), LKL_SOCK_DGRAM, 0);
  if (socket.get() < 0 || lkl_sys_connect(socket.get(), to.get(), to.size) < 0) return std::nullopt;
  if (getrandom(&question.id, sizeof question.id, 0) != sizeof question.id) question.id = 4711;
  auto message = make_dns_question(question);
  constexpr int kTries = 2;
  constexpr double kSeconds = 2;
  for (int i = 0; i < kTries; i++) {
    const double until = kernel_seconds() + kSeconds;
    if (lkl_sys_send(socket.get(), message->data(), message->size(), 0) < 0) continue;
    while (kernel_seconds() < until && socket.wait(until)) {
      std::array<std::uint8_t, 1500> packet;
      const lkl_long count = lkl_sys_recvfrom(socket.get(), packet.data(), packet.size(),
                                              LKL_MSG_DONTWAIT, nullptr, nullptr);
      if (count < 0) break;  // refused: nobody is at the port
      if (auto answer =
              read_dns_answer(question, std::span(packet).first(static_cast<std::size_t>(count))))
        return answer;
    }
  }
  return std::nullopt;
}

std::string text_of(const HostAddress& address) {
  return address.v6 ? ipv6_text(address.bytes.data()) : ipv4_text(address.bytes.data());
}

}  // namespace

Lookup look_up(const std::string& name, const std::vector<HostAddress>& servers, int ifindex) {
  Lookup result;
  if (!make_dns_question({.id = 0, .name = name})) {
    result.problem = "is not the name of a host";
    return result;
  }
  for (const HostAddress& server : servers) {
    unsigned code = 0;
    for (const DnsType type : {DnsType::kA, DnsType::kAaaa}) {
      const auto answer = ask(server, {.id = 0, .name = name, .type = type}, ifindex);
      if (!answer) break;
      result.answered = true;
      code = answer->code;
      result.addresses.insert(result.addresses.end(), answer->addresses.begin(),
                              answer->addresses.end());
    }
    if (!result.answered) continue;
    result.server = text_of(server);
    if (result.addresses.empty())
      result.problem = code != 0 ? dns_code_text(code) : "the name has no address";
    return result;
  }
  result.problem = "no name server answers";
  return result;
}

}  // namespace lkl::tool
