// SPDX-License-Identifier: GPL-2.0
//
// What is in directories. WinFsp keeps what it was given, in order, for as long as somebody reads.
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "win32/stored_name.h"
#include "winfsp/file_name.h"
#include "winfsp/library.h"
#include "winfsp/operation.h"

namespace lkl::winfsp {

namespace {

bool is_dots(std::string_view name) {
  return name == "." || name == "..";
}

// One entry, as WinFsp wants it: the name is behind the structure.
class EntryInfo {
 public:
  EntryInfo(const FileInfo& file, const std::wstring& name)
      : units_((sizeof(DirectoryInfo) + name.size() * sizeof(wchar_t) + sizeof(DirectoryInfo) - 1) /
               sizeof(DirectoryInfo)) {
    DirectoryInfo& info = *get();
    info.size = static_cast<std::uint16_t>(sizeof(DirectoryInfo) + name.size() * sizeof(wchar_t));
    info.file = file;
    std::memcpy(info.name(), name.data(), name.size() * sizeof(wchar_t));
  }
  DirectoryInfo* get() { return units_.data(); }

 private:
  std::vector<DirectoryInfo> units_;
};

class Filling {
 public:
  Filling(FileSystem& fs, OpenFile& directory) : fs_(fs), directory_(directory) {}

  // What WinFsp says of it.
  NtStatus fill() {
    const auto fd = static_cast<unsigned>(directory_.fd());
    const std::string above = directory_.name();
    check(lkl_sys_lseek(fd, 0, LKL_SEEK_SET));
    alignas(struct lkl_linux_dirent64) std::array<std::byte, 32 * 1024> room;
    for (;;) {
      const auto filled = static_cast<std::size_t>(
          check(lkl_sys_getdents64(fd, reinterpret_cast<struct lkl_linux_dirent64*>(room.data()),
                                   static_cast<unsigned>(room.size()))));
      if (filled == 0) return STATUS_SUCCESS;
      for (std::size_t at = 0; at < filled;) {
        const auto entry = reinterpret_cast<const struct lkl_linux_dirent64*>(room.data() + at);
        NtStatus status = STATUS_SUCCESS;
        if (!add(above, reinterpret_cast<const char*>(entry->d_name), *entry, status))
          return status;
        at += entry->d_reclen;
      }
    }
  }

 private:
  bool add(const std::string& above, const std::string& name,
           const struct lkl_linux_dirent64& entry, NtStatus& status) {
    // The root has none on Windows.
    if (is_dots(name) && above.empty()) return true;
    std::error_code ec;
    Stat file = stat_at(directory_.fd(), name, LKL_AT_SYMLINK_NOFOLLOW, ec);
    if (ec == std::errc::no_such_file_or_directory) return true;  // removed meanwhile
    if (ec) {
      // It is damaged, and will tell so itself when it is opened.
      file = {};
      file.mode = static_cast<std::uint32_t>(entry.d_type) << 12;
      file.inode = entry.d_ino;
    }
    const std::string path = above.empty() ? name : above + "/" + name;
    EntryInfo info(fs_.info(file, path), is_dots(name) ? std::wstring(name.begin(), name.end())
                                                       : tool::stored_name(name));
    return functions().FileSystemFillDirectoryBuffer(directory_.directory_buffer(), info.get(),
                                                     &status);
  }

  FileSystem& fs_;
  OpenFile& directory_;
};

// Held while it is filled.
class DirectoryBuffer {
 public:
  DirectoryBuffer(OpenFile& directory, bool anew, NtStatus& status)
      : buffer_(directory.directory_buffer()),
        held_(functions().FileSystemAcquireDirectoryBuffer(buffer_, anew, &status)) {}
  DirectoryBuffer(const DirectoryBuffer&) = delete;
  DirectoryBuffer& operator=(const DirectoryBuffer&) = delete;
  ~DirectoryBuffer() {
    if (held_) functions().FileSystemReleaseDirectoryBuffer(buffer_);
  }
  // Or there is nothing to do.
  bool to_be_filled() const { return held_; }

 private:
  void** buffer_;
  bool held_;
};

NtStatus read_directory(Volume* volume, void* context, wchar_t*, wchar_t* marker, void* buffer,
                        ULONG length, ULONG* transferred) {
  return serve(volume, [&](FileSystem& fs) -> NtStatus {
    OpenFile& directory = OpenFile::of(context);
    if (!directory.stat().is_directory()) throw StatusError{STATUS_NOT_A_DIRECTORY};
    NtStatus status = STATUS_SUCCESS;
    {
      const DirectoryBuffer held(directory, marker == nullptr, status);
      if (held.to_be_filled()) status = Filling(fs, directory).fill();
    }
    if (status < 0) return status;
    functions().FileSystemReadDirectoryBuffer(directory.directory_buffer(), marker, buffer, length,
                                              transferred);
    return STATUS_SUCCESS;
  });
}

NtStatus get_dir_info_by_name(Volume* volume, void* context, wchar_t* name, DirectoryInfo* info) {
  return serve(volume, [&](FileSystem& fs) {
    const OpenFile& directory = OpenFile::of(context);
    const std::string one = component_of(name);
    std::error_code ec;
    const Stat file = stat_at(directory.path_fd(), one, LKL_AT_SYMLINK_NOFOLLOW, ec);
    if (ec) throw std::system_error(ec);
    const std::string above = directory.name();
    const std::size_t bytes = wcslen(name) * sizeof(wchar_t);
    info->size = static_cast<std::uint16_t>(sizeof(DirectoryInfo) + bytes);
    info->file = fs.info(file, above.empty() ? one : above + "/" + one);
    std::memcpy(info->name(), name, bytes);
  });
}

}  // namespace

void add_directory_operations(Operations& operations) {
  operations.read_directory = read_directory;
  operations.get_dir_info_by_name = get_dir_info_by_name;
}

}  // namespace lkl::winfsp
