// SPDX-License-Identifier: GPL-2.0
// The words of --mount-options.
#include "session/mount_options.h"

#include <gtest/gtest.h>
#include <lkl.h>

using namespace lkl::tool;

namespace {

constexpr unsigned kDefaults = LKL_MS_NOATIME | LKL_MS_NOSUID | LKL_MS_NODEV | LKL_MS_NOEXEC;

TEST(MountOptions, WordsUndoTheDefaults) {
  const auto flags = [](const char* text) { return parse_mount_words(text, kDefaults).flags; };
  EXPECT_EQ(flags(""), kDefaults);
  EXPECT_EQ(flags("defaults"), kDefaults);
  EXPECT_EQ(flags("suid"), kDefaults & ~unsigned{LKL_MS_NOSUID});
  EXPECT_EQ(flags("dev"), kDefaults & ~unsigned{LKL_MS_NODEV});
  EXPECT_EQ(flags("exec"), kDefaults & ~unsigned{LKL_MS_NOEXEC});
  EXPECT_EQ(flags("suid,dev,exec"), unsigned{LKL_MS_NOATIME});
  EXPECT_EQ(flags("relatime"), (kDefaults & ~unsigned{LKL_MS_NOATIME}) | LKL_MS_RELATIME);
  // The last one holds.
  EXPECT_EQ(flags("exec,noexec"), kDefaults);
  EXPECT_EQ(flags("noexec,exec"), kDefaults & ~unsigned{LKL_MS_NOEXEC});
  // Only whole words.
  EXPECT_EQ(flags("devices,execute"), kDefaults);
}

TEST(MountOptions, OthersAreTheFileSystems) {
  const MountWords words = parse_mount_words("data=journal,suid,,commit=1,ro", 0);
  EXPECT_EQ(words.data, "data=journal,commit=1");
  EXPECT_EQ(words.flags, unsigned{LKL_MS_RDONLY});
}

TEST(MountOptions, WordsByTheirBeginnings) {
  EXPECT_TRUE(has_word("errors=panic", "errors="));
  EXPECT_TRUE(has_word("ro,errors=panic,x", "errors="));
  EXPECT_TRUE(has_word("ro,,sb=1", "sb="));
  for (const char* words : {"", ",", "errors", "noerrors=panic", "ro,data_errors=x"})
    EXPECT_FALSE(has_word(words, "errors=")) << words;
}

}  // namespace
