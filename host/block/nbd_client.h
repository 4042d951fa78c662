// SPDX-License-Identifier: GPL-2.0
// The client of a network block device. Where there is libnbd it is by that (nbd_library.cc),
// loaded when it is first needed; Windows has one of our own (nbd_session.h).
#pragma once

#include <memory>
#include <string>

#include "block/blocking_backend.h"

namespace lkl::host {

class NbdClient : public BlockSource {
 public:
  // URI: nbd://host[:port]/export, nbds://, nbd+unix:///export?socket=PATH
  // (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/uri.md).
  // 0, -EPROTONOSUPPORT if libnbd is missing or this host has not that kind, or -errno of the
  // connection.
  static int open(const std::string& uri, std::unique_ptr<NbdClient>& result);

  // What the server has said of its disk.
  struct Traits {
    uint64_t size = 0;
    unsigned block_size = 512;         // what requests must be multiples of
    uint64_t most_at_once = 32 << 20;  // bytes of a request; what all servers take
    bool read_only = false;
    bool can_flush = false, can_trim = false, can_zero = false;
  };

  uint64_t size() const final { return traits_.size; }
  unsigned block_size() const final { return traits_.block_size; }
  bool read_only() const { return traits_.read_only; }
  bool can_flush() const { return traits_.can_flush; }
  bool can_trim() const { return traits_.can_trim; }

  // Any thread; each blocks until the server has answered. 0 or -errno. What is a vector may be
  // changed.
  int read(std::byte* to, size_t length, uint64_t offset) final;
  int read(std::span<IoVec> to, uint64_t offset);
  int write(std::span<IoVec> from, uint64_t offset);
  int flush();
  int trim(uint64_t length, uint64_t offset);
  int zero(uint64_t length, uint64_t offset, bool unmap);

 protected:
  struct Request {
    BlockOp op;
    uint64_t offset = 0, length = 0;
    std::span<const IoVec> vector = {};  // of reads and writes, with `length` bytes
    bool unmap = false;                  // kWriteZeroes
  };
  // At most `most_at_once`, and only what the server can. 0 or -errno.
  virtual int ask(const Request& request) = 0;

  Traits traits_;  // set before anything is asked

 private:
  int transfer(BlockOp op, std::span<IoVec> vector, uint64_t offset);
  int in_pieces(Request request);
};

// The disk of a device model.
class NbdBackend final : public BlockingBackend {
 public:
  NbdBackend(std::unique_ptr<NbdClient> client, bool read_only, EventLoop& loop)
      : BlockingBackend(loop),
        client_(std::move(client)),
        read_only_(read_only || client_->read_only()) {}

  uint64_t size() const override { return client_->size(); }
  unsigned block_size() const override { return client_->block_size(); }
  bool read_only() const override { return read_only_; }
  bool can_discard() const override { return !read_only_ && client_->can_trim(); }

 private:
  int64_t run_blocking(BlockRequest& request) override;

  const std::unique_ptr<NbdClient> client_;
  const bool read_only_;
};

}  // namespace lkl::host
