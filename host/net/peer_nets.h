// SPDX-License-Identifier: GPL-2.0
// Wires to other programs, by the names of lkl_netdev_open(). Each takes the words of its URI, and
// says what is wrong with them, or why it can't be had: 0 or -errno.
#pragma once

#include <memory>

#include "net/backend.h"
#include "net/uri.h"

namespace lkl::host {

int open_unix(NetUri& uri, std::unique_ptr<NetBackend>& result);
int open_tcp(NetUri& uri, std::unique_ptr<NetBackend>& result);
int open_udp(NetUri& uri, std::unique_ptr<NetBackend>& result);
int open_pipe(NetUri& uri, std::unique_ptr<NetBackend>& result);
#ifdef LKL_HAVE_VDE
int open_vde(NetUri& uri, std::unique_ptr<NetBackend>& result);
#endif

}  // namespace lkl::host
