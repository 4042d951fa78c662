// SPDX-License-Identifier: GPL-2.0
// The format: draft-ietf-opsawg-pcapng.
#include "net/capture.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "net/vector.h"

namespace lkl::host {
namespace {

// Numbers as this machine has them: who reads sees that in the first block.
struct SectionHeader {
  uint32_t type = 0x0a0d0d0a, length = sizeof(SectionHeader);
  uint32_t order = 0x1a2b3c4d;
  uint16_t major = 1, minor = 0;
  uint32_t section[2] = {~0u, ~0u};  // length: not known
  uint16_t program_option = 4, program_length = 3;
  char program[4] = {'l', 'k', 'l', 0};
  uint32_t no_more_options = 0;
  uint32_t length_again = sizeof(SectionHeader);
};
static_assert(sizeof(SectionHeader) == 40);

struct InterfaceDescription {
  uint32_t type = 1, length = sizeof(InterfaceDescription);
  uint16_t link = 1, reserved = 0;  // Ethernet
  uint32_t longest = 0;
  uint16_t resolution_option = 9, resolution_length = 1;
  uint8_t resolution[4] = {9, 0, 0, 0};  // 10^-9 seconds
  uint32_t no_more_options = 0;
  uint32_t length_again = sizeof(InterfaceDescription);
};
static_assert(sizeof(InterfaceDescription) == 32);

// A block of a frame, without what comes after the frame's bytes.
struct Packet {
  uint32_t type = 6, length = 0, interface = 0;
  uint32_t time_high = 0, time_low = 0;
  uint32_t captured = 0, original = 0;
};
static_assert(sizeof(Packet) == 28);

struct PacketEnd {
  uint16_t flags_option = 2, flags_length = 4;
  uint32_t flags = 0;
  uint32_t no_more_options = 0;
  uint32_t length_again = 0;
};
static_assert(sizeof(PacketEnd) == 16);
constexpr uint32_t kInbound = 1, kOutbound = 2;

constexpr char kPadding[4] = {};

IoVec part_of(const void* base, size_t size) {
  return {.base = const_cast<void*>(base), .size = size};
}

std::string reason(int error) {
  return std::generic_category().message(-error);
}

}  // namespace

int Capture::take(NetUri& uri, NetClock clock, std::unique_ptr<Capture>& result) {
  uint64_t longest = kWholeFrames;
  if (!uri.take_number("snaplen", 1, kWholeFrames, longest)) return -EINVAL;
  const std::optional<std::string> path = uri.take("pcap");
  if (!path) return longest == kWholeFrames ? 0 : uri.refuse("snaplen is of pcap=FILE");
  std::unique_ptr<Capture> made(new Capture(uri, clock));
  made->longest_ = static_cast<uint32_t>(longest);
  made->path_ = *path;
  result = std::move(made);
  return 0;
}

int Capture::begin() {
  const SectionHeader section;
  InterfaceDescription wire;
  wire.longest = longest_;
  const IoVec parts[] = {part_of(&section, sizeof section), part_of(&wire, sizeof wire)};
  int error = file_.open(path_);
  if (!error) error = file_.append(parts);
  if (error)
    uri_.say("pcap=" + path_ + ": " + (error == -EINVAL ? "not a regular file" : reason(error)));
  return error;
}

void Capture::write(bool out, uint64_t time, std::span<const IoVec> frame, size_t skip,
                    size_t size) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  Packet packet;
  size_t left = std::min<size_t>(size, longest_), count = 1;
  for (const IoVec& part : frame) {
    if (left == 0 || count + 2 == parts_.size()) break;
    const size_t before = std::min(skip, part.size);
    const size_t here = std::min(left, part.size - before);
    skip -= before;
    if (here == 0) continue;
    parts_[count++] = part_of(static_cast<const std::byte*>(part.base) + before, here);
    left -= here;
    packet.captured += static_cast<uint32_t>(here);
  }
  const size_t padding = -packet.captured & 3;
  packet.length =
      static_cast<uint32_t>(sizeof packet + packet.captured + padding + sizeof(PacketEnd));
  packet.time_high = static_cast<uint32_t>(time >> 32);
  packet.time_low = static_cast<uint32_t>(time);
  packet.original = static_cast<uint32_t>(size);
  const PacketEnd end = {.flags = out ? kOutbound : kInbound, .length_again = packet.length};
  parts_[0] = part_of(&packet, sizeof packet);
  parts_[count++] = part_of(kPadding, padding);
  parts_[count++] = part_of(&end, sizeof end);
  const int error = file_.append(std::span(parts_).first(count));
  if (!error) return;
  ended_ = true;
  uri_.say("pcap=" + path_ + ": " + reason(error) + "; the capture ends here");
}

int CapturedNet::send(unsigned queue, std::span<const IoVec> frame) {
  const uint64_t time = capture_->now();
  const int result = wire_->send(queue, frame);
  const size_t size = size_of(frame);
  if (result == 0 && size > header()) capture_->write(true, time, frame, header(), size - header());
  return result;
}

int64_t CapturedNet::receive(unsigned queue, std::span<const IoVec> room) {
  const int64_t result = wire_->receive(queue, room);
  if (result > static_cast<int64_t>(header()))
    capture_->write(false, capture_->now(), room, header(), static_cast<size_t>(result) - header());
  return result;
}

}  // namespace lkl::host
