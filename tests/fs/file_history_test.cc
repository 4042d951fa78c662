// SPDX-License-Identifier: GPL-2.0
// What the history of files says of trees that are found after a power cut.
#include "fs/file_history.h"

#include <gtest/gtest.h>

using lkl_test::FileHistory;

namespace {

class FileHistoryTest : public ::testing::Test {
 protected:
  bool fits(const FileHistory::Tree& tree, size_t end) {
    return history_.losses(tree, end).empty();
  }

  size_t now_ = 10;
  FileHistory history_{[this] { return now_; }};
};

TEST_F(FileHistoryTest, WhatWasNotSynchronisedMayBeThere) {
  const size_t file = history_.create(FileHistory::kRoot, "f");
  history_.write(file, "abc");
  EXPECT_TRUE(fits({}, 11));
  EXPECT_TRUE(fits({{"/f", ""}}, 11));
  EXPECT_TRUE(fits({{"/f", "ab"}}, 11));
  EXPECT_TRUE(fits({{"/f", std::string(3, '\0')}}, 11));
  EXPECT_FALSE(fits({{"/f", "abX"}}, 11));
  EXPECT_FALSE(fits({{"/f", "abcd"}}, 11));
  EXPECT_FALSE(fits({{"/g", "abc"}}, 11));
  EXPECT_FALSE(fits({{"/f", "abc"}}, 10)) << "not even begun";
  EXPECT_EQ(history_.claims(11), 0u);
}

TEST_F(FileHistoryTest, WhatWasSynchronisedIsThere) {
  const size_t file = history_.create(FileHistory::kRoot, "f");
  history_.write(file, "abc");
  now_ = 20;
  history_.file_synced(file);
  EXPECT_TRUE(fits({}, 19));
  for (const auto& tree : {FileHistory::Tree{}, {{"/f", ""}}, {{"/f", "ab"}}, {{"/f", "abX"}}})
    EXPECT_FALSE(fits(tree, 20));
  EXPECT_TRUE(fits({{"/f", "abc"}}, 20));
  EXPECT_EQ(history_.claims(19), 0u);
  EXPECT_EQ(history_.claims(20), 1u);
  now_ = 30;
  history_.write(file, "aBCd");
  EXPECT_TRUE(fits({{"/f", "aBc"}}, 31));
  EXPECT_TRUE(fits({{"/f", "aBCd"}}, 31));
  EXPECT_FALSE(fits({{"/f", "aBCd"}}, 30));
  EXPECT_FALSE(fits({{"/f", "ab"}}, 31));
}

TEST_F(FileHistoryTest, ARenamedFileIsAtOnePlace) {
  const size_t directory = history_.create_directory(FileHistory::kRoot, "d");
  const size_t file = history_.create(directory, "f");
  history_.write(file, "abc");
  history_.all_synced();
  history_.rename(file, FileHistory::kRoot, "g");
  EXPECT_TRUE(fits({{"/d/f", "abc"}}, 11));
  EXPECT_TRUE(fits({{"/g", "abc"}}, 11));
  EXPECT_FALSE(fits({{"/d/f", "abc"}, {"/g", "abc"}}, 11));
  EXPECT_FALSE(fits({}, 11));
  now_ = 20;
  history_.directory_synced(FileHistory::kRoot);
  EXPECT_TRUE(fits({{"/d/f", "abc"}}, 20)) << "one of the two directories is not synchronised";
  history_.directory_synced(directory);
  EXPECT_FALSE(fits({{"/d/f", "abc"}}, 20));
  EXPECT_TRUE(fits({{"/g", "abc"}}, 20));
}

TEST_F(FileHistoryTest, ARemovedFileStaysSo) {
  const size_t file = history_.create(FileHistory::kRoot, "f");
  history_.write(file, "abc");
  history_.all_synced();
  history_.unlink(file);
  EXPECT_TRUE(fits({{"/f", "abc"}}, 11));
  EXPECT_TRUE(fits({}, 11));
  now_ = 20;
  history_.directory_synced(FileHistory::kRoot);
  EXPECT_FALSE(fits({{"/f", "abc"}}, 20));
}

TEST_F(FileHistoryTest, AReplacedFileIsThereAtAnyTime) {
  const size_t old = history_.create(FileHistory::kRoot, "f");
  history_.write(old, "old");
  history_.all_synced();
  const size_t fresh = history_.create(FileHistory::kRoot, "t");
  history_.write(fresh, "new");
  history_.file_synced(fresh);
  history_.replace(old, fresh);
  EXPECT_TRUE(fits({{"/f", "old"}, {"/t", "new"}}, 11));
  EXPECT_TRUE(fits({{"/f", "new"}}, 11));
  EXPECT_FALSE(fits({{"/t", "new"}}, 11));
  EXPECT_FALSE(fits({{"/f", "old"}}, 11));
}

TEST_F(FileHistoryTest, ADirectoryMayBeRenamedBeforeWhatIsInIt) {
  const size_t directory = history_.create_directory(FileHistory::kRoot, "d");
  const size_t file = history_.create(directory, "f");
  history_.write(file, "abc");
  history_.all_synced();
  history_.rename(file, directory, "g");
  history_.rename_directory(directory, "e");
  for (const char* path : {"/d/f", "/d/g", "/e/f", "/e/g"}) EXPECT_TRUE(fits({{path, "abc"}}, 11));
  now_ = 20;
  history_.directory_synced(FileHistory::kRoot);
  EXPECT_TRUE(fits({{"/e/f", "abc"}}, 20));
  EXPECT_FALSE(fits({{"/d/f", "abc"}}, 20));
}

}  // namespace
