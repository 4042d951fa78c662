// SPDX-License-Identifier: GPL-2.0
// What the sanitizers that a test is built with can't do.
#pragma once

namespace lkl_test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

// Why not to fork beside threads that allocate or begin; nullptr: nothing is against it.
inline constexpr const char* kWhyNoForkBesideThreads =
    kAddressSanitizer  ? "AddressSanitizer's allocator does not survive a fork beside it"
    : kThreadSanitizer ? "ThreadSanitizer takes new threads of a forked child for old ones"
                       : nullptr;

}  // namespace lkl_test
