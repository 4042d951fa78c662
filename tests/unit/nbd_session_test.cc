// SPDX-License-Identifier: GPL-2.0
// The NBD client of our own, against servers that do what they should not; over memory, so that
// each byte is where the test wants it.
#include "block/nbd_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <numeric>
#include <thread>

#include "block/nbd_address.h"
#include "block/nbd_wire.h"

namespace {

using namespace lkl::host;
using nbd::big_endian;

// One direction of a connection.
class Pipe {
 public:
  void send(const void* from, size_t length) {
    const std::lock_guard lock(mutex_);
    const auto* const bytes = static_cast<const std::byte*>(from);
    if (!closed_) bytes_.insert(bytes_.end(), bytes, bytes + length);
    changed_.notify_all();
  }
  bool receive(void* to, size_t length) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || bytes_.size() >= length; });
    if (bytes_.size() < length) return false;
    std::copy_n(bytes_.begin(), length, static_cast<std::byte*>(to));
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(length));
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::byte> bytes_;
  bool closed_ = false;
};

struct Connection {
  Pipe to_server, to_client;
};

class ClientStream final : public ByteStream {
 public:
  explicit ClientStream(std::shared_ptr<Connection> connection)
      : connection_(std::move(connection)) {}
  int send(std::span<const IoVec> from) override {
    if (connection_->to_server.closed()) return -ECONNRESET;
    for (const IoVec& part : from) connection_->to_server.send(part.base, part.size);
    return 0;
  }
  int receive(std::byte* to, size_t length) override {
    return connection_->to_client.receive(to, length) ? 0 : -ECONNRESET;
  }
  void shut_down() override {
    connection_->to_server.close();
    connection_->to_client.close();
  }

 private:
  const std::shared_ptr<Connection> connection_;
};

struct Gone {};

struct Asked {
  uint16_t flags, type;
  uint64_t cookie, offset;
  uint32_t length;
  std::vector<char> data;
};

