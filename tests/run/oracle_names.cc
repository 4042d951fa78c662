// SPDX-License-Identifier: GPL-2.0
//
// What the C library looks up without asking a server.
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <set>
#include <string>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void look_up(const char* what, const char* node, const char* service, const addrinfo* hints) {
  addrinfo* list = nullptr;
  const int error = getaddrinfo(node, service, hints, &list);
  if (error != 0) return say(what, gai_strerror(error));
  // In no order: that depends on the interfaces.
  std::set<std::string> found;
  for (const addrinfo* one = list; one; one = one->ai_next) {
    char text[INET6_ADDRSTRLEN] = {};
    int port = 0;
    if (one->ai_family == AF_INET) {
      const auto* const address = reinterpret_cast<const sockaddr_in*>(one->ai_addr);
      inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
      port = ntohs(address->sin_port);
    } else {
      const auto* const address = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
      port = ntohs(address->sin6_port);
    }
    found.insert(std::string(text) + " " + std::to_string(port) + " " +
                 std::to_string(one->ai_socktype));
  }
  freeaddrinfo(list);
  std::string all;
  for (const std::string& one : found) all += all.empty() ? one : ", " + one;
  say(what, all);
}
void looked_up() {
  look_up("no name, no hints", nullptr, "80", nullptr);
  look_up("a number, no hints", "192.0.2.1", nullptr, nullptr);
  look_up("a number of IPv6, no hints", "2001:db8::1", "443", nullptr);
  look_up("nothing", nullptr, nullptr, nullptr);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_INET;
  look_up("a name of the file", "localhost", "http", &hints);
  hints.ai_flags = AI_PASSIVE;
  look_up("no name, to listen", nullptr, "8080", &hints);
  hints.ai_flags = AI_NUMERICHOST;
  look_up("no number", "localhost", nullptr, &hints);
  const sockaddr_in there = loopback(80);
  char host[64] = {}, service[64] = {};
  say("back", getnameinfo(reinterpret_cast<const sockaddr*>(&there), sizeof there, host,
                          sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV));
  say("host", host);
  say("service", service);
}

}  // namespace

std::span<const Case> names_cases() {
  static constexpr Case kCases[] = {
      CASE(looked_up),
  };
  return kCases;
}

}  // namespace lkl::oracle
