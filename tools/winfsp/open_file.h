// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_WINFSP_OPEN_FILE_H
#define LKL_WINFSP_OPEN_FILE_H

#include <lkl_file.hpp>

#include <mutex>
#include <string>

#include "winfsp/api.h"

namespace lkl::winfsp {

// What Windows has opened, by a descriptor of its own: the file itself, whatever becomes of its
// names.
class OpenFile {
 public:
  // `path`: an O_PATH descriptor, or of a file that was just made, the file itself. `flags`: for
  // the contents, LKL_O_RDWR and the like.
  OpenFile(File path, std::string name, int flags);
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();

  static OpenFile& of(void* context) { return *static_cast<OpenFile*>(context); }

  // For what does not open it: attributes, owners, links.
  int path_fd() const { return path_.fd(); }
  // The same, as a path that leads to the inode.
  std::string proc_path() const;
  Stat stat() const;

  // For contents. Throws StatusError: it has none.
  int fd();
  int fd_for_writing();
  void take_contents(File file);

  // Below the root; others may rename it meanwhile.
  std::string name() const;
  void set_name(std::string name);
  // It is another file now: a link instead of what was made for it.
  void become(File path);

  // WinFsp's, of a directory.
  void** directory_buffer() { return &directory_buffer_; }

 private:
  int open_contents(int flags);

  File path_;
  const int flags_;
  mutable std::mutex mutex_;
  std::string name_;
  File contents_;
  bool writable_ = false;
  void* directory_buffer_ = nullptr;
};

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_OPEN_FILE_H