// Plays the server, by what the test has it say.
class Server {
 public:
  explicit Server(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  template <typename Value>
  Value get() {
    Value value;
    if (!connection_->to_server.receive(&value, sizeof value)) throw Gone();
    return value;
  }
  std::vector<char> get_bytes(size_t length) {
    std::vector<char> data(length);
    if (!connection_->to_server.receive(data.data(), length)) throw Gone();
    return data;
  }
  // Only so many bytes more, then it leaves.
  void leave_after(size_t bytes) { left_ = bytes; }
  void put(const void* data, size_t length) {
    if (length == 0) return;
    if (connection_->to_client.closed()) throw Gone();
    const size_t part = std::min(length, left_);
    connection_->to_client.send(data, part);
    left_ -= part;
    if (part < length) {
      connection_->to_client.close();
      throw Gone();
    }
  }
  template <typename Value>
  void put(const Value& value) {
    put(&value, sizeof value);
  }
  template <typename Number>
  void put_number(Number number) {
    put(big_endian(number));
  }

  // ---- greeting ----
  uint16_t flags = nbd::kFixedNewStyle | nbd::kNoZeroes;
  bool structured = true, has_go = true;
  uint64_t size = 1 << 20;
  uint16_t export_flags = nbd::kHasFlags | nbd::kSendsFlush | nbd::kSendsTrim | nbd::kSendsZeroes;
  std::optional<nbd::BlockSizeInfo> blocks;  // as numbers of ours
  // What is said to GO in place of the export; false: nothing else is.
  std::function<void(Server&)> to_go;
  std::string asked_name;

  void reply(uint32_t option, uint32_t type, const std::string& data = {}) {
    put(nbd::OptionReply{.magic = big_endian(nbd::kOptionReplyMagic),
                         .option = big_endian(option),
                         .type = big_endian(type),
                         .length = big_endian(static_cast<uint32_t>(data.size()))});
    put(data.data(), data.size());
  }
  std::string info_of_export() const {
    std::string text(2, '\0');
    const nbd::ExportInfo info = {.size = big_endian(size), .flags = big_endian(export_flags)};
    return text.append(reinterpret_cast<const char*>(&info), sizeof info);
  }
  void greet() {
    put(nbd::Greeting{.magic = big_endian(nbd::kMagic),
                      .option_magic = big_endian(nbd::kOptionMagic),
                      .flags = big_endian(flags)});
    EXPECT_EQ(big_endian(get<uint32_t>()), flags);
    while (!answer_option()) {
    }
  }
  bool answer_option() {
    const auto request = get<nbd::OptionRequest>();
    EXPECT_EQ(request.magic, big_endian(nbd::kOptionMagic));
    const std::vector<char> data = get_bytes(big_endian<uint32_t>(request.length));
    const uint32_t option = big_endian<uint32_t>(request.option);
    if (option == nbd::kOptionStructuredReply) {
      reply(option, structured ? nbd::kAck : nbd::kErrorUnsupported, structured ? "" : "what?");
      return false;
    }
    if (option == nbd::kOptionExportName) {
      asked_name.assign(data.begin(), data.end());
      put(nbd::ExportInfo{.size = big_endian(size), .flags = big_endian(export_flags)});
      if (!(flags & nbd::kNoZeroes)) put(std::array<char, 124>());
      return true;
    }
    EXPECT_EQ(option, nbd::kOptionGo);
    if (!has_go) {
      reply(option, nbd::kErrorUnsupported);
      return false;
    }
    asked_name.assign(data.begin() + 4, data.end() - 4);
    if (to_go) {
      to_go(*this);
      return true;
    }
    reply(option, nbd::kInfo, std::string("\0\1nice name", 11));  // not asked for
    if (blocks) {
      const nbd::BlockSizeInfo info = {.least = big_endian<uint32_t>(blocks->least),
                                       .preferred = big_endian<uint32_t>(blocks->preferred),
                                       .most = big_endian<uint32_t>(blocks->most)};
      reply(option, nbd::kInfo,
            std::string("\0\3", 2).append(reinterpret_cast<const char*>(&info), sizeof info));
    }
    reply(option, nbd::kInfo, info_of_export());
    reply(option, nbd::kAck);
    return true;
  }

  // ---- requests ----
  Asked next() {
    const auto request = get<nbd::Request>();
    EXPECT_EQ(request.magic, big_endian(nbd::kRequestMagic));
    Asked asked = {.flags = big_endian<uint16_t>(request.flags),
                   .type = big_endian<uint16_t>(request.type),
                   .cookie = request.cookie,
                   .offset = big_endian<uint64_t>(request.offset),
                   .length = big_endian<uint32_t>(request.length),
                   .data = {}};
    if (asked.type == nbd::kWrite) asked.data = get_bytes(asked.length);
    return asked;
  }
  void simple(const Asked& asked, uint32_t error = 0) {
    put_number(nbd::kSimpleMagic);
    put(nbd::SimpleReply{.error = big_endian(error), .cookie = asked.cookie});
  }
  void chunk(const Asked& asked, uint16_t type, uint32_t length, bool last) {
    put_number(nbd::kStructuredMagic);
    put(nbd::Chunk{.flags = big_endian<uint16_t>(last ? nbd::kDone : 0),
                   .type = big_endian(type),
                   .cookie = asked.cookie,
                   .length = big_endian(length)});
  }
  void data_chunk(const Asked& asked, uint64_t offset, const std::string& data, bool last) {
    chunk(asked, nbd::kChunkData, static_cast<uint32_t>(8 + data.size()), last);
    put_number(offset);
    put(data.data(), data.size());
  }
  void hole_chunk(const Asked& asked, uint64_t offset, uint32_t length, bool last) {
    chunk(asked, nbd::kChunkHole, sizeof(nbd::Hole), last);
    put(nbd::Hole{.offset = big_endian(offset), .length = big_endian(length)});
  }
  void error_chunk(const Asked& asked, uint32_t error, const std::string& text, bool last) {
    chunk(asked, nbd::kChunkErrorBit | 1,
          static_cast<uint32_t>(sizeof(nbd::ErrorChunk) + text.size()), last);
    put(nbd::ErrorChunk{.error = big_endian(error),
                        .text_length = big_endian(static_cast<uint16_t>(text.size()))});
    put(text.data(), text.size());
  }

 private:
  const std::shared_ptr<Connection> connection_;
  size_t left_ = SIZE_MAX;
};

class NbdSessionTest : public ::testing::Test {
 protected:
  // Connects to a server that greets and then does this; it leaves at its end.
  int connect(
      std::function<void(Server&)> serve = [](Server&) {}, std::string name = "disk") {
    finish();
    connection_ = std::make_shared<Connection>();
    thread_ = std::thread([this, serve = std::move(serve), connection = connection_] {
      Server server(connection);
      try {
        if (before_) before_(server);
        server.greet();
        asked_name_ = server.asked_name;
        serve(server);
      } catch (const Gone&) {
      }
      connection->to_client.close();
    });
    return NbdSession::begin(std::make_unique<ClientStream>(connection_), name, client_);
  }
  void finish() {
    client_.reset();
    if (!thread_.joinable()) return;
    connection_->to_server.close();
    thread_.join();
  }
  void TearDown() override { finish(); }

