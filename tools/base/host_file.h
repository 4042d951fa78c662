// SPDX-License-Identifier: GPL-2.0
//
// Files of the host that commands read and make beside the images.
#ifndef LKL_TOOL_HOST_FILE_H
#define LKL_TOOL_HOST_FILE_H

#include <optional>
#include <string>

#include "base/error.h"
#include "base/outside.h"
#include "base/progress.h"

namespace lkl::tool {

// Move-only. A file that was made is removed by the destructor unless keep() was called: what is
// half there must not look like the whole. The removing is done outside of the sandbox, so a file
// has to be made before the kernel is booted.
class HostFile {
 public:
  enum class Existing {
    kRefused,   // Failure
    kReplaced,  // by empty()
  };
  // Throw Failure with a message that names the file.
  static HostFile open(const std::string& path, int flags);
  static HostFile create(const std::string& path, Existing existing);
  // One that existed is emptied; up to here it is left as it was.
  void empty();
  // A descriptor of someone else, not closed.
  static HostFile borrow(int fd);

  HostFile(HostFile&& other) noexcept;
  HostFile& operator=(HostFile&&) = delete;
  ~HostFile();

  int fd() const { return fd_; }
  // Complete. Throws Failure if what was written did not reach the disk.
  void keep();

 private:
  HostFile() = default;

  std::string path_;
  int fd_ = -1;
  bool owned_ = false;
  bool existed_ = false;
  bool remove_ = false;
  std::optional<Outside> remover_;
};

// While it lives, messages take the progress line away first.
class ProgressLine {
 public:
  ProgressLine(Diagnostics& diagnostics, Progress& progress) : diagnostics_(diagnostics) {
    diagnostics.set_before_print([&progress] { progress.clear(); });
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { diagnostics_.set_before_print(nullptr); }

 private:
  Diagnostics& diagnostics_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_HOST_FILE_H
