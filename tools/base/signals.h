// SPDX-License-Identifier: GPL-2.0
//
// Ctrl-C and SIGTERM: the first one is noted and the command ends in order (the chunk being copied
// is finished, the file system unmounted); the second one ends the process at once.
#ifndef LKL_TOOL_SIGNALS_H
#define LKL_TOOL_SIGNALS_H

#include <sys/types.h>

#include <cstddef>
#include <span>

namespace lkl::tool {

// Catches SIGINT, SIGTERM and SIGHUP; ignores SIGPIPE, so that a closed pipe is an error of write.
// To be called once, on the main thread.
void catch_signals();

// Ignores them from here on, for a child that ends when its parent does and closes all descriptors
// but its own, those of this file included.
void ignore_signals();

// The first signal that came, or 0.
int pending_signal();

// As read(2), which would sleep through a signal: EINTR at one, also if it came before.
ssize_t read_or_signal(int fd, std::span<std::byte> into);

// As write(2), of what it takes at once. EINTR at a signal, as above.
ssize_t write_or_signal(int fd, std::span<const std::byte> from);

// Forgets it: what it should end has ended, and the process goes on.
void clear_signal();

// Throws Interrupted when a signal has come. Called wherever work can be broken off.
void check_interrupted();

}  // namespace lkl::tool

#endif  // LKL_TOOL_SIGNALS_H
