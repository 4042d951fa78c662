// SPDX-License-Identifier: GPL-2.0
// Transports other than plain TCP, and what TCP has: judged by content, and by what is on the wire.
#include <arpa/inet.h>
#include <lkl/linux/genetlink.h>
#include <lkl/linux/mptcp.h>
#include <lkl/linux/mptcp_pm.h>
#include <lkl/linux/socket.h>
#include <lkl/linux/sctp.h>
#include <lkl/linux/tcp.h>
#include <lkl/linux/tls.h>
#include <lkl/linux/vm_sockets.h>

#include <mutex>
#include <set>

#include "net/netlink_builder.h"
#include "net/pair.h"

using namespace lkl_test;

namespace {

constexpr int kTcpLevel = 6, kTlsLevel = 282, kSctpLevel = 132;
constexpr unsigned short kOtherPort = 5002;

class TransportTest : public PairTest {};
class LoopbackTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_EQ(lkl_if_up(1), 0);
  }
};

// Whoever connects to this port by this protocol is echoed.
void serve_protocol(int protocol, const std::function<void(int)>& prepare = nullptr) {
  const int listener = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, protocol));
  ASSERT_GE(listener, 0) << lkl_strerror(listener);
  if (prepare) prepare(listener);
  lkl_sockaddr_in here = address("0.0.0.0", kOtherPort);
  ASSERT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
  ASSERT_EQ(lkl_sys_listen(listener, 4), 0);
  std::thread([listener] {
    for (int fd; (fd = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr))) >= 0;) {
      echo(kOurs, fd);
      lkl_sys_close(fd);
    }
  }).detach();
}

void talk_and_close(int fd, size_t size) {
  ASSERT_GE(fd, 0) << lkl_strerror(fd);
  talk(kOurs, fd, size, [fd] { EXPECT_EQ(lkl_sys_shutdown(fd, LKL_SHUT_WR), 0); });
  EXPECT_EQ(lkl_sys_close(fd), 0);
}

// Two ends of a connection over the loopback.
struct Connection {
  int client = -1, server = -1;

  Connection() {
    const int listener = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
    lkl_sockaddr_in here = address("127.0.0.1", kOtherPort);
    EXPECT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
    EXPECT_EQ(lkl_sys_listen(listener, 1), 0);
    client = connect_to("127.0.0.1", 0, kOtherPort);
    server = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr));
    EXPECT_GE(client, 0);
    EXPECT_GE(server, 0);
    lkl_sys_close(listener);
  }
};

std::string read_exactly(int fd, size_t size) {
  std::string text(size, 0);
  for (size_t done = 0; done < size;) {
    const long count = lkl_sys_read(fd, &text[done], size - done);
    if (count <= 0) {
      ADD_FAILURE() << "after " << done << " bytes: " << lkl_strerror(static_cast<int>(count));
      return "";
    }
    done += static_cast<size_t>(count);
  }
  return text;
}

}  // namespace

// ---- SCTP ----

