// SPDX-License-Identifier: GPL-2.0
// What a library of somebody else's calls of the C library for its files, as calls of this kernel.
// The build renames these calls in its static archive (tests/fs/CMakeLists.txt): its code is as
// Debian has it, and its descriptors, paths, locks and mappings are those of the library.
#pragma once

namespace lkl_test {

// How many of them were made, so that a test can see that these, and no others, have been.
struct GuestCalls {
  unsigned opens = 0, writes = 0, syncs = 0, maps = 0;
};
const GuestCalls& guest_calls();

}  // namespace lkl_test
