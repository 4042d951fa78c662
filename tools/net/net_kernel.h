// SPDX-License-Identifier: GPL-2.0
//
// A kernel with one network card, and nothing else.
#ifndef LKL_TOOL_NET_KERNEL_H
#define LKL_TOOL_NET_KERNEL_H

#include <lkl.hpp>

#include <string>

#include "session/session_options.h"

namespace lkl::tool {

class NetKernel {
 public:
  // The kernel is not there yet.
  explicit NetKernel(const SessionOptions& options);
  NetKernel(const NetKernel&) = delete;
  NetKernel& operator=(const NetKernel&) = delete;
  ~NetKernel();

  // Opens the wire of this URI: 0 or the library's error, for which said() may have the reason.
  int open(const std::string& uri, unsigned mtu);
  // Boots with a card on the wire. Throws Failure.
  void boot();

  int ifindex() const { return ifindex_; }
  // Its file in sysfs: "address", "mtu", "carrier".
  std::string attribute(const std::string& name) const;
  // What the library has said since the last time.
  static std::string said();

 private:
  const SessionOptions& options_;
  lkl_netdev* wire_ = nullptr;
  Kernel kernel_;
  int ifindex_ = -1;
};

// A whole file of the kernel's; empty if it cannot be read.
std::string read_file_of_kernel(const std::string& path);

}  // namespace lkl::tool

#endif  // LKL_TOOL_NET_KERNEL_H
