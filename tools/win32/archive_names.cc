// SPDX-License-Identifier: GPL-2.0
//
// Names in archives are bytes, as those in images are. libarchive on Windows makes each '\' of a
// name that it writes a '/', takes its bytes for text of an old code page, and has names that it
// reads go through UTF-16, where Unicode's other forms of a letter, and bytes that are no UTF-8,
// become other ones. The linker puts these functions in the place of those by which it does so
// (win32.cmake).
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <windows.h>

#include <cstddef>
#include <cstring>
#include <string>

struct archive_string_conv;

namespace {

bool is_utf8(const char* text, std::size_t size) {
  return size == 0 || MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text,
                                          static_cast<int>(size), nullptr, 0) != 0;
}

// What is no UTF-8 cannot be converted to it: libarchive then writes it as it is, and marks it so.
int get(const char* text, const char** name, std::size_t* size,
        const archive_string_conv* conversion) {
  *name = text;
  *size = text ? std::strlen(text) : 0;
  if (conversion == nullptr || is_utf8(text, *size)) return 0;
  errno = EILSEQ;
  return -1;
}

}  // namespace

// The names of the linker's option --wrap.
#pragma GCC diagnostic ignored "-Wmissing-declarations"
extern "C" {

archive_entry* __wrap___la_win_entry_in_posix_pathseparator(archive_entry* entry) {
  return entry;
}

int __wrap__archive_entry_pathname_l(archive_entry* entry, const char** name, std::size_t* size,
                                     const archive_string_conv* conversion) {
  return get(archive_entry_pathname(entry), name, size, conversion);
}

int __wrap__archive_entry_hardlink_l(archive_entry* entry, const char** name, std::size_t* size,
                                     const archive_string_conv* conversion) {
  return get(archive_entry_hardlink(entry), name, size, conversion);
}

int __wrap__archive_entry_symlink_l(archive_entry* entry, const char** name, std::size_t* size,
                                    const archive_string_conv* conversion) {
  return get(archive_entry_symlink(entry), name, size, conversion);
}

int __wrap__archive_entry_copy_pathname_l(archive_entry* entry, const char* name, std::size_t size,
                                          const archive_string_conv*) {
  archive_entry_copy_pathname(entry, name ? std::string(name, size).c_str() : nullptr);
  return 0;
}

int __wrap__archive_entry_copy_link_l(archive_entry* entry, const char* name, std::size_t size,
                                      const archive_string_conv*) {
  archive_entry_copy_link(entry, name ? std::string(name, size).c_str() : nullptr);
  return 0;
}
}