  // What the server does to an ordinary read, and what comes of it.
  int read_of(std::function<void(Server&, const Asked&)> answer) {
    EXPECT_EQ(connect([answer = std::move(answer)](Server& server) {
                answer(server, server.next());
                server.next();  // until the client leaves
              }),
              0);
    std::fill(bytes_.begin(), bytes_.end(), '?');
    return client_->read(reinterpret_cast<std::byte*>(bytes_.data()), bytes_.size(), 4096);
  }

  std::function<void(Server&)> before_;  // the greeting
  std::string asked_name_;
  std::string bytes_ = std::string(1024, '?');
  std::shared_ptr<Connection> connection_;
  std::thread thread_;
  std::unique_ptr<NbdClient> client_;
};

}  // namespace

TEST(NbdAddressTest, UriIsTakenApart) {
  const auto is = [](std::string_view uri, std::string host, std::string port, std::string name) {
    NbdAddress address;
    EXPECT_EQ(parse_nbd_address(uri, address), 0) << uri;
    EXPECT_EQ(address.host, host) << uri;
    EXPECT_EQ(address.port, port) << uri;
    EXPECT_EQ(address.name, name) << uri;
  };
  is("nbd://example.com", "example.com", "10809", "");
  is("nbd://example.com/", "example.com", "10809", "");
  is("nbd://10.0.0.1:1234/a/b", "10.0.0.1", "1234", "a/b");
  is("nbd://user@h:1/x?tls-certificates=/etc#y", "h", "1", "x");
  is("nbd://[fe80::1]:5/%2fa%20b", "fe80::1", "5", "/a b");
  is("nbd:///x", "localhost", "10809", "x");
  is("nbd://h:/x", "h", "10809", "x");
  for (const char* uri :
       {"nbd://h:0/x", "nbd://h:65536/x", "nbd://h:1x/x", "nbd://[::1/x", "nbd://[]/x",
        "nbd://[::1]1/x", "nbd://h/%4", "nbd://h/%zz", "nbd://h%00/x", "nbd://a:b:c/x"}) {
    NbdAddress address;
    EXPECT_EQ(parse_nbd_address(uri, address), -EINVAL) << uri;
  }
  for (const char* uri : {"nbds://h/x", "nbd+unix:///x?socket=y", "http://h", ""}) {
    NbdAddress address;
    EXPECT_EQ(parse_nbd_address(uri, address), -EPROTONOSUPPORT) << uri;
  }
}

TEST_F(NbdSessionTest, KnowsWhatTheServerHas) {
  before_ = [](Server& server) {
    server.size = (1 << 20) + 100;
    server.export_flags = nbd::kHasFlags | nbd::kReadOnly | nbd::kSendsTrim;
  };
  ASSERT_EQ(connect(), 0);
  EXPECT_EQ(client_->size(), 1u << 20);
  EXPECT_EQ(client_->block_size(), 512u);
  EXPECT_TRUE(client_->read_only());
  EXPECT_TRUE(client_->can_trim());
  EXPECT_FALSE(client_->can_flush());
  finish();
  EXPECT_EQ(asked_name_, "disk");
}

