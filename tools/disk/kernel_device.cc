// SPDX-License-Identifier: GPL-2.0
#include "disk/kernel_device.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>

namespace lkl::tool {

unsigned major_of(std::uint32_t device) {
  return device >> 8 & 0xfff;
}

unsigned minor_of(std::uint32_t device) {
  return (device & 0xff) | (device >> 12 & 0xfff00);
}

std::uint32_t device_number(unsigned major, unsigned minor) {
  return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffU) << 12;
}

std::string major_minor(std::uint32_t device) {
  return fmt::format("{}:{}", major_of(device), minor_of(device));
}

std::string sysfs_directory(std::uint32_t device) {
  return "/sysfs/dev/block/" + major_minor(device);
}

std::string device_node(std::uint32_t device) {
  const std::string node = fmt::format("/dev/disk-{:08x}", device);
  const long long result = lkl_sys_mknodat(LKL_AT_FDCWD, node.c_str(), LKL_S_IFBLK | 0600, device);
  if (result < 0 && result != -LKL_EEXIST) throw std::system_error(error_from(result), node);
  return node;
}

BlockReader open_device(std::uint32_t device, std::uint64_t size) {
  auto file = std::make_shared<File>(device_node(device), LKL_O_RDONLY);
  return {size, [file, size](std::uint64_t offset, std::span<std::byte> into) {
            if (offset > size || into.size() > size - offset) return false;
            std::error_code ec;
            for (std::size_t done = 0; done < into.size();) {
              const std::size_t n = file->read_at(into.subspan(done), offset + done, ec);
              if (n == 0) return false;
              done += n;
            }
            return true;
          }};
}

std::uint64_t device_size(std::uint32_t device) {
  constexpr std::uint64_t kSector = 512;  // sysfs counts in these, whatever the blocks are
  return read_number(sysfs_directory(device) + "/size") * kSector;
}

std::string read_small_file(const std::string& path) {
  std::error_code ec;
  File file(path, LKL_O_RDONLY, 0, ec);
  std::string text;
  std::array<std::byte, 4096> chunk;
  while (!ec) {
    const std::size_t n = file.read(chunk, ec);
    if (n == 0) break;
    text.append(reinterpret_cast<const char*>(chunk.data()), n);
  }
  return text;
}

std::uint64_t read_number(const std::string& path) {
  const std::string text = read_small_file(path);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::error_code write_small_file(const std::string& path, const std::string& text) {
  std::error_code ec;
  File file(path, LKL_O_WRONLY, 0, ec);
  if (!ec) file.write(std::as_bytes(std::span(text)), ec);
  return ec;
}

void forget_kernel_log() {
  constexpr int kClear = 5;
  lkl_sys_syslog(kClear, nullptr, 0);
}

std::vector<std::string> kernel_log_lines() {
  constexpr int kReadAll = 3;
  std::string log(64 * 1024, '\0');
  const long long n = lkl_sys_syslog(kReadAll, log.data(), static_cast<int>(log.size()));
  log.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < log.size();) {
    std::size_t end = log.find('\n', at);
    if (end == std::string::npos) end = log.size();
    std::string line = log.substr(at, end - at);
    at = end + 1;
    if (line.starts_with('<')) line.erase(0, line.find('>') + 1);
    if (line.starts_with('[')) line.erase(0, line.find(']') + 2);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

namespace {

constexpr std::string_view kIndent = "\n  kernel: ";

bool has(const std::string& line, std::string_view text) {
  return line.find(text) != std::string::npos;
}

// Of those that are wanted in the kernel's log.
std::string first_lines(bool (*is_wanted)(const std::string& line)) {
  constexpr std::size_t kMost = 3;
  std::string lines;
  std::size_t count = 0;
  for (const std::string& line : kernel_log_lines())
    if (is_wanted(line) && count++ < kMost) lines.append(kIndent).append(line);
  return lines;
}

}  // namespace

std::string kernel_write_errors() {
  return first_lines([](const std::string& line) {
    return (has(line, "I/O error, dev ") && (has(line, "(WRITE") || has(line, "(FLUSH"))) ||
           has(line, "lost async page write") || has(line, "lost sync page write");
  });
}

std::string kernel_damage_reports() {
  return first_lines([](const std::string& line) {
    return line.starts_with("EXT4-fs error (device") ||
           ((line.starts_with("FAT-fs (") || line.starts_with("exFAT-fs (")) &&
            has(line, "): error, "));
  });
}

std::string kernel_reasons() {
  const std::vector<std::string> lines = kernel_log_lines();
  std::string reasons;
  for (std::size_t i = lines.size() > 3 ? lines.size() - 3 : 0; i < lines.size(); i++)
    reasons.append(kIndent).append(lines[i]);
  return reasons;
}

DeviceMount::DeviceMount(std::uint32_t device, const std::string& type, unsigned flags,
                         const std::string& data, std::error_code& ec) {
  std::array<char, 64> path = {};
  ec =
      error_from(lkl_mount_blkdev(device, type.c_str(), static_cast<int>(flags),
                                  data.empty() ? nullptr : data.c_str(), path.data(), path.size()));
  if (ec) return;
  device_ = device;
  path_ = path.data();
}

DeviceMount& DeviceMount::operator=(DeviceMount&& other) noexcept {
  if (this != &other) {
    umount();
    device_ = std::exchange(other.device_, 0);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

std::error_code DeviceMount::umount() noexcept {
  if (device_ == 0) return {};
  constexpr long kTimeoutMs = 5000;
  const std::error_code ec = error_from(lkl_umount_blkdev(device_, 0, kTimeoutMs));
  if (!ec) device_ = 0;
  return ec;
}

}  // namespace lkl::tool
