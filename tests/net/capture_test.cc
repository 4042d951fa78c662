// SPDX-License-Identifier: GPL-2.0
// What a capture says of a conversation, as tshark reads it.
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "net/conversation.h"
#include "support/child.h"
#include "support/host_tools.h"

using namespace lkl_test;

namespace {

class CaptureTest : public NicTest {
 protected:
  std::string file() const { return folder_ / "wire.pcapng"; }

  // The lines that tshark prints of these fields of the frames of this filter.
  std::vector<std::string> read(const std::string& filter, const std::string& fields) {
    std::vector<std::string> lines;
    const std::string command = "tshark -n -r " + file() + " -Y '" + filter + "' -T fields -e " +
                                fields + " 2>" + (folder_ / "said");
    FILE* const output = popen(command.c_str(), "r");
    char line[512];
    while (fgets(line, sizeof line, output)) lines.emplace_back(line, std::strcspn(line, "\n"));
    EXPECT_EQ(pclose(output), 0) << command;
    return lines;
  }

  const TempDir folder_;
};

bool tshark_is_missing() {
  return std::system("tshark --version >/dev/null 2>&1") != 0;
}

// Five datagrams go out by the card and come back to it, by who only turns addresses round.
void send_and_get(const Wire& wire, size_t header, size_t size) {
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  lkl_sockaddr_in there = address("10.0.0.2");
  ASSERT_NO_FATAL_FAILURE(know_the_neighbor("10.0.0.2"));
  const std::vector<char> data = content(size);
  std::vector<unsigned char> frame(70000);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(
        lkl_sys_sendto(udp, const_cast<char*>(data.data()), size, 0, generic(there), sizeof there),
        static_cast<long>(size));
    ssize_t count;
    do {
      pollfd wait = {.fd = wire.end(1), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&wait, 1, 5000), 1);
      count = ::read(wire.end(1), frame.data(), frame.size());
    } while (count != static_cast<ssize_t>(header + 42 + size));
    unsigned char* const ethernet = frame.data() + header;
    std::swap_ranges(ethernet, ethernet + 6, ethernet + 6);
    std::swap_ranges(ethernet + 26, ethernet + 30, ethernet + 30);
    std::swap_ranges(ethernet + 34, ethernet + 36, ethernet + 36);
    ASSERT_EQ(::write(wire.end(1), frame.data(), static_cast<size_t>(count)), count);
    std::vector<char> back(size + 1);
    lkl_pollfd wait = {.fd = udp, .events = LKL_POLLIN, .revents = 0};
    ASSERT_EQ(lkl_sys_poll(&wait, 1, 5000), 1);
    ASSERT_EQ(lkl_sys_recvfrom(udp, back.data(), back.size(), 0, nullptr, nullptr),
              static_cast<long>(size));
  }
  lkl_sys_close(udp);
}

}  // namespace

TEST_F(CaptureTest, HasBothDirections) {
  if (tshark_is_missing()) GTEST_SKIP() << "needs tshark";
  const double begin = static_cast<double>(time(nullptr));
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(
      connect_card(fd_uri(wire.end(0), (",pcap=" + file()).c_str()).c_str(), "10.0.0.1", 0, nd), 0);
  ASSERT_NO_FATAL_FAILURE(send_and_get(wire, 0, 1000));
  // as it is now, the wire is not closed
  EXPECT_EQ(
      read("udp && ip.src==10.0.0.1 && frame.packet_flags_direction==2", "ip.dst -e udp.length"),
      std::vector<std::string>(5, "10.0.0.2\t1008"));
  EXPECT_EQ(
      read("udp && ip.src==10.0.0.2 && frame.packet_flags_direction==1", "eth.src -e udp.dstport")
          .size(),
      5u);
  EXPECT_EQ(read("udp.port==5001", "frame.number").size(), 10u);
  for (const std::string& when : read("udp.port==5001", "frame.time_epoch")) {
    EXPECT_GE(std::atof(when.c_str()), begin) << when;
    EXPECT_LE(std::atof(when.c_str()), static_cast<double>(time(nullptr)) + 1) << when;
  }
  // every byte, and times that only grow
  EXPECT_EQ(read("frame.cap_len != frame.len || frame.time_delta < 0", "frame.number"),
            std::vector<std::string>());
  EXPECT_EQ(read("_ws.malformed", "frame.number"), std::vector<std::string>());
  lkl_netdev_free(nd);
}

