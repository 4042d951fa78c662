// SPDX-License-Identifier: GPL-2.0
// A sequence of file system calls on a good image; each result, and in the end all there
// is, compared with a model that knows no blocks.
#include <fuzzer/FuzzedDataProvider.h>
#include <lkl.h>

#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fuzz/engine.h"
#include "fuzz/finding.h"
#include "fuzz/model.h"
#include "fuzz/runner.h"

using namespace lkl_fuzz;

namespace {

constexpr uint64_t kMaxOffset = 300'000;
constexpr unsigned kMaxLength = 20'000;
// less than the smallest image takes, whatever the allocator thinks of it
constexpr uint64_t kMaxWritten = 2 << 20;

void expect(bool holds, const std::string& what) {
  if (!holds) fail(what);
}

void expect_equal(long found, long expected, const std::string& call) {
  if (found != expected)
    fail(call + " gave " + std::to_string(found) + ", not " + std::to_string(expected));
}

class Session final {
 public:
  Session(Kernel& kernel, size_t image, FuzzedDataProvider& data)
      : kernel_(kernel), image_(image), data_(data) {}

  void play() {
    while (data_.remaining_bytes() > 0) step();
    mount_again();
    expect_equal(kernel_.unmount(), 0, "umount");
  }

 private:
  struct OpenFile {
    unsigned fd = 0;
    ModelNodePtr node;
    bool append = false;
  };

  static std::string full(const std::string& path) {
    return std::string(Kernel::mount_point()) + "/" + path;
  }

  std::string any_name() {
    static const std::string kNames[] = {"a", "b", "c", "a-longer-name-than-these"};
    return kNames[data_.ConsumeIntegral<uint8_t>() % 4];
  }
  std::string any_path() {
    const std::string name = any_name();
    return data_.ConsumeIntegral<uint8_t>() % 3 ? name + "/" + any_name() : name;
  }
  uint64_t any_offset() {
    const uint64_t offset = data_.ConsumeIntegralInRange<uint64_t>(0, kMaxOffset);
    return data_.ConsumeBool() ? offset & ~uint64_t{4095} : offset;
  }
  unsigned any_length() { return data_.ConsumeIntegralInRange(0u, kMaxLength); }

  // Different each time, and without a period that fits blocks.
  std::string new_content(unsigned length) {
    std::string text(length, 0);
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(1 + (i * 7 + mark_) % 251);
    ++mark_;
    return text;
  }

  OpenFile& any_file() { return files_[data_.ConsumeIntegral<uint8_t>() % files_.size()]; }

  void close(OpenFile& file) {
    if (file.node) expect_equal(lkl_sys_close(file.fd), 0, "close");
    file = {};
  }

  void open(OpenFile& file) {
    const std::string path = any_path();
    const uint8_t wish = data_.ConsumeIntegral<uint8_t>();
    const bool exclusive = (wish & 3) == 3, truncate = wish & 4, append = wish & 8;
    close(file);
    ModelNodePtr node;
    const int expected = model_.create(path, exclusive, truncate, node);
    const long fd =
        lkl_sys_open(full(path).c_str(),
                     LKL_O_RDWR | LKL_O_CREAT | LKL_O_NOFOLLOW | (exclusive ? LKL_O_EXCL : 0) |
                         (truncate ? LKL_O_TRUNC : 0) | (append ? LKL_O_APPEND : 0),
                     0644);
    expect_equal(fd < 0 ? fd : 0, expected, "open " + path);
    if (fd >= 0) file = {.fd = static_cast<unsigned>(fd), .node = node, .append = append};
  }

  void write(OpenFile& file) {
    const uint64_t offset = any_offset();
    const std::string text = new_content(any_length());
    if (!file.node || written_ + text.size() > kMaxWritten) return;
    written_ += text.size();
    expect_equal(lkl_sys_pwrite64(file.fd, text.data(), text.size(), static_cast<long>(offset)),
                 static_cast<long>(text.size()), "pwrite");
    Model::write(*file.node, file.append ? file.node->content.size() : offset, text);
  }

  void read(const OpenFile& file) {
    const uint64_t offset = any_offset();
    const unsigned length = any_length();
    if (file.node) compare(file.fd, file.node->content, offset, length);
  }

  void compare(unsigned fd, const std::string& content, uint64_t offset, size_t length) {
    std::string text(length, 'x');
    const std::string expected =
        offset < content.size() ? content.substr(offset, length) : std::string();
    expect_equal(lkl_sys_pread64(fd, text.data(), length, static_cast<long>(offset)),
                 static_cast<long>(expected.size()), "pread");
    text.resize(expected.size());
    expect(text == expected, "contents read are not those written");
  }

