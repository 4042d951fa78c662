// SPDX-License-Identifier: GPL-2.0
//
// Gives copies their extended attributes. A file system may have no room for one, or know no such
// thing: the file stays as it is then, and what it lacks is told.
#ifndef LKL_TOOL_XATTR_KEEPER_H
#define LKL_TOOL_XATTR_KEEPER_H

#include <string>

#include "base/error.h"
#include "tree/tree.h"

namespace lkl::tool {

class XattrKeeper {
 public:
  explicit XattrKeeper(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // `display`: the file, for messages. Never throws a system error.
  void keep(Tree& tree, Place place, const std::string& display, const std::string& name,
            const std::string& value);

 private:
  Diagnostics& diagnostics_;
  bool warned_ = false;  // that there are none of a kind
};

// Whether the error means that there is no such thing here at all.
bool unsupported(const std::error_code& code);

}  // namespace lkl::tool

#endif  // LKL_TOOL_XATTR_KEEPER_H
