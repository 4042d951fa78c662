// SPDX-License-Identifier: GPL-2.0
//
// The kernel in the program's process.
#ifndef LKL_TOOL_PRELOAD_KERNEL_H
#define LKL_TOOL_PRELOAD_KERNEL_H

namespace lkl::preload {

// Starts it, if it does not run: with the first socket of a process, or the first file that tells
// of the network. If that fails the process ends, and says why.
void want_kernel();
// The same for a thread of ours.
void want_kernel_for_children();
// Whether this process has one. Not in a child.
bool has_kernel();
// In a child, which has none from then on.
void leave_to_parent();
// The end of all sockets. What was written to them goes out, as the host's kernel would see to
// after the process: until all is there, or nothing is taken any more.
void close_all();
// The same at the end of the process.
void end_kernel();

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_KERNEL_H
