// SPDX-License-Identifier: GPL-2.0
// Wires to other programs: another kernel of ours, or who knows nothing of us.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "support/host_tools.h"
#include "support/kernel_test.h"
#include "support/sanitizers.h"

using namespace lkl_test;

namespace {

constexpr bool kSanitized = kAddressSanitizer || kThreadSanitizer;

constexpr char kOwn[] = "10.0.0.1", kTheirs[] = "10.0.0.2";

// A program that is there while the object is.
class Program final {
 public:
  explicit Program(std::vector<std::string> command) {
    EXPECT_EQ(pipe2(stdin_, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ != 0) return;
    setpgid(0, 0);
    dup2(stdin_[0], STDIN_FILENO);
    alarm(100);
    std::vector<char*> arguments;
    for (std::string& each : command) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  ~Program() { stop(); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  void stop() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    end_of(pid_);
    pid_ = -1;
    for (const int end : stdin_) close(end);
  }

 private:
  pid_t pid_;
  int stdin_[2];  // nothing comes
};

std::vector<std::string> echo_peer(std::vector<std::string> words) {
  std::vector<std::string> command = {"python3", LKL_ECHO_PEER, kTheirs};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

bool appears(const std::string& path) {
  for (int i = 0; i < 1000 && access(path.c_str(), F_OK) != 0; ++i) usleep(10'000);
  return access(path.c_str(), F_OK) == 0;
}

// Datagrams of many lengths, up to the longest of this MTU, each asked for until it is back as it
// was.
void talk_by_udp(const char* to, size_t mtu) {
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address(to);
  const std::vector<char> data = content(mtu);
  for (const size_t size : {size_t{1}, size_t{17}, size_t{500}, mtu - 29, mtu - 28}) {
    std::vector<char> back(size + 1);
    long got = -1;
    for (int tries = 0; tries < 600 && got != static_cast<long>(size); ++tries) {
      lkl_sys_sendto(udp, const_cast<char*>(data.data()), size, 0, generic(there), sizeof there);
      lkl_pollfd wait = {.fd = udp, .events = LKL_POLLIN, .revents = 0};
      // what was sent twice is answered twice, and late
      for (__lkl__kernel_timespec moment = {.tv_sec = 0, .tv_nsec = 100'000'000};
           got != static_cast<long>(size) && lkl_sys_ppoll(&wait, 1, &moment, nullptr, 0) == 1;)
        got = lkl_sys_recvfrom(udp, back.data(), back.size(), 0, nullptr, nullptr);
    }
    ASSERT_EQ(got, static_cast<long>(size));
    EXPECT_EQ(std::memcmp(back.data(), data.data(), size), 0) << size;
  }
  lkl_sys_close(udp);
}

// A free port of this machine.
std::string free_port(int type) {
  const int probe = socket(AF_INET, type, 0);
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = inet_addr("127.0.0.1");
  socklen_t size = sizeof own;
  EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&own), size), 0);
  EXPECT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&own), &size), 0);
  close(probe);
  return std::to_string(ntohs(own.sin_port));
}

struct Way {
  const char* name;
  unsigned short mtu;
  // URIs of both sides, in this folder
  void (*uris)(const TempDir& folder, std::string& one, std::string& other);
};

void PrintTo(const Way& way, std::ostream* to) {
  *to << way.name;
}

class TwoKernelsByTest : public ::testing::TestWithParam<Way> {};

