// SPDX-License-Identifier: GPL-2.0
// The client of a network block device, by libnbd, which is loaded when it is first
// needed: a program that uses no NBD disks does without it.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "block/blocking_backend.h"

namespace lkl::host {

class NbdClient final : public BlockSource {
 public:
  // URI: nbd://host[:port]/export, nbds://, nbd+unix:///export?socket=PATH
  // (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md).
  // 0, -EPROTONOSUPPORT without libnbd, or -errno of the connection.
  static int open(const std::string& uri, std::unique_ptr<NbdClient>& result);
  ~NbdClient() override;
  NbdClient(const NbdClient&) = delete;
  NbdClient& operator=(const NbdClient&) = delete;

  uint64_t size() const override { return size_; }
  bool read_only() const { return read_only_; }
  bool can_flush() const { return can_flush_; }
  bool can_trim() const { return can_trim_; }

  // Any thread; each blocks until the server has answered. 0 or -errno.
  int read(std::byte* to, size_t length, uint64_t offset) override;
  int write(const std::byte* from, size_t length, uint64_t offset);
  int flush();
  int trim(uint64_t length, uint64_t offset);
  int zero(uint64_t length, uint64_t offset, bool unmap);

 private:
  class Connection;
  class Lease;

  NbdClient();
  template <typename Call>
  int in_pieces(uint64_t length, uint64_t offset, Call call);

  uint64_t size_ = 0;
  bool read_only_ = false;
  bool can_flush_ = false;
  bool can_trim_ = false;
  bool can_zero_ = false;
  uint64_t process_ = 0;  // the child of a fork must not talk on its parent's connections

  std::mutex mutex_;
  std::condition_variable free_again_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_;
};

// The disk of a device model.
class NbdBackend final : public BlockingBackend {
 public:
  NbdBackend(std::unique_ptr<NbdClient> client, bool read_only, EventLoop& loop)
      : BlockingBackend(loop),
        client_(std::move(client)),
        read_only_(read_only || client_->read_only()) {}

  uint64_t size() const override { return client_->size(); }
  bool read_only() const override { return read_only_; }
  bool can_discard() const override { return !read_only_ && client_->can_trim(); }

 private:
  int64_t run_blocking(BlockRequest& request) override;

  const std::unique_ptr<NbdClient> client_;
  const bool read_only_;
};

}  // namespace lkl::host
