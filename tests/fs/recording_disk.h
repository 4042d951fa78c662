// SPDX-License-Identifier: GPL-2.0
// A disk that the application implements: an image in memory, and what was done to it in which
// order.
#pragma once

#include <lkl.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace lkl_test {

// A write, or (with no data) a flush that has ended.
struct DiskRequest {
  bool is_flush = false;
  uint64_t offset = 0;
  std::string data;
};
using DiskRecord = std::vector<DiskRequest>;

class RecordingDisk final {
 public:
  // The contents are those of the file; it is not changed.
  explicit RecordingDisk(const std::string& path);
  RecordingDisk(const RecordingDisk&) = delete;
  RecordingDisk& operator=(const RecordingDisk&) = delete;

  // For lkl_disk_add() and lkl_disk_remove().
  lkl_disk& disk() { return disk_; }
  // Number of requests that have ended.
  size_t position() const;
  // What has happened so far, and the bytes as they are now.
  const DiskRecord& record() const { return record_; }
  const std::string& bytes() const { return bytes_; }

 private:
  static int capacity(lkl_disk disk, unsigned long long* size);
  static int request(lkl_disk disk, lkl_blk_req* request);
  int read(uint64_t offset, const lkl_blk_req& request) const;
  int write(uint64_t offset, const lkl_blk_req& request);

  mutable std::mutex mutex_;
  std::string bytes_;
  DiskRecord record_;
  lkl_dev_blk_ops ops_ = {.get_capacity = capacity, .request = request};
  lkl_disk disk_ = {};
};

}  // namespace lkl_test
