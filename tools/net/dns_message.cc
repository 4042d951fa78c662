// SPDX-License-Identifier: GPL-2.0
#include "net/dns_message.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace lkl::tool {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 12, kMaxLabel = 63, kMaxName = 253;
constexpr unsigned kInternet = 1;

unsigned get16(Bytes from, std::size_t at) {
  return static_cast<unsigned>(from[at] << 8 | from[at + 1]);
}
void put16(std::vector<std::uint8_t>& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}
bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The name at `at`, which is then behind it; nothing if it has no end.
std::optional<std::string> read_name(Bytes from, std::size_t& at) {
  std::string name;
  bool followed = false;
  for (std::size_t place = at;;) {
    if (place >= from.size()) return std::nullopt;
    const unsigned length = from[place];
    if (length == 0) {
      if (!followed) at = place + 1;
      return name;
    }
    if (length >= 0xc0) {
      if (place + 1 >= from.size()) return std::nullopt;
      const std::size_t target = get16(from, place) & 0x3fffU;
      if (target >= place) return std::nullopt;  // only back, so that there is an end
      if (!followed) at = place + 2;
      followed = true;
      place = target;
      continue;
    }
    if (length > kMaxLabel || place + 1 + length > from.size()) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const std::uint8_t byte : from.subspan(place + 1, length)) name += static_cast<char>(byte);
    if (name.size() > kMaxName) return std::nullopt;
    place += 1 + length;
  }
}

struct Record {
  std::string owner;
  unsigned type = 0;
  unsigned klass = 0;
  std::size_t data = 0;  // where it begins
  std::size_t length = 0;
};

std::optional<Record> read_record(Bytes from, std::size_t& at) {
  constexpr std::size_t kFixed = 10;
  const auto owner = read_name(from, at);
  if (!owner || at + kFixed > from.size()) return std::nullopt;
  Record record = {.owner = *owner,
                   .type = get16(from, at),
                   .klass = get16(from, at + 2),
                   .data = at + kFixed,
                   .length = get16(from, at + 8)};
  if (record.data + record.length > from.size()) return std::nullopt;
  at = record.data + record.length;
  return record;
}

// The addresses of the name, by way of its aliases, in whatever order they are.
std::vector<std::string> addresses_of(const DnsQuestion& question, Bytes message,
                                      const std::vector<Record>& records) {
  std::vector<std::string> names = {question.name}, addresses;
  for (std::size_t i = 0; i < names.size(); i++)
    for (const Record& record : records) {
      if (record.klass != kInternet || !same_name(record.owner, names[i])) continue;
      if (record.type == static_cast<unsigned>(DnsType::kCname)) {
        std::size_t at = record.data;
        const auto alias = read_name(message, at);
        const auto same = [&](const std::string& name) { return same_name(name, *alias); };
        if (alias && std::ranges::none_of(names, same)) names.push_back(*alias);
      } else if (record.type == static_cast<unsigned>(question.type)) {
        const bool v6 = question.type == DnsType::kAaaa;
        if (record.length != (v6 ? 16 : 4)) continue;
        const std::uint8_t* const bytes = &message[record.data];
        addresses.push_back(v6 ? ipv6_text(bytes) : ipv4_text(bytes));
      }
    }
  return addresses;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> make_dns_question(const DnsQuestion& question) {
  std::vector<std::uint8_t> out;
  put16(out, question.id);
  put16(out, 0x0100);  // recursion desired
  put16(out, 1);
  for (int i = 0; i < 3; i++) put16(out, 0);
  std::string_view name = question.name;
  if (name.empty() || name.size() > kMaxName) return std::nullopt;
  for (bool more = true; more;) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabel) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    more = dot != name.npos;
    if (more) name.remove_prefix(dot + 1);
  }
  out.push_back(0);
  put16(out, static_cast<unsigned>(question.type));
  put16(out, kInternet);
  return out;
}

std::optional<DnsAnswer> read_dns_answer(const DnsQuestion& question, Bytes message) {
  constexpr unsigned kResponse = 0x8000, kOpcode = 0x7800;
  if (message.size() < kHeader || get16(message, 0) != question.id) return std::nullopt;
  const unsigned flags = get16(message, 2);
  if (!(flags & kResponse) || flags & kOpcode || get16(message, 4) != 1) return std::nullopt;
  std::size_t at = kHeader;
  const auto name = read_name(message, at);
  if (!name || !same_name(*name, question.name) || at + 4 > message.size() ||
      get16(message, at) != static_cast<unsigned>(question.type) ||
      get16(message, at + 2) != kInternet)
    return std::nullopt;
  at += 4;
  std::vector<Record> records;
  for (unsigned left = get16(message, 6); left > 0; left--) {
    auto record = read_record(message, at);
    // one that was cut off says so, and what is there of it counts
    constexpr unsigned kTruncated = 0x0200;
    if (!record && flags & kTruncated) break;
    if (!record) return std::nullopt;
    records.push_back(std::move(*record));
    constexpr std::size_t kMost = 256;
    if (records.size() == kMost) break;
  }
  return DnsAnswer{.code = flags & 0xf, .addresses = addresses_of(question, message, records)};
}

std::string dns_code_text(unsigned code) {
  switch (code) {
    case 0:
      return "no error";
    case 1:
      return "the server does not understand the question";
    case 2:
      return "the server has failed";
    case 3:
      return "there is no such name";
    case 5:
      return "the server refuses to answer";
  }
  return fmt::format("error {} of the server", code);
}

std::string ipv4_text(const std::uint8_t* bytes) {
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, bytes, text, sizeof text);
}

std::string ipv6_text(const std::uint8_t* bytes) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes, text, sizeof text);
}

std::optional<HostAddress> parse_host_address(const std::string& text) {
  HostAddress address;
  address.v6 = text.find(':') != text.npos;
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, text.c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

}  // namespace lkl::tool
