// SPDX-License-Identifier: GPL-2.0
//
// How one run works on images: what its kernel and its mounts want.
#ifndef LKL_TOOL_SESSION_OPTIONS_H
#define LKL_TOOL_SESSION_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>

#include "disk/volume_choice.h"
#include "image/image_options.h"

namespace lkl::tool {

struct SessionOptions : ImageOptions {
  bool snapshot = false;               // changes go to a temporary file
  bool wait_for_space = false;         // when the host's disk is full
  std::string commit;                  // where the changed image goes in the end, with a snapshot
  std::string type;                    // empty: found by the superblock
  std::optional<VolumeChoice> volume;  // left out: chosen when there is one choice
  std::string key_file;                // of LUKS containers; "-": standard input
  std::uint64_t memory = 256ULL << 20;
  const char* memory_option = "--mem";  // how that is said on the command line
  std::string mount_options;
  bool force = false;                    // read what is left of a truncated image
  const char* force_option = "--force";  // how that is said on the command line
  bool tell_damage = true;  // at the end: what the kernel has found wrong in file systems
  bool quiet = false;       // no progress bar
  bool no_sandbox = false;
  int console = 2;  // descriptor for the kernel's messages
  int verbose = 0;  // 1: what is done; 2: the kernel's messages too
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_SESSION_OPTIONS_H
