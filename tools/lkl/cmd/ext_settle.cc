// SPDX-License-Identifier: GPL-2.0
#include "lkl/cmd/ext_settle.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/signals.h"
#include "lkl/cmd/ext2fs_library.h"

namespace lkl::tool {

namespace {

class Settler {
 public:
  Settler(int fd, const std::string& name, std::uint32_t seconds)
      : library_(ext2fs()), name_(name), seconds_(seconds) {
    // The library closes it.
    const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
      throw Failure(fmt::format("{}: {}", name, describe({errno, std::system_category()})));
    check(library_.ext2fs_open2(std::to_string(own).c_str(), nullptr,
                                EXT2_FLAG_RW | EXT2_FLAG_64BITS, 0, 0, library_.descriptors, &fs_));
    const std::size_t inode_size = EXT2_INODE_SIZE(fs_->super);
    inode_.resize(std::max(inode_size, sizeof(ext2_inode_large)));
    block_.resize(fs_->blocksize);
  }
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;
  ~Settler() {
    if (fs_ != nullptr) library_.ext2fs_free(fs_);
  }

  void run() {
    settle_inodes();
    settle_super();
    check(library_.ext2fs_close_free(&fs_));
  }

 private:
  void check(errcode_t error) const {
    if (error != 0)
      throw Failure(
          fmt::format("{}: cannot be made reproducible: {}", name_, library_.error_message(error)));
  }

  void settle_super() {
    ext2_super_block& super = *fs_->super;
    fs_->now = ext_time(seconds_);  // when it was written
    super.s_mkfs_time = super.s_mtime = super.s_lastcheck = ext_time(seconds_);
    super.s_mkfs_time_hi = super.s_mtime_hi = super.s_wtime_hi = super.s_lastcheck_hi = 0;
    super.s_mnt_count = 0;
    super.s_kbytes_written = 0;
    memset(super.s_last_mounted, 0, sizeof super.s_last_mounted);
    fs_->flags |= EXT2_FLAG_DIRTY | EXT2_FLAG_CHANGED;
  }

  void settle_inodes() {
    ext2_inode_scan opened = nullptr;
    check(library_.ext2fs_open_inode_scan(fs_, 0, &opened));
    const std::unique_ptr<std::remove_pointer_t<ext2_inode_scan>,
                          decltype(library_.ext2fs_close_inode_scan)>
        scan(opened, library_.ext2fs_close_inode_scan);
    auto& inode = *reinterpret_cast<ext2_inode_large*>(inode_.data());
    const int size = static_cast<int>(inode_.size());
    for (;;) {
      check_interrupted();
      ext2_ino_t number = 0;
      check(library_.ext2fs_get_next_inode_full(scan.get(), &number, small(inode), size));
      if (number == 0) return;
      if (inode.i_mode == 0 || inode.i_links_count == 0) continue;
      // The blocks of the orphan file have checks with its generation, which is mkfs's.
      const bool new_generation =
          inode.i_generation != 0 && number != fs_->super->s_orphan_file_inum;
      if (new_generation) inode.i_generation = 0;
      settle_times(inode);
      check(library_.ext2fs_write_inode_full(fs_, number, small(inode),
                                             static_cast<int>(EXT2_INODE_SIZE(fs_->super))));
      if (new_generation) renew_checksums(number, inode);
    }
  }

  void settle_times(ext2_inode_large& inode) {
    const std::size_t end = EXT2_INODE_SIZE(fs_->super) > EXT2_GOOD_OLD_INODE_SIZE
                                ? EXT2_GOOD_OLD_INODE_SIZE + std::size_t{inode.i_extra_isize}
                                : EXT2_GOOD_OLD_INODE_SIZE;
    std::uint32_t none = 0;
    // A field behind those of old inodes, if this one has it.
    const auto extra = [&](std::uint32_t& field) -> std::uint32_t& {
      const auto at = reinterpret_cast<std::byte*>(&field) - reinterpret_cast<std::byte*>(&inode);
      return static_cast<std::size_t>(at) + sizeof field <= end ? field : none;
    };
    limit(inode.i_mtime, extra(inode.i_mtime_extra));
    // The inode of a large attribute has its hash and its count of users in the others.
    if ((inode.i_flags & EXT4_EA_INODE_FL) == 0) {
      limit(inode.i_atime, extra(inode.i_atime_extra));
      inode.i_ctime = seconds_;
      extra(inode.i_ctime_extra) = 0;
      inode.osd1.linux1.l_i_version = 0;
      extra(inode.i_version_hi) = 0;
    }
    extra(inode.i_crtime) = seconds_;
    extra(inode.i_crtime_extra) = 0;
  }

  // Not later than ours.
  void limit(std::uint32_t& time, std::uint32_t& extra) const {
    const std::int64_t epoch = extra & EXT4_EPOCH_MASK;
    const std::int64_t whole = static_cast<std::int32_t>(time) + (epoch << 32);
    if (whole < seconds_) return;
    time = seconds_;
    extra = 0;
  }

  // Of the blocks that have the inode's generation in theirs: of its extents and its names.
  void renew_checksums(ext2_ino_t number, ext2_inode_large& inode) {
    if ((fs_->super->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM) == 0 ||
        (inode.i_flags & EXT4_INLINE_DATA_FL) != 0)
      return;
    fs_->flags |= EXT2_FLAG_IGNORE_CSUM_ERRORS;
    if ((inode.i_flags & EXT4_EXTENTS_FL) != 0)
      check(library_.ext2fs_fix_extents_checksums(fs_, number, small(inode)));
    if (LINUX_S_ISDIR(inode.i_mode)) {
      directory_ = number;
      check(library_.ext2fs_block_iterate3(fs_, number, BLOCK_FLAG_READ_ONLY | BLOCK_FLAG_DATA_ONLY,
                                           nullptr, renew_names, this));
      check(directory_error_);
    }
    fs_->flags &= ~EXT2_FLAG_IGNORE_CSUM_ERRORS;
  }

  static int renew_names(ext2_filsys fs, blk64_t* block, e2_blkcnt_t, blk64_t, int, void* self) {
    Settler& settler = *static_cast<Settler*>(self);
    const Ext2fsLibrary& library = settler.library_;
    std::byte* const bytes = settler.block_.data();
    errcode_t& error = settler.directory_error_;
    error = library.ext2fs_read_dir_block4(fs, *block, bytes, 0, settler.directory_);
    if (error == 0)
      error = library.ext2fs_write_dir_block4(fs, *block, bytes, 0, settler.directory_);
    return error == 0 ? 0 : BLOCK_ABORT;
  }

  // As the library's functions take it, beside its size.
  static ext2_inode* small(ext2_inode_large& inode) {
    return reinterpret_cast<ext2_inode*>(&inode);
  }

  const Ext2fsLibrary& library_;
  const std::string& name_;
  const std::uint32_t seconds_;
  ext2_filsys fs_ = nullptr;
  std::vector<std::byte> inode_, block_;
  ext2_ino_t directory_ = 0;  // whose names are renewed
  errcode_t directory_error_ = 0;
};

}  // namespace

std::uint32_t ext_time(std::uint32_t seconds) {
  return std::max(seconds, 1U);
}

void prepare_settling() {
  ext2fs();
}

void settle_ext(int fd, const std::string& name, std::uint32_t seconds) {
  Settler(fd, name, seconds).run();
}

}  // namespace lkl::tool
