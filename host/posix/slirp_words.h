// SPDX-License-Identifier: GPL-2.0
// The words of "slirp:", which are those of qemu's -netdev user.
#pragma once

#include <netinet/in.h>
#include <slirp/libslirp.h>

#include <memory>
#include <string>
#include <vector>

#include "net/host_forwards.h"
#include "net/uri.h"

namespace lkl::host {

// A port of an address of slirp's network, at which a program of the host answers.
struct GuestForward {
  in_addr server = {};
  uint16_t port = 0;
  bool is_path = false;
  std::string to = {};  // a command, or the path of a socket
};

// What a network is made of. `config` points to its neighbours: it stays where it is.
struct SlirpWords {
  SlirpWords() = default;
  SlirpWords(const SlirpWords&) = delete;
  SlirpWords& operator=(const SlirpWords&) = delete;

  // 0 or -errno, and said.
  int parse(NetUri& uri);

  SlirpConfig config = {};
  std::vector<HostForward> host_forwards;
  std::vector<GuestForward> guest_forwards;

 private:
  int parse_ipv4(NetUri& uri);
  int parse_ipv6(NetUri& uri);
  int parse_names(NetUri& uri);
  int parse_outbound(NetUri& uri);
  int parse_host_forwards(NetUri& uri);
  int parse_guest_forwards(NetUri& uri);

  std::string hostname_, domain_, tftp_, tftp_server_, bootfile_;
  std::vector<std::string> search_;
  std::vector<const char*> search_pointers_;
  sockaddr_in outbound_ = {};
  sockaddr_in6 outbound6_ = {};
};

// An address as the library takes it: of IPv4, or IPv6 if it has a colon or `like_ipv6`; "" for
// any. Its length, or 0 if it is none.
socklen_t to_socket_address(const std::string& text, uint16_t port, bool like_ipv6,
                            sockaddr_storage& result);

}  // namespace lkl::host