TEST_F(NbdSessionTest, OlderServersAreAskedInTheirWay) {
  for (const uint16_t flags :
       {nbd::kFixedNewStyle, uint16_t{nbd::kFixedNewStyle | nbd::kNoZeroes}}) {
    before_ = [flags](Server& server) {
      server.flags = flags;
      server.structured = server.has_go = false;
    };
    ASSERT_EQ(connect([](Server& server) {
                const Asked asked = server.next();
                server.simple(asked);
                server.put(std::string(asked.length, 'x').data(), asked.length);
                server.next();
              }),
              0);
    EXPECT_EQ(client_->size(), 1u << 20);
    EXPECT_EQ(client_->read(reinterpret_cast<std::byte*>(bytes_.data()), bytes_.size(), 0), 0);
    EXPECT_EQ(bytes_, std::string(bytes_.size(), 'x'));
    finish();
    EXPECT_EQ(asked_name_, "disk");
  }
}

TEST_F(NbdSessionTest, BlocksOfTheServerCount) {
  const auto with = [&](uint32_t least, uint32_t most) {
    before_ = [=](Server& server) { server.blocks = {least, 4096, most}; };
    return connect();
  };
  ASSERT_EQ(with(4096, 1 << 20), 0);
  EXPECT_EQ(client_->block_size(), 4096u);
  ASSERT_EQ(with(1, UINT32_MAX), 0);
  EXPECT_EQ(client_->block_size(), 512u);
  EXPECT_EQ(with(8192, 1 << 20), -EINVAL);
  EXPECT_EQ(with(3, 1 << 20), -EPROTO);
  EXPECT_EQ(with(0, 1 << 20), -EPROTO);
  EXPECT_EQ(with(4096, 1024), -EPROTO);
}

TEST_F(NbdSessionTest, ARefusalHasItsReason) {
  const auto to_go = [&](std::function<void(Server&)> says) {
    before_ = [&](Server& server) { server.to_go = says; };
    return connect();
  };
  const auto refusal = [](uint32_t type) {
    return [type](Server& server) { server.reply(nbd::kOptionGo, type, "because"); };
  };
  EXPECT_EQ(to_go(refusal(nbd::kErrorUnknown)), -ENOENT);
  EXPECT_EQ(to_go(refusal(nbd::kErrorPolicy)), -EACCES);
  EXPECT_EQ(to_go(refusal(nbd::kErrorTls)), -EACCES);
  EXPECT_EQ(to_go(refusal(nbd::kErrorShutdown)), -ECONNRESET);
  EXPECT_EQ(to_go(refusal(nbd::kErrorBit | 77)), -EINVAL);
  // and what is no answer
  EXPECT_EQ(to_go(refusal(77)), -EPROTO);
  EXPECT_EQ(to_go(refusal(nbd::kAck)), -EPROTO);  // of nothing
  EXPECT_EQ(to_go([](Server& server) { server.reply(3, nbd::kAck); }), -EPROTO);
  EXPECT_EQ(to_go([](Server& server) { server.put(std::array<char, 20>()); }), -EPROTO);
  EXPECT_EQ(to_go([](Server& server) {
              server.reply(nbd::kOptionGo, nbd::kInfo, server.info_of_export() + "x");
            }),
            -EPROTO);
  EXPECT_EQ(to_go([](Server& server) { server.reply(nbd::kOptionGo, nbd::kInfo, "x"); }), -EPROTO);
  EXPECT_EQ(to_go([](Server& server) {
              server.reply(nbd::kOptionGo, nbd::kInfo, std::string(70000, 'x'));
            }),
            -EPROTO);
  EXPECT_EQ(to_go([](Server& server) {
              for (;;) server.reply(nbd::kOptionGo, nbd::kInfo, server.info_of_export());
            }),
            -EPROTO);
  EXPECT_EQ(to_go([](Server& server) {
              server.size = UINT64_MAX;
              server.reply(nbd::kOptionGo, nbd::kInfo, server.info_of_export());
            }),
            -EPROTO);
  before_ = [](Server& server) { server.flags = nbd::kNoZeroes; };
  EXPECT_EQ(connect(), -EPROTO);
  before_ = [](Server& server) { server.put(std::array<char, 18>()); };
  EXPECT_EQ(connect(), -EPROTO);
}

