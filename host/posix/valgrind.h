// SPDX-License-Identifier: GPL-2.0
// What valgrind cannot see by itself. Nothing happens in a process that it does not run, nor in
// a library that was built without its header.
#pragma once

#include <cstddef>

namespace lkl::host::valgrind {

// This process runs under valgrind.
bool runs_us();

// This memory serves as a stack from now on. It stays known as one, whatever else it may be used
// for meanwhile: the last frames of a stack run when the kernel has given it up already.
void is_stack(void* base, size_t size);
// No stack lies in this memory any more.
void forget_stacks(void* base, size_t size);

// This memory was handed out, and has no content yet.
void has_no_content(void* base, size_t size);

// Who uses what is not there gets it, by a fault that is served.
void comes_when_used(void* base, size_t size);

// This memory is at another address as well, and may be written there, which valgrind does not see
// here: it has content from now on.
void is_written_elsewhere(const void* base, size_t size);

}  // namespace lkl::host::valgrind
