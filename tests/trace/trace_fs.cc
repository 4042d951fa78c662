// SPDX-License-Identifier: GPL-2.0
#include "trace/trace_fs.h"

#include <sstream>

namespace lkl_test {

void TraceTest::SetUp() {
  KernelTest::SetUp();
  char tracefs[] = "tracefs";
  ASSERT_EQ(lkl_mount_fs(tracefs), 0);
}

std::string TraceTest::get(const std::string& file) {
  return read_kernel_file(("/tracefs/" + file).c_str());
}

void TraceTest::set(const std::string& file, const std::string& text) {
  EXPECT_EQ(write_kernel_file(("/tracefs/" + file).c_str(), text), 0) << file << ": " << text;
}

std::vector<std::string> TraceTest::recorded() {
  std::vector<std::string> lines;
  std::istringstream text(get("trace"));
  std::string line;
  while (std::getline(text, line))
    if (line[0] != '#') lines.push_back(line);
  return lines;
}

size_t TraceTest::find(const std::vector<std::string>& lines, const std::string& text,
                       size_t from) {
  size_t at = from;
  while (at < lines.size() && lines[at].find(text) == std::string::npos) ++at;
  return at;
}

std::string TraceTest::joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace lkl_test