constexpr Way kWays[] = {
    {"stream", 0,
     [](const TempDir& folder, std::string& one, std::string& other) {
       one = "unix:" + (folder / "socket") + ",server";
       other = "unix:" + (folder / "socket") + ",reconnect-ms=20";
     }},
    {"jumbo", 65520,
     [](const TempDir& folder, std::string& one, std::string& other) {
       one = "unix:" + (folder / "socket") + ",reconnect-ms=20";
       other = "unix:" + (folder / "socket") + ",server";
     }},
    {"datagrams", 9000,
     [](const TempDir& folder, std::string& one, std::string& other) {
       one = "unix:" + (folder / "b") + ",type=dgram,local=" + (folder / "a");
       other = "unix:" + (folder / "a") + ",type=dgram,local=" + (folder / "b");
     }},
    {"tcp", 1500,
     [](const TempDir&, std::string& one, std::string& other) {
       const std::string name = "tcp:127.0.0.1:" + free_port(SOCK_STREAM);
       one = name + ",server";
       other = name + ",reconnect-ms=20";
     }},
    {"udp", 1500,
     [](const TempDir&, std::string& one, std::string& other) {
       const std::string a = "127.0.0.1:" + free_port(SOCK_DGRAM),
                         b = "127.0.0.1:" + free_port(SOCK_DGRAM);
       one = "udp:" + a + ",local=" + b;
       other = "udp:" + b + ",local=" + a;
     }},
    {"fifos", 4066,
     [](const TempDir& folder, std::string& one, std::string& other) {
       EXPECT_EQ(mkfifo((folder / "a").c_str(), 0600), 0);
       EXPECT_EQ(mkfifo((folder / "b").c_str(), 0600), 0);
       one = "pipe:" + (folder / "a") + "|" + (folder / "b");
       other = "pipe:" + (folder / "b") + "|" + (folder / "a");
     }},
};

// A kernel here, and one in a child.
void two_kernels_talk(const std::string& one, const std::string& other, unsigned short mtu) {
  const pid_t peer = start_peer(other, kTheirs, mtu);
  if (!boot_with_network()) {
    kill(peer, SIGKILL);
    end_of(peer);
    GTEST_SKIP() << "the kernel has no network";
  }
  ASSERT_FALSE(::testing::Test::HasFailure());
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(one.c_str(), kOwn, mtu, nd), 0);
  talk_by_udp(kTheirs, mtu ? mtu : 1500);
  if (!::testing::Test::HasFailure()) talk_by_tcp(kTheirs, 6 << 20);
  if (::testing::Test::HasFailure()) kill(peer, SIGKILL);
  EXPECT_EQ(end_of(peer), 0);
  EXPECT_EQ(complaint_in_log(), "");
  lkl_cleanup();
  lkl_netdev_free(nd);
}

class PeerNetTest : public NicTest {
 protected:
  void SetUp() override {
    NicTest::SetUp();
    path_ = folder_ / "socket";
  }
  static bool carrier_becomes(char wanted) {
    for (int i = 0; i < 1000 && carrier() != wanted; ++i) usleep(10'000);
    return carrier() == wanted;
  }
  // Who knows how to send frames, and does nothing.
  int connect_raw() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    path_.copy(to.sun_path, sizeof to.sun_path - 1);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return fd;
  }

  static void a_full_socket_holds_up(int peer);

  const TempDir folder_;
  std::string path_;
};

// Bytes of a frame of UDP that come before its content.
constexpr size_t kBefore = 14 + 20 + 8;
constexpr size_t kPacket = 1400;

// Numbered packets to somebody who need not be there.
class Flood final {
 public:
  explicit Flood(int packets) : packets_(packets), thread_([this] { run(); }) {}
  ~Flood() {
    stopped_ = true;
    finish();
  }
  void finish() {
    if (thread_.joinable()) thread_.join();
  }
  int sent() const { return sent_; }

 private:
  void run() {
    const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
    lkl_sockaddr_in there = address(kTheirs);
    std::vector<char> packet(kPacket);
    for (int i = 0; i < packets_ && !stopped_; ++i) {
      std::memcpy(packet.data(), &i, sizeof i);
      while (!stopped_ && lkl_sys_sendto(udp, packet.data(), packet.size(), 0, generic(there),
                                         sizeof there) != static_cast<long>(packet.size()))
        usleep(100);
      ++sent_;
    }
    lkl_sys_close(udp);
  }

  const int packets_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> sent_ = 0;
  std::thread thread_;
};

