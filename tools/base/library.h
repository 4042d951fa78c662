// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_LIBRARY_H
#define LKL_TOOL_LIBRARY_H

#include <string>

namespace lkl::tool {

// A shared library that is loaded when it is first needed, and stays: who does not need it does
// without.
class Library {
 public:
  // `name` and `purpose` are for people: "libcryptsetup, which LUKS needs, cannot be loaded".
  // Throws Failure, which names the package to install.
  Library(const char* file, std::string name, const char* purpose, const char* package);

  // Throws Failure if it is too old to have it.
  void* find(const char* symbol) const;
  template <typename Pointer>
  void load(Pointer& pointer, const char* symbol) const {
    pointer = reinterpret_cast<Pointer>(find(symbol));
  }

 private:
  std::string name_;
  void* handle_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_LIBRARY_H
