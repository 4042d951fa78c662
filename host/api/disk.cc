// SPDX-License-Identifier: GPL-2.0
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "api/internal.h"
#include "api/options.h"
#include "api/util.h"
#include "block/callback_backend.h"
#include "block/open.h"
#include "core/application.h"
#include "core/disks.h"
#include "core/registry.h"
#include "lkl.h"

using lkl::host::Registry;

namespace lkl::host {
namespace {

std::unique_ptr<BlockBackend> make_callback_backend(const lkl_disk& disk, EventLoop& loop) {
  unsigned long long size = 0;
  int error = -EIO;
  call_application("get_capacity of a disk", [&] { error = disk.ops->get_capacity(disk, &size); });
  if (error < 0) return nullptr;
  return std::make_unique<CallbackBackend>(
      size, loop, [disk](BlockOp op, uint64_t offset, std::span<IoVec> vector) {
        lkl_blk_req request = {};
        request.type = op == BlockOp::kRead    ? LKL_DEV_BLK_TYPE_READ
                       : op == BlockOp::kWrite ? LKL_DEV_BLK_TYPE_WRITE
                                               : LKL_DEV_BLK_TYPE_FLUSH;
        request.sector = offset / 512;
        static_assert(sizeof(lkl_iovec) == sizeof(IoVec) &&
                      offsetof(lkl_iovec, iov_base) == offsetof(IoVec, base) &&
                      offsetof(lkl_iovec, iov_len) == offsetof(IoVec, size));
        request.buf = reinterpret_cast<lkl_iovec*>(vector.data());
        request.count = static_cast<int>(vector.size());
        int status = LKL_DEV_BLK_STATUS_IOERR;
        call_application("request of a disk", [&] { status = disk.ops->request(disk, &request); });
        switch (status) {
          case LKL_DEV_BLK_STATUS_OK:
            return 0;
          case LKL_DEV_BLK_STATUS_UNSUP:
            return -EOPNOTSUPP;
          default:
            return -EIO;
        }
      });
}

BackendOptions backend_options(unsigned flags, Instance& instance) {
  return {.read_only = (flags & LKL_DISK_READ_ONLY) != 0,
          .lock = !(flags & LKL_DISK_NO_LOCK),
          .snapshot = (flags & LKL_DISK_SNAPSHOT) != 0,
          .wait_for_space = (flags & LKL_DISK_WAIT_FOR_SPACE) != 0,
          .say = [&instance](std::string_view line) { instance.print(line.data(), line.size()); }};
}

// 0 or -errno. Numbers of the host are those of the kernel for all that can come here.
int make_backend(const lkl_disk& disk, const lkl_disk_options& options, Instance& instance,
                 std::unique_ptr<BlockBackend>& backend) {
  const BackendOptions backend_with = backend_options(options.flags, instance);
  if (disk.ops) {
    if (backend_with.wait_for_space) return -LKL_EINVAL;
    backend = make_callback_backend(disk, instance.loop());
    return backend ? 0 : -LKL_EIO;
  }
  if (options.flags & LKL_DISK_MEMORY)
    return open_memory_backend(options.size, options.memory, backend_with, backend);
  return open_file_backend(disk.fd, backend_with, instance.loop(), backend);
}

int add(lkl_disk& disk, std::unique_ptr<BlockBackend> backend, const lkl_disk_options& options,
        Instance& instance) {
  Disk* added = nullptr;
  const VirtioBlkOptions blk = {
      .serial = std::string(options.serial, strnlen(options.serial, sizeof options.serial - 1)),
      .num_queues = options.num_queues,
      .read_only = (options.flags & LKL_DISK_READ_ONLY) != 0};
  const int id = instance.disks().add(added, std::move(backend), blk);
  if (added) disk.dev = added;
  return id;
}

}  // namespace
}  // namespace lkl::host

int lkl_disk_add_options(lkl_disk* disk, const lkl_disk_options* opts) {
  constexpr unsigned kFlags = LKL_DISK_READ_ONLY | LKL_DISK_NO_LOCK | LKL_DISK_MEMORY |
                              LKL_DISK_SNAPSHOT | LKL_DISK_WAIT_FOR_SPACE;
  const Registry::Use instance;
  lkl_disk_options options;
  constexpr size_t kFirst = 56;  // bytes when it came
  if (const int error = lkl::host::read_options(opts, kFirst, options)) return error;
  if (!instance || !disk || (options.flags & ~kFlags)) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    std::unique_ptr<lkl::host::BlockBackend> backend;
    const int error = lkl::host::make_backend(*disk, options, *instance, backend);
    return error ? error : lkl::host::add(*disk, std::move(backend), options, *instance);
  });
}

int lkl_disk_open(lkl_disk* disk, const char* uri, unsigned int flags) {
  constexpr unsigned kFlags =
      LKL_DISK_READ_ONLY | LKL_DISK_NO_LOCK | LKL_DISK_SNAPSHOT | LKL_DISK_WAIT_FOR_SPACE;
  const Registry::Use instance;
  if (!instance || !disk || !uri || (flags & ~kFlags)) return -LKL_EINVAL;
  return lkl::host::or_no_memory([&] {
    std::unique_ptr<lkl::host::BlockBackend> backend;
    const int error = lkl::host::open_backend(uri, lkl::host::backend_options(flags, *instance),
                                              instance->loop(), backend);
    if (error) return error;
    *disk = {};
    lkl_disk_options options = {};
    options.flags = flags;
    return lkl::host::add(*disk, std::move(backend), options, *instance);
  });
}

int lkl_disk_add(lkl_disk* disk) {
  return lkl_disk_add_options(disk, nullptr);
}

int lkl_disk_remove(lkl_disk disk) {
  const Registry::Use instance;
  if (!instance) return -LKL_ENODEV;
  return instance->disks().remove([&](const lkl::host::Disk& d) { return &d == disk.dev; });
}

int lkl_disk_irq(int disk_id) {
  const Registry::Use instance;
  return instance ? instance->disks().irq(disk_id) : -LKL_ENODEV;
}
