// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>
#include <string_view>

#include "net/uri.h"

namespace lkl::host {

// The wire on this interface, or device, can't be opened: says why, and the cure. Gives the error
// back. `need` is what has to be asked for where rights are missing.
int cannot_open(const NetUri& uri, const std::string& name, int error, std::string_view need);

}  // namespace lkl::host
