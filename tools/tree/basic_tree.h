// SPDX-License-Identifier: GPL-2.0
//
// Tree over a set of system calls: `Calls` has the host's or the kernel's, each returning a
// negative error number, with the flags in its own numbering. Included by the two that are.
#ifndef LKL_TOOL_BASIC_TREE_H
#define LKL_TOOL_BASIC_TREE_H

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

#include "base/signals.h"
#include "tree/tree.h"

namespace lkl::tool {

// Finds out that the entries of a directory come again and again, as a damaged one may have it. One
// entry is kept in mind, of those at each power of two (Brent's way to find a cycle); a sound
// directory has each once, and one that is changed meanwhile perhaps twice.
class Circle {
 public:
  // `record` of getdents64.
  bool closed_by(const char* record, const std::string& name) {
    std::uint64_t inode = 0;
    std::memcpy(&inode, record, sizeof(inode));
    count_++;
    if (inode == inode_ && name == name_ && !name_.empty()) return ++times_ == kMostTimes;
    if ((count_ & (count_ - 1)) == 0) {
      inode_ = inode;
      name_ = name;
      times_ = 0;
    }
    return false;
  }

 private:
  static constexpr int kMostTimes = 3;
  std::uint64_t count_ = 0, inode_ = 0;
  std::string name_;
  int times_ = 0;
};

template <class Calls>
class BasicTree : public Tree {
 public:
  explicit BasicTree(Calls calls) : calls_(std::move(calls)) {}

  Handle open_path(const std::string& path) override {
    return opened(calls_.open_in_root(path, Calls::kRead | Calls::kNonBlocking));
  }
  Handle open_directory(const std::string& path) override {
    return opened(calls_.open_in_root(path, Calls::kRead | Calls::kDirectory));
  }
  Handle open_existing(const std::string& path) override {
    return opened(calls_.open_in_root(path, Calls::kWrite | Calls::kTruncate));
  }
  Handle open_for_update(const std::string& path, bool create) override {
    constexpr int kFlags = Calls::kWrite | Calls::kNonBlocking;
    return opened(calls_.open_in_root(path, kFlags | (create ? Calls::kCreate : 0)));
  }
  std::optional<Stat> find_path(const std::string& path, bool follow) override {
    const long long fd =
        calls_.open_in_root(path, Calls::kPathOnly | (follow ? 0 : Calls::kNoFollow));
    if (fd == Calls::kNoEntry || fd == Calls::kNotDirectory) return std::nullopt;
    return stat(opened(fd));
  }

  Handle open_stream(const std::string& path) override { return opened(calls_.open_stream(path)); }

  Handle open_directory(Place p) override {
    return opened(
        calls_.open(p.dir.fd(), name(p), Calls::kRead | Calls::kDirectory | Calls::kNoFollow, 0));
  }
  Handle open_file(Place p) override {
    return opened(
        calls_.open(p.dir.fd(), name(p), Calls::kRead | Calls::kNoFollow | Calls::kNonBlocking, 0));
  }
  Handle create_file(Place p, std::uint32_t mode) override {
    constexpr int kFlags = Calls::kWrite | Calls::kCreate | Calls::kTruncate | Calls::kNoFollow;
    return opened(calls_.open(p.dir.fd(), name(p), kFlags, mode));
  }
  std::optional<Stat> find(Place p) override {
    Stat out;
    const long long result = calls_.stat(p.dir.fd(), p.name.c_str(), out);
    if (result == Calls::kNoEntry) return std::nullopt;
    check(result);
    return out;
  }
  std::optional<std::string> listed_name(Place p) override {
    // While it is open it keeps its inode number, which some file systems make up as they go.
    const Handle open =
        opened(calls_.open(p.dir.fd(), name(p), Calls::kPathOnly | Calls::kNoFollow, 0));
    const std::uint64_t inode = stat(open).inode;
    Stream stream(*this, opened(calls_.open(p.dir.fd(), ".", Calls::kRead | Calls::kDirectory, 0)));
    std::optional<std::string> found;
    for (std::string entry; stream.next(entry);) {
      if (entry == p.name) return entry;
      if (stream.inode() != inode) continue;
      // One of several links may be spelled quite differently.
      if (!found || ::strcasecmp(entry.c_str(), p.name.c_str()) == 0) found = entry;
    }
    return found;
  }
  std::string read_link(Place p) override {
    std::string text(4096, '\0');
    text.resize(check(calls_.readlink(p.dir.fd(), name(p), text.data(), text.size())));
    return text;
  }
  void make_symlink(const std::string& text, Place p) override {
    check(calls_.symlink(text.c_str(), p.dir.fd(), name(p)));
  }
  void make_directory(Place p, std::uint32_t mode) override {
    check(calls_.mkdir(p.dir.fd(), name(p), mode));
  }
  void make_node(Place p, std::uint32_t mode, std::uint32_t major, std::uint32_t minor) override {
    check(calls_.mknod(p.dir.fd(), name(p), mode, major, minor));
  }
  void make_link(Place existing, Place p) override {
    check(calls_.link(existing.dir.fd(), name(existing), p.dir.fd(), name(p)));
  }
  void rename(Place from, Place to) override {
    check(calls_.rename(from.dir.fd(), name(from), to.dir.fd(), name(to)));
  }
  void remove(Place p) override { check(calls_.unlink(p.dir.fd(), name(p))); }
  void remove_directory(Place p) override { check(calls_.rmdir(p.dir.fd(), name(p))); }

