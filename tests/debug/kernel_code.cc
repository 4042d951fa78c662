// SPDX-License-Identifier: GPL-2.0
#include "debug/kernel_code.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <lkl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <sstream>
#include <utility>

#include "support/host_tools.h"

namespace lkl_test {
namespace {

Dl_info library() {
  Dl_info info = {};
  dladdr(reinterpret_cast<void*>(&lkl_strerror), &info);
  return info;
}

std::map<std::string, uintptr_t> read_symbols() {
  std::string out;
  EXPECT_EQ(run(std::string("nm --defined-only ") + library().dli_fname, &out), 0) << out;
  std::map<std::string, uintptr_t> symbols;
  std::istringstream lines(out);
  std::string value, type, name;
  while (lines >> value >> type >> name) symbols.try_emplace(name, std::stoull(value, nullptr, 16));
  return symbols;
}

}  // namespace

void* kernel_symbol(const std::string& name) {
  static const auto symbols = read_symbols();
  const auto found = symbols.find(name);
  if (found == symbols.end()) {
    ADD_FAILURE() << name << ": no such symbol";
    std::abort();
  }
  return static_cast<char*>(library().dli_fbase) + found->second;
}

SystemCall replace_system_call(long nr, SystemCall function) {
  auto* const entry = static_cast<SystemCall*>(kernel_symbol("sys_call_table")) + nr;
  // constant, and protected once it has been relocated
  const uintptr_t page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t page = reinterpret_cast<uintptr_t>(entry) & ~(page_size - 1);
  EXPECT_EQ(mprotect(reinterpret_cast<void*>(page), page_size, PROT_READ | PROT_WRITE), 0);
  return std::exchange(*entry, function);
}

long call_in_kernel(SystemCall function, long argument) {
  const SystemCall before = replace_system_call(__lkl__NR_getppid, function);
  lkl_long arguments[6] = {argument};
  const long result = lkl_syscall(__lkl__NR_getppid, arguments);
  replace_system_call(__lkl__NR_getppid, before);
  return result;
}

}  // namespace lkl_test
