// SPDX-License-Identifier: GPL-2.0
// Where Ethernet ends: a card's frames on one side, packets of IP on the other, of an adapter that
// knows nothing else. Who is there has no Ethernet address, so one is made up, and whoever the card
// asks for by ARP or by neighbour discovery has that one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace lkl::host {

// One thread at a time.
class IpEdge final {
 public:
  static constexpr size_t kHeader = 14;  // of Ethernet
  using Address = std::array<uint8_t, 6>;
  static constexpr Address kOther = {2, 'l', 'k', 'l', 'i', 'p'};

  // The longest that is an answer.
  static constexpr size_t kLongestAnswer = kHeader + 40 + 32;
  struct Answer {
    std::array<uint8_t, kLongestAnswer> bytes;
    size_t size = 0;
  };

  // A frame of the card's: the packet in it. Empty: it is of another kind, or not for the other
  // side; then there may be an answer.
  std::span<const uint8_t> from_card(std::span<const uint8_t> frame, std::optional<Answer>& answer);
  // What goes in front of a packet for the card. Nothing: it is none of IP.
  std::optional<std::array<uint8_t, kHeader>> header_for(std::span<const uint8_t> packet) const;

 private:
  // as far as it has said something
  Address card_ = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
};

}  // namespace lkl::host
