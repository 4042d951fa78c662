// SPDX-License-Identifier: GPL-2.0
#include "open_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace lkl::fuse {

namespace {

constexpr std::size_t kBlock = 4096;

bool writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}

std::uint64_t size_of(int fd) {
  std::error_code ec;
  return stat_at(fd, "", LKL_AT_EMPTY_PATH, ec).size;
}

// 0: not at all.
int flags_for_direct(const FileSystem& fs, int flags, bool write_direct) {
  if (fs.options().direct_io || ((flags & O_ACCMODE) == O_WRONLY && !write_direct)) return 0;
  return (writes(flags) ? LKL_O_RDWR : LKL_O_RDONLY) | LKL_O_DIRECT;
}

}  // namespace

int OpenFile::library_flags(const FileSystem& fs, int flags) {
  int access = flags & O_ACCMODE;
  // The host reads the rest of a page that is written in part; where the end is it knows itself.
  const bool collects = fs.collects_writes();
  if (collects && access == O_WRONLY) access = O_RDWR;
  int to = access == O_RDWR ? LKL_O_RDWR : access == O_WRONLY ? LKL_O_WRONLY : LKL_O_RDONLY;
  if (flags & O_APPEND && !collects) to |= LKL_O_APPEND;
  if (flags & O_TRUNC) to |= LKL_O_TRUNC;
  if ((flags & O_SYNC) == O_SYNC)
    to |= LKL_O_SYNC;
  else if (flags & O_DSYNC)
    to |= LKL_O_DSYNC;
  return to;
}

// An append-only file (chattr +a) can be opened for nothing else, even by who writes in places.
OpenFile::Descriptor OpenFile::open(const FileSystem& fs, const std::string& path, int flags) {
  std::error_code ec;
  const int to = library_flags(fs, flags);
  Descriptor opened{File(path, to, 0, ec)};
  if (ec == std::errc::operation_not_permitted && flags & O_APPEND && fs.collects_writes())
    opened = {File(path, to | LKL_O_APPEND, 0, ec), true};
  if (ec) throw std::system_error(ec);
  return opened;
}

OpenFile::OpenFile(const FileSystem& fs, Descriptor descriptor, Node* node, int flags)
    : OpenHandle(std::move(descriptor.file), node, writes(flags) && fs.collects_writes()),
      write_direct_(collects() && fs.options().write_direct),
      direct_flags_(flags_for_direct(fs, flags, write_direct_)),
      only_appends_(descriptor.only_appends) {}

const File& OpenFile::direct() const {
  if (direct_flags_ != 0)
    std::call_once(direct_once_, [this] {
      std::error_code none;
      direct_ = File(fmt::format("/proc/self/fd/{}", fd()), direct_flags_, 0, none);
    });
  return direct_;
}

long long OpenFile::read(char* into, std::size_t size, off_t at) const {
  std::size_t done = 0;
  if (size % kBlock == 0 && at % kBlock == 0 && direct()) {
    const long long got = lkl_sys_pread64(static_cast<unsigned>(direct_.fd()), into, size, at);
    if (got == static_cast<long long>(size)) return got;
    // What has a larger block, is compressed, or keeps its data among its metadata is read the
    // other way, in part or in whole; so is the end of the file, and what goes to memory that is
    // not the library's.
    if (got > 0) done = static_cast<std::size_t>(got);
  }
  const long long got = lkl_sys_pread64(static_cast<unsigned>(fd()), into + done, size - done,
                                        at + static_cast<off_t>(done));
  return got < 0 ? got : got + static_cast<long long>(done);
}

long long OpenFile::write(const char* data, std::size_t size, off_t at) const {
  if (only_appends_ && still_only_appends()) return append(data, size, at);
  // Little is better left to the library's own cache, which collects it.
  constexpr std::size_t kMuch = 128 * 1024;
  if (write_direct_ && size >= kMuch && size % kBlock == 0 && at % kBlock == 0 && direct()) {
    const long long put = lkl_sys_pwrite64(static_cast<unsigned>(direct_.fd()), data, size, at);
    if (put == static_cast<long long>(size)) return put;
    // The file system cannot, or not so much at once: by its cache, or with its error.
  }
  return lkl_sys_pwrite64(static_cast<unsigned>(fd()), data, size, at);
}

// No longer once the descriptor can be made one that writes anywhere: after chattr -a.
bool OpenFile::still_only_appends() const {
  if (lkl_sys_fcntl(static_cast<unsigned>(fd()), LKL_F_SETFL, 0) == 0) only_appends_ = false;
  return only_appends_;
}

// The host has collected what was appended. It sends that in pages from their beginning on, in the
// order of the file, to several threads.
long long OpenFile::append(const char* data, std::size_t size, off_t at) const {
  constexpr int kPatience = 10'000;
  constexpr useconds_t kMoment = 100;
  const auto begin = static_cast<std::uint64_t>(at);
  std::uint64_t end = size_of(fd());
  for (int i = 0; begin > end; ++i) {
    if (i == kPatience) return -LKL_EIO;  // what comes before was refused
    usleep(kMoment);
    end = size_of(fd());
  }
  const std::size_t there = std::min<std::uint64_t>(size, end - begin);
  if (there == size) return static_cast<long long>(size);
  const long long put = lkl_sys_write(static_cast<unsigned>(fd()), data + there, size - there);
  return put < 0 ? put : put + static_cast<long long>(there);
}

}  // namespace lkl::fuse