  // ext4 without extents has no blocks that are not written.
  bool can_allocate() const {
    return kernel_.images()[image_].path().find("blockmap") == std::string::npos;
  }

  void allocate(OpenFile& file) {
    static constexpr int kModes[] = {
        0, LKL_FALLOC_FL_KEEP_SIZE, LKL_FALLOC_FL_PUNCH_HOLE | LKL_FALLOC_FL_KEEP_SIZE,
        LKL_FALLOC_FL_ZERO_RANGE, LKL_FALLOC_FL_ZERO_RANGE | LKL_FALLOC_FL_KEEP_SIZE};
    const int mode = kModes[data_.ConsumeIntegral<uint8_t>() % std::size(kModes)];
    const uint64_t offset = any_offset();
    const unsigned length = any_length() + 1;
    if (!file.node || written_ + length > kMaxWritten) return;
    written_ += length;
    const long result = lkl_sys_fallocate(static_cast<int>(file.fd), mode,
                                          static_cast<long>(offset), static_cast<long>(length));
    if (result == -LKL_EOPNOTSUPP && !can_allocate()) return;
    expect_equal(result, 0, "fallocate " + std::to_string(mode));
    if (mode & (LKL_FALLOC_FL_PUNCH_HOLE | LKL_FALLOC_FL_ZERO_RANGE))
      Model::zero(*file.node, offset, length);
    if (!(mode & LKL_FALLOC_FL_KEEP_SIZE) && file.node->content.size() < offset + length)
      file.node->content.resize(offset + length);
  }

  void attribute() {
    const std::string path = any_path(), name = "user." + any_name();
    if (data_.ConsumeBool()) {
      const std::string value = new_content(data_.ConsumeIntegralInRange(0u, 120u));
      expect_equal(
          lkl_sys_lsetxattr(full(path).c_str(), name.c_str(), value.data(), value.size(), 0),
          model_.set_attribute(path, name, value), "setxattr " + path);
    } else {
      expect_equal(lkl_sys_lremovexattr(full(path).c_str(), name.c_str()),
                   model_.remove_attribute(path, name), "removexattr " + path);
    }
  }

  void step() {
    OpenFile& file = any_file();
    const uint8_t what = data_.ConsumeIntegral<uint8_t>() % 20;
    switch (what) {
      case 0:
      case 1:
      case 2:
        return open(file);
      case 3:
        return close(file);
      case 4:
      case 5:
      case 6:
        return write(file);
      case 7:
        return read(file);
      case 8: {
        const uint64_t size = any_offset();
        if (!file.node) return;
        expect_equal(lkl_sys_ftruncate(file.fd, static_cast<long>(size)), 0, "ftruncate");
        file.node->content.resize(size);
        return;
      }
      case 9:
        return allocate(file);
      case 10:
        if (file.node) expect_equal(lkl_sys_fsync(file.fd), 0, "fsync");
        return;
      case 11:
        return attribute();
      case 12:
        if (data_.ConsumeIntegral<uint8_t>() % 4 == 0) mount_again();
        return;
      default:
        return name(what - 13);
    }
  }

  // Calls that are all about names.
  void name(int what) {
    const std::string path = any_path();
    const std::string at = full(path);
    switch (what) {
      case 0:
        return expect_equal(lkl_sys_mkdir(at.c_str(), 0755), model_.mkdir(path), "mkdir " + path);
      case 1:
        return expect_equal(lkl_sys_rmdir(at.c_str()), model_.rmdir(path), "rmdir " + path);
      case 2:
        return expect_equal(lkl_sys_unlink(at.c_str()), model_.unlink(path), "unlink " + path);
      case 3: {
        const std::string to = any_path();
        return expect_equal(lkl_sys_rename(at.c_str(), full(to).c_str()), model_.rename(path, to),
                            "rename " + path + " " + to);
      }
      case 4: {
        const std::string to = any_path();
        return expect_equal(lkl_sys_link(at.c_str(), full(to).c_str()), model_.link(path, to),
                            "link " + path + " " + to);
      }
      case 5: {
        // of two ways to be stored
        const std::string target(data_.ConsumeBool() ? 10 : 100, 'n');
        return expect_equal(lkl_sys_symlink(target.c_str(), at.c_str()),
                            model_.symlink(target, path), "symlink " + path);
      }
      default: {
        const uint64_t size = any_offset();
        return expect_equal(lkl_sys_truncate(at.c_str(), static_cast<long>(size)),
                            model_.truncate(path, size), "truncate " + path);
      }
    }
  }

