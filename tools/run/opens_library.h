// SPDX-License-Identifier: GPL-2.0
//
// liblkl-opens.so, in front of a program that is served: its open() asks only for what is the
// guest's.
#ifndef LKL_TOOL_RUN_OPENS_LIBRARY_H
#define LKL_TOOL_RUN_OPENS_LIBRARY_H

#include <sys/types.h>

#include <optional>
#include <string>

namespace lkl::tool::served {

struct OpensLibrary {
  std::string path;
  dev_t device;
  ino_t inode;
};

// Nothing if there is none that programs could have: they are right without it.
std::optional<OpensLibrary> find_opens_library();

// In the process that becomes the program, whose files those are by now: its variables name the
// library if the program can have one, and if it is there.
void put_in_front(const OpensLibrary& library, const std::string& program);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_OPENS_LIBRARY_H
