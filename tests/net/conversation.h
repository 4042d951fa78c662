// SPDX-License-Identifier: GPL-2.0
// What tests of the network share: wires, cards on them, and conversations whose content is
// compared.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/kernel_test.h"

namespace lkl_test {

inline constexpr unsigned short kPort = 5001;

// "fd:N", and these words.
std::string fd_uri(int fd, const char* words = "");

// A wire with two ends, of which each frame comes out as it was.
class Wire final {
 public:
  explicit Wire(int type);
  Wire();  // of SOCK_SEQPACKET
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  int end(int which) const { return ends_[static_cast<size_t>(which)]; }

 private:
  std::array<int, 2> ends_;
};

lkl_sockaddr_in address(const char* text, unsigned short port = kPort);
lkl_sockaddr_in6 address6(const char* text, unsigned short port = kPort);
template <class Address>
lkl_sockaddr* generic(Address& address) {
  return reinterpret_cast<lkl_sockaddr*>(&address);
}

// A card on the wire of this URI, up, with this address (of a network of 24 bits). The error, or 0.
int connect_card(const char* uri, const char* own, unsigned short mtu, lkl_netdev*& nd);

// The same on a wire that is open.
int add_card(lkl_netdev* nd, const char* own);

// Who has this address is known to the kernel: nobody is asked for its Ethernet address.
void know_the_neighbor(const char* whose);

std::vector<char> content(size_t size);

// What both sides of a conversation do, by the library's calls or the host's.
struct Calls {
  std::function<long(int, char*, size_t)> read;
  std::function<long(int, const char*, size_t)> write;
};
extern const Calls kOurs, kHosts;

// Everything back, until the other side has no more. Whether it was so.
bool echo(const Calls& calls, int fd);
// Sends so much and wants it back, as it was. `no_more` is said at the end of what is sent, and
// then the other side's end is waited for; without it (a protocol that has no half-closed
// connections) there is none.
void talk(const Calls& calls, int fd, size_t size, const std::function<void()>& no_more);
// The same with who echoes at this address, port kPort, when it is there.
void talk_by_tcp(const char* to, size_t size);

// Sends back what comes by a socket of datagrams, of either family, until it has an error.
void echo_datagrams(int udp);

// A kernel for a test that is none of KernelTest. False, and there is none, if it has no network;
// what else is wrong is a failure of the test's.
bool boot_with_network();

// A kernel in a child, made there: it has a card on this end of the wire, and sends back what comes
// by TCP (one connection) and by UDP meanwhile.
pid_t start_peer(const std::string& uri, const char* own, unsigned short mtu);
// Its exit status (0 if all was right there), or 1000 and its signal.
int end_of(pid_t pid);

// The process is in a network of its own from now on, which needs no rights where user name spaces
// are; whether it could be so.
bool enter_own_network();
// An interface of the host gets this address, and is up.
bool host_up(const char* name, const char* own);

// A kernel with a network.
class NicTest : public KernelTest {
 protected:
  void SetUp() override;
  // The carrier of the first Ethernet card: '1' or '0', or '-' for what is not there or down.
  static char carrier();
};

}  // namespace lkl_test
