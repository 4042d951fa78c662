// SPDX-License-Identifier: GPL-2.0
//
// Programs as Debian has them, by lkl run.
#include <signal.h>

#include <algorithm>

#include "tools/tool_test.h"
#include "web_server.h"

namespace lkl::tool_test {
namespace {

class ProgramTest : public ToolTest {
 protected:
  // A program that fetches the server's file and prints it.
  void fetches(const std::string& program, std::vector<std::string> words) {
    if (!have(program)) GTEST_SKIP() << program << " is not installed";
    std::string body(3'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i++) body[i] = static_cast<char>('a' + i * i % 23);
    const WebServer server(body);
    words.insert(words.begin(), {"run", "--"});
    words.push_back(server.url());
    const Result result = lkl(words);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out == body) << result.out.size() << " bytes; " << result.err;
    EXPECT_EQ(server.requests(), 1);
  }

  // A server at the kernel's port 80, that the host reaches.
  struct Served {
    Served(const std::vector<std::string>& words)
        : port(free_port()), process(line(words), false) {}
    std::vector<std::string> line(const std::vector<std::string>& words) const {
      std::vector<std::string> all = {
          LKL_TOOL_PATH, "run", "--net",
          "slirp:,hostfwd=tcp:127.0.0.1:" + std::to_string(port) + "-:80", "--"};
      all.insert(all.end(), words.begin(), words.end());
      return all;
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port) + "/"; }
    // The status of curl, which tries until somebody is there.
    Result get(const std::string& name) const {
      return run({"curl", "-sS", "--retry", "40", "--retry-all-errors", "--retry-delay", "0",
                  "--retry-max-time", "30", url() + name});
    }
    int port;
    Process process;
  };
};

TEST_F(ProgramTest, Curl) {
  fetches("curl", {"curl", "-sS"});
}
TEST_F(ProgramTest, Wget) {
  fetches("wget", {"wget", "-qO-"});
}
TEST_F(ProgramTest, BusyboxThatIsStatic) {
  fetches("busybox", {"busybox", "wget", "-qO-"});
}
TEST_F(ProgramTest, Python) {
  fetches("/usr/bin/python3",
          {"/usr/bin/python3", "-c",
           "import sys, urllib.request; "
           "sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"});
}

TEST_F(ProgramTest, GoThatMakesSystemCallsItself) {
  if (!have("go")) GTEST_SKIP() << "go is not installed (golang-go)";
  write_file("get.go", R"(package main
import ("io"; "net/http"; "os")
func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil { panic(err) }
	io.Copy(os.Stdout, answer.Body)
}
)");
  shell("cd " + path("") + " && CGO_ENABLED=0 GO111MODULE=off GOCACHE=" + path("cache") +
        " go build -o get get.go && chmod -R u+w .");
  fetches(path("get"), {path("get")});
}

TEST_F(ProgramTest, PingAndIp) {
  if (!have("ping") || !have("ip")) GTEST_SKIP() << "iputils-ping or iproute2 is not installed";
  const Result ping = lkl({"run", "--", "ping", "-c", "2", "-i", "0.2", "10.0.2.2"});
  EXPECT_EQ(ping.status, 0) << ping.err;
  EXPECT_NE(ping.out.find("2 packets transmitted, 2 received, 0% packet loss"), std::string::npos)
      << ping.out;
  // the times of packets and of the program are of one clock
  EXPECT_EQ(ping.err, "");
  const Result ip = lkl({"run", "--", "ip", "-brief", "-4", "address"});
  EXPECT_EQ(ip.status, 0);
  EXPECT_NE(ip.out.find("10.0.2.15/24"), std::string::npos) << ip.out;
  // It is root there, whoever it is here.
  const Result route = lkl({"run", "--", "sh", "-c",
                            "ip route add 192.0.2.0/24 via 10.0.2.2 && ip route get 192.0.2.1"});
  EXPECT_EQ(route.status, 0) << route.err;
  EXPECT_EQ(route.out.find("192.0.2.1 via 10.0.2.2 dev eth0 src 10.0.2.15"), 0u) << route.out;
}

TEST_F(ProgramTest, AServerOfPython) {
  write_file("a.txt", "by python\n");
  Served served({"/usr/bin/python3", "-m", "http.server", "80", "--directory", path("")});
  EXPECT_EQ(served.get("a.txt").out, "by python\n");
  served.process.signal(SIGTERM);
  EXPECT_EQ(served.process.finish().status, 128 + SIGTERM);
}

TEST_F(ProgramTest, NginxWithWorkers) {
  if (!have("nginx")) GTEST_SKIP() << "nginx is not installed (nginx-light)";
  write_file("a.txt", "by nginx\n");
  write_noise("noise", 5'000'000, 7);
  write_file("nginx.conf", "daemon off; worker_processes 3; pid " + path("pid") +
                               "; error_log stderr; user root;\n"
                               "events { worker_connections 256; }\n"
                               "http { access_log off; sendfile on; server { listen 80; root " +
                               path("") + "; } }\n");
  Served served({"nginx", "-p", path(""), "-c", path("nginx.conf")});
  EXPECT_EQ(served.get("a.txt").out, "by nginx\n");
  const Result noise = served.get("noise");
  EXPECT_TRUE(noise.out == shell("cat " + path("noise")));
  const std::string many =
      shell("seq 200 | xargs -P 20 -I{} curl -sS -o /dev/null -w '%{http_code}\\n' " +
            served.url() + "a.txt | sort | uniq -c");
  EXPECT_NE(many.find("200 200\n"), std::string::npos) << many;
  served.process.signal(SIGQUIT);
  EXPECT_EQ(served.process.finish().status, 0);
}

TEST_F(ProgramTest, Redis) {
  if (!have("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  const Result result = lkl(
      {"run", "--", "sh", "-c",
       "redis-server --port 6379 --save '' --daemonize no >/dev/null & "
       "until redis-cli ping 2>/dev/null; do sleep 0.1; done; redis-cli set key value; "
       "redis-cli get key; redis-benchmark -q -t set,get -n 2000 -c 20 >/dev/null && echo done; "
       "redis-cli shutdown; wait"});
  EXPECT_EQ(result.out, "PONG\nOK\nvalue\ndone\n") << result.err;
  EXPECT_EQ(result.status, 0);
}

}  // namespace
}  // namespace lkl::tool_test
