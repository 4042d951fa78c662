// SPDX-License-Identifier: GPL-2.0
// The one place that opens a wire by its URI.
#pragma once

#include <memory>
#include <string_view>

#include "net/backend.h"

namespace lkl::host {

//   tap:NAME                       a TAP interface of the host
//   fd:N[,header]                  a descriptor that gives and takes a frame a call
//   fd:IN:OUT[,header]             one for each direction
//
// 0 or -errno: EPROTONOSUPPORT for a scheme that is not known, EINVAL, or why it can't be opened.
int open_net(std::string_view uri, std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
