// SPDX-License-Identifier: GPL-2.0
#include "block/nbd_address.h"

#include <cerrno>
#include <charconv>
#include <optional>

namespace lkl::host {
namespace {

constexpr std::string_view kScheme = "nbd://", kPort = "10809";
// Of the protocol.
constexpr size_t kLongestName = 4096;

// %XX are bytes.
std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (text.front() != '%') {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    unsigned char byte = 0;
    if (text.size() < 3) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, byte, 16);
    if (error != std::errc() || end != text.data() + 3) return std::nullopt;
    result += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  return result;
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 && number < 65536;
}

}  // namespace

int parse_nbd_address(std::string_view uri, NbdAddress& address) {
  if (!uri.starts_with(kScheme)) return -EPROTONOSUPPORT;
  uri.remove_prefix(kScheme.size());
  // what is asked of the connection besides, which is nothing without TLS
  uri = uri.substr(0, uri.find_first_of("?#"));
  const size_t slash = uri.find('/');
  std::string_view place = uri.substr(0, slash);
  const std::string_view path =
      slash == std::string_view::npos ? std::string_view() : uri.substr(slash + 1);
  if (const size_t user = place.rfind('@'); user != std::string_view::npos)
    place.remove_prefix(user + 1);

  std::string_view host, port = kPort;
  if (place.starts_with('[')) {
    const size_t end = place.find(']');
    if (end == std::string_view::npos) return -EINVAL;
    host = place.substr(1, end - 1);
    place.remove_prefix(end + 1);
    if (host.empty() || (!place.empty() && !place.starts_with(':'))) return -EINVAL;
  } else {
    host = place.substr(0, place.find(':'));
    place.remove_prefix(host.size());
  }
  if (place.size() > 1) port = place.substr(1);
  if (!is_port(port)) return -EINVAL;

  const std::optional<std::string> host_name = decoded(host), name = decoded(path);
  if (!host_name || !name || name->size() > kLongestName ||
      host_name->find('\0') != std::string::npos)
    return -EINVAL;
  address = {.host = host_name->empty() ? "localhost" : *host_name,
             .port = std::string(port),
             .name = *name};
  return 0;
}

}  // namespace lkl::host