// A kernel whose clock has been set stamps by that, as it does its own messages and files.
TEST_F(CaptureTest, HasTheKernelsTime) {
  if (tshark_is_missing()) GTEST_SKIP() << "needs tshark";
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(
      connect_card(fd_uri(wire.end(0), (",pcap=" + file()).c_str()).c_str(), "10.0.0.1", 0, nd), 0);
  constexpr long kThen = 86400;  // 1970-01-02
  __lkl__kernel_timespec then = {.tv_sec = kThen, .tv_nsec = 0};
  ASSERT_EQ(lkl_sys_clock_settime(LKL_CLOCK_REALTIME, &then), 0);
  ASSERT_NO_FATAL_FAILURE(send_and_get(wire, 0, 1000));
  ASSERT_EQ(lkl_sys_clock_gettime(LKL_CLOCK_REALTIME, &then), 0);
  const std::vector<std::string> times = read("udp.port==5001", "frame.time_epoch");
  EXPECT_EQ(times.size(), 10u);
  for (const std::string& when : times) {
    EXPECT_GE(std::atof(when.c_str()), kThen) << when;
    EXPECT_LE(std::atof(when.c_str()), static_cast<double>(then.tv_sec) + 1) << when;
  }
  lkl_netdev_free(nd);
}

// The card's header is no part of a frame.
TEST_F(CaptureTest, HasTheFirstBytesOfFramesWithAHeader) {
  if (tshark_is_missing()) GTEST_SKIP() << "needs tshark";
  const Wire wire;
  lkl_netdev* nd = nullptr;
  ASSERT_EQ(connect_card(fd_uri(wire.end(0), (",header,snaplen=64,pcap=" + file()).c_str()).c_str(),
                         "10.0.0.1", 0, nd),
            0);
  ASSERT_NO_FATAL_FAILURE(send_and_get(wire, 12, 1000));
  EXPECT_EQ(read("udp.port==5001 && frame.len==1042 && frame.cap_len==64", "frame.number").size(),
            10u);
  lkl_netdev_free(nd);
}

// Nothing of the frames that are there is lost when there is no room for more, and traffic goes on.
TEST_F(CaptureTest, EndsWhenTheFileCanGrowNoMore) {
  if (tshark_is_missing()) GTEST_SKIP() << "needs tshark";
  const int result = in_child([&] {
    const rlimit most = {.rlim_cur = 3000, .rlim_max = 3000};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &most) != 0) return 1;
    const Wire wire;
    lkl_netdev* nd = nullptr;
    if (connect_card(fd_uri(wire.end(0), (",pcap=" + file()).c_str()).c_str(), "10.0.0.1", 0, nd))
      return 2;
    send_and_get(wire, 0, 1000);
    const size_t said = kernel_log().find("the capture ends here");
    if (said == std::string::npos) return 3;
    if (kernel_log().find("the capture ends here", said + 1) != std::string::npos) return 4;
    return HasFailure() ? 5 : 0;
  });
  EXPECT_EQ(result, 0);
  const size_t there = read("udp.port==5001", "frame.number").size();
  EXPECT_GE(there, 1u);
  EXPECT_LE(there, 2u);
  std::ifstream said(folder_ / "said");
  std::stringstream text;
  text << said.rdbuf();
  EXPECT_EQ(text.str().find("cut short"), std::string::npos) << text.str();
}

TEST_F(CaptureTest, SaysWhatIsNoFile) {
  const Wire wire;
  lkl_netdev* nd = nullptr;
  kernel_log().clear();
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0), ",pcap=/nowhere/x").c_str(), nullptr, &nd),
            -LKL_ENOENT);
  EXPECT_NE(kernel_log().find("fd: pcap=/nowhere/x: No such file or directory"), std::string::npos)
      << kernel_log();
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0), ",pcap=/dev/null").c_str(), nullptr, &nd),
            -LKL_EINVAL);
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0), ",snaplen=64").c_str(), nullptr, &nd), -LKL_EINVAL);
  // a word that is wrong leaves the file as it is
  std::ofstream(file()) << "precious";
  EXPECT_EQ(lkl_netdev_open(fd_uri(wire.end(0), (",pcap=" + file() + ",snaplan=1").c_str()).c_str(),
                            nullptr, &nd),
            -LKL_EINVAL);
  EXPECT_EQ(std::filesystem::file_size(file()), 8u);
}
