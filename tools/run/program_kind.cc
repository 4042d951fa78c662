// SPDX-License-Identifier: GPL-2.0
#include "run/program_kind.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace lkl::tool::served {

namespace {

// Of a file that may be anything.
class Bytes {
 public:
  explicit Bytes(int fd) : fd_(fd) {}
  template <class Type>
  bool read(std::uint64_t at, Type& to) const {
    return ::pread(fd_, &to, sizeof to, static_cast<off_t>(at)) == sizeof to;
  }
  std::string text(std::uint64_t at, std::size_t most) const {
    std::string found(most, '\0');
    const ssize_t count = ::pread(fd_, found.data(), most, static_cast<off_t>(at));
    found.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return found;
  }

 private:
  int fd_;
};

constexpr std::size_t kLongestPath = 4096, kLongestNotes = 64 << 10;
constexpr std::string_view kLoader = "ld-linux-x86-64.so.2";

// The runtime of Go makes system calls by itself, and its linker leaves a note that says so.
bool has_note_of_go(const std::string& notes) {
  std::size_t at = 0;
  while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes.data() + at, sizeof note);
    at += sizeof note;
    if (note.n_namesz > notes.size() - at) break;
    if (std::string_view(notes).substr(at, 3) == std::string_view("Go\0", 3)) return true;
    const auto padded = [](std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; };
    const std::uint64_t skip = padded(note.n_namesz) + padded(note.n_descsz);
    if (skip > notes.size() - at) break;
    at += skip;
  }
  return false;
}

std::optional<std::string> why_not_elf(const Bytes& bytes) {
  Elf64_Ehdr head;
  if (!bytes.read(0, head)) return std::nullopt;
  if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != EM_X86_64)
    return "it is no program for 64-bit x86";
  std::string loader;
  bool is_go = false;
  for (unsigned i = 0; i < head.e_phnum; i++) {
    Elf64_Phdr part;
    if (!bytes.read(head.e_phoff + i * sizeof part, part)) break;
    if (part.p_type == PT_INTERP)
      loader = bytes.text(part.p_offset, std::min<std::size_t>(part.p_filesz, kLongestPath));
    if (part.p_type == PT_NOTE)
      is_go = is_go || has_note_of_go(bytes.text(
                           part.p_offset, std::min<std::size_t>(part.p_filesz, kLongestNotes)));
  }
  if (loader.empty()) return "it is linked statically";
  loader.resize(std::strlen(loader.c_str()));
  if (!loader.ends_with(kLoader)) return "it is of another C library (" + loader + ")";
  if (is_go) return "it is written in Go, and makes system calls by itself";
  return std::nullopt;
}

std::optional<std::string> why_not(const std::string& file, int depth) {
  constexpr int kDeepest = 4;
  struct stat status = {};
  if (depth > kDeepest || ::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return std::nullopt;
  if ((status.st_mode & S_ISUID) != 0 || (status.st_mode & S_ISGID) != 0 ||
      ::getxattr(file.c_str(), "security.capability", nullptr, 0) > 0)
    return "it has rights of its own (setuid, setgid, capabilities), and nothing is loaded in "
           "front "
           "of such programs";
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) return std::nullopt;
  const Bytes bytes(opened.get());
  const std::string head = bytes.text(0, 256);
  if (head.starts_with(ELFMAG)) return why_not_elf(bytes);
  if (!head.starts_with("#!")) return std::nullopt;
  const std::size_t begin = head.find_first_not_of(" \t", 2);
  if (begin == head.npos) return std::nullopt;
  const std::size_t end = head.find_first_of(" \t\n", begin);
  return why_not(head.substr(begin, end == head.npos ? end : end - begin), depth + 1);
}

}  // namespace

std::optional<std::string> why_not_preloaded(const std::string& file) {
  return why_not(file, 0);
}

}  // namespace lkl::tool::served
