// SPDX-License-Identifier: GPL-2.0
//
// Ports of this machine, for programs that listen on them.
#ifndef LKL_TOOL_WIN32_TCP_PORT_H
#define LKL_TOOL_WIN32_TCP_PORT_H

namespace lkl::tool {

// One of 127.0.0.1 that nobody has now. Throws Failure.
unsigned free_port();
// Whether somebody listens there: this process, or one that Windows does not know.
bool listens(unsigned port, unsigned long process);

}  // namespace lkl::tool

#endif  // LKL_TOOL_WIN32_TCP_PORT_H