TEST_F(NbdSessionTest, AGreetingCutAnywhereIsAnError) {
  size_t bytes = 0;
  int error;
  do {
    ASSERT_LT(bytes, 1000u);
    before_ = [&](Server& server) { server.leave_after(bytes); };
    error = connect();
    EXPECT_TRUE(error == 0 || error == -ECONNRESET) << error;
    ++bytes;
  } while (error != 0);
  EXPECT_GT(bytes, 100u);
}

TEST_F(NbdSessionTest, WhatIsWrittenArrives) {
  std::string disk(1 << 20, '.');
  const auto keep = [&](Server& server) {
    for (;;) {
      const Asked asked = server.next();
      if (asked.type == nbd::kDisconnect) return;
      if (asked.type == nbd::kRead) {
        server.data_chunk(asked, asked.offset, disk.substr(asked.offset, asked.length), true);
        continue;
      }
      if (asked.type == nbd::kWrite)
        disk.replace(asked.offset, asked.length, {asked.data.data(), asked.length});
      if (asked.type == nbd::kTrim) disk.replace(asked.offset, asked.length, asked.length, 't');
      if (asked.type == nbd::kWriteZeroes)
        disk.replace(asked.offset, asked.length, asked.length,
                     asked.flags == nbd::kNoHole ? '0' : 'z');
      server.chunk(asked, nbd::kChunkNone, 0, true);
    }
  };
  before_ = [](Server& server) { server.blocks = {512, 4096, 64 << 10}; };
  ASSERT_EQ(connect(keep), 0);
  // many pieces, and more than the server takes at once
  std::string data(300 << 10, '\0');
  std::iota(data.begin(), data.end(), '\0');
  std::vector<IoVec> parts;
  for (size_t at = 0; at < data.size(); at += 1000)
    parts.push_back({&data[at], std::min<size_t>(1000, data.size() - at)});
  EXPECT_EQ(client_->write(parts, 512), 0);
  EXPECT_EQ(disk.substr(512, data.size()), data);
  EXPECT_EQ(disk[511], '.');
  EXPECT_EQ(disk[512 + data.size()], '.');
  std::string back(data.size(), '\0');
  parts.clear();
  for (size_t at = 0; at < back.size(); at += 3333)
    parts.push_back({&back[at], std::min<size_t>(3333, back.size() - at)});
  EXPECT_EQ(client_->read(parts, 512), 0);
  EXPECT_EQ(back, data);
  EXPECT_EQ(client_->flush(), 0);
  EXPECT_EQ(client_->trim(200 << 10, 0), 0);
  EXPECT_EQ(client_->zero(1024, 0, true), 0);
  EXPECT_EQ(client_->zero(1024, 1024, false), 0);
  EXPECT_EQ(disk.substr(0, 2048), std::string(1024, 'z') + std::string(1024, '0'));
  EXPECT_EQ(disk.substr(2048, (200 << 10) - 2048), std::string((200 << 10) - 2048, 't'));
}

TEST_F(NbdSessionTest, ServersThatCanLessAreAskedForLess) {
  before_ = [](Server& server) { server.export_flags = nbd::kHasFlags; };
  std::string written;
  ASSERT_EQ(connect([&](Server& server) {
              for (;;) {
                const Asked asked = server.next();
                if (asked.type == nbd::kDisconnect) return;
                EXPECT_EQ(asked.type, nbd::kWrite);
                written.append(asked.data.data(), asked.data.size());
                server.chunk(asked, nbd::kChunkNone, 0, true);
              }
            }),
            0);
  EXPECT_EQ(client_->flush(), 0);
  EXPECT_EQ(client_->trim(4096, 0), 0);
  EXPECT_EQ(client_->zero(100 << 10, 0, true), 0);
  EXPECT_EQ(written, std::string(100 << 10, '\0'));
}

