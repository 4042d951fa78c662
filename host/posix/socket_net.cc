// SPDX-License-Identifier: GPL-2.0
// Wires to other processes by sockets that have a name.
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "net/peer_sockets.h"
#include "posix/datagram_net.h"
#include "posix/stream_net.h"
#include "posix/stream_peers.h"

namespace lkl::host {
namespace {

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

int find_any(const NetUri& uri, SocketKind kind, const std::string& name, int type,
             std::vector<SocketAddress>& addresses) {
  return kind == SocketKind::kUnix ? find_unix(uri, name, addresses)
                                   : find_internet(uri, name, type, addresses);
}

}  // namespace

int open_stream_socket(const NetUri& uri, SocketKind kind, const StreamWords& words,
                       std::unique_ptr<NetBackend>& result) {
  std::vector<SocketAddress> addresses;
  if (const int error = find_any(uri, kind, uri.target(), SOCK_STREAM, addresses)) return error;
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
  if (words.reconnect_ms) {
    const auto every = static_cast<unsigned>(words.reconnect_ms);
    if (const int none = StreamPeers::connect(std::move(addresses), every, peers)) return none;
  } else if (error) {
    return failed(uri, "can't connect to " + shown, error);
  }
  return make_stream_net(std::move(socket), result, name, std::move(peers));
}

int open_datagram_socket(const NetUri& uri, SocketKind kind, const std::optional<std::string>& own,
                         std::unique_ptr<NetBackend>& result) {
  std::vector<SocketAddress> remote, local;
  if (const int error = find_any(uri, kind, uri.target(), SOCK_DGRAM, remote)) return error;
  if (own)
    if (const int error = find_any(uri, kind, *own, SOCK_DGRAM, local)) return error;
  const int error = make_datagram_net(local, remote, result);
  const std::string what =
      kind == SocketKind::kUnix ? "\"" + *own + "\"" : "a socket for \"" + uri.target() + "\"";
  return error ? failed(uri, "can't have " + what, error) : 0;
}

}  // namespace lkl::host
