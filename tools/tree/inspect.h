// SPDX-License-Identifier: GPL-2.0
//
// What operating system a file system is the root of. Nothing in the image is executed, and all it
// says is its own word: it is read with limits, and as text.
#ifndef LKL_TOOL_INSPECT_H
#define LKL_TOOL_INSPECT_H

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "disk/device.h"
#include "tree/tree.h"

namespace lkl::tool {

// A line of /etc/fstab.
struct FstabEntry {
  std::string source;  // as it stands there: "UUID=...", "/dev/sda1"
  std::string directory;
  std::string type;
  std::string options;
  std::string device;  // that it means, if it is among those that are known: "disk.img:2"
};

// The words are those of virt-inspector(1), the values too where they are known; empty if not.
struct OperatingSystem {
  std::string type = "linux";  // or "windows"
  std::string root;            // the device: "disk.img:2"
  std::string subvolume;       // of btrfs, that it is in: "@"; empty: the top level
  std::string distro;          // ID of os-release
  std::string product_name;    // PRETTY_NAME
  std::string variant;         // of Windows: "Client", "Server"
  std::string version;         // VERSION_ID
  std::string hostname;
  std::string arch;  // "x86_64", by the program that runs shell scripts
  std::string package_format, package_management;
  std::vector<std::string> kernels;  // releases that there are modules of
  std::vector<FstabEntry> fstab;
};

// Nothing if the tree has no os-release. Never throws for what is in the tree.
std::optional<OperatingSystem> inspect(Tree& tree, const Device& root);

// The same for Windows, by its registry.
std::optional<OperatingSystem> inspect_windows(Tree& tree, const Device& root);

// The one whose root the file system is; or else, of a btrfs, those that have their roots in
// subvolumes at its top. Throws std::system_error.
std::vector<OperatingSystem> find_systems(const Volume& volume);

// Finds out what the lines of its fstab mean. `disks` in the order of the images; each with its
// partitions and what was assembled.
void resolve_fstab(OperatingSystem& system, const std::vector<std::vector<const Device*>>& disks);

Json to_json(const OperatingSystem& system);
void print(const OperatingSystem& system);

}  // namespace lkl::tool

#endif  // LKL_TOOL_INSPECT_H
