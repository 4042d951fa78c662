// SPDX-License-Identifier: GPL-2.0
//
// Symbolic links, which are reparse points to Windows.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "winfsp/file_name.h"
#include "winfsp/library.h"
#include "winfsp/operation.h"

namespace lkl::winfsp {

namespace {

// REPARSE_DATA_BUFFER of a symbolic link, which only drivers' headers have. The names are behind
// it.
struct LinkData {
  ULONG tag;
  USHORT bytes, reserved;  // of what follows
  USHORT target_at, target_bytes, shown_at, shown_bytes;
  ULONG flags;
};
static_assert(sizeof(LinkData) == 20);
constexpr std::size_t kHead = 8;
constexpr ULONG kRelative = 1;

std::vector<std::byte> link_data(const std::wstring& target) {
  const std::size_t bytes = target.size() * sizeof(wchar_t);
  LinkData head = {};
  head.tag = static_cast<ULONG>(IO_REPARSE_TAG_SYMLINK);
  head.bytes = static_cast<USHORT>(sizeof head - kHead + 2 * bytes);
  head.target_bytes = head.shown_bytes = head.shown_at = static_cast<USHORT>(bytes);
  head.flags = kRelative;
  std::vector<std::byte> data(sizeof head + 2 * bytes);
  std::memcpy(data.data(), &head, sizeof head);
  for (const std::size_t at : {sizeof head, sizeof head + bytes})
    std::memcpy(data.data() + at, target.data(), bytes);
  return data;
}

std::string text_of(const OpenFile& link) {
  if (!link.stat().is_symlink()) throw StatusError{STATUS_NOT_A_REPARSE_POINT};
  std::array<char, 4096> text;  // PATH_MAX
  const long long length =
      check(lkl_sys_readlinkat(link.path_fd(), "", text.data(), static_cast<int>(text.size())));
  return std::string(text.data(), static_cast<std::size_t>(length));
}

NtStatus give_link(const OpenFile& link, const std::string& path, void* buffer, std::size_t* size) {
  const std::vector<std::byte> data = link_data(target_for_windows(path, text_of(link)));
  // Asked only whether it is one.
  if (buffer == nullptr) return STATUS_SUCCESS;
  if (data.size() > *size) return STATUS_BUFFER_TOO_SMALL;
  std::copy(data.begin(), data.end(), static_cast<std::byte*>(buffer));
  *size = data.size();
  return STATUS_SUCCESS;
}

NtStatus get_by_name(Volume* volume, void*, wchar_t* name, BOOLEAN, void* buffer,
                     std::size_t* size) {
  return serve(volume, [&](FileSystem& fs) {
    const std::string path = path_of(name);
    return give_link(OpenFile(fs.open_path(path), path, LKL_O_RDONLY), path, buffer, size);
  });
}

NtStatus resolve_reparse_points(Volume* volume, wchar_t* name, std::uint32_t index, BOOLEAN last,
                                IO_STATUS_BLOCK* status, void* buffer, std::size_t* size) {
  return functions().FileSystemResolveReparsePoints(volume, get_by_name, nullptr, name, index, last,
                                                    status, buffer, size);
}

NtStatus get_reparse_point(Volume* volume, void* context, wchar_t* name, void* buffer,
                           std::size_t* size) {
  return serve(volume, [&](FileSystem&) {
    return give_link(OpenFile::of(context), path_of(name), buffer, size);
  });
}

struct Target {
  std::wstring_view text;
  bool relative;
};

Target target_in(const std::byte* data, std::size_t size) {
  LinkData head;
  if (size < sizeof head) throw StatusError{STATUS_IO_REPARSE_DATA_INVALID};
  std::memcpy(&head, data, sizeof head);
  if (head.tag != static_cast<ULONG>(IO_REPARSE_TAG_SYMLINK))
    throw StatusError{STATUS_NOT_SUPPORTED};
  const std::size_t begin = sizeof head + head.target_at;
  if (begin + head.target_bytes > size || head.target_at % sizeof(wchar_t) != 0)
    throw StatusError{STATUS_IO_REPARSE_DATA_INVALID};
  return {{reinterpret_cast<const wchar_t*>(data + begin), head.target_bytes / sizeof(wchar_t)},
          (head.flags & kRelative) != 0};
}

// Windows makes a file or a directory first, and says then that it is a link.
NtStatus set_reparse_point(Volume* volume, void* context, wchar_t* name, void* buffer,
                           std::size_t size) {
  return serve(volume, [&](FileSystem& fs) {
    OpenFile& file = OpenFile::of(context);
    const std::string path = path_of(name);
    if (path.empty()) throw StatusError{STATUS_ACCESS_DENIED};
    const Target target = target_in(static_cast<const std::byte*>(buffer), size);
    const std::string text = target_for_linux(target.text, target.relative, fs.mount_point());
    const Stat status = file.stat();
    if (status.is_regular() && status.size > 0) throw StatusError{STATUS_IO_REPARSE_DATA_INVALID};
    if (!status.is_regular() && !status.is_directory() && !status.is_symlink())
      throw StatusError{STATUS_NOT_SUPPORTED};
    const File parent = fs.open_parent(path);
    const std::string own = split(path).last;
    static std::atomic<unsigned> count = 0;
    const std::string made = fmt::format(".lkl-link-{}", ++count);
    check(lkl_sys_symlinkat(text.c_str(), parent.fd(), made.c_str()));
    long long result = 0;
    if (status.is_directory())
      result = lkl_sys_unlinkat(parent.fd(), own.c_str(), LKL_AT_REMOVEDIR);
    if (result >= 0)
      result = lkl_sys_renameat2(parent.fd(), made.c_str(), parent.fd(), own.c_str(), 0);
    if (result < 0) lkl_sys_unlinkat(parent.fd(), made.c_str(), 0);
    check(result);
    file.become(fs.open_path(path));
  });
}

// A link is nothing without what it leads to; it can be removed as a whole.
NtStatus delete_reparse_point(Volume*, void*, wchar_t*, void*, std::size_t) {
  return STATUS_ACCESS_DENIED;
}

}  // namespace

void add_link_operations(Operations& operations) {
  operations.resolve_reparse_points = resolve_reparse_points;
  operations.get_reparse_point = get_reparse_point;
  operations.set_reparse_point = set_reparse_point;
  operations.delete_reparse_point = delete_reparse_point;
}

}  // namespace lkl::winfsp
