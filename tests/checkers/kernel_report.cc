// SPDX-License-Identifier: GPL-2.0
#include "checkers/kernel_report.h"

#include <gtest/gtest.h>
#include <lkl.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/host_tools.h"
#include "support/kernel_test.h"

namespace lkl_test {
namespace {

// Of a function, in the library's file; 0 if it has none of that name.
uint64_t address_of(const std::string& function) {
  std::string line;
  EXPECT_EQ(run("(nm " LKL_LIBRARY " | grep -i ' t " + function + "$')", &line), 0) << line;
  return line.empty() ? 0 : std::stoull(line, nullptr, 16);
}

// "/long/path/planted.c:12 (discriminator 1)" -> "planted.c:12"
std::string short_place(std::string place) {
  place = place.substr(0, place.find_first_of(" \n"));
  return std::filesystem::path(place).filename();
}

}  // namespace

bool has_checker(const std::string& name) {
  std::istringstream words(LKL_CHECKERS);
  std::string word;
  while (words >> word)
    if (word == name) return true;
  return false;
}

std::string source_of(const std::string& log, const std::string& mark,
                      const std::string& function) {
  const size_t begin = log.find(mark);
  if (begin == std::string::npos) return {};
  std::istringstream lines(log.substr(begin));
  std::string line;
  while (std::getline(lines, line)) {
    // " [<ADDRESS>] FUNCTION+OFFSET/SIZE" in the log, the same without address from kmemleak
    const std::string entry = line.find(">] ") != std::string::npos ? ">] " : "    ";
    const size_t at = line.find(entry + function + "+");
    if (at == std::string::npos || (entry[0] == ' ' && at != 0)) continue;
    const uint64_t offset =
        std::stoull(line.substr(at + entry.size() + function.size() + 1), nullptr, 16);
    char command[512];
    // A return address is that of the instruction after the call; the function itself is the last
    // of those that are inlined there.
    std::snprintf(command, sizeof command, "(addr2line -i -e %s %#llx | tail -1)", LKL_LIBRARY,
                  static_cast<unsigned long long>(address_of(function) + offset - 1));
    std::string place;
    EXPECT_EQ(run(command, &place), 0) << place;
    return short_place(place);
  }
  return {};
}

std::string planted_line(const std::string& text) {
  std::ifstream source(LKL_PLANTED_SOURCE);
  std::string line, found;
  for (unsigned number = 1; std::getline(source, line); ++number) {
    if (line.find(text) == std::string::npos) continue;
    EXPECT_EQ(found, "") << text << ": several times";
    found = "planted.c:" + std::to_string(number);
  }
  EXPECT_NE(found, "") << text;
  return found;
}

std::string find_leaks() {
  constexpr char kFile[] = "/debugfs/kmemleak";
  __lkl__kernel_timespec age = {.tv_sec = 5, .tv_nsec = 200'000'000};
  EXPECT_EQ(lkl_sys_nanosleep(&age, nullptr), 0);
  // An object is reported when its content is the same as in the scan before.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(write_kernel_file(kFile, "scan"), 0);
  return read_kernel_file(kFile);
}

}  // namespace lkl_test
