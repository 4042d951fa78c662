// SPDX-License-Identifier: GPL-2.0
// What the host's side reads of what strangers have sent: frames that are cut, taken out of streams
// and rings, answered and let through; messages of DHCP, of routers and of name servers. No kernel
// in it. Memory is of the heap and as long as what is in it, so AddressSanitizer sees a step
// beyond.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fuzz/check.h"
#include "net/dns_message.h"
#include "net/frame_ring.h"
#include "net/ip_edge.h"
#include "net/segments.h"
#include "net/stream_frames.h"
#include "netconf/dhcp_message.h"
#include "netconf/domain_names.h"
#include "netconf/router_options.h"
#include "netconf/udp_packet.h"
#include "posix/shared_address.h"

namespace {

using namespace lkl::host;
using lkl_test::check;
using Data = FuzzedDataProvider;
using Octets = std::vector<uint8_t>;

// One that is empty is somewhere, too.
IoVec part_of(std::span<std::byte> bytes) {
  static std::byte somewhere;
  return {.base = bytes.empty() ? &somewhere : bytes.data(), .size = bytes.size()};
}

// A frame of the card's, whose header says what is still to be done.
void cut(Data& data) {
  const auto frame = data.ConsumeRemainingBytes<std::byte>();
  if (frame.empty()) return;
  Segments segments(frame);
  std::vector<std::byte> room(frame.size());
  size_t count = 0;
  while (const size_t size = segments.next(room)) {
    check(size <= frame.size(), "a segment is no longer than all");
    std::vector<std::byte> one(room.begin(), room.begin() + static_cast<long>(size));
    complete_checksum(one);
    check(one[0] == (one.size() < 12 ? room[0] : room[0] & std::byte{0xfc}),
          "its checksum is made, as far as there is one");
    ++count;
  }
  check(count == segments.count(), "there are as many as it says");
}

// The same on their way to an adapter that knows IP only, and back.
void answer(Data& data) {
  IpEdge edge;
  while (data.remaining_bytes() > 0) {
    const auto frame = data.ConsumeBytes<uint8_t>(data.ConsumeIntegral<uint8_t>());
    std::optional<IpEdge::Answer> answer;
    const auto packet = edge.from_card(frame, answer);
    check(packet.empty() || packet.data() + packet.size() == frame.data() + frame.size(),
          "the packet is the end of the frame");
    check(!answer || (answer->size >= IpEdge::kHeader && answer->size <= answer->bytes.size()),
          "an answer has a length");
    edge.header_for(frame);
  }
}

// What goes out on an address that is the host's as well: the same however it is in pieces.
void let_through(Data& data) {
  const std::vector<PortRange> ports = {{.first = 80, .last = 80}, {.first = 5000, .last = 5099}};
  const size_t first = data.ConsumeIntegralInRange<size_t>(0, 120);
  auto frame = data.ConsumeRemainingBytes<std::byte>();
  const IoVec whole = part_of(frame);
  const size_t cut = std::min(first, frame.size());
  const std::array<IoVec, 2> pieces = {part_of(std::span(frame).first(cut)),
                                       part_of(std::span(frame).subspan(cut))};
  check(may_go_out({&whole, 1}, ports) == may_go_out(pieces, ports), "pieces change nothing");
}

size_t length_at_front(std::span<const std::byte> stream) {
  size_t length = 0;
  for (const std::byte byte : stream.first(kLengthSize))
    length = length << 8 | std::to_integer<size_t>(byte);
  return length;
}

// A stream in pieces has the frames that it has as a whole.
void read_stream(Data& data) {
  const size_t longest = data.ConsumeIntegralInRange<size_t>(1, 300);
  std::array<size_t, 8> pieces;
  for (size_t& piece : pieces) piece = 1 + data.ConsumeIntegral<uint8_t>();
  const auto stream = data.ConsumeRemainingBytes<std::byte>();
  std::span<const std::byte> to_come(stream), expected(stream);
  FrameReader reader(longest);
  for (size_t turn = 0;;) {
    std::vector<std::byte> room(longest);
    const IoVec part = part_of(room);
    const bool ready = reader.ready();
    const int64_t result = reader.next({&part, 1});
    check(ready == (result != 0), "it says whether there is a frame");
    if (result == 0) {
      if (to_come.empty()) break;
      const std::span<std::byte> space = reader.space();
      check(!space.empty(), "there is room for more");
      const size_t count = std::min({space.size(), to_come.size(), pieces[turn++ % pieces.size()]});
      std::ranges::copy(to_come.first(count), space.begin());
      reader.filled(count);
      to_come = to_come.subspan(count);
      continue;
    }
    check(expected.size() >= kLengthSize, "a frame has a length");
    const size_t length = length_at_front(expected);
    const bool possible = length > 0 && length <= longest;
    check((result == -EPROTO) == !possible, "what can't be is no frame");
    if (!possible) return;
    check(static_cast<size_t>(result) == length &&
              std::ranges::equal(expected.subspan(kLengthSize, length),
                                 std::span(room).first(length)),
          "a frame is what has come");
    expected = expected.subspan(kLengthSize + length);
  }
  check(expected.size() < kLengthSize || expected.size() < kLengthSize + length_at_front(expected),
        "no frame is left");
}

// Memory that somebody else writes to as he likes.
void share_ring(Data& data) {
  static const auto ring = std::make_unique<FrameRing>();
  ring->written = ring->taken = 0;
  ring->reader_sleeps = ring->writer_waits = 0;
  std::ranges::fill(ring->data, std::byte{0});
  RingWriter writer(*ring);
  RingReader reader(*ring);
  while (data.remaining_bytes() > 0) {
    switch (data.ConsumeIntegral<uint8_t>() % 8) {
      case 0:
        ring->written = data.ConsumeBool() ? data.ConsumeIntegral<uint64_t>()
                                           : ring->written + data.ConsumeIntegral<int8_t>();
        break;
      case 1:
        ring->taken = data.ConsumeBool() ? data.ConsumeIntegral<uint64_t>()
                                         : ring->taken + data.ConsumeIntegral<int8_t>();
        break;
      case 2: {
        const size_t at = data.ConsumeIntegral<uint16_t>() % 8192;
        const auto bytes = data.ConsumeBytes<std::byte>(data.ConsumeIntegral<uint8_t>() % 9);
        std::ranges::copy(bytes, ring->data + at);
        break;
      }
      case 3:
        writer.reader_wants_bell();
        writer.wait_for_room();
        writer.has_room();
        break;
      case 4:
        reader.sleep();
        reader.writer_wants_bell();
        break;
      case 5: {
        std::vector<std::byte> frame(data.ConsumeIntegral<uint16_t>());
        const IoVec part = part_of(frame);
        const int result = writer.put({&part, 1});
        check(result == 0 || result == -EAGAIN || result == -EPROTO, "it is put, or not");
        break;
      }
      default: {
        std::vector<std::byte> one(data.ConsumeIntegral<uint8_t>()),
            other(data.ConsumeIntegral<uint16_t>());
        const std::array<IoVec, 2> room = {part_of(one), part_of(other)};
        const int64_t result = reader.take(room);
        check(result == -EAGAIN || result == -EPROTO || result == -EMSGSIZE ||
                  (result >= 0 && static_cast<size_t>(result) <= one.size() + other.size()),
              "what is taken has room");
      }
    }
  }
}

bool is_text(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
}
bool are_names(const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [](const std::string& name) { return is_domain_name(name); });
}

