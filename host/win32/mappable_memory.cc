// SPDX-License-Identifier: GPL-2.0
// Memory at several addresses: not here. Windows maps in units of 64 KiB, a kernel with page tables
// in pages of 4. Such a kernel asks for it when it boots, and hears that there is no memory.
#include "mappable_memory.h"

#include "host.h"

namespace lkl::host {

void let_faults_come() {}

Copiers::Copiers() = default;
Copiers::~Copiers() = default;
void Copiers::fork_forget() {}

MappableMemory::~MappableMemory() = default;

void* MappableMemory::allocate(size_t, size_t) {
  print(
      "lkl: a kernel with page tables does not run on Windows: take one without "
      "(LKL_PROFILE=windows)\n");
  return nullptr;
}

bool MappableMemory::never_map(void*, size_t) {
  return false;
}
void* MappableMemory::window(size_t, size_t) {
  return nullptr;
}
bool MappableMemory::map(void*, const void*, size_t, int) const {
  return false;
}
bool MappableMemory::unmap(void*, size_t) {
  return false;
}
bool MappableMemory::lend(void*, const void*, size_t) {
  return false;
}
bool MappableMemory::take_back(void*, size_t) {
  return false;
}
void MappableMemory::discard(void*, size_t) const {}
void MappableMemory::remember_guard(const void*, bool) {}
void MappableMemory::fork_prepare() {}
void MappableMemory::fork_parent(Copiers*) {}
bool MappableMemory::fork_child() {
  return true;
}
void MappableMemory::fork_child_without() {}

}  // namespace lkl::host
