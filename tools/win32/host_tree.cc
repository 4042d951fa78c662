// SPDX-License-Identifier: GPL-2.0
//
// The host's files on Windows. They have neither owners nor modes nor attributes as Linux has them:
// what is copied out of an image keeps those in an archive only.
#include <windows.h>

#include <winioctl.h>
#include <winternl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/host_calls.h"
#include "base/signals.h"
#include "host/win32/path.h"
#include "host/win32/windows_error.h"
#include "tree/basic_tree.h"
#include "win32/nt_file.h"
#include "win32/stored_name.h"

namespace lkl::tool {

namespace {

using lkl::host::last_errno;

// Numbers of our own for what is open, as the tree wants them.
class OpenFiles {
 public:
  struct File {
    NtHandle handle;
    bool sparse = false;        // it was told that it may have holes
    bool listed = false;        // its entries are being read
    std::vector<char> records;  // that do not fit the caller's buffer yet
    std::size_t at = 0;
  };

  int add(NtHandle handle) {
    const int fd = free_.empty() ? next_++ : free_.back();
    if (!free_.empty()) free_.pop_back();
    files_[fd].handle = std::move(handle);
    return fd;
  }
  File& at(int fd) { return files_.at(fd); }
  HANDLE handle(int fd) { return at(fd).handle.get(); }
  void close(int fd) {
    files_.erase(fd);
    free_.push_back(fd);
  }