void judge(const DhcpReply& reply) {
  check(is_text(reply.message) && are_names(reply.search), "texts may be shown and written");
  check(reply.prefix <= 32, "a prefix is one of IPv4");
  for (const DhcpRoute& route : reply.routes)
    check(route.prefix <= 32 &&
              (route.prefix == 32 || (route.destination & (UINT32_MAX >> route.prefix)) == 0),
          "a route leads to a network");
  if (reply.type == DhcpType::kNak) return;
  check(reply.lease_s > 0 && reply.renew_s <= reply.rebind_s && reply.rebind_s <= reply.lease_s,
        "a lease is renewed before it ends");
}

// A packet of a server's: any bytes, or options in a message that is one.
void read_dhcp(Data& data) {
  const DhcpClient client = {.transaction = 0x01020304, .mac = {2, 0, 0, 0, 0, 1}};
  Octets message;
  if (data.ConsumeBool()) {
    message = make_dhcp_request(client, {});
    message[0] = 2;
    const auto yours = data.ConsumeIntegral<uint32_t>();
    for (size_t i = 0; i < 4; ++i) message[16 + i] = static_cast<uint8_t>(yours >> 8 * i);
    message.resize(240);
    if (data.ConsumeBool())  // the server's name and the file may be options as well
      for (size_t at = 44; at < 236; ++at) message[at] = data.ConsumeIntegral<uint8_t>();
  }
  const auto rest = data.ConsumeRemainingBytes<uint8_t>();
  message.insert(message.end(), rest.begin(), rest.end());
  message.shrink_to_fit();
  if (const auto reply = read_dhcp_reply(client, message)) judge(*reply);
}

