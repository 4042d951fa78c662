// SPDX-License-Identifier: GPL-2.0
#include "block/nbd_greeting.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "block/nbd_wire.h"

namespace lkl::host {
namespace {

using nbd::big_endian;

// Of one answer to an option: texts that describe errors are shorter.
constexpr uint32_t kLongestReply = 64 << 10;
// Of one option: more than there are kinds of.
constexpr unsigned kMostReplies = 64;
constexpr unsigned kSector = 512, kLargestBlock = 4096;

int errno_of_reply(uint32_t type) {
  switch (type) {
    case nbd::kErrorUnknown:
      return -ENOENT;
    case nbd::kErrorPolicy:
    case nbd::kErrorTls:
      return -EACCES;
    case nbd::kErrorUnsupported:
    case nbd::kErrorPlatform:
      return -EOPNOTSUPP;
    case nbd::kErrorShutdown:
      return -ECONNRESET;
    default:
      return type & nbd::kErrorBit ? -EINVAL : -EPROTO;
  }
}

class Greeter {
 public:
  Greeter(ByteStream& stream, const std::string& name, NbdClient::Traits& traits)
      : stream_(stream), name_(name), traits_(traits) {}

  int run(bool& structured_replies) {
    if (const int error = begin()) return error;
    if (const int error = ask_for_chunks(structured_replies)) return error;
    const int error = go();
    // from before there was that option
    return error == -EOPNOTSUPP ? export_name() : error;
  }

 private:
  struct Reply {
    uint32_t type = 0;
    std::vector<std::byte> data;
  };

  int begin();
  int ask_for_chunks(bool& granted);
  int go();
  int export_name();
  int send_option(uint32_t option, const std::string& data);
  int receive_reply(uint32_t option, Reply& reply);
  int take_info(const Reply& reply);
  int take_export(const nbd::ExportInfo& info);
  int take_block_size(const nbd::BlockSizeInfo& info);

