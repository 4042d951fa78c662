// SPDX-License-Identifier: GPL-2.0
// The one place that opens a wire by its URI.
#pragma once

#include <memory>
#include <string_view>

#include "net/backend.h"
#include "net/uri.h"

namespace lkl::host {

// Those of lkl_netdev_open(), see include/lkl.h; "" is "slirp". 0 or -errno, and `say` is told why:
// EPROTONOSUPPORT for a scheme that is not known, EINVAL, or why it can't be opened.
int open_net(std::string_view uri, const NetUri::Say& say, std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
