// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <string>
#include <string_view>

#include "net/uri.h"

namespace lkl::host {

// The wire on this interface, or device, can't be opened: says why, and the cure. Gives the error
// back. `need` is what has to be asked for where rights are missing.
int cannot_open(const NetUri& uri, const std::string& name, int error, std::string_view need);

// The kind of wire is none that this build has, since this package was not there; or the library
// for it can't be loaded, which is in that one. -EPROTONOSUPPORT, and said.
int not_built(const NetUri& uri, std::string_view package);
int cannot_load(const NetUri& uri, std::string_view library, std::string_view package);

}  // namespace lkl::host
