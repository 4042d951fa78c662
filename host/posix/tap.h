// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>

#include "descriptor.h"
#include "net/backend.h"

namespace lkl::host {

// A queue of a TAP interface, or of a macvtap, whoever has opened it; -ENOTTY if it is none.
int make_tap(Descriptor queue, std::unique_ptr<NetBackend>& result);

}  // namespace lkl::host
