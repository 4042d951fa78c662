// SPDX-License-Identifier: GPL-2.0
//
// What the process may still do once it begins to read an image that may have been made to take it
// over. See docs/tool.md.
#ifndef LKL_TOOL_SANDBOX_H
#define LKL_TOOL_SANDBOX_H

#include <string>
#include <vector>

namespace lkl::tool {

// Files and trees of the host that stay accessible by their names. Relative to the current
// directory; symbolic links are followed.
class SandboxPaths {
 public:
  // What is at the path, and what is below it, may be read.
  void allow_reading(const std::string& path);
  // The directory, or that of the file that is or will be at the path: in it files may be read,
  // written, made and removed. Of a device or fifo only that.
  void allow_writing(const std::string& path);
  // Users and groups may be looked up.
  void allow_user_names();
  // LUKS containers may be opened: libcryptsetup wants a copy of the header in a file of its own.
  void allow_header_copies() { header_copies_ = true; }
  bool header_copies() const { return header_copies_; }
  // Whether what is at the path may be read, or written.
  bool may_read(const std::string& path) const;
  bool may_write(const std::string& path) const;

  enum class Right { kList, kRead, kWrite };
  struct Entry {
    std::string path;
    Right right;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  bool any_writable() const;

 private:
  bool has(const std::string& path, Right least) const;

  std::vector<Entry> entries_;
  bool header_copies_ = false;
};

// Gives up, for good, all but the open descriptors and the paths: no_new_privs, Landlock, seccomp.
// To be called while there is one thread. Returns what the host's kernel does not have for it, in
// words, empty if it has all. Throws Failure if it has it and it fails.
std::vector<std::string> enter_sandbox(const SandboxPaths& paths);

}  // namespace lkl::tool

#endif  // LKL_TOOL_SANDBOX_H
