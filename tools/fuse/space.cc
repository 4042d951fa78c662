// SPDX-License-Identifier: GPL-2.0
#include "space.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <system_error>

#include <lkl_file.hpp>

#include <lkl/asm/statfs.h>

namespace lkl::fuse {

namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;

// For names, indirect blocks and the like.
constexpr std::uint64_t kSpare = 128 * 1024;
// When so much is left, whatever one write brings should fit.
constexpr std::uint64_t kOneWrite = 4 * kMebibyte;

std::uint64_t number_in(const char* path, std::uint64_t otherwise) {
  std::ifstream file(path);
  std::uint64_t number;
  return file >> number ? number : otherwise;
}

struct Status {
  std::uint64_t total = 0, available = 0;  // bytes
};

Status status_of(int root) {
  struct lkl_statfs from = {};
  if (lkl_sys_fstatfs(static_cast<unsigned>(root), &from) < 0) return {};
  const auto block = static_cast<std::uint64_t>(from.f_bsize);
  return {from.f_blocks * block, from.f_bavail * block};
}

}  // namespace

std::uint64_t most_collected_by_host() {
  std::uint64_t most = number_in("/proc/sys/vm/dirty_bytes", 0);
  if (most == 0) {
    const auto memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    most = memory / 100 * number_in("/proc/sys/vm/dirty_ratio", 20);
  }
  // Of which FUSE gives each mount a hundredth (max_ratio of its bdi). More than that limit would
  // slow down small images on large hosts, whose mounts rarely get there.
  constexpr std::uint64_t kShare = 100, kLimit = 256 * kMebibyte;
  return std::min(most / kShare, kLimit);
}

Space::Space(int root, std::uint64_t reserve, bool exact) : root_(root), reserve_(reserve) {
  // Where space is given out in chunks to this and that, some of it never gets to files (btrfs).
  constexpr std::uint64_t kShare = 8, kMost = 1024 * kMebibyte;
  if (!exact) doubtful_ = std::min(status_of(root).total / kShare, kMost);
  used(0);
}

std::uint64_t Space::available() const {
  return status_of(root_).available;
}

bool Space::used(std::uint64_t bytes) {
  arrived_ += bytes;
  unsynced_ += bytes;
  if ((unlooked_ -= static_cast<std::int64_t>(bytes)) > 0) return false;
  std::uint64_t left = available();
  if (left >= low() && surely(left) < low()) {
    sync();
    left = available();
  }
  // Half of the way there may be used before the next look.
  unlooked_ =
      static_cast<std::int64_t>(left > low() + 2 * kMebibyte ? (left - low()) / 2 : kMebibyte);
  if (left < low()) return !scarce_.exchange(true);
  plenty();
  return false;
}

std::uint64_t Space::surely(std::uint64_t left) const {
  return doubtful_ == 0 ? left : left - std::min<std::uint64_t>(left, unsynced_);
}

void Space::sync() {
  unsynced_ = 0;
  lkl_sys_syncfs(root_);
}

std::uint64_t Space::low() const {
  return reserve_ + doubtful_ + 4 * kOneWrite;
}

void Space::plenty() {
  scarce_ = false;
  all_sent_ = false;
  full_at_ = -1;
}

std::uint64_t Space::expected() const {
  return std::max<std::uint64_t>(kSpare, 2 * write_size_);
}

Space::Answer Space::ask() {
  const std::uint64_t left = available();
  if (surely(left) >= low()) {
    plenty();
    return Answer::kYes;
  }
  if (const std::int64_t full = full_at_; full >= 0) {
    if (left <= static_cast<std::uint64_t>(full)) return Answer::kNo;
    full_at_ = -1;
  }
  if (!all_sent_) {
    if (left < reserve_ + doubtful_ + unsynced_ + kOneWrite) return Answer::kSendFirst;
  } else {
    unsigned granted = granted_;
    do {
      if (granted == 0) return Answer::kSendFirst;
    } while (!granted_.compare_exchange_weak(granted, granted - 1));
  }
  ++admitted_;
  return Answer::kYes;
}

// Whether a file can have so much is seen by giving it to one without a name.
bool Space::fits(std::uint64_t bytes) const {
  std::error_code ec;
  const File file(root_, ".", LKL_O_TMPFILE | LKL_O_WRONLY, 0600, ec);
  if (ec) return ec != std::errc::no_space_on_device;
  return lkl_sys_fallocate(file.fd(), 0, 0, static_cast<lkl_loff_t>(bytes)) != -LKL_ENOSPC;
}

unsigned Space::writes_to_grant(std::uint64_t needed) const {
  // Most writes are far smaller; of what is larger the next but one is refused.
  constexpr unsigned kSome = 8;
  constexpr std::uint64_t kForSome = 4 * kOneWrite;
  const std::uint64_t left = available(), uncounted = unsynced_;
  if (left < needed + uncounted || (doubtful_ > 0 && !fits(needed))) return 0;
  const bool some = left >= needed + uncounted + kForSome;
  return some && (doubtful_ == 0 || fits(needed + kForSome)) ? kSome : 1;
}

bool Space::ask_after_sending() {
  if (const std::uint64_t admitted = admitted_; all_sent_ && admitted > 0)
    write_size_ = arrived_ / admitted;
  all_sent_ = true;
  admitted_ = 0;
  arrived_ = 0;
  const std::uint64_t needed = expected() + kSpare;
  unsigned granted = writes_to_grant(needed);
  if (granted == 0) {
    // What was written may have been promised room that is not counted yet.
    sync();
    granted = writes_to_grant(needed);
  }
  // What was removed is free when the host has told that it does not use it any more.
  constexpr int kMoments = 100;
  constexpr useconds_t kMoment = 1000;
  const bool freed = freed_.exchange(false);
  for (int i = 0; freed && granted == 0 && i < kMoments; ++i) {
    usleep(kMoment);
    granted = writes_to_grant(needed);
  }
  if (granted == 0) {
    full_at_ = static_cast<std::int64_t>(available());
    return false;
  }
  granted_ = granted - 1;
  ++admitted_;
  return true;
}

void Space::freed() {
  if (!scarce_) return;
  freed_ = true;
  full_at_ = -1;
}

bool Space::failed() {
  full_at_ = static_cast<std::int64_t>(available());
  return !scarce_.exchange(true);
}

}  // namespace lkl::fuse
