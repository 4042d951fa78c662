// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>

#include "net/backend.h"
#include "net/uri.h"
#include "win32/wintun_calls.h"

namespace lkl::host {

// The adapter of the URI's name, made if it is not there. What is wrong is said: 0 or -errno.
int open_wintun_adapter(const NetUri& uri, const WintunCalls& calls,
                        std::unique_ptr<NetBackend>& result);
// By the DLL that is installed.
int open_wintun(const NetUri& uri, std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
