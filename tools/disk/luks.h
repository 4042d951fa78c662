// SPDX-License-Identifier: GPL-2.0
//
// Opening a LUKS container: libcryptsetup gets the key out of a copy of the header, the kernel's
// dm-crypt does the rest.
#ifndef LKL_TOOL_LUKS_H
#define LKL_TOOL_LUKS_H

#include <memory>
#include <string>
#include <string_view>

#include "base/block_reader.h"
#include "base/secret.h"
#include "disk/dm_device.h"
#include "disk/luks_header.h"

struct crypt_device;

namespace lkl::tool {

// Loads libcryptsetup, and what it would load itself at first use. False if it is not installed.
bool warm_cryptsetup();

class LuksContainer {
 public:
  // Copies the header. Throws Failure: it is damaged, or of a kind that is not supported.
  // `name` is for messages.
  LuksContainer(std::string name, const BlockReader& device, const LuksHeader& header);
  LuksContainer(LuksContainer&&) noexcept;
  ~LuksContainer();

  // Whether a key slot opens with this passphrase; the volume's key is kept then. Throws Failure.
  bool unlock(std::string_view passphrase);

  // Of an unlocked one, the table of what is in it, on the container's device. Throws Failure.
  DmTable table(std::uint32_t device, std::uint64_t size) const;

 private:
  struct Free {
    void operator()(crypt_device* context) const;
  };
  class HeaderCopy;
  [[noreturn]] void fail(const std::string& what, int error) const;

  std::string name_;
  std::unique_ptr<std::string> message_;  // the library's last one
  std::unique_ptr<HeaderCopy> copy_;
  std::unique_ptr<crypt_device, Free> context_;
  LuksData data_;
  Secret key_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_LUKS_H
