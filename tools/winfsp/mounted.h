// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_WINFSP_MOUNTED_H
#define LKL_WINFSP_MOUNTED_H

#include <string>

#include "winfsp/file_system.h"

namespace lkl::winfsp {

struct MountOptions {
  std::string type;
  std::string mount_point;  // "*": any free letter
  unsigned threads = 0;
  bool debug = false;
};

// A volume of Windows', served as long as this lives.
class Mounted {
 public:
  // `fs` has to outlive it. Throws tool::Failure.
  Mounted(FileSystem& fs, const MountOptions& options);
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted();

  // Where it is.
  std::string mount_point() const;

 private:
  Volume* volume_ = nullptr;
};

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_MOUNTED_H