// The next frame of a stream, read in pieces of this size; empty at its end.
std::string read_frame(int fd, size_t piece) {
  std::string bytes;
  const auto fill = [&](size_t size) {
    while (bytes.size() < size) {
      std::string part(std::min(piece, size - bytes.size()), '\0');
      const ssize_t count = read(fd, part.data(), part.size());
      if (count <= 0) return false;
      bytes.append(part, 0, static_cast<size_t>(count));
    }
    return true;
  };
  if (!fill(4)) return "";
  size_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  bytes.clear();
  return size <= 70000 && fill(size) ? bytes : "";
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(All, TwoKernelsByTest, ::testing::ValuesIn(kWays),
                         [](const auto& info) { return info.param.name; });

TEST_P(TwoKernelsByTest, TalkToEachOther) {
  const TempDir folder;
  std::string one, other;
  GetParam().uris(folder, one, other);
  two_kernels_talk(one, other, GetParam().mtu);
}

TEST(TwoKernels, TalkByASwitchOfVde) {
  if (run("vde_switch --version") == 127) GTEST_SKIP() << "needs vde_switch (package vde2)";
  if (kSanitized) GTEST_SKIP() << "libvdeplug loads its parts in a way that sanitizers do not bear";
  const TempDir folder;
  const std::string name = folder / "switch";
  const Program vde({"vde_switch", "--sock", name});
  ASSERT_TRUE(appears(name + "/ctl"));
  two_kernels_talk("vde:" + name, "vde:vde://" + name + ",port=7", 0);
}

// By its framing, whoever listens.
TEST_F(PeerNetTest, SpeaksAsQemuDoes) {
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(("unix:" + path_ + ",server=on").c_str(), kOwn, 0, nd), 0);
  Program peer(echo_peer({"4", "unix", path_}));
  talk_by_udp(kTheirs, 1500);
  // gone, and there again
  peer.stop();
  EXPECT_TRUE(carrier_becomes('0'));
  const Program next(echo_peer({"4", "unix", path_}));
  EXPECT_TRUE(carrier_becomes('1'));
  talk_by_udp(kTheirs, 1500);
  lkl_netdev_free(nd);
}

TEST_F(PeerNetTest, SpeaksToWhoListens) {
  Program peer(echo_peer({"4", "listen", path_}));
  ASSERT_TRUE(appears(path_));
  lkl_netdev* nd = nullptr;
  int error;
  for (int i = 0; i < 100; ++i) {
    error = connect_card(("unix:" + path_).c_str(), kOwn, 0, nd);
    if (error != -LKL_ECONNREFUSED) break;  // it does not listen yet
    usleep(10'000);
  }
  ASSERT_EQ(error, 0);
  talk_by_udp(kTheirs, 1500);
  EXPECT_EQ(carrier(), '1');
  peer.stop();
  EXPECT_TRUE(carrier_becomes('0'));
  lkl_netdev_free(nd);
}

TEST_F(PeerNetTest, SpeaksToAPlugOfVde) {
  if (run("vde_switch --version") == 127) GTEST_SKIP() << "needs vde_switch (package vde2)";
  if (kSanitized) GTEST_SKIP() << "libvdeplug loads its parts in a way that sanitizers do not bear";
  const std::string name = folder_ / "switch";
  Program vde({"vde_switch", "--sock", name});
  ASSERT_TRUE(appears(name + "/ctl"));
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(("vde:" + name).c_str(), kOwn, 0, nd), 0);
  std::vector<std::string> command = {"dpipe", "vde_plug", name, "="};
  for (const std::string& word : echo_peer({"2", "stdio"})) command.push_back(word);
  const Program plug(command);
  talk_by_udp(kTheirs, 1500);
  EXPECT_EQ(carrier(), '1');
  vde.stop();
  EXPECT_TRUE(carrier_becomes('0'));
  lkl_netdev_free(nd);
}

// Nobody takes what is sent: it waits, and so does who sends, until somebody does.
void PeerNetTest::a_full_socket_holds_up(int peer) {
  ASSERT_NO_FATAL_FAILURE(know_the_neighbor(kTheirs));
  constexpr int kPackets = 10000;
  Flood flood(kPackets);
  int before;
  do {
    before = flood.sent();
    usleep(300'000);
  } while (flood.sent() != before);
  EXPECT_LT(flood.sent(), kPackets);
  // none of them is lost, and they are in order
  int next = 0;
  while (next < kPackets) {
    pollfd wait = {.fd = peer, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 5000) != 1) break;
    const std::string frame = read_frame(peer, 1009);
    if (frame.empty()) break;
    if (frame.size() != kBefore + kPacket) continue;
    int number;
    std::memcpy(&number, frame.data() + kBefore, sizeof number);
    if (number != next) break;
    ++next;
  }
  EXPECT_EQ(next, kPackets);
  if (next == kPackets) flood.finish();
}

