// SPDX-License-Identifier: GPL-2.0
// The client of our own, over any stream of bytes. What comes from the server is not trusted.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "block/byte_stream.h"
#include "block/nbd_client.h"

namespace lkl::host {

// One connection; of the threads that wait for answers one reads them, for all. After an error of
// the connection, or an answer that can't be, everything fails that waits or comes.
class NbdSession final : public NbdClient {
 public:
  // 0 or -errno, see greet_nbd_server().
  static int begin(std::unique_ptr<ByteStream> stream, const std::string& name,
                   std::unique_ptr<NbdClient>& result);
  ~NbdSession() override;

 private:
  class Waiting;

  explicit NbdSession(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  int ask(const Request& request) override;
  int send(const Request& request, uint64_t cookie);
  int wait_for(Waiting& waiting);
  int receive_one();
  int receive_simple();
  int receive_chunk();
  int receive_data(Waiting& waiting, uint32_t length);
  int receive_hole(Waiting& waiting, uint32_t length);
  int receive_error(Waiting& waiting, uint32_t length);
  int skip(uint64_t length);
  Waiting* find(uint64_t cookie);
  void end(uint64_t cookie, int error);
  void fail(int error);

  const std::unique_ptr<ByteStream> stream_;
  bool structured_replies_ = false;

  std::mutex sending_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable answered_;
  std::map<uint64_t, Waiting*> waiting_;
  uint64_t next_cookie_ = 1;
  bool somebody_reads_ = false;
  int failure_ = 0;
};

}  // namespace lkl::host