 private:
  std::map<int, File> files_;
  std::vector<int> free_;
  int next_ = 0;
};

// Seconds and the rest since 1970, from units of 100 ns since 1601.
constexpr std::int64_t kUnits = 10'000'000, kBetween = 11'644'473'600;

Timestamp timestamp(const FILETIME& time) {
  const auto units =
      static_cast<std::int64_t>(std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime);
  return {units / kUnits - kBetween, static_cast<std::uint32_t>(units % kUnits * 100)};
}

// The nearest that there is; the file system takes none before 1601.
LARGE_INTEGER units_of(const Timestamp& time) {
  LARGE_INTEGER units;
  units.QuadPart =
      std::max<std::int64_t>(
          std::clamp<std::int64_t>(time.seconds, -kBetween, 900'000'000'000) + kBetween, 0) *
          kUnits +
      time.nanoseconds / 100;
  if (units.QuadPart <= 0) units.QuadPart = 1;  // 0 would leave it as it is
  return units;
}

struct WindowsCalls {
  OpenFiles* files;

  static constexpr int kRead = 0, kWrite = 1, kCreate = 2, kTruncate = 4, kDirectory = 8,
                       kNoFollow = 16, kPathOnly = 32, kNonBlocking = 0;
  static constexpr int kSeekData = 0, kSeekHole = 1;
  static constexpr long long kNoEntry = -ENOENT, kNotDirectory = -ENOTDIR, kNoMoreData = -ENXIO,
                             kTooSmall = -ERANGE, kDamaged = -EILSEQ;
  static constexpr bool kOnHost = true;

  static std::error_code error(long long result) { return lkl::error_from(result); }
  static std::string display(const std::string& path) { return path; }
  static bool unix_attributes() { return false; }
  static bool may_set_owner() { return false; }
  static bool has_devices() { return false; }
  static bool folds_names(int) { return true; }
  static std::string written_name(const std::string& name) {
    return lkl::host::narrow(stored_name(name));
  }

  static NtOpen request_of(int flags) {
    NtOpen request;
    if (flags & kPathOnly)
      request.access = FILE_READ_ATTRIBUTES;
    else if (flags & kWrite)
      request.access = GENERIC_WRITE | FILE_READ_ATTRIBUTES;
    else
      request.access = GENERIC_READ;
    request.how = flags & kCreate     ? (flags & kTruncate ? FILE_OVERWRITE_IF : FILE_OPEN_IF)
                  : flags & kTruncate ? FILE_OVERWRITE
                                      : FILE_OPEN;
    if (flags & kDirectory) request.options |= FILE_DIRECTORY_FILE;
    if (flags & kWrite) request.options |= FILE_NON_DIRECTORY_FILE;
    if (flags & kNoFollow) request.options |= FILE_OPEN_REPARSE_POINT;
    return request;
  }

  // `open` does it; a directory for its times too, if that may be.
  template <class Open>
  long long opened(int flags, Open open) const {
    NtOpen request = request_of(flags);
    NtHandle file;
    int error = -EACCES;
    if (flags & kDirectory) {
      request.access |= FILE_WRITE_ATTRIBUTES;
      error = open(request, file);
      request.access &= ~static_cast<ACCESS_MASK>(FILE_WRITE_ATTRIBUTES);
    }
    if (error == -EACCES) error = open(request, file);
    if (error < 0) return error;
    return files->add(std::move(file));
  }

  long long open_in_root(const std::string& path, int flags) const {
    const std::wstring name = stored_host_path(path);
    return opened(flags, [&](const NtOpen& request, NtHandle& file) {
      return nt_open_path(name, request, file);
    });
  }
  static std::wstring relative(const char* name) {
    return std::string_view(name) == "." ? std::wstring() : stored_path(name);
  }
  int open_below(int dir, const std::wstring& name, const NtOpen& request, NtHandle& file) const {
    return nt_open(files->handle(dir), name, request, file);
  }
  long long open(int dir, const char* name, int flags, std::uint32_t) const {
    return opened(flags, [&](const NtOpen& request, NtHandle& file) {
      return open_below(dir, relative(name), request, file);
    });
  }
  void close(int fd) const { files->close(fd); }
  long long finish(int fd) const {
    files->close(fd);
    return 0;
  }
  static long long open_stream(const std::string&) { return -EOPNOTSUPP; }
  static long long read_next(int, std::span<std::byte>) { return -EOPNOTSUPP; }
  static long long write_next(int, std::span<const std::byte>) { return -EOPNOTSUPP; }

  static long long stat_of(HANDLE file, Stat& out) {
    BY_HANDLE_FILE_INFORMATION raw;
    if (!GetFileInformationByHandle(file, &raw)) return last_errno();
    std::wstring text;
    const bool link =
        (raw.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && read_link_text(file, text);
    const bool directory = (raw.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    const bool read_only = (raw.dwFileAttributes & FILE_ATTRIBUTE_READONLY) != 0;
    out.mode = link        ? LKL_S_IFLNK | 0777U
               : directory ? LKL_S_IFDIR | 0755U
                           : LKL_S_IFREG | (read_only ? 0444U : 0644U);
    out.nlink = raw.nNumberOfLinks;
    out.inode = std::uint64_t{raw.nFileIndexHigh} << 32 | raw.nFileIndexLow;
    out.size = link        ? lkl::host::narrow(text).size()
               : directory ? 0
                           : std::uint64_t{raw.nFileSizeHigh} << 32 | raw.nFileSizeLow;
    out.block_size = 4096;
    FILE_STANDARD_INFO standard;
    if (GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard))
      out.blocks = static_cast<std::uint64_t>(standard.AllocationSize.QuadPart) / 512;
    out.dev_minor = raw.dwVolumeSerialNumber;
    out.accessed = timestamp(raw.ftLastAccessTime);
    out.modified = timestamp(raw.ftLastWriteTime);
    out.changed = out.modified;
    return 0;
  }
  long long stat(int dir, const char* name, Stat& out) const {
    if (*name == '\0') return stat_of(files->handle(dir), out);
    NtHandle file;
    const NtOpen request{.options = FILE_OPEN_REPARSE_POINT};
    if (const int error = open_below(dir, relative(name), request, file)) {
      // A name that cannot be here is not here.
      return error == -EINVAL ? -ENOENT : error;
    }
    return stat_of(file.get(), out);
  }
  long long statfs(int fd, Space& out) const {
    FILE_FS_FULL_SIZE_INFORMATION raw;
    IO_STATUS_BLOCK block;
    if (NtQueryVolumeInformationFile(files->handle(fd), &block, &raw, sizeof raw,
                                     FileFsFullSizeInformation) < 0)
      return -EIO;
    const auto number = [](const LARGE_INTEGER& value) {
      return static_cast<std::uint64_t>(value.QuadPart);
    };
    out = {std::uint64_t{raw.SectorsPerAllocationUnit} * raw.BytesPerSector,
           number(raw.TotalAllocationUnits),
           number(raw.ActualAvailableAllocationUnits),
           number(raw.CallerAvailableAllocationUnits),
           0,
           0,
           0};
    return 0;
  }

  long long readlink(int dir, const char* name, char* text, std::size_t size) const {
    NtHandle link;
    const NtOpen request{.options = FILE_OPEN_REPARSE_POINT};
    if (const int error = open_below(dir, relative(name), request, link)) return error;
    std::wstring wide;
    if (!read_link_text(link.get(), wide)) return -EINVAL;
    const std::string narrow = lkl::host::narrow(wide);
    const std::size_t length = std::min(size, narrow.size());
    std::memcpy(text, narrow.data(), length);
    return static_cast<long long>(length);
  }
  // Windows lets administrators and developers make links.
  long long symlink(const char* text, int dir, const char* name) const {
    const std::wstring path = path_of(files->handle(dir)) + L"\\" + stored_name(name);
    std::wstring target = lkl::host::wide(text);
    std::replace(target.begin(), target.end(), L'/', L'\\');
    constexpr DWORD kUnprivileged = 2;  // SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE
    CreateSymbolicLinkW(path.c_str(), target.c_str(), kUnprivileged);
    // Some say that it was made, and it was not.
    Stat made;
    return stat(dir, name, made) == 0 && made.is_symlink() ? 0 : -EPERM;
  }
  long long mkdir(int dir, const char* name, std::uint32_t) const {
    NtHandle made;
    return open_below(dir, relative(name), {.how = FILE_CREATE, .options = FILE_DIRECTORY_FILE},
                      made);
  }
  static long long mknod(int, const char*, std::uint32_t, std::uint32_t, std::uint32_t) {
    return -EPERM;
  }
  long long link(int from_dir, const char* from, int dir, const char* name) const {
    NtHandle file;
    const NtOpen request{.access = FILE_WRITE_ATTRIBUTES, .options = FILE_OPEN_REPARSE_POINT};
    if (const int error = open_below(from_dir, relative(from), request, file)) return error;
    return nt_link(file.get(), files->handle(dir), relative(name));
  }
  long long rename(int from_dir, const char* from, int dir, const char* name) const {
    NtHandle file;
    const NtOpen request{.access = DELETE, .options = FILE_OPEN_REPARSE_POINT};
    if (const int error = open_below(from_dir, relative(from), request, file)) return error;
    return nt_rename(file.get(), files->handle(dir), relative(name));
  }
  long long remove(int dir, const char* name, ULONG kind) const {
    NtHandle file;
    const NtOpen request{.access = DELETE | FILE_WRITE_ATTRIBUTES,
                         .options = FILE_OPEN_REPARSE_POINT | kind};
    if (const int error = open_below(dir, relative(name), request, file)) return error;
    const int error = nt_delete(file.get());
    if (error != -EACCES) return error;
    FILE_BASIC_INFO info = {};
    info.FileAttributes = FILE_ATTRIBUTE_NORMAL;  // no longer read-only
    SetFileInformationByHandle(file.get(), FileBasicInfo, &info, sizeof info);
    return nt_delete(file.get());
  }
  long long rmdir(int dir, const char* name) const {
    return remove(dir, name, FILE_DIRECTORY_FILE);
  }
  long long unlink(int dir, const char* name) const {
    return remove(dir, name, FILE_NON_DIRECTORY_FILE);
  }
  static long long chown(int, const char*, std::uint32_t, std::uint32_t) { return -EOPNOTSUPP; }
  static long long chmod(int, const char*, std::uint32_t) { return -EOPNOTSUPP; }
  static long long fchmod(int, std::uint32_t) { return -EOPNOTSUPP; }
  static long long set_times_of(HANDLE file, const Timestamp& accessed, const Timestamp& modified) {
    FILE_BASIC_INFO info = {};
    info.LastAccessTime = units_of(accessed);
    info.LastWriteTime = units_of(modified);
    return SetFileInformationByHandle(file, FileBasicInfo, &info, sizeof info) ? 0 : last_errno();
  }
  long long utimens(int dir, const char* name, const Timestamp& accessed,
                    const Timestamp& modified) const {
    if (name == nullptr) return set_times_of(files->handle(dir), accessed, modified);
    NtHandle file;
    const NtOpen request{.access = FILE_WRITE_ATTRIBUTES, .options = FILE_OPEN_REPARSE_POINT};
    if (const int error = open_below(dir, relative(name), request, file)) return error;
    return set_times_of(file.get(), accessed, modified);
  }

  static long long flistxattr(int, char*, std::size_t) { return -EOPNOTSUPP; }
  static long long llistxattr(const char*, char*, std::size_t) { return -EOPNOTSUPP; }
  static long long fgetxattr(int, const char*, char*, std::size_t) { return -EOPNOTSUPP; }
  static long long lgetxattr(const char*, const char*, char*, std::size_t) { return -EOPNOTSUPP; }
  static long long fsetxattr(int, const char*, const std::string&) { return -EOPNOTSUPP; }
  static long long lsetxattr(const char*, const char*, const std::string&) { return -EOPNOTSUPP; }

  // A record of getdents64.
  static void add_record(std::vector<char>& records, std::uint64_t inode, const std::string& name) {
    constexpr std::size_t kName = 19, kRound = 8;
    const std::size_t length = (kName + name.size() + 1 + kRound - 1) / kRound * kRound;
    const std::size_t begin = records.size();
    records.resize(begin + length);
    const auto short_length = static_cast<std::uint16_t>(length);
    std::memcpy(&records[begin], &inode, sizeof inode);
    std::memcpy(&records[begin + 16], &short_length, sizeof short_length);
    std::memcpy(&records[begin + kName], name.c_str(), name.size() + 1);
  }
  // Some more entries of the directory; false: there are none.
  static long long read_entries(OpenFiles::File& directory) {
    alignas(8) std::array<std::byte, 32 << 10> buffer;
    const auto what = directory.listed ? FileIdBothDirectoryInfo : FileIdBothDirectoryRestartInfo;
    if (!GetFileInformationByHandleEx(directory.handle.get(), what, buffer.data(), buffer.size()))
      return GetLastError() == ERROR_NO_MORE_FILES || GetLastError() == ERROR_FILE_NOT_FOUND
                 ? 0
                 : last_errno();
    directory.listed = true;
    directory.records.clear();
    directory.at = 0;
    for (std::size_t at = 0;;) {
      const auto* const entry = reinterpret_cast<const FILE_ID_BOTH_DIR_INFO*>(buffer.data() + at);
      add_record(directory.records, static_cast<std::uint64_t>(entry->FileId.QuadPart),
                 name_of_stored({entry->FileName, entry->FileNameLength / sizeof(wchar_t)}));
      if (entry->NextEntryOffset == 0) return 1;
      at += entry->NextEntryOffset;
    }
  }
  long long getdents(int fd, char* into, std::size_t size) const {
    OpenFiles::File& directory = files->at(fd);
    if (directory.at == directory.records.size()) {
      const long long more = read_entries(directory);
      if (more <= 0) return more;
    }
    std::size_t end = directory.at;
    while (end < directory.records.size()) {
      std::uint16_t length = 0;
      std::memcpy(&length, &directory.records[end + 16], sizeof length);
      if (end + length - directory.at > size) break;
      end += length;
    }
    const std::size_t taken = end - directory.at;
    std::memcpy(into, directory.records.data() + directory.at, taken);
    directory.at = end;
    return static_cast<long long>(taken);
  }

  static OVERLAPPED place_of(std::uint64_t at) {
    OVERLAPPED place = {};
    place.Offset = static_cast<DWORD>(at);
    place.OffsetHigh = static_cast<DWORD>(at >> 32);
    return place;
  }
  long long pread(int fd, std::byte* into, std::size_t size, std::uint64_t at) const {
    OVERLAPPED place = place_of(at);
    DWORD count = 0;
    if (ReadFile(files->handle(fd), into, static_cast<DWORD>(size), &count, &place)) return count;
    return GetLastError() == ERROR_HANDLE_EOF ? 0 : last_errno();
  }
  long long pwrite(int fd, const std::byte* from, std::size_t size, std::uint64_t at) const {
    allow_holes(fd, at);
    OVERLAPPED place = place_of(at);
    DWORD count = 0;
    return WriteFile(files->handle(fd), from, static_cast<DWORD>(size), &count, &place)
               ? static_cast<long long>(count)
               : last_errno();
  }
  // What is left out at `at` would be written as zeroes, else.
  void allow_holes(int fd, std::uint64_t at) const {
    OpenFiles::File& file = files->at(fd);
    LARGE_INTEGER size;
    if (file.sparse || at == 0 || !GetFileSizeEx(file.handle.get(), &size) ||
        at <= static_cast<std::uint64_t>(size.QuadPart))
      return;
    DWORD count = 0;
    DeviceIoControl(file.handle.get(), FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0, &count, nullptr);
    file.sparse = true;
  }
  long long ftruncate(int fd, std::uint64_t size) const {
    allow_holes(fd, size);
    FILE_END_OF_FILE_INFO end;
    end.EndOfFile.QuadPart = static_cast<std::int64_t>(size);
    return SetFileInformationByHandle(files->handle(fd), FileEndOfFileInfo, &end, sizeof end)
               ? 0
               : last_errno();
  }
  // The next range that has data, or its end.
  long long seek(int fd, std::uint64_t at, int whence) const {
    LARGE_INTEGER size;
    if (!GetFileSizeEx(files->handle(fd), &size)) return last_errno();
    FILE_ALLOCATED_RANGE_BUFFER asked, found;
    asked.FileOffset.QuadPart = static_cast<std::int64_t>(at);
    asked.Length.QuadPart = size.QuadPart - asked.FileOffset.QuadPart;
    DWORD count = 0;
    if (!DeviceIoControl(files->handle(fd), FSCTL_QUERY_ALLOCATED_RANGES, &asked, sizeof asked,
                         &found, sizeof found, &count, nullptr) &&
        GetLastError() != ERROR_MORE_DATA)
      return -EOPNOTSUPP;
    if (count < sizeof found) return -ENXIO;
    const std::int64_t begin = std::max(found.FileOffset.QuadPart, asked.FileOffset.QuadPart);
    return whence == kSeekData ? begin : found.FileOffset.QuadPart + found.Length.QuadPart;
  }
};

// With the files that are open in it.
class WindowsTree final : public BasicTree<WindowsCalls> {
 public:
  explicit WindowsTree(std::unique_ptr<OpenFiles> files)
      : BasicTree(WindowsCalls{files.get()}), files_(std::move(files)) {}

 private:
  std::unique_ptr<OpenFiles> files_;
};

}  // namespace

std::unique_ptr<Tree> make_host_tree() {
  return std::make_unique<WindowsTree>(std::make_unique<OpenFiles>());
}

}  // namespace lkl::tool
