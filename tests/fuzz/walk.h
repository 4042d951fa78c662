// SPDX-License-Identifier: GPL-2.0
#pragma once

namespace lkl_fuzz {

// Looks at all there is in a mounted file system, as far as it goes: names, attributes,
// extended attributes, contents. Errors are what is to be expected.
void walk(const char* folder);

// Changes it: the allocators, the journal and the trees get to see what is wrong.
void disturb(const char* folder);

}  // namespace lkl_fuzz