  void set_owner(Place p, std::uint32_t uid, std::uint32_t gid) override {
    check(calls_.chown(p.dir.fd(), p.name.c_str(), uid, gid));
  }
  void set_mode(Place p, std::uint32_t mode) override {
    check(p.name.empty() ? calls_.fchmod(p.dir.fd(), mode)
                         : calls_.chmod(p.dir.fd(), name(p), mode));
  }
  void set_times(Place p, const Timestamp& accessed, const Timestamp& modified) override {
    check(
        calls_.utimens(p.dir.fd(), p.name.empty() ? nullptr : p.name.c_str(), accessed, modified));
  }

  std::vector<std::string> xattr_names(Place p) override {
    std::string list;
    grow(list, [&](char* data, std::size_t size) {
      return p.name.empty() ? calls_.flistxattr(p.dir.fd(), data, size)
                            : calls_.llistxattr(proc_path(p).c_str(), data, size);
    });
    std::vector<std::string> names;
    for (std::size_t at = 0; at < list.size(); at += names.back().size() + 1)
      names.emplace_back(list.c_str() + at);
    return names;
  }
  std::string get_xattr(Place p, const std::string& attribute) override {
    std::string value;
    grow(value, [&](char* data, std::size_t size) {
      return p.name.empty() ? calls_.fgetxattr(p.dir.fd(), attribute.c_str(), data, size)
                            : calls_.lgetxattr(proc_path(p).c_str(), attribute.c_str(), data, size);
    });
    return value;
  }
  void set_xattr(Place p, const std::string& attribute, const std::string& value) override {
    check(p.name.empty() ? calls_.fsetxattr(p.dir.fd(), attribute.c_str(), value)
                         : calls_.lsetxattr(proc_path(p).c_str(), attribute.c_str(), value));
  }

  std::unique_ptr<DirStream> read_directory(const Handle& directory) override {
    return std::make_unique<Stream>(
        *this, opened(calls_.open(directory.fd(), ".", Calls::kRead | Calls::kDirectory, 0)));
  }

