// SPDX-License-Identifier: GPL-2.0
// What a driver and a network card say to each other: virtio 1.2, section 5.1. Little endian in
// memory, as all hosts are that we have.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace lkl::host {

static_assert(std::endian::native == std::endian::little);

// Section 5.1.3.
namespace net_feature {
inline constexpr unsigned kChecksum = 0;
inline constexpr unsigned kGuestChecksum = 1;
inline constexpr unsigned kSetOffloads = 2;
inline constexpr unsigned kMtu = 3;
inline constexpr unsigned kMac = 5;
inline constexpr unsigned kGuestTso4 = 7;
inline constexpr unsigned kGuestTso6 = 8;
inline constexpr unsigned kGuestEcn = 9;
inline constexpr unsigned kHostTso4 = 11;
inline constexpr unsigned kHostTso6 = 12;
inline constexpr unsigned kHostEcn = 13;
inline constexpr unsigned kMergeableBuffers = 15;
inline constexpr unsigned kStatus = 16;
inline constexpr unsigned kCommands = 17;
inline constexpr unsigned kPairs = 22;
inline constexpr unsigned kSetMac = 23;
inline constexpr unsigned kGuestUso4 = 54;
inline constexpr unsigned kGuestUso6 = 55;
inline constexpr unsigned kHostUso = 56;
}  // namespace net_feature

// Section 5.1.4. The driver only reads it.
struct NetConfig {
  static constexpr uint16_t kLinkUp = 1;
  // More than a driver uses: it has one for each processor.
  static constexpr unsigned kMaxPairs = 16;

  uint8_t mac[6];
  uint16_t status;
  uint16_t max_virtqueue_pairs;
  uint16_t mtu;
};
static_assert(offsetof(NetConfig, status) == 6 && offsetof(NetConfig, mtu) == 10 &&
              sizeof(NetConfig) == 12);

// Section 5.1.6, in front of each frame.
struct NetHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t header_length;
  uint16_t gso_size;
  uint16_t checksum_start;
  uint16_t checksum_offset;
  uint16_t buffers;
};
static_assert(offsetof(NetHeader, buffers) == 10 && sizeof(NetHeader) == 12);

// Section 5.1.6.5: the beginning of each command; what it wants follows.
struct NetCommand {
  uint8_t group;
  uint8_t number;
  bool operator==(const NetCommand&) const = default;

  static const NetCommand kSetMac, kSetPairs, kSetOffloads;
};
inline constexpr NetCommand NetCommand::kSetMac = {1, 1}, NetCommand::kSetPairs = {4, 0},
                            NetCommand::kSetOffloads = {5, 0};
static_assert(sizeof(NetCommand) == 2);

}  // namespace lkl::host