void read_udp(Data& data) {
  const bool ready = data.ConsumeBool();
  auto packet = data.ConsumeRemainingBytes<uint8_t>();
  const auto inside = [&](Bytes payload) {
    check(payload.empty() || (payload.data() >= packet.data() &&
                              payload.data() + payload.size() <= packet.data() + packet.size()),
          "the datagram is in the packet");
  };
  if (const auto read = read_udp_packet(packet, ready)) inside(read->payload);
  // what is made of any bytes is read as that
  if (packet.size() > 1000) return;
  const UdpPacket sent = {.source = 0x0a000001,
                          .destination = 0x0a000002,
                          .source_port = 67,
                          .destination_port = 68,
                          .payload = packet};
  const Octets made = make_udp_packet(sent);
  const auto read = read_udp_packet(made, true);
  check(read && read->source == sent.source && read->destination_port == sent.destination_port &&
            std::ranges::equal(read->payload, packet),
        "what was made is read");
}

void read_router(Data& data) {
  RouterNames names;
  while (data.remaining_bytes() > 0) {
    const auto options = data.ConsumeBytes<uint8_t>(data.ConsumeIntegral<uint8_t>() * size_t{4});
    read_router_options(options, names);
    check(are_names(names.search), "names may be written");
    check(names.servers.size() <= RouterNames::kMost && names.search.size() <= RouterNames::kMost,
          "there is an end to them");
  }
}

void read_names(Data& data) {
  const bool compressed = data.ConsumeBool();
  const auto list = data.ConsumeRemainingBytes<uint8_t>();
  check(are_names(read_domain_names(list, compressed)), "names may be written");
}

void read_dns(Data& data) {
  using namespace lkl::tool;
  const DnsQuestion question = {
      .id = 7, .name = "a.example", .type = data.ConsumeBool() ? DnsType::kA : DnsType::kAaaa};
  Octets message;
  if (data.ConsumeBool()) {  // what comes behind the question
    message = *make_dns_question(question);
    message[2] |= 0x80;
    message[7] = data.ConsumeIntegral<uint8_t>();
  }
  const auto rest = data.ConsumeRemainingBytes<uint8_t>();
  message.insert(message.end(), rest.begin(), rest.end());
  message.shrink_to_fit();
  const auto answer = read_dns_answer(question, message);
  if (!answer) return;
  for (const std::string& address : answer->addresses)
    check(parse_host_address(address).has_value(), "addresses are some");
}

using Reader = void (*)(Data&);
constexpr auto kReaders =
    std::to_array<Reader>({cut, answer, let_through, read_stream, share_ring, read_dhcp, read_udp,
                           read_router, read_names, read_dns});

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  kReaders[data.ConsumeIntegral<uint8_t>() % kReaders.size()](data);
  return 0;
}
