// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>
#include <vector>

#include "net/backend.h"
#include "posix/socket_address.h"

namespace lkl::host {

// A frame a datagram, as qemu's "-netdev dgram" has them; from `local`, to `remote`. Who is there
// may go and come back: what is sent meanwhile is lost. The first of the addresses that can be had.
// 0 or -errno.
int make_datagram_net(const std::vector<SocketAddress>& local,
                      const std::vector<SocketAddress>& remote,
                      std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
