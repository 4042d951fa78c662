// SPDX-License-Identifier: GPL-2.0
//
// libcryptsetup, which gets the keys, is not there on Windows.
#include "disk/luks.h"

#include <fmt/format.h>

#include "base/error.h"

namespace lkl::tool {

class LuksContainer::HeaderCopy {};

bool warm_cryptsetup() {
  return false;
}

LuksContainer::LuksContainer(std::string name, const BlockReader&, const LuksHeader&) {
  throw Failure(fmt::format(
      "{}: is encrypted (LUKS), which cannot be opened on Windows: there is no libcryptsetup",
      name));
}
LuksContainer::LuksContainer(LuksContainer&&) noexcept = default;
LuksContainer::~LuksContainer() = default;
void LuksContainer::Free::operator()(crypt_device*) const {}

bool LuksContainer::unlock(std::string_view) {
  return false;
}
DmTable LuksContainer::table(std::uint32_t, std::uint64_t) const {
  return {};
}

}  // namespace lkl::tool
