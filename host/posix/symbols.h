// SPDX-License-Identifier: GPL-2.0
// Names of the code of this process, from the symbol tables of the files it was loaded
// from: for reports, at the time of the report. The kernel's functions are local symbols
// there, unless somebody has stripped them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lkl::host {

struct Symbol {
  std::string_view name;
  uint64_t value;  // as in the file
  uint64_t size;
};

// The function at `address` (as in the file) by the symbol tables of an ELF file that is
// in memory as a whole; an empty name if there is none, or if this is no such file.
Symbol find_symbol(std::span<const std::byte> file, uint64_t address);

}  // namespace lkl::host
