// SPDX-License-Identifier: GPL-2.0
//
// Room in the image for what the host's kernel collects. write(2) of what it collects succeeds
// before we see it, so there has to be room for all that it may have: as much is held in reserve.
// Once less is left the host is made to ask before each write (FileSystem::admit_write()), which
// can be refused then; and near the end to send what it has first.
#ifndef LKL_FUSE_SPACE_H
#define LKL_FUSE_SPACE_H

#include <atomic>
#include <cstdint>

namespace lkl::fuse {

// The most that the host may have collected for one mount, in bytes: its limit for FUSE. To be
// called while files of the host can be read.
std::uint64_t most_collected_by_host();

// Thread-safe but for what is said otherwise.
class Space {
 public:
  // `root`: a descriptor of the root directory. `reserve`: what the host may have collected.
  // `exact`: what the file system says to be available can be used.
  Space(int root, std::uint64_t reserve, bool exact);

  // So much was given to the file system. Whether room has become scarce by that.
  bool used(std::uint64_t bytes);
  // The host has to ask before it collects more.
  bool scarce() const { return scarce_; }

  enum class Answer { kYes, kNo, kSendFirst };
  // Whether the host may collect one write more, of a size that nobody knows yet.
  Answer ask();
  // The same, when all that was collected before has been sent. One thread at a time.
  bool ask_after_sending();

  // Something was removed or cut: there may be room again, soon.
  void freed();

  // What was collected did not fit. Whether room has become scarce by that.
  bool failed();

 private:
  std::uint64_t available() const;
  std::uint64_t low() const;
  // Of what is said to be left, without what may not have been counted yet.
  std::uint64_t surely(std::uint64_t left) const;
  void sync();
  void plenty();
  // How many writes may be collected before the host has to send again, the first of which brings
  // `needed` bytes.
  unsigned writes_to_grant(std::uint64_t needed) const;
  bool fits(std::uint64_t bytes) const;
  // What a write of late was like, with room to spare.
  std::uint64_t expected() const;

  const int root_;
  const std::uint64_t reserve_;
  std::uint64_t doubtful_ = 0;  // of what is said to be available
  std::atomic<bool> scarce_ = false;
  std::atomic<std::int64_t> unlooked_ = 0;  // bytes until the next look
  // Since all was sent last.
  std::atomic<std::uint64_t> admitted_ = 0, arrived_ = 0;
  std::atomic<unsigned> granted_ = 0;          // writes that may be collected yet
  std::atomic<bool> all_sent_ = false;         // it was, once
  std::atomic<std::uint64_t> write_size_ = 0;  // of the writes before that
  std::atomic<std::uint64_t> unsynced_ = 0;    // may not be in available() yet
  std::atomic<std::int64_t> full_at_ = -1;     // available() when it was refused last
  std::atomic<bool> freed_ = false;            // since then
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_SPACE_H