TEST_F(NbdSessionTest, ChunksComeInAnyOrder) {
  EXPECT_EQ(read_of([](Server& server, const Asked& asked) {
              server.data_chunk(asked, 4096 + 600, std::string(424, 'c'), false);
              server.data_chunk(asked, 4096, std::string(100, 'a'), false);
              server.hole_chunk(asked, 4096 + 100, 500, true);
            }),
            0);
  EXPECT_EQ(bytes_, std::string(100, 'a') + std::string(500, '\0') + std::string(424, 'c'));
}

TEST_F(NbdSessionTest, AnErrorIsOfItsRequestOnly) {
  ASSERT_EQ(connect([](Server& server) {
              server.error_chunk(server.next(), 28, "no room", true);
              server.simple(server.next(), 1);
              server.error_chunk(server.next(), 12345, "", true);
              Asked asked = server.next();
              server.data_chunk(asked, asked.offset, "half", false);
              server.error_chunk(asked, 5, "not more", false);
              server.chunk(asked, nbd::kChunkNone, 0, true);
              server.chunk(server.next(), nbd::kChunkNone, 0, true);
              server.next();
            }),
            0);
  IoVec part = {bytes_.data(), 512};
  EXPECT_EQ(client_->write(std::span(&part, 1), 0), -ENOSPC);
  EXPECT_EQ(client_->flush(), -EPERM);
  EXPECT_EQ(client_->flush(), -EIO);
  EXPECT_EQ(client_->read(std::span(&part, 1), 0), -EIO);
  EXPECT_EQ(client_->flush(), 0);
}

TEST_F(NbdSessionTest, AnswersThatCantBeEndTheConnection) {
  using Answer = std::function<void(Server&, const Asked&)>;
  const std::string all(1024, 'x');
  const Answer answers[] = {
      [](Server& s, const Asked&) { s.put_number(0x12345678U); },
      [](Server& s, Asked a) {
        a.cookie++;
        s.chunk(a, nbd::kChunkNone, 0, true);
      },
      [](Server& s, Asked a) {
        a.cookie++;
        s.simple(a);
      },
      [&](Server& s, Asked a) {
        s.simple(a);
        s.put(all.data(), all.size());
      },
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkNone, 0, true); },  // nothing has come
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkNone, 0, false); },
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkNone, 4, true); },
      [](Server& s, Asked a) { s.chunk(a, 5, 4, true); },                // of block status
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkData, 8, true); },  // no data
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkData, 3, true); },
      [](Server& s, Asked a) {
        s.chunk(a, nbd::kChunkData, UINT32_MAX, true);
        s.put_number(a.offset);
      },
      [&](Server& s, Asked a) { s.data_chunk(a, a.offset, all.substr(1), true); },
      [&](Server& s, Asked a) { s.data_chunk(a, a.offset - 1, all, true); },
      [&](Server& s, Asked a) { s.data_chunk(a, a.offset + 1, all, true); },
      [&](Server& s, Asked a) { s.data_chunk(a, UINT64_MAX - 10, all, true); },
      [&](Server& s, Asked a) { s.data_chunk(a, 0, all, true); },
      [&](Server& s, Asked a) { s.data_chunk(a, a.offset, all + "y", true); },
      [&](Server& s, Asked a) {
        s.data_chunk(a, a.offset, all, false);
        s.data_chunk(a, a.offset, all, true);
      },
      [&](Server& s, Asked a) {
        s.data_chunk(a, a.offset, all.substr(512), false);
        s.data_chunk(a, a.offset + 511, all.substr(511), true);
      },
      [&](Server& s, Asked a) {
        s.data_chunk(a, a.offset + 512, all.substr(512), false);
        s.data_chunk(a, a.offset, all.substr(511), true);
      },
      [](Server& s, Asked a) { s.hole_chunk(a, a.offset, 1025, true); },
      [](Server& s, Asked a) { s.hole_chunk(a, a.offset, 0, true); },
      [](Server& s, Asked a) { s.hole_chunk(a, a.offset, UINT32_MAX, true); },
      [](Server& s, Asked a) {
        s.chunk(a, nbd::kChunkHole, 13, true);
        s.put(std::array<char, 13>());
      },
      [](Server& s, Asked a) { s.error_chunk(a, 0, "none", true); },
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkErrorBit | 1, 5, true); },
      [](Server& s, Asked a) { s.chunk(a, nbd::kChunkErrorBit | 1, UINT32_MAX, true); },
      [](Server& s, Asked a) {
        s.chunk(a, nbd::kChunkErrorBit | 1, 6, true);
        s.put(nbd::ErrorChunk{.error = big_endian(5U), .text_length = big_endian(uint16_t{100})});
      },
      // a thousand bytes, each alone
      [](Server& s, Asked a) {
        for (unsigned i = 0; i < a.length; i += 2) s.data_chunk(a, a.offset + i, "x", false);
        for (unsigned i = 1; i < a.length; i += 2)
          s.data_chunk(a, a.offset + i, "xx", i + 2 > a.length);
      },
  };
  for (size_t i = 0; i < std::size(answers); ++i) {
    EXPECT_EQ(read_of(answers[i]), -EPROTO) << i;
    // nothing more is asked
    EXPECT_EQ(client_->flush(), -EPROTO) << i;
  }
  // chunks that nobody has asked for, or for something that has no data
  before_ = [](Server& server) { server.structured = false; };
  EXPECT_EQ(read_of([&](Server& s, const Asked& a) { s.data_chunk(a, a.offset, all, true); }),
            -EPROTO);
  before_ = nullptr;
  ASSERT_EQ(connect([](Server& server) {
              const Asked asked = server.next();
              server.data_chunk(asked, asked.offset, "x", true);
              server.next();
            }),
            0);
  EXPECT_EQ(client_->flush(), -EPROTO);
}

