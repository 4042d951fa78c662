// SPDX-License-Identifier: GPL-2.0
// Names of files that Windows does not take, there and back; patterns of names.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/host_calls.h"
#include "win32/stored_name.h"

namespace lkl::tool {
namespace {

TEST(StoredNameTest, WhatWindowsTakesStays) {
  EXPECT_EQ(stored_name("plain.txt"), L"plain.txt");
  EXPECT_EQ(stored_name("gr\xc3\xbc\xc3\x9f"
                        "e"),
            L"gr\u00fc\u00dfe");
  EXPECT_EQ(stored_name("\xf0\x9f\x98\x80"), L"\xd83d\xde00");
  EXPECT_EQ(stored_name(".hidden"), L".hidden");
  for (const char* name : {"console", "com", "com10", "nul2", "lpt", "auxiliary.c"})
    EXPECT_EQ(stored_name(name), std::wstring(name, name + std::string(name).size()));
}

TEST(StoredNameTest, WhatItDoesNotTakeGoesToThePrivateArea) {
  EXPECT_EQ(stored_name("a:b"),
            L"a\xf03a"
            L"b");
  EXPECT_EQ(stored_name("a."), L"a\xf02e");
  EXPECT_EQ(stored_name("a.. "), L"a..\xf020");
  EXPECT_EQ(stored_name("\x01\x1f"), L"\xf001\xf01f");
  EXPECT_EQ(stored_name("\xff"), L"\xf0ff");
  for (const char* name :
       {"CON", "con", "nul.txt", "aux.tar.gz", "COM1", "lpt9.x", "com\xc2\xb2", "prn .x", "conin$"})
    EXPECT_EQ(stored_name(name)[0], 0xf000 + static_cast<unsigned char>(name[0])) << name;
}

TEST(StoredNameTest, PathsKeepWhatIsWindowsOwn) {
  EXPECT_EQ(stored_host_path("C:/a/b:c"),
            L"C:\\a\\b\xf03a"
            L"c");
  EXPECT_EQ(stored_host_path("a/../b/."), L"a\\..\\b\\.");
  EXPECT_EQ(stored_host_path("//server/share/x?"), L"\\\\server\\share\\x\xf03f");
  EXPECT_EQ(stored_host_path("//?/C:/x"), L"\\\\?\\C:\\x");
  EXPECT_EQ(stored_host_path("//./PhysicalDrive1"), L"\\\\.\\PhysicalDrive1");
}

// Any name of Linux', and none is written as another is.
TEST(StoredNameTest, EachNameComesBack) {
  std::mt19937 random(1);
  const std::string pieces[] = {"a",
                                "B",
                                ".",
                                " ",
                                ":",
                                "*",
                                "\\",
                                "\"",
                                "\x7f",
                                "\x01",
                                "\xc3\xa4",
                                "\xc3",
                                "\xff",
                                "\xef\x80\xba",
                                "\xef\x83\xbf",
                                "\xef\x80\x80",
                                "\xef\x84\x80",
                                "\xf0\x9f\x98\x80",
                                "\xed\xa0\xbd",
                                "\xed\xb8\x80",
                                "CON",
                                "nul",
                                "com1",
                                "\xe2\x82\xac"};
  for (int i = 0; i < 200000; i++) {
    std::string name;
    for (unsigned n = 1 + random() % 5; n > 0; n--) name += pieces[random() % std::size(pieces)];
    const std::wstring stored = stored_name(name);
    ASSERT_EQ(name_of_stored(stored), name);
    ASSERT_EQ(stored.find_first_of(L"\"*:<>?|\\/"), std::wstring::npos) << name;
    ASSERT_TRUE(stored.back() != L'.' && stored.back() != L' ') << name;
  }
}

TEST(PatternTest, AsPosixHasIt) {
  using on_host::matches;
  EXPECT_TRUE(matches("*.txt", "a.txt"));
  EXPECT_FALSE(matches("*.txt", "a.txt2"));
  EXPECT_TRUE(matches("a*b*c", "aXbbYc"));
  EXPECT_TRUE(matches("?", "\xc3\xa4"));
  EXPECT_FALSE(matches("?", "ab"));
  EXPECT_TRUE(matches("[a-c]x", "bx"));
  EXPECT_FALSE(matches("[!a-c]x", "bx"));
  EXPECT_TRUE(matches("[]x]", "]"));
  EXPECT_TRUE(matches("[[:digit:]]*", "7up"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "x"));
  EXPECT_TRUE(matches("[", "["));
  EXPECT_TRUE(matches("MOTD*", "motd.1", true));
  EXPECT_FALSE(matches("MOTD*", "motd.1"));
  EXPECT_FALSE(matches("*", ".profile", false, true));
  EXPECT_TRUE(matches(".*", ".profile", false, true));
  EXPECT_TRUE(matches("*", "", false));
}

}  // namespace
}  // namespace lkl::tool
