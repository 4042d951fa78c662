// SPDX-License-Identifier: GPL-2.0
// Pages of the program's file. The host maps what it has of the file around what is touched, most
// of it for nothing when a boot has gone once through all of the kernel.
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "descriptor.h"
#include "host.h"

namespace lkl::host {
namespace {

constexpr uintptr_t kPage = 4096;

// Linux' Documentation/admin-guide/mm/pagemap.rst
constexpr uint64_t kPresent = uint64_t{1} << 63, kOfFile = uint64_t{1} << 61;

bool has(const dl_phdr_info& object, uintptr_t at) {
  for (size_t i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && at - object.dlpi_addr - segment.p_vaddr < segment.p_memsz)
      return true;
  }
  return false;
}

// What a debugger has written to (a breakpoint) is the process's own copy, and must stay. So a part
// is looked at right before it is given up.
void unmap_pages_of_file(const Descriptor& pagemap, uintptr_t start, uintptr_t end) {
  std::array<uint64_t, 512> entries;
  for (uintptr_t part = start; part < end; part += entries.size() * kPage) {
    const size_t pages = std::min<size_t>((end - part) / kPage, entries.size());
    const auto size = static_cast<ssize_t>(pages * sizeof entries[0]);
    if (pread(pagemap.get(), entries.data(), static_cast<size_t>(size),
              static_cast<off_t>(part / kPage * sizeof entries[0])) != size)
      return;
    const auto is_own = [](uint64_t entry) { return (entry & kPresent) && !(entry & kOfFile); };
    const auto last = entries.begin() + static_cast<std::ptrdiff_t>(pages);
    for (auto from = entries.begin(); from != last;) {
      const auto to = std::find_if(from, last, is_own);
      if (to != from)
        (void)madvise(
            reinterpret_cast<void*>(part + static_cast<uintptr_t>(from - entries.begin()) * kPage),
            static_cast<size_t>(to - from) * kPage, MADV_DONTNEED);
      from = std::find_if_not(to, last, is_own);
    }
  }
}

}  // namespace

void unmap_program(const void* at) {
  const Descriptor pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap) return;
  struct Search {
    const Descriptor& pagemap;
    uintptr_t at;
  } search = {pagemap, reinterpret_cast<uintptr_t>(at)};
  dl_iterate_phdr(
      [](dl_phdr_info* object, size_t, void* argument) {
        const auto& [pages, wanted] = *static_cast<const Search*>(argument);
        if (!has(*object, wanted)) return 0;
        for (size_t i = 0; i < object->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = object->dlpi_phdr[i];
          const uintptr_t start = object->dlpi_addr + segment.p_vaddr;
          if (segment.p_type == PT_LOAD && !(segment.p_flags & PF_W))
            unmap_pages_of_file(pages, start & ~(kPage - 1),
                                (start + segment.p_filesz + kPage - 1) & ~(kPage - 1));
        }
        return 1;
      },
      &search);
}

}  // namespace lkl::host
