// SPDX-License-Identifier: GPL-2.0
#include "posix/symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "host.h"

namespace lkl::host {
namespace {

// A file in memory, for as long as it is looked at.
class Mapping final {
 public:
  explicit Mapping(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat status;
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
      void* base =
          mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
      if (base != MAP_FAILED)
        bytes_ = {static_cast<const std::byte*>(base), static_cast<size_t>(status.st_size)};
    }
    close(fd);
  }
  ~Mapping() {
    if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

// `count` objects at `offset` of the file; empty if they are not all in it.
template <typename T>
std::span<const T> objects(std::span<const std::byte> file, uint64_t offset, uint64_t count) {
  if (offset > file.size() || count > (file.size() - offset) / sizeof(T) || offset % alignof(T))
    return {};
  return {reinterpret_cast<const T*>(file.data() + offset), static_cast<size_t>(count)};
}

std::string_view string_at(std::span<const char> strings, uint64_t offset) {
  if (offset >= strings.size()) return {};
  const char* text = strings.data() + offset;
  return {text, strnlen(text, strings.size() - offset)};
}

// The innermost one that has the address in it; one without a size only if it is the
// nearest.
const ElfW(Sym) * choose(std::span<const ElfW(Sym)> symbols, uint64_t address) {
  const ElfW(Sym)* best = nullptr;
  for (const auto& symbol : symbols) {
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
    if (symbol.st_value > address) continue;
    if (symbol.st_size > 0 && address - symbol.st_value >= symbol.st_size) continue;
    if (!best || symbol.st_value > best->st_value) best = &symbol;
  }
  return best;
}

// The file on disk may be a newer one than that which was loaded.
bool same_file(std::span<const std::byte> file, const void* loaded) {
  constexpr size_t kHeaders = 1024;
  return file.size() >= kHeaders && std::memcmp(file.data(), loaded, kHeaders) == 0;
}

}  // namespace

Symbol find_symbol(std::span<const std::byte> file, uint64_t address) {
  const auto headers = objects<ElfW(Ehdr)>(file, 0, 1);
  if (headers.empty() || std::memcmp(headers[0].e_ident, ELFMAG, SELFMAG) != 0) return {};
  const auto sections = objects<ElfW(Shdr)>(file, headers[0].e_shoff, headers[0].e_shnum);
  for (const unsigned wanted : {SHT_SYMTAB, SHT_DYNSYM}) {
    for (const auto& section : sections) {
      if (section.sh_type != wanted || section.sh_link >= sections.size()) continue;
      const auto& strings = sections[section.sh_link];
      const auto symbols =
          objects<ElfW(Sym)>(file, section.sh_offset, section.sh_size / sizeof(ElfW(Sym)));
      if (const ElfW(Sym)* found = choose(symbols, address))
        return {string_at(objects<char>(file, strings.sh_offset, strings.sh_size), found->st_name),
                found->st_value, found->st_size};
    }
  }
  return {};
}

int name_address(uint64_t address, char* text, int size) {
  Dl_info info;
  struct link_map* object;
  // the call itself is before the address to which it returns
  const uint64_t call = address - 1;
  if (!dladdr1(reinterpret_cast<void*>(call), &info, reinterpret_cast<void**>(&object),
               RTLD_DL_LINKMAP))
    return 0;
  const Mapping mapping(object->l_name[0] ? object->l_name : "/proc/self/exe");
  if (!same_file(mapping.bytes(), info.dli_fbase)) return 0;
  const Symbol symbol = find_symbol(mapping.bytes(), call - object->l_addr);
  if (symbol.name.empty()) return 0;
  const int length =
      std::snprintf(text, static_cast<size_t>(size), "%.*s+%#llx/%#llx",
                    static_cast<int>(std::min<size_t>(symbol.name.size(), 80)), symbol.name.data(),
                    static_cast<unsigned long long>(address - object->l_addr - symbol.value),
                    static_cast<unsigned long long>(symbol.size));
  return std::clamp(length, 0, size - 1);
}

}  // namespace lkl::host
