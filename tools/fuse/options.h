// SPDX-License-Identifier: GPL-2.0
//
// The command line of lklfuse: `lklfuse IMAGE MOUNTPOINT -o ...`, as mount(8) calls it too.
#ifndef LKL_FUSE_OPTIONS_H
#define LKL_FUSE_OPTIONS_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk/volume_choice.h"
#include "file_system.h"
#include "image/image_name.h"

namespace lkl::fuse {

struct Options {
  tool::ImageName image;                // none of a domain
  std::vector<tool::ImageName> others;  // more disks of what is mounted
  std::string domain;                   // of libvirt
  std::string disk;                     // of the domain: its target, or empty
  std::string connect;
  std::string mount_point;  // absolute
  int mounted =
      -1;  // or it is "/dev/fd/N", of this descriptor of /dev/fuse that is mounted already
  std::string remount;  // all words of -o, if it is mounted and to be changed; nothing else then
  std::string type;
  std::optional<tool::VolumeChoice> volume;
  std::string offset;  // where the file system begins; empty: found
  bool force = false;  // read what is left of a truncated image
  std::string key_file;
  std::uint64_t memory = 128ULL << 20;  // bytes
  std::string mount_options;            // for the library's kernel
  std::string lock_file;
  std::string log_file;
  std::string format;
  bool read_only = false;
  bool snapshot = false;
  bool no_sandbox = false;
  bool wait_for_space = false;
  std::string commit;
  bool foreground = false;
  bool debug = false;
  unsigned threads = 10;
  bool direct_io = false;
  bool writeback = true;
  bool check_permissions = false;
  OwnerMap owners;

  // What is left is for libfuse: fuse_session_new().
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);

  Options() = default;
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options() { fuse_opt_free_args(&arguments); }
};

// Reads the command line. Nothing when --help or --version was asked for and printed.
// Throws UsageFailure.
std::unique_ptr<Options> parse_options(int argc, char** argv);

}  // namespace lkl::fuse

#endif  // LKL_FUSE_OPTIONS_H
