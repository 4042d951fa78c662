// SPDX-License-Identifier: GPL-2.0
// The one place that opens a wire by its URI.
#pragma once

#include <memory>
#include <string_view>

#include "host.h"
#include "net/backend.h"
#include "net/capture.h"
#include "net/uri.h"

namespace lkl::host {

// Those of lkl_netdev_open(), see include/lkl.h; "" is "slirp". 0 or -errno, and `say` is told why:
// EPROTONOSUPPORT for a scheme that is not known, EINVAL, or why it can't be opened. `clock` is
// what a capture goes by; it and `say` are called as long as the wire is there.
int open_net(std::string_view uri, const NetUri::Say& say, std::unique_ptr<NetBackend>& result,
             NetClock clock = realtime_ns);

}  // namespace lkl::host
