// SPDX-License-Identifier: GPL-2.0
// Wires to other processes by sockets that have a name.
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "net/peer_nets.h"
#include "posix/datagram_net.h"
#include "posix/stream_net.h"
#include "posix/stream_peers.h"

namespace lkl::host {
namespace {

constexpr uint64_t kMsPerSecond = 1000;
constexpr uint64_t kLongestWait = 3600 * kMsPerSecond;

int failed(const NetUri& uri, const std::string& what, int error) {
  uri.say(what + ": " + std::generic_category().message(-error));
  return error;
}

int find_unix(const NetUri& uri, const std::string& name, std::vector<SocketAddress>& addresses) {
  const int error = unix_address(name, addresses.emplace_back());
  if (error == -EINVAL) return uri.refuse("\"" + name + "\" is not a path, or @NAME");
  return error ? failed(uri, "\"" + name + "\"", error) : 0;
}

int find_internet(const NetUri& uri, const std::string& name, int type,
                  std::vector<SocketAddress>& addresses) {
  std::string why;
  const int error = internet_addresses(name, type, addresses, why);
  if (error) uri.say(why);
  return error;
}

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

struct StreamWords {
  bool server = false;
  uint64_t reconnect = 0;  // milliseconds; 0: not at all
};

int take_words(NetUri& uri, StreamWords& words) {
  if (const int error = take_switch(uri, "server", words.server)) return error;
  uint64_t seconds = 0;
  if (!uri.take_number("reconnect", 0, kLongestWait / kMsPerSecond, seconds) ||
      !uri.take_number("reconnect-ms", 0, kLongestWait, words.reconnect))
    return -EINVAL;
  if (seconds && words.reconnect) return uri.refuse("\"reconnect\" or \"reconnect-ms\", not both");
  if (seconds) words.reconnect = seconds * kMsPerSecond;
  if (words.server && words.reconnect)
    return uri.refuse("a server waits for who comes: \"reconnect\" is nothing for it");
  return uri.end();
}

int open_stream(const NetUri& uri, std::vector<SocketAddress> addresses, const StreamWords& words,
                std::unique_ptr<NetBackend>& result) {
  const std::string name = uri.scheme() + ":" + uri.target();
  const std::string shown = "\"" + uri.target() + "\"";
  std::unique_ptr<StreamPeers> peers;
  Descriptor socket;
  if (words.server) {
    if (const int error = StreamPeers::listen(addresses, peers))
      return failed(uri, "can't listen at " + shown, error);
    return make_stream_net({}, result, name, std::move(peers));
  }
  const int error = connect_stream(addresses, socket);
  if (words.reconnect) {
    const auto every = static_cast<unsigned>(words.reconnect);
    if (const int none = StreamPeers::connect(std::move(addresses), every, peers)) return none;
  } else if (error) {
    return failed(uri, "can't connect to " + shown, error);
  }
  return make_stream_net(std::move(socket), result, name, std::move(peers));
}

}  // namespace

int open_unix(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::string type = uri.take("type").value_or("stream");
  std::vector<SocketAddress> remote, local;
  if (type == "dgram") {
    const std::optional<std::string> own = uri.take("local");
    if (const int error = uri.end()) return error;
    if (!own) return uri.refuse("frames come to local=PATH: it has to be given");
    if (const int error = find_unix(uri, uri.target(), remote)) return error;
    if (const int error = find_unix(uri, *own, local)) return error;
    const int error = make_datagram_net(local, remote, result);
    return error ? failed(uri, "can't have \"" + *own + "\"", error) : 0;
  }
  if (type != "stream") return uri.refuse("type=" + type + " is neither stream nor dgram");
  StreamWords words;
  if (const int error = take_words(uri, words)) return error;
  if (const int error = find_unix(uri, uri.target(), remote)) return error;
  return open_stream(uri, std::move(remote), words, result);
}

int open_tcp(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  StreamWords words;
  std::vector<SocketAddress> addresses;
  if (const int error = take_words(uri, words)) return error;
  if (const int error = find_internet(uri, uri.target(), SOCK_STREAM, addresses)) return error;
  return open_stream(uri, std::move(addresses), words, result);
}

int open_udp(NetUri& uri, std::unique_ptr<NetBackend>& result) {
  const std::optional<std::string> own = uri.take("local");
  std::vector<SocketAddress> remote, local;
  if (const int error = uri.end()) return error;
  if (const int error = find_internet(uri, uri.target(), SOCK_DGRAM, remote)) return error;
  if (own)
    if (const int error = find_internet(uri, *own, SOCK_DGRAM, local)) return error;
  const int error = make_datagram_net(local, remote, result);
  return error ? failed(uri, "can't have a socket for \"" + uri.target() + "\"", error) : 0;
}

}  // namespace lkl::host
