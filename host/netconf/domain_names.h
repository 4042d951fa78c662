// SPDX-License-Identifier: GPL-2.0
// Lists of domain names as DHCP (RFC 3397) and routers (RFC 8106) send them: labels of RFC 1035.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "netconf/bytes.h"

namespace lkl::host {

// Whether a name may be written to a file that resolvers read: labels of letters, digits, '-' and
// '_', 63 each and 253 in all.
bool is_domain_name(std::string_view name);

// The names up to what is none: nothing of a damaged list is taken from there on. `compressed`: a
// name may end with a pointer to an earlier place. Zeroes behind them are padding.
std::vector<std::string> read_domain_names(Bytes from, bool compressed);

}  // namespace lkl::host
