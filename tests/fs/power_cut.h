// SPDX-License-Identifier: GPL-2.0
// What a power cut may leave of a disk, and whether a file system survives it.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fs/file_history.h"
#include "fs/recording_disk.h"

namespace lkl_test {

// The power goes before request `end`. All before the last flush, that is before request
// `flushed`, is on the disk. Of the writes in between any may be there.
struct Cut {
  enum class Kind { kNone, kAll, kAllButOne, kOnlyOne, kSome, kTorn };

  Kind kind = Kind::kNone;
  size_t flushed = 0;
  size_t end = 0;
  size_t one = 0;     // kAllButOne, kOnlyOne: that request
  uint32_t seed = 0;  // kSome: of which are there; kTorn: which of their sectors

  std::string describe() const;
};

// For each stretch between two flushes: nothing of it, each number of first writes of it, and all
// of it but one write or one write only, each in turn.
std::vector<Cut> systematic_cuts(const DiskRecord& record);
// As many more: random writes of random stretches, whole or torn.
std::vector<Cut> random_cuts(const DiskRecord& record, size_t count, uint32_t seed);

// An image file, brought to what a cut leaves, and back.
class CutImage final {
 public:
  // Of a file system of this type, whose superblock is not torn: neither ext4 nor btrfs mounts half
  // of one, as both have a checksum in it and no second one to try.
  CutImage(const std::string& path, const std::string& type, const std::string& bytes);
  ~CutImage();
  CutImage(const CutImage&) = delete;
  CutImage& operator=(const CutImage&) = delete;

  // A disk with the bytes of the file, also for kernels in children of this process.
  lkl_disk& disk() { return disk_; }
  const std::string& path() const { return path_; }

  // The image as `cut` leaves it, whatever it was before. Quick if cuts come in their order.
  void apply(const DiskRecord& record, const Cut& cut);

 private:
  static constexpr size_t kPage = 4096;

  static int capacity(lkl_disk disk, unsigned long long* size);
  static int request(lkl_disk disk, lkl_blk_req* request);
  void write(uint64_t offset, std::string_view data);
  void write_torn(uint64_t offset, std::string_view data, std::mt19937& random);
  void revert();
  void restart();

  std::string path_;
  uint64_t super_begin_ = 0;
  uint64_t super_end_ = 0;
  std::string first_;  // before the first request
  std::string base_;   // what is sure at `flushed_`
  size_t flushed_ = 0;
  std::span<char> bytes_;    // the mapped file
  std::span<char> touched_;  // which of its pages differ from base_, shared with children
  lkl_dev_blk_ops ops_ = {.get_capacity = capacity, .request = request};
  lkl_disk disk_ = {};
};

// What is known of a directory of the file system.
struct KnownDirectory {
  std::string path;  // "": all of it
  const FileHistory* history;
};

// In a child of this process with a copy of its kernel: mounts what the cut has left, which
// replays the journal, and compares with the histories; then lets the file system's own program
// check it. "" or what is wrong.
std::string judge(CutImage& image, const std::string& type,
                  std::span<const KnownDirectory> directories, const Cut& cut);

struct Verdict {
  size_t lost = 0;     // cuts that lose something
  std::string report;  // of the first few of them
};

// All of them, in the order that is quickest; prints how much that was.
Verdict judge_all(CutImage& image, const std::string& type, const DiskRecord& record,
                  std::span<const KnownDirectory> directories, std::vector<Cut> cuts);

// Of both kinds: some for each run of the tests, and 2000 or more.
std::vector<Cut> sample_cuts(const DiskRecord& record);
std::vector<Cut> thousands_of_cuts(const DiskRecord& record);

// The record of a disk that has done nothing at each `every`th flush but say so.
DiskRecord with_lies(DiskRecord record, size_t every);

}  // namespace lkl_test
