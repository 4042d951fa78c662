// SPDX-License-Identifier: GPL-2.0
//
// Other names under which the program does one thing, with the options that are known for it.
#ifndef LKL_TOOL_FACES_H
#define LKL_TOOL_FACES_H

#include "lkl/commands.h"
#include "lkl/options.h"

namespace lkl::tool {

// As AddCommand; what the options common to all commands would say is put into `common`.
using AddFace = Run (*)(Parser parser, SessionOptions& common);

Run add_cptofs(Parser parser, SessionOptions& common);
Run add_cpfromfs(Parser parser, SessionOptions& common);
Run add_fs2tar(Parser parser, SessionOptions& common);

}  // namespace lkl::tool

#endif  // LKL_TOOL_FACES_H
