// SPDX-License-Identifier: GPL-2.0
//
// The command line of lklfs: `lklfs IMAGE X: -o ...`, with the words of lklfuse.
#ifndef LKL_WINFSP_OPTIONS_H
#define LKL_WINFSP_OPTIONS_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk/volume_choice.h"
#include "image/image_name.h"
#include "winfsp/security.h"

namespace lkl::winfsp {

struct Options {
  tool::ImageName image;
  std::vector<tool::ImageName> others;  // more disks of what is mounted
  std::string mount_point;              // "X:", a folder that is not there yet, or "*"
  std::string unmount;                  // the same, if it is to be unmounted; nothing else then
  std::string type;
  std::optional<tool::VolumeChoice> volume;
  std::string offset;  // where the file system begins; empty: found
  bool force = false;  // read what is left of a truncated image
  std::uint64_t memory = 128ULL << 20;  // bytes
  std::string mount_options;            // for the library's kernel
  std::string log_file;
  std::string format;
  bool read_only = false;
  bool snapshot = false;
  std::string commit;
  bool debug = false;
  unsigned threads = 0;  // 0: as WinFsp likes
  bool check_permissions = false;
  Owner self;
};

// Reads the command line. Nothing when --help or --version was asked for and printed.
// Throws UsageFailure.
std::unique_ptr<Options> parse_options(int argc, char** argv);

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_OPTIONS_H
