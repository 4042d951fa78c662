// SPDX-License-Identifier: GPL-2.0
//
// Programs by lkl run under load, for long.
#include <signal.h>

#include <fstream>

#include "wire_test.h"

namespace lkl::tool_test {
namespace {

class LoadTest : public WireTest {
 protected:
  // What a process has of the host's memory, in KiB.
  static long resident(int process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    const std::string name = "VmRSS:";
    for (std::string line; std::getline(file, line);)
      if (line.starts_with(name)) return std::stol(line.substr(name.size()));
    return -1;
  }
};
OVER_ALL_WIRES(LoadTest);

// No request fails, and the kernel's process has no more memory in the end than when all have
// connected.
TEST_P(LoadTest, SlowAThousandConnectionsToNginx) {
  NEEDS("nginx", "nginx-light");
  NEEDS("wrk", "wrk");
  // Each has one here, one in nginx and two in between.
  if (shell("ulimit -Hn") != "unlimited\n" && std::stol(shell("ulimit -Hn")) < 4096)
    GTEST_SKIP() << "takes 4096 descriptors";
  write_file("page", std::string(1000, 'x'));
  // multi_accept: else the last one waits until nginx has answered all others a thousand times.
  write_file("nginx.conf", "daemon off; master_process off; worker_rlimit_nofile 4096; pid " +
                               path("pid") + "; error_log stderr; " +
                               (geteuid() == 0 ? "user root;" : "") +
                               "\nevents { worker_connections 2048; multi_accept on; }\n"
                               "http { access_log off; keepalive_requests 1000000000; server { "
                               "listen 80 backlog=2048; root " +
                               path("") + "; } }\n");
  Server server(*this, 80, {"nginx", "-p", path(""), "-c", path("nginx.conf")},
                {"--sysctl", "net.core.somaxconn=2048"});
  EXPECT_EQ(server.get("page").out.size(), 1000u);
  Process wrk({"/bin/sh", "-c",
               "ulimit -n 4096; echo ready; exec wrk -t 2 -c 1000 -d 60s --timeout 30s " +
                   server.url() + "page"},
              false);
  ASSERT_EQ(wrk.first_line(), "ready");
  sleep(10);
  const long early = resident(server.process.pid());
  const Result said = wrk.finish();
  const long late = resident(server.process.pid());
  RecordProperty("early_kib", static_cast<int>(early));
  RecordProperty("late_kib", static_cast<int>(late));
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_EQ(said.out.find("Socket errors"), std::string::npos) << said.out;
  EXPECT_EQ(said.out.find("Non-2xx"), std::string::npos) << said.out;
  const std::size_t at = said.out.find("requests in");
  ASSERT_NE(at, std::string::npos) << said.out;
  EXPECT_GT(std::stol(said.out.substr(said.out.rfind('\n', at) + 1)), 10'000) << said.out;
  EXPECT_GT(early, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what is freed
  // Half a page for each connection, or some bytes for each of a million requests, would be more.
  // libslirp has rings of 256 KiB for each, which are all used one day.
  if (is_tap()) {
    EXPECT_LT(late - early, 4 << 10) << early << " KiB at 10 s, " << late << " at the end\n"
                                     << said.out;
  }
#endif
  server.ends_by(SIGQUIT, 0);
}

}  // namespace
}  // namespace lkl::tool_test
