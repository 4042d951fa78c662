// SPDX-License-Identifier: GPL-2.0
// list IMAGE: names and sizes in the first directory of an ext4 image, by the C++ interface: what
// is opened is closed and unmounted in the right order, errors are exceptions.
#include <cstdio>
#include <exception>
#include <lkl.hpp>
#include <string>

int main(int argc, char** argv) try {
  lkl_host_ops.print = nullptr;
  const lkl::Kernel kernel = lkl::Kernel::boot({.memory = 64 << 20});
  const lkl::Disk disk = lkl::Disk::open(argc > 1 ? argv[1] : "disk.img", {.read_only = true});
  const lkl::Mount mount(disk, {.type = "ext4", .flags = LKL_MS_RDONLY});
  for (const lkl::DirEntry& entry : lkl::Dir(mount.path())) {
    const lkl::Stat info = lkl::lstat(mount.path() + "/" + entry.name);
    std::printf("%8llu %s\n", static_cast<unsigned long long>(info.size), entry.name.c_str());
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "list: %s\n", error.what());
  return 1;
}
