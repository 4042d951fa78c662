// SPDX-License-Identifier: GPL-2.0
// Code of a test that runs in the kernel, as a module's would: a system call is made to
// be a function of the test, and functions of the kernel are found by name in the
// symbol table of the library.
#pragma once

#include <string>

namespace lkl_test {

// Address of a symbol of liblkl.so, local ones too; the test fails if there is none.
void* kernel_symbol(const std::string& name);

template <typename Function>
Function* kernel_function(const std::string& name) {
  return reinterpret_cast<Function*>(kernel_symbol(name));
}

using SystemCall = long (*)(long, long, long, long, long, long);

// lkl_syscall(nr) runs `function` on the kernel stack of the calling thread's task, in all
// kernels that are booted from now on. Returns what it ran before.
SystemCall replace_system_call(long nr, SystemCall function);

// Runs `function` there once, with this argument; its result.
long call_in_kernel(SystemCall function, long argument = 0);

}  // namespace lkl_test
