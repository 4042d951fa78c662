// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>
#include <string>

#include "net/backend.h"
#include "net/uri.h"
#include "win32/tap_driver.h"

namespace lkl::host {

// The adapter of this name, or id; "" for the first that nobody has. What is wrong is said: 0 or
// -errno.
int open_tap_adapter(const NetUri& uri, const TapDriver& driver,
                     std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
