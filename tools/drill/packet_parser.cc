// SPDX-License-Identifier: GPL-2.0
#include "drill/packet_parser.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace lkl::tool::drill {

namespace {

using Kind = TcpOption::Kind;

constexpr std::size_t kMostOptionBytes = 40;
constexpr std::size_t kDigestSize = 16;
constexpr std::size_t kMostCookie = 16;

bool take_ecn(Tokens& tokens, std::optional<Ecn>& ecn) {
  constexpr std::pair<std::string_view, Ecn> kWords[] = {{"noecn", Ecn::kNone},
                                                         {"ect0", Ecn::kEct0},
                                                         {"ect1", Ecn::kEct1},
                                                         {"ect01", Ecn::kEct01},
                                                         {"ce", Ecn::kCe}};
  for (const auto& [word, value] : kWords)
    if (tokens.peek(1).is_word(word)) {
      tokens.take();
      tokens.take();
      tokens.expect(']', word);
      ecn = value;
      return true;
    }
  return false;
}

std::string parse_flags(Tokens& tokens) {
  if (tokens.take_if('-')) return {};
  std::string flags;
  if (tokens.peek().kind == Token::Kind::kWord) {
    flags = tokens.peek().text;
    if (flags.find_first_not_of("FSRPUEW") != std::string::npos)
      tokens.fail(fmt::format(
          "'{}' are no flags of TCP; they are made of F, S, R, P, U, E, W and '.'", flags));
    tokens.take();
  }
  if (tokens.take_if('.')) flags += '.';
  if (flags.empty()) tokens.fail_expected("flags of TCP, udp or icmp");
  return flags;
}

Sequence parse_sequence(Tokens& tokens) {
  Sequence tcp;
  const int line = tokens.peek().line;
  tcp.first = tokens.number32("a sequence number");
  tokens.expect(':', "the first sequence number");
  tcp.last = tokens.number32("a sequence number");
  tokens.expect('(', "the last sequence number");
  tcp.length = tokens.number32("a length");
  tokens.expect(')', "the length");
  if (tcp.first + tcp.length != tcp.last)
    tokens.fail(line, fmt::format("{}:{} are not {} bytes", tcp.first, tcp.last, tcp.length));
  return tcp;
}

std::vector<std::uint8_t> parse_hex(Tokens& tokens, std::string_view what) {
  const Token token = tokens.take();
  std::vector<std::uint8_t> bytes;
  if (token.text.size() % 2 != 0)
    tokens.fail(token.line, fmt::format("{}: {} has an odd number of digits", what, token.text));
  for (std::size_t i = 0; i < token.text.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* const begin = token.text.data() + i;
    const auto [stop, error] = std::from_chars(begin, begin + 2, byte, 16);
    if (error != std::errc() || stop != begin + 2)
      tokens.fail(token.line, fmt::format("{}: '{}' is no hexadecimal number", what, token.text));
    bytes.push_back(byte);
  }
  return bytes;
}

bool is_hex_next(const Tokens& tokens) {
  return tokens.peek().kind == Token::Kind::kNumber || tokens.peek().kind == Token::Kind::kWord;
}

TcpOption parse_option(Tokens& tokens) {
  TcpOption option;
  const Token name = tokens.expect_word("an option of TCP");
  if (name.text == "nop") {
    option.kind = Kind::kNop;
  } else if (name.text == "eol") {
    option.kind = Kind::kEnd;
  } else if (name.text == "mss") {
    option.kind = Kind::kMss;
    option.value = static_cast<std::uint32_t>(tokens.number("mss", UINT16_MAX));
  } else if (name.text == "wscale") {
    option.kind = Kind::kWindowScale;
    option.value = static_cast<std::uint32_t>(tokens.number("wscale", UINT8_MAX));
  } else if (name.text == "sackOK") {
    option.kind = Kind::kSackOk;
  } else if (name.text == "sack") {
    option.kind = Kind::kSack;
    do {
      SackBlock block;
      block.left = tokens.number32("the begin of a block");
      tokens.expect(':', "the begin of a block");
      block.right = tokens.number32("the end of a block");
      option.blocks.push_back(block);
    } while (tokens.peek().kind == Token::Kind::kNumber);
  } else if (name.text == "TS") {
    option.kind = Kind::kTimestamp;
    if (!tokens.take_if_word("val")) tokens.fail_expected("'val' after TS");
    option.value = tokens.number32("the value of a time stamp");
    if (!tokens.take_if_word("ecr")) tokens.fail_expected("'ecr' after the value of a time stamp");
    option.echo = tokens.number32("the echo of a time stamp");
  } else if (name.text == "md5") {
    option.kind = Kind::kMd5;
    if (is_hex_next(tokens)) option.bytes = parse_hex(tokens, "md5");
    if (!option.bytes.empty() && option.bytes.size() != kDigestSize)
      tokens.fail(name.line,
                  fmt::format("md5: {} bytes, not {}", option.bytes.size(), kDigestSize));
  } else if (name.text == "FO" || name.text == "FOEXP") {
    option.kind = Kind::kFastOpen;
    option.experimental = name.text == "FOEXP";
    if (is_hex_next(tokens)) option.bytes = parse_hex(tokens, name.text);
    if (option.bytes.size() > kMostCookie)
      tokens.fail(name.line,
                  fmt::format("{}: a cookie has {} bytes at most", name.text, kMostCookie));
  } else {
    tokens.fail(name.line, fmt::format("'{}' is no option of TCP that is known here", name.text));
  }
  return option;
}

void parse_options(Tokens& tokens, TcpSpec& tcp) {
  const int line = tokens.peek().line;
  if (tokens.peek().kind == Token::Kind::kEllipsis) {
    tokens.take();
    tcp.any_options = true;
  } else {
    std::size_t size = 0;
    do {
      tcp.options.push_back(parse_option(tokens));
      size += size_of(tcp.options.back());
    } while (tokens.take_if(','));
    if (size % 4 != 0)
      tokens.fail(line, fmt::format("the options of TCP have {} bytes; a multiple of 4 is needed: "
                                    "pad them by nop",
                                    size));
    if (size > kMostOptionBytes)
      tokens.fail(
          line, fmt::format("the options of TCP have {} bytes, above {}", size, kMostOptionBytes));
  }
  tokens.expect('>', "the options of TCP");
}

TcpSpec parse_tcp(Tokens& tokens) {
  TcpSpec tcp;
  const std::string flags = parse_flags(tokens);
  for (const char flag : std::string_view("FSRP.UEW"))
    if (flags.find(flag) != std::string::npos) tcp.flags += flag;
  if (tcp.flags.size() != flags.size()) tokens.fail(fmt::format("'{}' has a flag twice", flags));
  const Sequence sequence = parse_sequence(tokens);
  tcp.first = sequence.first;
  tcp.last = sequence.last;
  tcp.length = sequence.length;
  if (tokens.take_if_word("ack")) tcp.acknowledged = tokens.number32("ack");
  if (tcp.acknowledged.has_value() != (tcp.flags.find('.') != std::string::npos))
    tokens.fail(tcp.acknowledged ? "'ack' without the flag '.'" : "the flag '.' without 'ack'");
  if (tokens.take_if_word("win"))
    tcp.window = static_cast<std::uint16_t>(tokens.number("win", UINT16_MAX));
  if (tokens.take_if_word("urg"))
    tcp.urgent = static_cast<std::uint16_t>(tokens.number("urg", UINT16_MAX));
  if (tokens.take_if('<')) parse_options(tokens, tcp);
  return tcp;
}

UdpSpec parse_udp(Tokens& tokens) {
  UdpSpec udp;
  tokens.expect('(', "udp");
  udp.length = static_cast<std::uint32_t>(tokens.number("a length", 65507));
  tokens.expect(')', "the length");
  return udp;
}

// '[' is the next, of what the message is about; or "icmp".
IcmpSpec parse_icmp(Tokens& tokens) {
  IcmpSpec icmp;
  if (tokens.take_if('[')) {
    if (tokens.take_if_word("udp")) {
      icmp.about_udp = parse_udp(tokens);
    } else {
      icmp.about_tcp = parse_sequence(tokens);
    }
    tokens.expect(']', "what a message of ICMP is about");
  }
  if (!tokens.take_if_word("icmp")) tokens.fail_expected("'icmp'");
  icmp.type = tokens.expect_word("a type of ICMP").text;
  // The word that begins the next event would be a number or a sign.
  if (tokens.peek().kind == Token::Kind::kWord && tokens.peek().text != "mtu")
    icmp.code = tokens.take().text;
  if (tokens.take_if_word("mtu")) icmp.mtu = tokens.number32("mtu");
  return icmp;
}

}  // namespace

std::size_t size_of(const TcpOption& option) {
  switch (option.kind) {
    case Kind::kEnd:
    case Kind::kNop:
      return 1;
    case Kind::kMss:
      return 4;
    case Kind::kWindowScale:
      return 3;
    case Kind::kSackOk:
      return 2;
    case Kind::kSack:
      return 2 + 8 * option.blocks.size();
    case Kind::kTimestamp:
      return 10;
    case Kind::kMd5:
      return 2 + kDigestSize;
    case Kind::kFastOpen:
      return (option.experimental ? 4 : 2) + option.bytes.size();
    case Kind::kOther:
      return 2 + option.bytes.size();
  }
  return 0;
}

PacketSpec parse_packet(Tokens& tokens) {
  PacketSpec packet;
  packet.inbound = tokens.take().is('<');
  if (tokens.peek().is('[')) take_ecn(tokens, packet.ecn);
  if (tokens.peek().is('[') || tokens.peek().is_word("icmp"))
    packet.content = parse_icmp(tokens);
  else if (tokens.take_if_word("udp"))
    packet.content = parse_udp(tokens);
  else
    packet.content = parse_tcp(tokens);
  return packet;
}

}  // namespace lkl::tool::drill
