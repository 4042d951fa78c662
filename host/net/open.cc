// SPDX-License-Identifier: GPL-2.0
#include "net/open.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "nearest.h"
#include "net/cannot_open.h"
#include "net/capture.h"
#include "net/host_net.h"
#include "net/impaired_net.h"
#include "net/peer_nets.h"

namespace lkl::host {
namespace {

// A number, taken off the front.
std::optional<int> take_number(std::string_view& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

int open_descriptors(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  std::string_view text = uri.target();
  const bool plain = uri.take_flag("header"), uso = uri.take_flag("uso");
  if (const int error = uri.end()) return error;
  const std::optional<int> in = take_number(text);
  std::optional<int> out = in;
  if (in && text.starts_with(':')) {
    text.remove_prefix(1);
    out = take_number(text);
  }
  if (!in || !out || !text.empty())
    return uri.refuse("\"" + uri.target() + "\" is not N or IN:OUT, numbers of descriptors");
  if (uso && !plain) return uri.refuse("\"uso\" wants \"header\", which says what is to be cut");
  const PacketHeader header = uso     ? PacketHeader::kWithUso
                              : plain ? PacketHeader::kPlain
                                      : PacketHeader::kNone;
  return open_packets(*in, *out, header, result);
}

// What this build has not is said by those who would open it.
#ifndef LKL_HAVE_DPDK
int open_dpdk(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return not_built(uri, "libdpdk-dev");
}
#endif
#ifndef LKL_HAVE_SLIRP
int open_slirp(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return not_built(uri, "libslirp-dev");
}
#endif
#ifndef LKL_HAVE_VDE
int open_vde(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return not_built(uri, "libvdeplug-dev");
}
#endif
#ifndef LKL_HAVE_XDP
int open_xdp(NetUri& uri, std::unique_ptr<NetBackend>&) {
  return not_built(uri, "libxdp-dev");
}
#endif

// Each takes its words and says what is wrong with them. In the order of their names.
struct Scheme {
  std::string_view name;
  int (*open)(NetUri& uri, std::unique_ptr<NetBackend>& result);
};
constexpr auto kSchemes = std::to_array<Scheme>({
    {"dpdk", open_dpdk},
    {"fd", open_descriptors},
    {"macvtap", open_macvtap},
    {"passt", open_passt},
    {"pipe", open_pipe},
    {"raw", open_raw},
    {"slirp", open_slirp},
    {"switch", open_switch},
    {"tap", open_tap},
    {"tcp", open_tcp},
    {"udp", open_udp},
    {"unix", open_unix},
    {"vde", open_vde},
    {"xdp", open_xdp},
});

// What any wire may have around it: what goes over it is written, and, nearer to the card, some of
// it is lost.
int open_decorated(const Scheme& scheme, NetUri& uri, NetClock clock,
                   std::unique_ptr<NetBackend>& result) {
  std::optional<Impairments> impairments;
  if (const int error = Impairments::take(uri, impairments)) return error;
  std::unique_ptr<Capture> capture;
  if (const int error = Capture::take(uri, clock, capture)) return error;
  std::unique_ptr<NetBackend> wire;
  if (const int error = scheme.open(uri, wire)) return error;
  if (capture)
    if (const int error = capture->begin()) return error;
  if (capture) wire = std::make_unique<CapturedNet>(std::move(wire), std::move(capture));
  if (impairments) {
    std::unique_ptr<NetBackend> whole = std::move(wire);
    if (const int error = ImpairedNet::make(std::move(whole), *impairments, wire)) return error;
  }
  result = std::move(wire);
  return 0;
}

}  // namespace

int open_net(std::string_view text, const NetUri::Say& say, std::unique_ptr<NetBackend>& result,
             NetClock clock) {
  // as long as a wire that goes on to say something
  const auto said = std::make_shared<std::atomic<bool>>(false);
  NetUri uri(text.empty() ? "slirp" : text, [said, say](std::string_view line) {
    *said = true;
    if (say) say(line);
  });
  const auto scheme = std::ranges::find(kSchemes, uri.scheme(), &Scheme::name);
  if (scheme != kSchemes.end()) {
    const int error = open_decorated(*scheme, uri, clock, result);
    if (error && !*said)
      uri.say((uri.target().empty() ? "" : uri.target() + ": ") +
              std::generic_category().message(-error));
    return error;
  }
  std::vector<std::string_view> known;
  for (const Scheme& each : kSchemes) known.push_back(each.name);
  std::string line = "no such kind of wire";
  if (const std::string_view meant = nearest(uri.scheme(), known); !meant.empty())
    line += "; did you mean \"" + std::string(meant) + ":\"?";
  uri.say(line);
  return -EPROTONOSUPPORT;
}

}  // namespace lkl::host
