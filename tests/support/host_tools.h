// SPDX-License-Identifier: GPL-2.0
// The host's own programs, which make images and judge them.
#pragma once

#include <filesystem>
#include <string>

namespace lkl_test {

// Runs a shell command; its exit status, with standard output and error in `output`.
int run(const std::string& command, std::string* output = nullptr);

// A folder that goes away with the object.
class TempDir final {
 public:
  TempDir();
  explicit TempDir(const std::filesystem::path& parent);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Number of threads of this process.
unsigned host_threads();
// Resident memory in KiB.
long resident_kib();
// What of it the process has written to: without programs and libraries as they are in their files,
// of which the host keeps as much as it likes.
long written_kib();

}  // namespace lkl_test
