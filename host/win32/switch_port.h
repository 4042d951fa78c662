// SPDX-License-Identifier: GPL-2.0
// A port of an Ethernet switch that has no other place than its ports: each decides where its own
// frames go. Between two ports is a named pipe, and a stream of frames each way; a port has a
// number, and the name of its pipe is made of that and of the switch's.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "net/backend.h"
#include "net/mac_table.h"
#include "win32/frame_stream.h"
#include "win32/signal.h"
#include "win32/wire_port.h"

namespace lkl::host {

class SwitchPort final : public NetBackend, WireTransfer::Told {
 public:
  SwitchPort() { out_.set(true); }
  ~SwitchPort() override;
  int open(const std::string& name, const std::function<void(std::string_view)>& say);

  bool has_header() const override { return true; }
  NetOffloads offloads() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .ecn = true};
  }
  int accept(const NetOffloads& taken) override;
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int send(unsigned queue, std::span<const IoVec> frame) override;
  int64_t receive(unsigned queue, std::span<const IoVec> room) override;
  int in(unsigned) const override { return in_.number(); }
  int out(unsigned) const override { return out_.number(); }

 private:
  static constexpr unsigned kMaxPeers = 64;

  using Stream = std::unique_ptr<FrameStream>;

  std::string mutex_name() const;
  std::string pipe_name(unsigned number) const;
  int enter(const std::function<void(std::string_view)>& say);
  int take_number(SECURITY_ATTRIBUTES& whose);
  int meet(unsigned number);
  int make_pipe(bool first, WireHandle& result);
  int64_t listen(WireHandle pipe);
  void has_come(bool is_there);
  void add_peer(WireHandle handle);
  void ended(WireTransfer& transfer, int64_t result) override;
  int64_t take(std::span<const IoVec> room, Stream& gone);

  std::string name_;  // of the switch, and of whose it is
  std::string owner_;
  unsigned number_ = 0;
  Handle claim_;  // on it
  std::shared_ptr<WirePort> port_;
  Signal in_, out_;

  std::mutex mutex_;  // guards what follows
  std::array<Stream, kMaxPeers> peers_;
  unsigned places_ = 0;  // of peers_ that have ever been used
  unsigned next_ = 0;    // to be looked at by take()
  MacTable addresses_;
  bool leaving_ = false;
  WireHandle pipe_;  // that nobody has come to yet
  WireTransfer listening_{*this};
};

}  // namespace lkl::host