  // What was written is there after a mount, and all of it.
  void mount_again() {
    for (OpenFile& file : files_) close(file);
    compare_folder(model_.root(), "");
    expect_equal(kernel_.unmount(), 0, "umount");
    expect_equal(kernel_.mount(image_, nullptr), 0, "mount");
    compare_folder(model_.root(), "");
  }

  void compare_folder(const ModelNode& folder, const std::string& path) {
    std::set<std::string> found, expected;
    const long fd = lkl_sys_open(full(path).c_str(), LKL_O_RDONLY | LKL_O_DIRECTORY, 0);
    expect(fd >= 0, "the folder cannot be opened: " + path);
    alignas(8) std::array<char, 4096> buffer;
    long count;
    while ((count = lkl_sys_getdents64(static_cast<unsigned>(fd),
                                       reinterpret_cast<lkl_linux_dirent64*>(buffer.data()),
                                       buffer.size())) > 0)
      for (long at = 0; at < count;) {
        const auto* entry = reinterpret_cast<const lkl_linux_dirent64*>(&buffer[at]);
        found.insert(entry->d_name);
        at += entry->d_reclen;
      }
    lkl_sys_close(static_cast<unsigned>(fd));
    expect_equal(count, 0, "getdents");
    for (const char* name : {".", "..", "lost+found"}) found.erase(name);
    for (const auto& [name, node] : folder.children) expected.insert(name);
    expect(found == expected, "names are not those made, in /" + path);
    for (const auto& [name, node] : folder.children)
      compare_node(*node, path.empty() ? name : path + "/" + name);
  }

  void compare_node(const ModelNode& node, const std::string& path) {
    lkl_statx status = {};
    expect_equal(lkl_sys_statx(LKL_AT_FDCWD, full(path).c_str(), LKL_AT_SYMLINK_NOFOLLOW,
                               LKL_STATX_BASIC_STATS, &status),
                 0, "statx " + path);
    const unsigned type = status.stx_mode & LKL_S_IFMT;
    std::array<char, 256> value;
    for (const auto& [name, expected] : node.attributes) {
      const long length =
          lkl_sys_lgetxattr(full(path).c_str(), name.c_str(), value.data(), value.size());
      expect_equal(length, static_cast<long>(expected.size()), "getxattr " + path);
      expect(std::string(value.data(), expected.size()) == expected, "attribute of " + path);
    }
    switch (node.type) {
      case ModelNode::Type::kFolder:
        expect(type == LKL_S_IFDIR, "no folder: " + path);
        return compare_folder(node, path);
      case ModelNode::Type::kLink:
        expect(type == LKL_S_IFLNK, "no link: " + path);
        expect_equal(lkl_sys_readlink(full(path).c_str(), value.data(), value.size()),
                     static_cast<long>(node.content.size()), "readlink " + path);
        return expect(std::string(value.data(), node.content.size()) == node.content,
                      "target of " + path);
      case ModelNode::Type::kFile: {
        expect(type == LKL_S_IFREG, "no file: " + path);
        expect_equal(static_cast<long>(status.stx_size), static_cast<long>(node.content.size()),
                     "size of " + path);
        expect_equal(status.stx_nlink, node.links, "links of " + path);
        const long fd = lkl_sys_open(full(path).c_str(), LKL_O_RDONLY, 0);
        expect(fd >= 0, "the file cannot be opened: " + path);
        compare(static_cast<unsigned>(fd), node.content, 0, node.content.size() + 10);
        lkl_sys_close(static_cast<unsigned>(fd));
      }
    }
  }

  Kernel& kernel_;
  const size_t image_;
  FuzzedDataProvider& data_;
  Model model_;
  std::array<OpenFile, 3> files_;
  unsigned mark_ = 0;
  uint64_t written_ = 0;
};

void run(Kernel& kernel, std::span<const uint8_t> bytes) {
  FuzzedDataProvider data(bytes.data(), bytes.size());
  const size_t image = data.ConsumeIntegral<uint8_t>() % kernel.images().size();
  expect_equal(kernel.mount(image, nullptr), 0, "mount");
  Session(kernel, image, data).play();
}

std::unique_ptr<Runner> runner;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  engine_defaults(argc, argv);
  std::vector<ImageFile> images;
  for (const char* type : {"ext4", "btrfs"})
    for (ImageFile& image : images_of(std::string(image_folder()) + "/calls", type))
      images.push_back(std::move(image));
  runner = std::make_unique<Runner>(std::move(images), options_of_environment(), run);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  handle(runner->run({data, size}), {data, size});
  return 0;
}
