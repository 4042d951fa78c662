// SPDX-License-Identifier: GPL-2.0
//
// What is known by a few bytes at a fixed place, and by nothing else that matters here.
#ifndef LKL_TOOL_SIGNATURES_H
#define LKL_TOOL_SIGNATURES_H

#include "disk/probe.h"

namespace lkl::tool {

struct Signature {
  Contents::Kind kind;
  const char* type;
  const char* cure;  // what makes an image with files of it; empty: see elsewhere
};

// Nothing if it is none of them: of file systems, or of all else.
const Signature* find_signature(const BlockReader& device, bool file_systems);

}  // namespace lkl::tool

#endif  // LKL_TOOL_SIGNATURES_H
