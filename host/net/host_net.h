// SPDX-License-Identifier: GPL-2.0
// Wires that the host has. Each host has its own: host/posix.
#pragma once

#include <memory>
#include <string>

#include "net/backend.h"
#include "net/uri.h"

struct ifreq;

namespace lkl::host {

// What is in front of each frame on a socket, and so what the other side knows of.
enum class PacketHeader { kNone, kPlain, kWithUso };

// The TAP device of this path, /dev/net/tun say, with what TUNSETIFF wants: it has the interface's
// name afterwards; or a macvtap's, without. 0 or -errno; EINVAL if it is no TAP.
int open_tap_device(const char* path, ifreq* request, std::unique_ptr<NetBackend>& result);

// Those of lkl_netdev_open(): what is wrong is said.
int open_tap(NetUri& uri, std::unique_ptr<NetBackend>& result);
int open_macvtap(NetUri& uri, std::unique_ptr<NetBackend>& result);
int open_raw(NetUri& uri, std::unique_ptr<NetBackend>& result);
#ifdef LKL_HAVE_DPDK
int open_dpdk(NetUri& uri, std::unique_ptr<NetBackend>& result);
#endif
#ifdef LKL_HAVE_XDP
int open_xdp(NetUri& uri, std::unique_ptr<NetBackend>& result);
#endif

// Descriptors that give and take one frame a call: one for both directions, or one for each. A
// datagram or sequenced packet socket; or a queue of a TAP interface, which knows its header
// itself. They stay the caller's. 0 or -errno: EBADF, EPROTOTYPE for a stream, EINVAL for anything
// else.
int open_packets(int in, int out, PacketHeader header, std::unique_ptr<NetBackend>& result);

// The program passt(1), started with the words of the URI: 0 or -errno, and said.
int open_passt(NetUri& uri, std::unique_ptr<NetBackend>& result);

#ifdef LKL_HAVE_SLIRP
// A network of libslirp's by the words of the URI: 0 or -errno, and said.
int open_slirp(NetUri& uri, std::unique_ptr<NetBackend>& result);
#endif

// A port of the switch of this name, of the user's processes. 0 or -errno, and said: EINVAL for
// what is no name, EPERM if its folder is not ours alone, ENOSPC if the switch is full.
int open_switch(NetUri& uri, std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
