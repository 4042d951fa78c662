// SPDX-License-Identifier: GPL-2.0
//
// The options all commands share, and the context handed to each of them.
#ifndef LKL_TOOL_OPTIONS_H
#define LKL_TOOL_OPTIONS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "error.h"
#include "volume_choice.h"

namespace lkl::tool {

// What is known of an image because it is a disk of a domain.
struct DomainImage {
  std::string target;           // "vda"
  std::string in_use;           // "vm1: the domain is running": must not be written; else empty
  std::string cure;             // of that
  bool open_elsewhere = false;  // and locked there
  bool read_only = false;       // for the domain, too
};

struct CommonOptions {
  std::vector<std::string> images;  // -a/--add, in order; those of -d are put first
  std::string connect;              // libvirt's URI
  std::string domain;
  std::string disk;  // of the domain: the target; empty: the one that has a file system
  const char* disk_option = "--disk TARGET";  // how that is said on the command line
  std::map<std::string, DomainImage> domain_images;
  std::string format;  // of the images; empty: recognised
  bool read_only = false;
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
  bool quiet = false;
  bool no_sandbox = false;
  int console = 2;  // descriptor for the kernel's messages
  int verbose = 0;  // 1: what is done; 2: the kernel's messages too
};

struct ShellState;

struct Context {
  CommonOptions options;
  Diagnostics diagnostics;
  int exit = kExitOk;             // if nothing failed
  int failed_exit = kExitFailed;  // if something did
  // The shell that a command was typed in: it works on the shell's image then.
  const ShellState* shell = nullptr;

  int exit_code() const { return diagnostics.failed() ? failed_exit : exit; }
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_OPTIONS_H
