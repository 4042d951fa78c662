// SPDX-License-Identifier: GPL-2.0
//
// Read from the ELF file that the library is part of: liblkl.so, or this program if it was linked
// statically.
#include "lkl/cmd/library_size.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>
#include <lkl.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/format.h"

namespace lkl::tool {

namespace {

struct ElfSizes {
  std::uint64_t code = 0, constants = 0, data = 0, zeroed = 0;
  std::size_t system_calls = 0;  // 0: the file has no symbols to count
};

template <class Record>
bool read_at(std::ifstream& file, std::uint64_t offset, std::vector<Record>& into) {
  file.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(file.read(reinterpret_cast<char*>(into.data()),
                                     static_cast<std::streamsize>(into.size() * sizeof(Record))));
}

// How many functions are called lkl_sys_...
std::size_t count_system_calls(std::ifstream& file, const Elf64_Shdr& symbols,
                               const Elf64_Shdr& names) {
  std::vector<Elf64_Sym> table(symbols.sh_size / sizeof(Elf64_Sym));
  std::vector<char> text(names.sh_size + 1);
  if (!read_at(file, symbols.sh_offset, table)) return 0;
  text.resize(names.sh_size);
  if (!read_at(file, names.sh_offset, text)) return 0;
  text.push_back('\0');
  std::size_t count = 0;
  for (const Elf64_Sym& symbol : table) {
    if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC ||
        ELF64_ST_BIND(symbol.st_info) == STB_LOCAL || symbol.st_name >= names.sh_size)
      continue;
    if (std::strncmp(&text[symbol.st_name], "lkl_sys_", 8) == 0) count++;
  }
  return count;
}

std::optional<ElfSizes> read_sizes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Elf64_Ehdr> header(1);
  if (!read_at(file, 0, header) || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
      header[0].e_ident[EI_CLASS] != ELFCLASS64)
    return std::nullopt;
  std::vector<Elf64_Shdr> sections(header[0].e_shnum);
  if (!read_at(file, header[0].e_shoff, sections)) return std::nullopt;

  ElfSizes sizes;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_flags & SHF_ALLOC) {
      if (section.sh_type == SHT_NOBITS)
        sizes.zeroed += section.sh_size;
      else if (section.sh_flags & SHF_EXECINSTR)
        sizes.code += section.sh_size;
      else if (section.sh_flags & SHF_WRITE)
        sizes.data += section.sh_size;
      else
        sizes.constants += section.sh_size;
    }
    const bool symbols = section.sh_type == SHT_DYNSYM || section.sh_type == SHT_SYMTAB;
    if (symbols && section.sh_link < sections.size())
      sizes.system_calls = std::max(sizes.system_calls,
                                    count_system_calls(file, section, sections[section.sh_link]));
  }
  return sizes;
}

}  // namespace

void print_library_size() {
  Dl_info object = {};
  if (dladdr(reinterpret_cast<void*>(&lkl_start_kernel), &object) == 0) return;
  const bool shared =
      object.dli_fname != nullptr && std::strstr(object.dli_fname, "liblkl") != nullptr;
  const std::string path = shared ? object.dli_fname : "/proc/self/exe";
  const auto sizes = read_sizes(path);
  if (!sizes) return;
  fmt::print("{}: code {}, constants {}, data {}, zeroed data {}\n",
             shared ? "library" : "program with the library", human_size(sizes->code),
             human_size(sizes->constants), human_size(sizes->data), human_size(sizes->zeroed));
  if (sizes->system_calls > 0) fmt::print("system calls: {}\n", sizes->system_calls);
}

}  // namespace lkl::tool