  std::size_t read(const Handle& file, std::span<std::byte> into, std::uint64_t at) override {
    return check(calls_.pread(file.fd(), into.data(), into.size(), at));
  }
  void write(const Handle& file, std::span<const std::byte> from, std::uint64_t at) override {
    while (!from.empty()) {
      const std::size_t n = check(calls_.pwrite(file.fd(), from.data(), from.size(), at));
      from = from.subspan(n);
      at += n;
    }
  }
  std::size_t read_next(const Handle& file, std::span<std::byte> into) override {
    return check(calls_.read_next(file.fd(), into));
  }
  void write_next(const Handle& file, std::span<const std::byte> from) override {
    while (!from.empty()) from = from.subspan(check(calls_.write_next(file.fd(), from)));
  }
  void truncate(const Handle& file, std::uint64_t size) override {
    check(calls_.ftruncate(file.fd(), size));
  }
  void finish(Handle& file) override { check(calls_.finish(file.release())); }
  std::optional<Extent> next_extent(const Handle& file, std::uint64_t at,
                                    std::uint64_t size) override {
    if (at >= size) return std::nullopt;
    const long long begin = calls_.seek(file.fd(), at, Calls::kSeekData);
    if (begin == Calls::kNoMoreData) return std::nullopt;
    if (begin < 0) return Extent{at, size};
    const long long end =
        calls_.seek(file.fd(), static_cast<std::uint64_t>(begin), Calls::kSeekHole);
    return Extent{static_cast<std::uint64_t>(begin),
                  end < 0 ? size : std::min(size, static_cast<std::uint64_t>(end))};
  }
  Space space(const Handle& any) override {
    Space out;
    check(calls_.statfs(any.fd(), out));
    return out;
  }

  bool folds_names(const Handle& directory) override { return calls_.folds_names(directory.fd()); }
  bool has_devices() const override { return calls_.has_devices(); }
  bool unix_attributes() const override { return calls_.unix_attributes(); }
  bool on_host() const override { return Calls::kOnHost; }
  bool may_set_owner() const override { return calls_.may_set_owner(); }
  std::string written_name(const std::string& name) const override {
    return calls_.written_name(name);
  }
  std::string display(const std::string& path) const override { return calls_.display(path); }

 private:
  // Records of getdents64 look the same on the host and in the kernel.
  class Stream final : public DirStream {
   public:
    Stream(BasicTree& tree, Handle directory) : tree_(tree), directory_(std::move(directory)) {}

    bool next(std::string& name) override {
      for (;;) {
        if (at_ == filled_) {
          check_interrupted();
          filled_ =
              tree_.check(tree_.calls_.getdents(directory_.fd(), buffer_.data(), buffer_.size()));
          at_ = 0;
          if (filled_ == 0 && bad_) throw std::system_error(Calls::error(Calls::kDamaged));
          if (filled_ == 0) return false;
        }
        const char* record = buffer_.data() + at_;
        std::uint16_t length = 0;
        std::memcpy(&inode_, record, sizeof(inode_));
        std::memcpy(&length, record + 16, sizeof(length));
        at_ += length;
        name = record + 19;
        if (circle_.closed_by(record, name)) throw std::system_error(Calls::error(Calls::kDamaged));
        if (name == "." || name == "..") continue;
        // Such a name can only come from a damaged or hostile image: told after the others.
        if (!name.empty() && name.find('/') == std::string::npos) return true;
        bad_ = true;
      }
    }
    // Of what next() gave.
    std::uint64_t inode() const { return inode_; }

   private:
    BasicTree& tree_;
    Handle directory_;
    // Small: of a very deep tree, one for each level may be open.
    std::vector<char> buffer_ = std::vector<char>(8 * 1024);
    std::size_t at_ = 0, filled_ = 0;
    Circle circle_;
    bool bad_ = false;
    std::uint64_t inode_ = 0;
  };

  void close(int fd) noexcept override { calls_.close(fd); }

  std::size_t check(long long result) {
    if (result < 0) throw std::system_error(calls_.error(result));
    return static_cast<std::size_t>(result);
  }
  Handle opened(long long fd) { return Handle(*this, static_cast<int>(check(fd))); }

  // For calls that know no empty name: the directory itself is ".".
  static const char* name(const Place& p) { return p.name.empty() ? "." : p.name.c_str(); }

  // There is no lgetxattrat; the path of a descriptor takes its place.
  static std::string proc_path(const Place& p) {
    return fmt::format("/proc/self/fd/{}/{}", p.dir.fd(), p.name);
  }

  // Asks for a value of unknown length: the length first, then again if it grew in between.
  template <class Call>
  void grow(std::string& into, Call call) {
    for (;;) {
      into.resize(check(call(nullptr, 0)));
      if (into.empty()) return;
      const long long n = call(into.data(), into.size());
      if (n == Calls::kTooSmall) continue;
      into.resize(check(n));
      return;
    }
  }

  Calls calls_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_BASIC_TREE_H
