// SPDX-License-Identifier: GPL-2.0
//
// Other names under which the program does one thing, with the options that are known for it.
#ifndef LKL_TOOL_FACES_H
#define LKL_TOOL_FACES_H

#include "lkl/commands.h"
#include "lkl/options.h"

namespace lkl::tool {

// As AddCommand; what the options common to all commands would say is put into `common`.
using AddFace = Run (*)(CLI::App& parser, SessionOptions& common);

Run add_cptofs(CLI::App& parser, SessionOptions& common);
Run add_cpfromfs(CLI::App& parser, SessionOptions& common);
Run add_fs2tar(CLI::App& parser, SessionOptions& common);

}  // namespace lkl::tool

#endif  // LKL_TOOL_FACES_H
