// SPDX-License-Identifier: GPL-2.0
//
// The part of the language that is about packets.
#ifndef LKL_TOOL_DRILL_PACKET_PARSER_H
#define LKL_TOOL_DRILL_PACKET_PARSER_H

#include "drill/script.h"
#include "drill/tokens.h"

namespace lkl::tool::drill {

// From '<' or '>' on. Throws ScriptError.
PacketSpec parse_packet(Tokens& tokens);

// The bytes that an option takes in the header.
std::size_t size_of(const TcpOption& option);

}  // namespace lkl::tool::drill

#endif  // LKL_TOOL_DRILL_PACKET_PARSER_H
