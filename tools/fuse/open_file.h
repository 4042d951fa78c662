// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_FUSE_OPEN_FILE_H
#define LKL_FUSE_OPEN_FILE_H

#include <mutex>
#include <string>

#include "file_system.h"

namespace lkl::fuse {

// A file that the host has open. It is opened a second time past the library's page cache when that
// is wanted: what the host reads, and what it has collected to be written, is in the cache of the
// host; one is enough.
class OpenFile final : public OpenHandle {
 public:
  struct Descriptor {
    File file;
    bool only_appends = false;  // whatever the place, what is written goes to the end
  };

  // Opens `path` with flags of the host's. Throws std::system_error.
  static Descriptor open(const FileSystem& fs, const std::string& path, int flags);
  // For the library's kernel, with flags of the host's: O_CREAT and the like are not passed on.
  static int library_flags(const FileSystem& fs, int flags);

  OpenFile(const FileSystem& fs, Descriptor descriptor, Node* node, int flags);

  long long read(char* into, std::size_t size, off_t at) const;
  // `data` is the library's memory.
  long long write(const char* data, std::size_t size, off_t at) const;

 private:
  bool still_only_appends() const;
  long long append(const char* data, std::size_t size, off_t at) const;

  // Nothing if it cannot be opened so.
  const File& direct() const;

  const bool write_direct_;
  const int direct_flags_;  // 0: it is not to be opened so
  mutable std::once_flag direct_once_;
  mutable File direct_;
  mutable std::atomic<bool> only_appends_;
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_OPEN_FILE_H