  ByteStream& stream_;
  const std::string& name_;
  NbdClient::Traits& traits_;
  bool no_zeroes_ = false, has_export_ = false;
};

template <typename Number>
void append(std::string& data, Number value) {
  value = big_endian(value);
  data.append(reinterpret_cast<const char*>(&value), sizeof value);
}

int Greeter::begin() {
  nbd::Greeting greeting;
  if (const int error = stream_.receive(reinterpret_cast<std::byte*>(&greeting), sizeof greeting))
    return error;
  const uint16_t flags = big_endian(greeting.flags);
  if (greeting.magic != big_endian(nbd::kMagic) ||
      greeting.option_magic != big_endian(nbd::kOptionMagic) || !(flags & nbd::kFixedNewStyle))
    return -EPROTO;
  no_zeroes_ = flags & nbd::kNoZeroes;
  const uint32_t ours =
      big_endian<uint32_t>(nbd::kFixedNewStyle | (no_zeroes_ ? nbd::kNoZeroes : 0));
  return stream_.send(&ours, sizeof ours);
}

int Greeter::send_option(uint32_t option, const std::string& data) {
  const nbd::OptionRequest request = {.magic = big_endian(nbd::kOptionMagic),
                                      .option = big_endian(option),
                                      .length = big_endian(static_cast<uint32_t>(data.size()))};
  const IoVec parts[] = {{const_cast<nbd::OptionRequest*>(&request), sizeof request},
                         {const_cast<char*>(data.data()), data.size()}};
  return stream_.send(parts);
}

int Greeter::receive_reply(uint32_t option, Reply& reply) {
  nbd::OptionReply head;
  if (const int error = stream_.receive(reinterpret_cast<std::byte*>(&head), sizeof head))
    return error;
  const uint32_t length = big_endian<uint32_t>(head.length);
  if (head.magic != big_endian(nbd::kOptionReplyMagic) ||
      big_endian<uint32_t>(head.option) != option || length > kLongestReply)
    return -EPROTO;
  reply.type = big_endian<uint32_t>(head.type);
  reply.data.resize(length);
  return stream_.receive(reply.data.data(), length);
}

int Greeter::ask_for_chunks(bool& granted) {
  granted = false;
  if (const int error = send_option(nbd::kOptionStructuredReply, {})) return error;
  Reply reply;
  if (const int error = receive_reply(nbd::kOptionStructuredReply, reply)) return error;
  granted = reply.type == nbd::kAck;
  // one that wants TLS first says so again
  return granted || (reply.type & nbd::kErrorBit) ? 0 : -EPROTO;
}

int Greeter::go() {
  std::string data;
  append(data, static_cast<uint32_t>(name_.size()));
  data += name_;
  append(data, uint16_t{1});
  append(data, nbd::kInfoBlockSize);
  if (const int error = send_option(nbd::kOptionGo, data)) return error;
  for (unsigned replies = 0; replies < kMostReplies; ++replies) {
    Reply reply;
    if (const int error = receive_reply(nbd::kOptionGo, reply)) return error;
    if (reply.type == nbd::kAck) return has_export_ ? 0 : -EPROTO;
    if (reply.type != nbd::kInfo) return errno_of_reply(reply.type);
    if (const int error = take_info(reply)) return error;
  }
  return -EPROTO;
}

// The server closes the connection if it has none of that name.
int Greeter::export_name() {
  if (const int error = send_option(nbd::kOptionExportName, name_)) return error;
  nbd::ExportInfo info;
  if (const int error = stream_.receive(reinterpret_cast<std::byte*>(&info), sizeof info))
    return error == -ECONNRESET ? -ENOENT : error;
  std::array<std::byte, 124> zeroes;
  if (!no_zeroes_)
    if (const int error = stream_.receive(zeroes.data(), zeroes.size())) return error;
  return take_export(info);
}

int Greeter::take_info(const Reply& reply) {
  uint16_t kind;
  if (reply.data.size() < sizeof kind) return -EPROTO;
  std::memcpy(&kind, reply.data.data(), sizeof kind);
  const auto takes = [&](auto info, int (Greeter::*take)(const decltype(info)&)) {
    if (reply.data.size() != sizeof kind + sizeof info) return -EPROTO;
    std::memcpy(&info, reply.data.data() + sizeof kind, sizeof info);
    return (this->*take)(info);
  };
  switch (big_endian(kind)) {
    case nbd::kInfoExport:
      return takes(nbd::ExportInfo(), &Greeter::take_export);
    case nbd::kInfoBlockSize:
      return takes(nbd::BlockSizeInfo(), &Greeter::take_block_size);
    default:
      return 0;  // a name, a description
  }
}

int Greeter::take_export(const nbd::ExportInfo& info) {
  const uint16_t flags = big_endian<uint16_t>(info.flags);
  traits_.size = big_endian<uint64_t>(info.size);
  if (!(flags & nbd::kHasFlags) || traits_.size > INT64_MAX) return -EPROTO;
  traits_.read_only = flags & nbd::kReadOnly;
  traits_.can_flush = flags & nbd::kSendsFlush;
  traits_.can_trim = flags & nbd::kSendsTrim;
  traits_.can_zero = flags & nbd::kSendsZeroes;
  has_export_ = true;
  return 0;
}

int Greeter::take_block_size(const nbd::BlockSizeInfo& info) {
  const uint32_t least = big_endian<uint32_t>(info.least);
  const uint32_t most = big_endian<uint32_t>(info.most);
  if (!std::has_single_bit(least)) return -EPROTO;
  // no larger than the kernel's pages
  if (least > kLargestBlock) return -EINVAL;
  traits_.block_size = std::max(least, kSector);
  if (most < traits_.block_size) return -EPROTO;
  traits_.most_at_once = std::min<uint64_t>(traits_.most_at_once, most - most % kLargestBlock);
  if (traits_.most_at_once == 0) traits_.most_at_once = most - most % traits_.block_size;
  return 0;
}

}  // namespace

int greet_nbd_server(ByteStream& stream, const std::string& name, NbdClient::Traits& traits,
                     bool& structured_replies) {
  if (const int error = Greeter(stream, name, traits).run(structured_replies)) return error;
  // Whole blocks, as of files.
  traits.size -= traits.size % traits.block_size;
  return 0;
}

}  // namespace lkl::host