TEST_F(PeerNetTest, AFullSocketHoldsUpWhoSends) {
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un own = {};
  own.sun_family = AF_UNIX;
  path_.copy(own.sun_path, sizeof own.sun_path - 1);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(("unix:" + path_).c_str(), kOwn, 0, nd), 0);
  const int peer = accept(listener, nullptr, nullptr);
  close(listener);
  a_full_socket_holds_up(peer);
  close(peer);
  EXPECT_TRUE(carrier_becomes('0'));
  lkl_netdev_free(nd);
}

TEST_F(PeerNetTest, AFullSocketOfAServerHoldsUpWhoSends) {
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(("unix:" + path_ + ",server").c_str(), kOwn, 0, nd), 0);
  const int peer = connect_raw();
  ASSERT_TRUE(carrier_becomes('1'));
  a_full_socket_holds_up(peer);
  close(peer);
  EXPECT_TRUE(carrier_becomes('0'));
  lkl_netdev_free(nd);
}

// It has read a piece of a frame, and written one; the next one meets whole frames only.
TEST_F(PeerNetTest, APeerThatDiesUnderLoadMayComeBack) {
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(("unix:" + path_ + ",server").c_str(), kOwn, 0, nd), 0);
  ASSERT_NO_FATAL_FAILURE(know_the_neighbor(kTheirs));
  int last = -1;
  auto flood = std::make_unique<Flood>(1 << 30);
  for (int i = 0; i < 10; ++i) {
    const int peer = connect_raw();
    ASSERT_TRUE(carrier_becomes('1'));
    for (int frames = 0; frames < 300;) {
      const std::string frame = read_frame(peer, 999);
      ASSERT_FALSE(frame.empty());
      if (frame.size() != kBefore + kPacket) continue;
      int number;
      std::memcpy(&number, frame.data() + kBefore, sizeof number);
      ASSERT_GT(number, last);
      last = number;
      ++frames;
    }
    char piece[777];
    EXPECT_GT(read(peer, piece, sizeof piece), 0);
    EXPECT_EQ(write(peer, "\0\0\2\0half", 8), 8);
    close(peer);
    EXPECT_TRUE(carrier_becomes('0'));
  }
  flood.reset();
  const Program good(echo_peer({"4", "unix", path_}));
  EXPECT_TRUE(carrier_becomes('1'));
  lkl_netdev_free(nd);
}

// Not even frames.
TEST_F(PeerNetTest, WhoSpeaksSomethingElseIsCutOff) {
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(("unix:" + path_ + ",server").c_str(), kOwn, 0, nd), 0);
  for (const std::string& bytes : {std::string("GET / HTTP/1.0\r\n\r\n"), std::string(4, '\0'),
                                   std::string("\0\1\0\x12", 4), std::string(100000, '\xff')}) {
    const int peer = connect_raw();
    send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    char byte;
    ssize_t count;
    while ((count = read(peer, &byte, 1)) > 0) continue;  // what the kernel had to say
    EXPECT_LE(count, 0);
    close(peer);
  }
  const Program good(echo_peer({"4", "unix", path_}));
  EXPECT_TRUE(carrier_becomes('1'));
  talk_by_udp(kTheirs, 1500);
  lkl_netdev_free(nd);
}

TEST(PeerNet, TheEstablishedFunctions) {
  const TempDir folder;
  EXPECT_EQ(lkl_netdev_pipe_create(nullptr, 0), nullptr);
  EXPECT_EQ(lkl_netdev_vde_create(nullptr), nullptr);
  EXPECT_EQ(lkl_netdev_fd_create(-1, -1), nullptr);
  // names with commas as well
  const std::string a = folder / "a,b", b = folder / "c,,d", both = a + "|" + b;
  EXPECT_EQ(lkl_netdev_pipe_create(both.c_str(), 0), nullptr);
  ASSERT_EQ(mkfifo(a.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(b.c_str(), 0600), 0);
  lkl_netdev* nd = lkl_netdev_pipe_create(both.c_str(), 0);
  EXPECT_NE(nd, nullptr);
  lkl_netdev_free(nd);
  if (!kSanitized) {
    EXPECT_EQ(lkl_netdev_vde_create((folder / "no-switch").c_str()), nullptr);
  }
  const Wire wire;
  nd = lkl_netdev_fd_create(wire.end(0), wire.end(0));
  EXPECT_NE(nd, nullptr);
  lkl_netdev_free(nd);
}
