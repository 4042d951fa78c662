// SPDX-License-Identifier: GPL-2.0
// Whether a text of a configuration means something.
#pragma once

#include <string>
#include <string_view>

namespace lkl::host {

// Each: what a value must be ("an IPv4 address"), if this is none; else "".
using CheckValue = std::string (*)(std::string_view value);

std::string check_any(std::string_view value);
std::string check_ipv4(std::string_view value);
std::string check_ipv6(std::string_view value);
std::string check_mac(std::string_view value);
std::string check_mtu(std::string_view value);
std::string check_mask(std::string_view value);   // 1 to 31
std::string check_mask6(std::string_view value);  // 1 to 128
std::string check_number(std::string_view value);
std::string check_c_number(std::string_view value);  // of any base
std::string check_single_cpu(std::string_view value);
std::string check_neighbors(std::string_view value);
std::string check_pairs(std::string_view value);     // "KEY|VALUE;..."
std::string check_prefixes(std::string_view value);  // with commas between
std::string check_routes(std::string_view value);    // the same
std::string check_servers(std::string_view value);   // the same
std::string check_domains(std::string_view value);   // the same
std::string check_hostname(std::string_view value);

// "NETWORK/BITS via ADDRESS", taken apart: empty parts for "default" and for no gateway. False if
// it is none.
bool split_route(std::string_view text, std::string_view& network, std::string_view& gateway);

}  // namespace lkl::host
