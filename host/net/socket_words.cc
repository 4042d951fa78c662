// SPDX-License-Identifier: GPL-2.0
// What is said of sockets in a URI.
#include <cerrno>
#include <string>

#include "net/peer_nets.h"
#include "net/peer_sockets.h"

namespace lkl::host {
namespace {

constexpr uint64_t kMsPerSecond = 1000;
constexpr uint64_t kLongestWait = 3600 * kMsPerSecond;

// "server", "server=on", "server=off".
int take_switch(NetUri& uri, std::string_view word, bool& on) {
  on = uri.take_flag(word);
  const std::optional<std::string> value = uri.take(word);
  if (!value) return 0;
  if (on || (*value != "on" && *value != "off"))
    return uri.refuse(std::string(word) + "=" + *value + " is neither on nor off");
  on = *value == "on";
  return 0;
}

int take_words(NetUri& uri, StreamWords& words) {
  if (const int error = take_switch(uri, "server", words.server)) return error;
  uint64_t seconds = 0;
  if (!uri.take_number("reconnect", 0, kLongestWait / kMsPerSecond, seconds) ||
      !uri.take_number("reconnect-ms", 0, kLongestWait, words.reconnect_ms))
    return -EINVAL;
  if (seconds && words.reconnect_ms)
    return uri.refuse("\"reconnect\" or \"reconnect-ms\", not both");
  if (seconds) words.reconnect_ms = seconds * kMsPerSecond;
  if (words.server && words.reconnect_ms)
    return uri.refuse("a server waits for who comes: \"reconnect\" is nothing for it");
  return uri.end();
}

int open_stream(NetUri& uri, SocketKind kind, std::unique_ptr<NetBackend>& result) {
  StreamWords words;
  if (const int error = take_words(uri, words)) return error;
  return open_stream_socket(uri, kind, words, result);
}

}  // namespace

int open_unix(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::string type = uri.take("type").value_or("stream");
  if (type == "stream") return open_stream(uri, SocketKind::kUnix, result);
  if (type != "dgram") return uri.refuse("type=" + type + " is neither stream nor dgram");
  const std::optional<std::string> own = uri.take("local");
  if (const int error = uri.end()) return error;
  if (!own) return uri.refuse("frames come to local=PATH: it has to be given");
  return open_datagram_socket(uri, SocketKind::kUnix, own, result);
}

int open_tcp(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  return open_stream(uri, SocketKind::kInternet, result);
}

int open_udp(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::optional<std::string> own = uri.take("local");
  if (const int error = uri.end()) return error;
  return open_datagram_socket(uri, SocketKind::kInternet, own, result);
}

}  // namespace lkl::host
