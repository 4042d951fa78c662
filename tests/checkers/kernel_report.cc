// SPDX-License-Identifier: GPL-2.0
#include "checkers/kernel_report.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <lkl.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/host_tools.h"

namespace lkl_test {
namespace {

uint64_t load_address() {
  Dl_info info = {};
  // by its name: the address of the function might be that of an entry in this program
  dladdr(dlsym(RTLD_DEFAULT, "lkl_init"), &info);
  return reinterpret_cast<uint64_t>(info.dli_fbase);
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
    const size_t open = line.find("[<");
    if (open == std::string::npos || line.find(">] " + function + "+") == std::string::npos)
      continue;
    const uint64_t address = std::stoull(line.substr(open + 2), nullptr, 16);
    char command[512];
    // a return address is that of the instruction after the call
    std::snprintf(command, sizeof command, "addr2line -e %s %#llx", LKL_LIBRARY,
                  static_cast<unsigned long long>(address - 1 - load_address()));
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

std::string read_kernel_file(const char* path) {
  std::string text;
  const int fd = static_cast<int>(lkl_sys_open(path, LKL_O_RDONLY, 0));
  if (fd < 0) return text;
  char chunk[4096];
  long count;
  while ((count = lkl_sys_read(fd, chunk, sizeof chunk)) > 0)
    text.append(chunk, static_cast<size_t>(count));
  lkl_sys_close(fd);
  return text;
}

long write_kernel_file(const char* path, const std::string& text) {
  const int fd = static_cast<int>(lkl_sys_open(path, LKL_O_WRONLY, 0));
  if (fd < 0) return fd;
  const long count = lkl_sys_write(fd, text.data(), text.size());
  lkl_sys_close(fd);
  return count < 0 ? count : 0;
}

}  // namespace lkl_test
