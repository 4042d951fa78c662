// SPDX-License-Identifier: GPL-2.0
// What is for the programs of one user: pipes that no other may open, and that no other has made.
#pragma once

#include <windows.h>

#include <memory>
#include <string>

namespace lkl::host {

// Of whom the process is: a security identifier as text, "S-1-5-21-...". 0 or -errno.
int own_user(std::string& user);

struct FreeLocal {
  void operator()(void* memory) const { LocalFree(memory); }
};
template <class Type>
using LocalPointer = std::unique_ptr<Type, FreeLocal>;

// For what is made for this user alone, whose it is. 0 or -errno.
int only_for(const std::string& user, LocalPointer<void>& descriptor);
// Whether this object is his.
bool is_of(HANDLE object, const std::string& user);

}  // namespace lkl::host
