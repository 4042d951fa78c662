// SPDX-License-Identifier: GPL-2.0
#include "base/terminal.h"

#include <gtest/gtest.h>

namespace lkl::tool {
namespace {

TEST(WithoutControls, LeavesTextAlone) {
  for (const char* text : {"", "plain", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "a b~", "\xe4"})
    EXPECT_EQ(without_controls(text), text);
}

TEST(WithoutControls, MasksThem) {
  EXPECT_EQ(without_controls("a\x1b]0;title\x07"), "a?]0;title?");
  EXPECT_EQ(without_controls("a\r\n\t\x7f"), "a????");
  // C1, in UTF-8 and as a single byte
  EXPECT_EQ(without_controls("\xc2\x9b"
                             "31m"),
            "??31m");
  EXPECT_EQ(without_controls("\x9b"
                             "31m"),
            "?31m");
  // a character without its end, with a control character in its place
  EXPECT_EQ(without_controls("\xe2\x82\x1b[m"), "\xe2??[m");
}

TEST(WithoutControls, KeepsWhatItIsTold) {
  EXPECT_EQ(without_controls("a\nb\tc\x1b", "\n"), "a\nb?c?");
}

TEST(UnfinishedCharacter, IsAtTheEndAndHasABeginning) {
  for (const char* text :
       {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xa4", "\x9f\x98\x80",
        "\xc3"
        "a",
        "\xff", "\xc0", "\xe2\x82\xac\x82"})
    EXPECT_EQ(unfinished_character(text), 0u) << text;
  EXPECT_EQ(unfinished_character("a\xc3"), 1u);
  EXPECT_EQ(unfinished_character("a\xe2"), 1u);
  EXPECT_EQ(unfinished_character("a\xe2\x82"), 2u);
  EXPECT_EQ(unfinished_character("\xf0\x9f\x98"), 3u);
  EXPECT_EQ(unfinished_character("\xc3\xa4\xf0\x9f"), 2u);
}

}  // namespace
}  // namespace lkl::tool