TEST_F(TransportTest, SctpHasStreams) {
  std::mutex mutex;
  std::set<int> streams;
  const Watching watching(wire(), [&](int from, Frame frame) {
    // behind Ethernet, IPv4 and SCTP's own header: chunks, of which type 0 is data
    if (from == 0 && ip_protocol(frame) == kSctpLevel)
      for (size_t at = 46; at + 10 <= frame.size();) {
        const std::lock_guard lock(mutex);
        if (frame[at] == 0) streams.insert(frame[at + 8] << 8 | frame[at + 9]);
        const int length = frame[at + 2] << 8 | frame[at + 3];
        if (length < 4) break;
        at += static_cast<size_t>((length + 3) & ~3);
      }
    return true;
  });
  lkl_sctp_initmsg init = {};
  init.sinit_num_ostreams = init.sinit_max_instreams = 8;
  boot([&](int side) {
    if (side == 1)
      serve_protocol(LKL_IPPROTO_SCTP, [&](int fd) {
        EXPECT_EQ(set_option(fd, kSctpLevel, LKL_SCTP_INITMSG, init), 0);
      });
  });
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, LKL_IPPROTO_SCTP));
  ASSERT_GE(fd, 0) << lkl_strerror(fd);
  ASSERT_EQ(set_option(fd, kSctpLevel, LKL_SCTP_INITMSG, init), 0);
  lkl_sockaddr_in there = address("10.0.0.2", kOtherPort);
  ASSERT_EQ(lkl_sys_connect(fd, generic(there), sizeof there), 0);
  for (unsigned short stream = 0; stream < 8; ++stream) {
    lkl_sctp_sndrcvinfo how = {};
    how.sinfo_stream = stream;
    ASSERT_EQ(set_option(fd, kSctpLevel, LKL_SCTP_DEFAULT_SEND_PARAM, how), 0);
    const std::string message = "message of stream " + std::to_string(stream);
    ASSERT_EQ(lkl_sys_write(fd, message.data(), message.size()), static_cast<long>(message.size()));
    EXPECT_EQ(read_exactly(fd, message.size()), message);
  }
  lkl_sctp_sndrcvinfo ninth = {};
  ninth.sinfo_stream = 8;
  ASSERT_EQ(set_option(fd, kSctpLevel, LKL_SCTP_DEFAULT_SEND_PARAM, ninth), 0);
  EXPECT_LT(lkl_sys_write(fd, "none", 4), 0);
  lkl_sys_close(fd);
  const int second = connect_to("10.0.0.2", LKL_IPPROTO_SCTP, kOtherPort);
  talk(kOurs, second, 1 << 20, {});
  EXPECT_EQ(lkl_sys_close(second), 0);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(streams, (std::set<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

// ---- MPTCP ----

namespace {

int ask_path_manager(unsigned command, const std::function<void(Message&)>& fill) {
  lkl_genlmsghdr header = {};
  header.cmd = static_cast<__lkl__u8>(command);
  header.version = LKL_MPTCP_PM_VER;
  Message message(static_cast<unsigned>(generic_family(LKL_MPTCP_PM_NAME)), LKL_NLM_F_ACK, header);
  fill(message);
  return ask(LKL_NETLINK_GENERIC, message);
}

void offer_paths(int side) {
  EXPECT_EQ(ask_path_manager(LKL_MPTCP_PM_CMD_SET_LIMITS,
                             [](Message& m) {
                               m.number<uint32_t>(LKL_MPTCP_PM_ATTR_RCV_ADD_ADDRS, 2);
                               m.number<uint32_t>(LKL_MPTCP_PM_ATTR_SUBFLOWS, 2);
                             }),
            0);
  // one loss in a row, and the path is not used until it is heard of again
  EXPECT_EQ(lkl_sysctl("net.mptcp.stale_loss_cnt", "1"), 0);
  if (side == 0) return;
  EXPECT_EQ(ask_path_manager(LKL_MPTCP_PM_CMD_ADD_ADDR,
                             [](Message& m) {
                               m.nest(LKL_MPTCP_PM_ATTR_ADDR, [&] {
                                 m.number<uint16_t>(LKL_MPTCP_PM_ADDR_ATTR_FAMILY, LKL_AF_INET);
                                 m.address(LKL_MPTCP_PM_ADDR_ATTR_ADDR4, "10.0.1.2");
                                 m.number<uint32_t>(LKL_MPTCP_PM_ADDR_ATTR_FLAGS,
                                                    LKL_MPTCP_PM_ADDR_FLAG_SIGNAL);
                               });
                             }),
            0);
  serve_protocol(LKL_IPPROTO_MPTCP);
}

}  // namespace

TEST_F(TransportTest, MptcpUsesBothWires) {
  have_wires(2);
  boot(offer_paths);
  talk_and_close(connect_to("10.0.0.2", LKL_IPPROTO_MPTCP, kOtherPort), 16 << 20);
  for (const size_t which : {0u, 1u})
    for (const int side : {0, 1}) EXPECT_GT(wire(which).bytes(side), 500'000u) << which << side;
}

TEST_F(TransportTest, MptcpGoesOnWhenAWireIsCut) {
  std::atomic<uint64_t> seen = 0;
  constexpr size_t kSize = 16 << 20;
  have_wires(2);
  const Watching watching(wire(),
                          [&](int, Frame frame) { return (seen += frame.size()) < kSize / 4; });
  boot(offer_paths);
  talk_and_close(connect_to("10.0.0.2", LKL_IPPROTO_MPTCP, kOtherPort), kSize);
  EXPECT_GE(seen, kSize / 4);
  EXPECT_LT(wire(0).bytes(0) + wire(0).bytes(1), kSize / 4);
  EXPECT_GT(wire(1).bytes(0), kSize / 2);
}

// ---- TCP ----

TEST_F(TransportTest, EachCongestionControlCarriesATransfer) {
  boot();
  const char* const kAll[] = {"reno",      "cubic", "bbr",      "bic", "westwood", "htcp",
                              "highspeed", "hybla", "vegas",    "nv",  "scalable", "lp",
                              "veno",      "yeah",  "illinois", "cdg", "dctcp"};
  for (const char* name : kAll) {
    const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
    ASSERT_EQ(set_text_option(fd, kTcpLevel, LKL_TCP_CONGESTION, name), 0) << name;
    char used[16] = {};
    int length = sizeof used;
    ASSERT_EQ(lkl_sys_getsockopt(fd, kTcpLevel, LKL_TCP_CONGESTION, used, &length), 0);
    EXPECT_STREQ(used, name);
    lkl_sockaddr_in there = address("10.0.0.2");
    ASSERT_EQ(lkl_sys_connect(fd, generic(there), sizeof there), 0);
    talk_and_close(fd, std::string(name) == "bbr" ? 8 << 20 : 300'000);
  }
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  EXPECT_EQ(set_text_option(fd, kTcpLevel, LKL_TCP_CONGESTION, "no-such"), -LKL_ENOENT);
  lkl_sys_close(fd);
}

// TLS 1.3: a record is header, text, type and tag.
TEST_F(LoopbackTest, TlsInTheKernel) {
  const Connection both;
  lkl_tls12_crypto_info_aes_gcm_128 keys = {};
  keys.info.version = LKL_TLS_1_3_VERSION;
  keys.info.cipher_type = LKL_TLS_CIPHER_AES_GCM_128;
  std::memset(keys.key, 'k', sizeof keys.key);
  std::memset(keys.salt, 's', sizeof keys.salt);
  ASSERT_EQ(set_text_option(both.client, kTcpLevel, LKL_TCP_ULP, "tls"), 0);
  ASSERT_EQ(set_option(both.client, kTlsLevel, LKL_TLS_TX, keys), 0);
  const std::string word = "what nobody is to see";
  ASSERT_EQ(lkl_sys_write(both.client, word.data(), word.size()), static_cast<long>(word.size()));
  // who does not know TLS sees application data
  const std::string record = read_exactly(both.server, 5 + word.size() + 1 + 16);
  EXPECT_EQ(record.substr(0, 3), "\x17\x03\x03");
  EXPECT_EQ(record.find(word), std::string::npos);

  // who does, with the number of the next record
  keys.rec_seq[7] = 1;
  ASSERT_EQ(set_text_option(both.server, kTcpLevel, LKL_TCP_ULP, "tls"), 0);
  ASSERT_EQ(set_option(both.server, kTlsLevel, LKL_TLS_RX, keys), 0);
  const std::vector<char> data = content(1 << 20);
  std::thread sends([&] {
    for (size_t done = 0; done < data.size();) {
      const long put = lkl_sys_write(both.client, &data[done], data.size() - done);
      ASSERT_GT(put, 0);
      done += static_cast<size_t>(put);
    }
  });
  // not to be printed when it is not so
  EXPECT_TRUE(read_exactly(both.server, data.size()) == std::string(data.begin(), data.end()));
  lkl_sys_close(both.server);
  sends.join();
  lkl_sys_close(both.client);
}

// ---- vsock ----

TEST_F(LoopbackTest, Vsock) {
  lkl_sockaddr_vm here = {};
  here.svm_family = LKL_AF_VSOCK;
  here.svm_cid = LKL_VMADDR_CID_LOCAL;
  here.svm_port = 1234;
  const int listener = static_cast<int>(lkl_sys_socket(LKL_AF_VSOCK, LKL_SOCK_STREAM, 0));
  ASSERT_GE(listener, 0) << lkl_strerror(listener);
  ASSERT_EQ(lkl_sys_bind(listener, generic(here), sizeof here), 0);
  ASSERT_EQ(lkl_sys_listen(listener, 1), 0);
  std::thread server([listener] {
    const int fd = static_cast<int>(lkl_sys_accept(listener, nullptr, nullptr));
    EXPECT_TRUE(echo(kOurs, fd));
    lkl_sys_close(fd);
  });
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_VSOCK, LKL_SOCK_STREAM, 0));
  ASSERT_EQ(lkl_sys_connect(fd, generic(here), sizeof here), 0);
  talk_and_close(fd, 4 << 20);
  server.join();
  lkl_sys_close(listener);
}

// ---- multicast ----

TEST_F(TransportTest, WhoJoinsAGroupHearsIt) {
  std::atomic<bool> reported = false, sent = false;
  const Watching watching(wire(), [&](int from, Frame frame) {
    const unsigned char group[6] = {1, 0, 0x5e, 1, 2, 3};
    const std::string_view asked("\xef\x01\x02\x03", 4);  // 239.1.2.3
    if (from == 1 && ip_protocol(frame) == 2 && contains(frame, asked)) reported = true;
    if (from == 0 && ip_protocol(frame) == 17 && std::memcmp(frame.data(), group, 6) == 0)
      sent = true;
    return true;
  });
  boot([](int side) {
    if (side == 0) return;
    const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    lkl_sockaddr_in here = address("0.0.0.0", kOtherPort);
    ASSERT_EQ(lkl_sys_bind(fd, generic(here), sizeof here), 0);
    lkl_ip_mreqn group = {};
    group.imr_multiaddr.lkl_s_addr = ipv4("239.1.2.3");
    group.imr_ifindex = card(0);
    ASSERT_EQ(set_option(fd, LKL_IPPROTO_IP, LKL_IP_ADD_MEMBERSHIP, group), 0);
    std::thread([fd] {
      char packet[100];
      for (;;) {
        lkl_sockaddr_in from = {};
        int length = sizeof from;
        const long count = lkl_sys_recvfrom(fd, packet, sizeof packet, 0, generic(from), &length);
        if (count < 0) break;
        lkl_sys_sendto(fd, packet, static_cast<size_t>(count), 0, generic(from), length);
      }
    }).detach();
  });
  const int fd = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_ip_mreqn by = {};
  by.imr_ifindex = card(0);
  ASSERT_EQ(set_option(fd, LKL_IPPROTO_IP, LKL_IP_MULTICAST_IF, by), 0);
  char answer[100];
  long count = -1;
  lkl_pollfd wait = {.fd = fd, .events = LKL_POLLIN, .revents = 0};
  for (int tries = 0; tries < 200 && count < 0; ++tries) {
    for (const auto& [group, word] : {std::pair{"239.1.2.4", "nobody"}, {"239.1.2.3", "joined"}}) {
      lkl_sockaddr_in there = address(group, kOtherPort);
      EXPECT_EQ(lkl_sys_sendto(fd, word, 6, 0, generic(there), sizeof there), 6);
    }
    __lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 50'000'000};
    if (lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1)
      count = lkl_sys_recvfrom(fd, answer, sizeof answer, 0, nullptr, nullptr);
  }
  ASSERT_EQ(count, 6);
  EXPECT_EQ(std::string(answer, 6), "joined");
  // by chance within a second
  for (int tries = 0; tries < 1000 && !reported; ++tries) usleep(10'000);
  EXPECT_TRUE(reported);
  EXPECT_TRUE(sent);
  lkl_sys_close(fd);
}
