// SPDX-License-Identifier: GPL-2.0
#include "net/segments.h"

#include <algorithm>
#include <cstring>

#include "checksum.h"
#include "net/backend.h"

namespace lkl::host {
namespace {

constexpr size_t kHeader = NetBackend::kHeaderSize;

// The card's header: little endian, as the processors are that this is for.
constexpr size_t kFlags = 0, kType = 1, kHeadersLength = 2, kSegment = 4, kStart = 6, kOffset = 8;
constexpr uint8_t kNeedsChecksum = 1, kChecksumIsGood = 2;
constexpr uint8_t kTcp4 = 1, kTcp6 = 4, kEcn = 0x80;

constexpr uint16_t kTagged = 0x8100, kTaggedTwice = 0x88a8, kIp4 = 0x0800, kIp6 = 0x86dd;
constexpr uint8_t kFin = 0x01, kPush = 0x08, kReduced = 0x80;

uint8_t byte_at(std::span<const std::byte> frame, size_t at) {
  return static_cast<uint8_t>(frame[at]);
}
uint16_t get_little(std::span<const std::byte> frame, size_t at) {
  return static_cast<uint16_t>(byte_at(frame, at) | byte_at(frame, at + 1) << 8);
}
uint16_t get_big(std::span<const std::byte> frame, size_t at) {
  return static_cast<uint16_t>(byte_at(frame, at) << 8 | byte_at(frame, at + 1));
}
void put_big(std::span<std::byte> frame, size_t at, uint16_t value) {
  frame[at] = static_cast<std::byte>(value >> 8);
  frame[at + 1] = static_cast<std::byte>(value);
}
uint32_t get_big32(std::span<const std::byte> frame, size_t at) {
  return uint32_t{get_big(frame, at)} << 16 | get_big(frame, at + 2);
}
void put_big32(std::span<std::byte> frame, size_t at, uint32_t value) {
  put_big(frame, at, static_cast<uint16_t>(value >> 16));
  put_big(frame, at + 2, static_cast<uint16_t>(value));
}

std::span<const uint8_t> octets(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

void complete_checksum(std::span<std::byte> frame) {
  if (frame.size() < kHeader) return;
  const uint8_t flags = byte_at(frame, kFlags);
  frame[kFlags] = static_cast<std::byte>(flags & ~(kNeedsChecksum | kChecksumIsGood));
  if (!(flags & kNeedsChecksum)) return;
  const size_t start = kHeader + get_little(frame, kStart);
  const size_t place = start + get_little(frame, kOffset);
  if (start >= frame.size() || place + 2 > frame.size()) return;
  // what stands there is the sum of the pseudo header
  const auto sum = end_of_checksum(add_to_checksum(0, octets(frame.subspan(start))));
  put_big(frame, place, sum == 0 ? 0xffff : sum);  // zero says of UDP that there is none
}

Segments::Segments(std::span<const std::byte> frame) : frame_(frame), cut_(can_be_cut()) {
  if (!cut_) return;
  const size_t payload = frame_.size() - headers_;
  count_ = std::max<size_t>(1, (payload + each_ - 1) / each_);
}

bool Segments::can_be_cut() {
  if (frame_.size() < kHeader + 14) return false;
  const uint8_t type = byte_at(frame_, kType) & static_cast<uint8_t>(~kEcn);
  if ((type != kTcp4 && type != kTcp6) || !(byte_at(frame_, kFlags) & kNeedsChecksum)) return false;
  v6_ = type == kTcp6;
  ip_ = kHeader + 14;
  uint16_t protocol = get_big(frame_, ip_ - 2);
  while ((protocol == kTagged || protocol == kTaggedTwice) && ip_ + 4 <= frame_.size()) {
    ip_ += 4;
    protocol = get_big(frame_, ip_ - 2);
  }
  if (protocol != (v6_ ? kIp6 : kIp4)) return false;
  tcp_ = kHeader + get_little(frame_, kStart);
  if (tcp_ < ip_ + (v6_ ? 40 : 20) || tcp_ + 20 > frame_.size()) return false;
  if (!v6_ && ip_ + (byte_at(frame_, ip_) & 15) * 4u != tcp_) return false;
  headers_ = tcp_ + (byte_at(frame_, tcp_ + 12) >> 4) * 4u;
  each_ = get_little(frame_, kSegment);
  return headers_ >= tcp_ + 20 && headers_ <= std::min(kLongestHeaders, frame_.size()) &&
         each_ > 0 && get_little(frame_, kOffset) == 16;
}

size_t Segments::next(std::span<std::byte> to) {
  if (done_ == count_) return 0;
  const size_t number = done_++;
  if (!cut_) {
    std::ranges::copy(frame_, to.begin());
    return frame_.size();
  }
  const size_t from = headers_ + number * each_;
  const size_t payload = std::min(each_, frame_.size() - from);
  const size_t size = headers_ + payload;
  std::ranges::copy(frame_.first(headers_), to.begin());
  std::ranges::copy(frame_.subspan(from, payload), to.begin() + static_cast<long>(headers_));

  to[kType] = std::byte{0};
  std::fill_n(to.begin() + kHeadersLength, 4, std::byte{0});  // of the headers, of a segment
  if (v6_) {
    put_big(to, ip_ + 4, static_cast<uint16_t>(size - ip_ - 40));
  } else {
    put_big(to, ip_ + 2, static_cast<uint16_t>(size - ip_));
    put_big(to, ip_ + 4, static_cast<uint16_t>(get_big(to, ip_ + 4) + number));
    put_big(to, ip_ + 10, 0);
    put_big(to, ip_ + 10, end_of_checksum(add_to_checksum(0, octets(to.subspan(ip_, tcp_ - ip_)))));
  }
  put_big32(to, tcp_ + 4, get_big32(to, tcp_ + 4) + static_cast<uint32_t>(number * each_));
  uint8_t flags = byte_at(to, tcp_ + 13);
  if (number > 0) flags &= static_cast<uint8_t>(~kReduced);
  if (number + 1 < count_) flags &= static_cast<uint8_t>(~(kFin | kPush));
  to[tcp_ + 13] = static_cast<std::byte>(flags);
  // the pseudo header has another length now
  const auto before = static_cast<uint16_t>(frame_.size() - tcp_);
  const uint32_t sum = uint32_t{get_big(to, tcp_ + 16)} + static_cast<uint16_t>(~before) +
                       static_cast<uint16_t>(size - tcp_);
  put_big(to, tcp_ + 16, static_cast<uint16_t>(add_to_checksum(sum, {})));
  return size;
}

}  // namespace lkl::host
