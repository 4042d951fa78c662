// SPDX-License-Identifier: GPL-2.0
#include "support/host_tools.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace lkl_test {

int run(const std::string& command, std::string* output) {
  // mkfs and fsck programs live in sbin, which users do not have in their PATH
  FILE* pipe = popen(("PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>&1 </dev/null").c_str(), "r");
  if (!pipe) return -1;
  char buffer[4096];
  size_t count;
  while ((count = fread(buffer, 1, sizeof buffer, pipe)) > 0)
    if (output) output->append(buffer, count);
  const int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TempDir::TempDir() : TempDir(std::filesystem::temp_directory_path()) {}

TempDir::TempDir(const std::filesystem::path& parent) {
  std::string name = parent / "lkl-test-XXXXXX";
  if (!mkdtemp(name.data())) std::abort();
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

unsigned host_threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<unsigned>(std::distance(begin(tasks), end(tasks)));
}

long resident_kib() {
  std::ifstream statm("/proc/self/statm");
  long total = 0, resident = 0;
  statm >> total >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

long written_kib() {
  std::ifstream status("/proc/self/status");
  long sum = 0;
  for (std::string line; std::getline(status, line);)
    for (const std::string name : {"RssAnon:", "RssShmem:"})
      if (line.starts_with(name)) sum += std::stol(line.substr(name.size()));
  return sum;
}

}  // namespace lkl_test
