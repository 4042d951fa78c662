// SPDX-License-Identifier: GPL-2.0
// All of it is committed at once: what is not touched costs no memory, but counts in what the
// system has promised.
#include <windows.h>

#include <algorithm>
#include <cstdint>

#include "host.h"

namespace lkl::host {
namespace {

constexpr size_t kPage = 4096;

std::byte* guard_page(void* stack) {
  return static_cast<std::byte*>(stack) + kPage;
}

}  // namespace

void* reserve_memory(size_t size, size_t align) {
  constexpr size_t kGranularity = 64 << 10;  // of what the host reserves
  const size_t room = align > kGranularity ? size + align : size;
  void* const reserved = VirtualAlloc(nullptr, room, MEM_RESERVE, PAGE_READWRITE);
  if (!reserved) return nullptr;
  const auto start = reinterpret_cast<uintptr_t>(reserved);
  void* const base = reinterpret_cast<void*>((start + align - 1) & ~(uintptr_t{align} - 1));
  if (VirtualAlloc(base, size, MEM_COMMIT, PAGE_READWRITE)) return base;
  VirtualFree(reserved, 0, MEM_RELEASE);
  return nullptr;
}

bool map_fixed(uint64_t base, uint64_t size) {
  return VirtualAlloc(reinterpret_cast<void*>(base), size, MEM_RESERVE | MEM_COMMIT,
                      PAGE_READWRITE) != nullptr;
}

void release_memory(void* base, size_t) {
  MEMORY_BASIC_INFORMATION info;
  if (VirtualQuery(base, &info, sizeof info)) VirtualFree(info.AllocationBase, 0, MEM_RELEASE);
}

// There is no call for that.
void populate_memory(void*, size_t) {}
// Which need a privilege.
void prefer_huge_pages(void*, size_t) {}

// Given back and got anew: it reads as zeroes, as it does on other hosts. Another thread must not
// look meanwhile, and does not: the content is given up.
void discard_memory(void* base, size_t size) {
  if (VirtualFree(base, size, MEM_DECOMMIT) && VirtualAlloc(base, size, MEM_COMMIT, PAGE_READWRITE))
    return;
  print("lkl: the host does not give back memory that it had taken a moment ago\n");
  std::abort();
}

void stack_on(void* base, size_t) {
  DWORD before;
  VirtualProtect(guard_page(base), kPage, PAGE_READONLY, &before);
}

void stack_off(void* base, size_t) {
  DWORD before;
  VirtualProtect(guard_page(base), kPage, PAGE_READWRITE, &before);
}

void memory_has_no_content(void*, size_t) {}

// Windows maps what is touched, and takes back by itself what a process has not used for long.
void unmap_program(const void*) {}

size_t read_memory(uint64_t address, char* to, size_t size) {
  // page by page: what is before the bad page counts
  size_t done = 0;
  while (done < size) {
    const size_t step = std::min<size_t>(size - done, kPage - (address + done) % kPage);
    SIZE_T count = 0;
    if (!ReadProcessMemory(GetCurrentProcess(), reinterpret_cast<const void*>(address + done),
                           to + done, step, &count) ||
        count != step)
      break;
    done += step;
  }
  return done;
}

}  // namespace lkl::host
