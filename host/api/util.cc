// SPDX-License-Identifier: GPL-2.0
#include "api/util.h"

#include <memory>

namespace lkl::host {

int read_small_file(const char* path, std::string& content) {
  const KernelFile file(lkl_sys_open(path, LKL_O_RDONLY | LKL_O_CLOEXEC, 0));
  if (!file.is_open()) return file.error();
  char buffer[1024];
  content.clear();
  for (;;) {
    const lkl_long count = lkl_sys_read(file.fd(), buffer, sizeof buffer);
    if (count < 0) return static_cast<int>(count);
    if (count == 0) return 0;
    content.append(buffer, count);
  }
}

std::string find_entry(const std::string& path, const char* prefix) {
  int error;
  const std::unique_ptr<lkl_dir, int (*)(lkl_dir*)> dir(lkl_opendir(path.c_str(), &error),
                                                        lkl_closedir);
  if (!dir && error == -LKL_ENOMEM) throw std::bad_alloc();
  if (!dir) return {};
  while (const lkl_linux_dirent64* entry = lkl_readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name.starts_with(prefix)) return entry->d_name;
  }
  return {};
}

// The platform device of a virtio device has the name of its irq.
int find_virtio_device(int irq, std::string& path) {
  if (const int error = lkl_mount_fs("sysfs"); error < 0) return error;
  path = "/sysfs/devices/platform/virtio-mmio." + std::to_string(irq) + "/";
  const std::string virtio = find_entry(path, "virtio");
  path += virtio;
  return virtio.empty() ? -LKL_ENODEV : 0;
}

int write_small_file(const char* path, const std::string& content) {
  const KernelFile file(lkl_sys_open(path, LKL_O_WRONLY | LKL_O_CLOEXEC, 0));
  if (!file.is_open()) return file.error();
  const lkl_long count = lkl_sys_write(file.fd(), content.data(), content.size());
  return static_cast<int>(count < 0 ? count : 0);
}

void sleep_ms(unsigned ms) {
  __lkl__kernel_timespec ts = {};
  ts.tv_sec = ms / 1000;
  ts.tv_nsec = ms % 1000 * 1'000'000;
  lkl_sys_nanosleep(&ts, nullptr);
}

uint64_t kernel_clock_ms() {
  __lkl__kernel_timespec now = {};
  lkl_sys_clock_gettime(LKL_CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

int wait_readable(int fd, uint64_t until_ms) {
  for (;;) {
    const uint64_t now = kernel_clock_ms();
    const uint64_t left = until_ms > now ? until_ms - now : 0;
    __lkl__kernel_timespec time = {};
    time.tv_sec = static_cast<decltype(time.tv_sec)>(left / 1000);
    time.tv_nsec = static_cast<decltype(time.tv_nsec)>(left % 1000 * 1'000'000);
    lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
    const lkl_long count = lkl_sys_ppoll(&wait, 1, &time, nullptr, 0);
    if (count != -LKL_EINTR) return static_cast<int>(count);
  }
}

}  // namespace lkl::host
