// SPDX-License-Identifier: GPL-2.0
//
// Read from the headers of lkl.dll, as it is in memory.
#include "lkl/cmd/library_size.h"

#include <windows.h>

#include <fmt/format.h>

#include <cstdint>

#include "base/format.h"

namespace lkl::tool {

void print_library_size() {
  const auto* const base = reinterpret_cast<const std::byte*>(GetModuleHandleW(L"lkl.dll"));
  if (base == nullptr) return;
  const auto* const dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(base);
  const auto* const headers = reinterpret_cast<const IMAGE_NT_HEADERS64*>(base + dos->e_lfanew);
  std::uint64_t code = 0, constants = 0, data = 0, zeroed = 0;
  const IMAGE_SECTION_HEADER* section = IMAGE_FIRST_SECTION(headers);
  for (unsigned i = 0; i < headers->FileHeader.NumberOfSections; i++, section++) {
    const DWORD is = section->Characteristics, size = section->Misc.VirtualSize;
    if (is & IMAGE_SCN_MEM_DISCARDABLE) continue;
    (is & IMAGE_SCN_CNT_UNINITIALIZED_DATA ? zeroed
     : is & IMAGE_SCN_MEM_EXECUTE          ? code
     : is & IMAGE_SCN_MEM_WRITE            ? data
                                           : constants) += size;
  }
  fmt::print("library: code {}, constants {}, data {}, zeroed data {}\n", human_size(code),
             human_size(constants), human_size(data), human_size(zeroed));
}

}  // namespace lkl::tool
