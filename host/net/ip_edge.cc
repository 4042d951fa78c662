// SPDX-License-Identifier: GPL-2.0
// RFC 826 and 5227 (ARP), RFC 4861 and 4862 (neighbour discovery).
#include "net/ip_edge.h"

#include <algorithm>

#include "checksum.h"

namespace lkl::host {
namespace {

using Bytes = std::span<const uint8_t>;
constexpr size_t kHeader = IpEdge::kHeader, kSender = 6, kKind = 12;
constexpr std::array<uint8_t, 2> kArp = {0x08, 0x06}, kIp4 = {0x08, 0x00}, kIp6 = {0x86, 0xdd};

// Of ARP for IPv4 on Ethernet, behind the frame's header.
constexpr size_t kArpSize = 28, kArpSenderIp = 14, kArpTargetIp = 24;
constexpr std::array<uint8_t, 8> kArpRequest = {0, 1, 0x08, 0, 6, 4, 0, 1};

constexpr size_t kIp6Header = 40, kIp6Source = 8;
constexpr uint8_t kIcmp6 = 58, kSolicitation = 135, kAdvertisement = 136, kFarthest = 255;
constexpr size_t kSolicitationSize = 24;  // without options
constexpr uint8_t kSolicitedOverride = 0x60, kTargetLinkAddress = 2;

template <size_t size>
bool has(Bytes bytes, size_t at, const std::array<uint8_t, size>& what) {
  return bytes.size() >= at + size && std::ranges::equal(bytes.subspan(at, size), what);
}

class Writer final {
 public:
  explicit Writer(IpEdge::Answer& answer) : answer_(answer) {}
  Writer& put(Bytes bytes) {
    std::ranges::copy(bytes, answer_.bytes.begin() + static_cast<long>(answer_.size));
    answer_.size += bytes.size();
    return *this;
  }
  Writer& put(std::initializer_list<uint8_t> bytes) {
    return put(Bytes(bytes.begin(), bytes.size()));
  }

 private:
  IpEdge::Answer& answer_;
};

bool all_zero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

// Not to who asks whether somebody has his own address: he is to have it.
std::optional<IpEdge::Answer> answer_arp(Bytes frame) {
  if (frame.size() < kHeader + kArpSize || !has(frame, kHeader, kArpRequest)) return std::nullopt;
  const Bytes arp = frame.subspan(kHeader, kArpSize);
  const Bytes asker = arp.subspan(8, 10), own = arp.subspan(kArpSenderIp, 4);
  const Bytes wanted = arp.subspan(kArpTargetIp, 4);
  if (all_zero(own) || std::ranges::equal(own, wanted)) return std::nullopt;
  IpEdge::Answer answer;
  Writer(answer)
      .put(frame.subspan(kSender, 6))
      .put(IpEdge::kOther)
      .put(kArp)
      .put(arp.first(7))
      .put({2})
      .put(IpEdge::kOther)
      .put(wanted)
      .put(asker);
  return answer;
}

bool is_solicitation(Bytes packet) {
  return packet.size() >= kIp6Header + kSolicitationSize && packet[6] == kIcmp6 &&
         packet[7] == kFarthest && packet[kIp6Header] == kSolicitation;
}

std::optional<IpEdge::Answer> answer_solicitation(Bytes frame, Bytes packet) {
  const Bytes asker = packet.subspan(kIp6Source, 16);
  const Bytes wanted = packet.subspan(kIp6Header + 8, 16);
  if (all_zero(asker) || std::ranges::equal(asker, wanted)) return std::nullopt;
  constexpr uint8_t kSize = kSolicitationSize + 8;
  IpEdge::Answer answer;
  Writer(answer)
      .put(frame.subspan(kSender, 6))
      .put(IpEdge::kOther)
      .put(kIp6)
      .put({0x60, 0, 0, 0, 0, kSize, kIcmp6, kFarthest})
      .put(wanted)
      .put(asker)
      .put({kAdvertisement, 0, 0, 0, kSolicitedOverride, 0, 0, 0})
      .put(wanted)
      .put({kTargetLinkAddress, 1})
      .put(IpEdge::kOther);
  const std::span<uint8_t> made = std::span(answer.bytes).first(answer.size);
  // the addresses, and of the pseudo header the length and the protocol
  const uint32_t sum =
      add_to_checksum(uint32_t{kSize} + kIcmp6, made.subspan(kHeader + kIp6Source));
  const uint16_t checksum = end_of_checksum(sum);
  made[kHeader + kIp6Header + 2] = static_cast<uint8_t>(checksum >> 8);
  made[kHeader + kIp6Header + 3] = static_cast<uint8_t>(checksum);
  return answer;
}

}  // namespace

std::span<const uint8_t> IpEdge::from_card(Bytes frame, std::optional<Answer>& answer) {
  answer.reset();
  if (frame.size() <= kHeader) return {};
  std::ranges::copy(frame.subspan(kSender, 6), card_.begin());
  const Bytes packet = frame.subspan(kHeader);
  if (has(frame, kKind, kArp)) answer = answer_arp(frame);
  if (has(frame, kKind, kIp4)) return packet;
  if (!has(frame, kKind, kIp6)) return {};
  if (!is_solicitation(packet)) return packet;
  answer = answer_solicitation(frame, packet);
  return {};
}

std::optional<std::array<uint8_t, IpEdge::kHeader>> IpEdge::header_for(Bytes packet) const {
  if (packet.empty() || (packet[0] >> 4 != 4 && packet[0] >> 4 != 6)) return std::nullopt;
  std::array<uint8_t, kHeader> header;
  std::ranges::copy(card_, header.begin());
  std::ranges::copy(kOther, header.begin() + kSender);
  std::ranges::copy(packet[0] >> 4 == 4 ? kIp4 : kIp6, header.begin() + kKind);
  return header;
}

}  // namespace lkl::host