TEST_F(NbdSessionTest, AnAnswerCutAnywhereIsAnError) {
  for (const bool structured : {true, false}) {
    size_t bytes = 0;
    int error;
    do {
      ASSERT_LT(bytes, 3000u);
      before_ = [&](Server& server) { server.structured = structured; };
      error = read_of([&](Server& server, const Asked& asked) {
        server.leave_after(bytes);
        if (!structured) {
          server.simple(asked);
          server.put(std::string(asked.length, 'x').data(), asked.length);
          return;
        }
        server.data_chunk(asked, asked.offset, std::string(1000, 'x'), false);
        server.hole_chunk(asked, asked.offset + 1000, 24, true);
      });
      EXPECT_TRUE(error == 0 || error == -ECONNRESET) << error;
      bytes += bytes < 40 || bytes > 1000 ? 1 : 100;
    } while (error != 0);
    EXPECT_GT(bytes, 1000u);
  }
}

TEST_F(NbdSessionTest, SeveralWaitAndEachGetsItsOwn) {
  constexpr int kThreads = 4, kRounds = 200;
  ASSERT_EQ(connect([](Server& server) {
              // as many as there are at a time, the last one first
              for (int round = 0; round < kRounds; ++round) {
                std::vector<Asked> asked;
                for (int i = 0; i < kThreads; ++i) asked.push_back(server.next());
                std::reverse(asked.begin(), asked.end());
                for (const Asked& one : asked)
                  server.data_chunk(one, one.offset,
                                    std::string(512, static_cast<char>(one.offset >> 9)), true);
              }
              server.next();
            }),
            0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const int number = i * kRounds + round;
        std::string got(512, '\0');
        ASSERT_EQ(client_->read(reinterpret_cast<std::byte*>(got.data()), 512,
                                static_cast<uint64_t>(number) << 9),
                  0);
        ASSERT_EQ(got, std::string(512, static_cast<char>(number)));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(NbdSessionTest, AllFailWhenTheServerGoes) {
  constexpr int kThreads = 4;
  ASSERT_EQ(connect([](Server& server) {
              for (int i = 0; i < kThreads; ++i) server.next();
            }),
            0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      std::string data(512, 'x');
      IoVec part = {data.data(), data.size()};
      EXPECT_EQ(client_->write(std::span(&part, 1), 0), -ECONNRESET);
      EXPECT_EQ(client_->flush(), -ECONNRESET);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(NbdSessionTest, SaysGoodBye) {
  std::atomic<bool> said = false;
  ASSERT_EQ(connect([&](Server& server) { said = server.next().type == nbd::kDisconnect; }), 0);
  client_.reset();
  thread_.join();
  EXPECT_TRUE(said);
}
