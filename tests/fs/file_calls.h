// SPDX-License-Identifier: GPL-2.0
// Calls that change files, of one kernel or another.
#pragma once

#include <cstdint>
#include <string>

namespace lkl_test {

// Each gives a negative error number if it fails.
class FileCalls {
 public:
  enum class How {
    kMake,          // a new file, to be written
    kChange,        // to be written
    kChangeAtOnce,  // each write is sure when it has returned
    kDirectory,
  };

  virtual ~FileCalls() = default;
  virtual long open(const std::string& path, How how) = 0;
  virtual void close(int fd) = 0;
  virtual long write(int fd, const std::string& bytes, uint64_t offset) = 0;
  virtual long truncate(int fd, uint64_t size) = 0;
  virtual long fsync(int fd) = 0;
  virtual long fdatasync(int fd) = 0;
  virtual long rename(const std::string& from, const std::string& to) = 0;
  virtual long unlink(const std::string& path) = 0;
  virtual long mkdir(const std::string& path) = 0;
  // Whether that makes all sure that was done before.
  virtual bool sync() = 0;
};

// Of the library's kernel.
class LibraryCalls final : public FileCalls {
 public:
  long open(const std::string& path, How how) override;
  void close(int fd) override;
  long write(int fd, const std::string& bytes, uint64_t offset) override;
  long truncate(int fd, uint64_t size) override;
  long fsync(int fd) override;
  long fdatasync(int fd) override;
  long rename(const std::string& from, const std::string& to) override;
  long unlink(const std::string& path) override;
  long mkdir(const std::string& path) override;
  bool sync() override;
};

// Of the host's, on a mount by lklfuse.
class HostCalls final : public FileCalls {
 public:
  long open(const std::string& path, How how) override;
  void close(int fd) override;
  long write(int fd, const std::string& bytes, uint64_t offset) override;
  long truncate(int fd, uint64_t size) override;
  long fsync(int fd) override;
  long fdatasync(int fd) override;
  long rename(const std::string& from, const std::string& to) override;
  long unlink(const std::string& path) override;
  long mkdir(const std::string& path) override;
  bool sync() override;
};

}  // namespace lkl_test
