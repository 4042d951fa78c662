// SPDX-License-Identifier: GPL-2.0
#include "net/open.h"

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>

#include "net/host_net.h"

namespace lkl::host {
namespace {

constexpr std::string_view kTap = "tap:", kDescriptor = "fd:", kHeader = ",header";

// A number, taken off the front.
std::optional<int> take_number(std::string_view& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

int open_descriptors(std::string_view text, std::unique_ptr<NetBackend>& result) {
  const std::optional<int> in = take_number(text);
  std::optional<int> out = in;
  if (in && text.starts_with(':')) {
    text.remove_prefix(1);
    out = take_number(text);
  }
  const bool header = text == kHeader;
  if (!in || !out || (!text.empty() && !header)) return -EINVAL;
  return open_packets(*in, *out, header, result);
}

}  // namespace

int open_net(std::string_view uri, std::unique_ptr<NetBackend>& result) {
  if (uri.starts_with(kTap)) return open_tap(std::string(uri.substr(kTap.size())), result);
  if (uri.starts_with(kDescriptor)) return open_descriptors(uri.substr(kDescriptor.size()), result);
  return -EPROTONOSUPPORT;
}

}  // namespace lkl::host
