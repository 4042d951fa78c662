// SPDX-License-Identifier: GPL-2.0
//
// Debian's programs by lkl run, that ask servers of the host's.
#include <fstream>

#include "wire_test.h"

namespace lkl::tool_test {
namespace {

class ClientTest : public WireTest {
 protected:
  // A program that fetches the server's file and prints it.
  void fetches(std::vector<std::string> words) {
    const std::string body = long_text(3'000'000);
    const WebServer server(body, listening());
    words.push_back(server.url(host()));
    const Result result = served(words);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out == body) << result.out.size() << " bytes; " << result.err;
    EXPECT_EQ(server.requests(), 1);
  }

  // nginx with a page, at a port of the host's.
  int start_nginx() {
    const int port = free_port();
    write_file("page", long_text(1000));
    write_file("nginx.conf", "daemon off; pid " + path("pid") + "; error_log stderr;\n" +
                                 (geteuid() == 0 ? "user root;\n" : "") +
                                 "events { worker_connections 256; }\n"
                                 "http { access_log off; keepalive_requests 100000;\n"
                                 "client_body_temp_path " +
                                 path("body") + "; proxy_temp_path " + path("proxy") +
                                 "; fastcgi_temp_path " + path("f") + "; uwsgi_temp_path " +
                                 path("u") + "; scgi_temp_path " + path("s") +
                                 ";\nserver { listen " + listening() + ":" + std::to_string(port) +
                                 "; root " + path("") + "; } }\n");
    start_on_host({"nginx", "-p", path(""), "-c", path("nginx.conf"), "-e", "stderr"});
    shell_when_there("curl -sSf http://" + listening() + ":" + std::to_string(port) + "/page");
    return port;
  }
};
OVER_ALL_WIRES(ClientTest);

TEST_P(ClientTest, Curl) {
  fetches({"curl", "-sS"});
}
TEST_P(ClientTest, CurlByFastOpen) {
  fetches({"curl", "-sS", "--tcp-fastopen"});
}
// The first thing that is asked for, when addresses are new.
TEST_P(ClientTest, CurlByIpv6) {
  with_ipv6_ = true;
  const WebServer server("by IPv6\n", listening6());
  const Result result = served({"curl", "-6", "-sS", server.url("[" + host6() + "]")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "by IPv6\n");
}
TEST_P(ClientTest, Wget) {
  NEEDS("wget", "wget");
  fetches({"wget", "-qO-"});
}
TEST_P(ClientTest, BusyboxThatIsStatic) {
  NEEDS("busybox", "busybox-static");
  if (is_preloaded()) expect_refused("busybox", "it is linked statically");
  fetches(by_another({"busybox", "wget", "-qO-"}));
}
TEST_P(ClientTest, Python) {
  NEEDS("/usr/bin/python3", "python3");
  fetches({"/usr/bin/python3", "-c",
           "import sys, urllib.request; "
           "sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"});
}
TEST_P(ClientTest, Node) {
  NEEDS("node", "nodejs");
  fetches({"node", "-e",
           "require('http').get(process.argv[1], answer => answer.pipe(process.stdout))"});
}
TEST_P(ClientTest, GoThatMakesSystemCallsItself) {
  NEEDS("go", "golang-go");
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
  if (is_preloaded()) expect_refused(path("get"), "it is linked statically");
  fetches(by_another({path("get")}));
}
TEST_P(ClientTest, AProgramOfMusl) {
  NEEDS("musl-gcc", "musl-tools");
  write_file("get.c", R"(
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
// http://HOST:PORT/file
int main(int argc, char** argv) {
  char host[64], port[16], part[4096];
  if (argc != 2 || sscanf(argv[1], "http://%63[^:]:%15[0-9]", host, port) != 2) return 2;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(host, port, &hints, &found)) return 3;
  int fd = socket(found->ai_family, SOCK_STREAM, 0);
  if (connect(fd, found->ai_addr, found->ai_addrlen)) return 4;
  dprintf(fd, "GET /file HTTP/1.0\r\n\r\n");
  FILE* in = fdopen(fd, "r");
  while (fgets(part, sizeof part, in) && strcmp(part, "\r\n")) continue;
  for (size_t n; (n = fread(part, 1, sizeof part, in));) fwrite(part, 1, n, stdout);
  return ferror(in) || fclose(stdout);
}
)");
  if (is_preloaded()) {
    shell("musl-gcc -o " + path("get") + " " + path("get.c"));
    expect_refused(path("get"), "it is of another C library (/lib/ld-musl-x86_64.so.1)");
  }
  shell("musl-gcc -static -o " + path("get") + " " + path("get.c"));
  fetches(by_another({path("get")}));
}

TEST_P(ClientTest, Netcat) {
  NEEDS("nc", "netcat-openbsd");
  const std::string body = long_text(3'000'000);
  const WebServer server(body, listening());
  const std::string text = served_shell("printf 'GET /file HTTP/1.0\\r\\n\\r\\n' | nc -N " +
                                        host() + " " + std::to_string(server.port()));
  const std::size_t head = text.find("\r\n\r\n");
  ASSERT_NE(head, text.npos) << text.substr(0, 200);
  EXPECT_TRUE(text.substr(head + 4) == body) << text.size() << " bytes";
}

TEST_P(ClientTest, NetcatByUdp) {
  NEEDS("nc", "netcat-openbsd");
  const int port = free_port();
  write_file("echo.py",
             "import socket, sys\n"
             "s = socket.socket(type=socket.SOCK_DGRAM)\n"
             "s.bind((sys.argv[1], int(sys.argv[2])))\n"
             "while True:\n"
             "  data, who = s.recvfrom(65536)\n"
             "  s.sendto(data, who)\n");
  start_on_host({"/usr/bin/python3", path("echo.py"), listening(), std::to_string(port)});
  // what is lost before somebody is there is sent again
  EXPECT_EQ(served_shell("for i in $(seq 100); do out=$(echo by UDP | nc -u -w 1 " + host() + " " +
                         std::to_string(port) + "); [ -z \"$out\" ] || break; done; echo $out"),
            "by UDP\n");
}

TEST_P(ClientTest, Iperf3) {
  NEEDS("iperf3", "iperf3");
  const std::string port = std::to_string(free_port());
  start_on_host({"iperf3", "-s", "-B", listening(), "-p", port});
  // The server may not be there yet.
  const auto received = [&](const std::string& options) {
    return std::stol(served_shell("for i in $(seq 100); do iperf3 -J -c " + host() + " -p " + port +
                                  " " + options + " >out && break; sleep 0.1; done; " +
                                  kIperfBytes + " <out"));
  };
  EXPECT_GE(received("-n 32M"), kIperfLeast);
  EXPECT_GE(received("-R -n 32M"), kIperfLeast);
  EXPECT_GE(received("-P 4 -n 32M"), kIperfLeast);
  // Datagrams may be lost on the way.
  EXPECT_GT(received("-u -b 40M -n 4M"), 0);
}

TEST_P(ClientTest, Wrk) {
  NEEDS("nginx", "nginx-light");
  NEEDS("wrk", "wrk");
  const std::string said = served_shell("wrk -t2 -c40 -d1s http://" + host() + ":" +
                                        std::to_string(start_nginx()) + "/page");
  EXPECT_EQ(said.find("Socket errors"), said.npos) << said;
  EXPECT_EQ(said.find("Non-2xx"), said.npos) << said;
  const std::size_t at = said.find(" requests in ");
  ASSERT_NE(at, said.npos) << said;
  EXPECT_GT(std::stol(said.substr(said.rfind('\n', at) + 1)), 100) << said;
}

TEST_P(ClientTest, ApacheBench) {
  NEEDS("nginx", "nginx-light");
  NEEDS("ab", "apache2-utils");
  const std::string url = "http://" + host() + ":" + std::to_string(start_nginx()) + "/page";
  for (const std::string kept : {"", "-k "}) {
    const std::string said = served_shell("ab -q -n 500 -c 20 " + kept + url);
    EXPECT_NE(said.find("Complete requests:      500\n"), said.npos) << said;
    EXPECT_NE(said.find("Failed requests:        0\n"), said.npos) << said;
    EXPECT_EQ(said.find("Non-2xx"), said.npos) << said;
  }
}

TEST_P(ClientTest, RedisBenchmark) {
  NEEDS("redis-benchmark", "redis-tools");
  NEEDS("redis-server", "redis-server");
  const std::string port = std::to_string(free_port());
  start_on_host({"redis-server", "--bind", listening(), "--port", port, "--protected-mode", "no",
                 "--save", "", "--dir", path("")});
  shell_when_there("redis-cli -h " + listening() + " -p " + port + " ping | grep PONG");
  const std::string said =
      served_shell("redis-benchmark -h " + host() + " -p " + port +
                   " -q --csv -t set,get,lpush -n 3000 -c 20 -P 4 | cut -d, -f1; redis-cli -h " +
                   host() + " -p " + port + " llen mylist");
  EXPECT_EQ(said, "\"test\"\n\"SET\"\n\"GET\"\n\"LPUSH\"\n3000\n");
}

// A name server that knows some names, and says no to all others.
constexpr char kNameServer[] = R"(
import socket, struct, sys, threading
KNOWN = {(b'one.test', 1): socket.inet_pton(socket.AF_INET, '192.0.2.1'),
         (b'one.test', 28): socket.inet_pton(socket.AF_INET6, '2001:db8::1')}
if len(sys.argv) > 3:
    KNOWN[(b'host.test', 1)] = socket.inet_pton(socket.AF_INET, sys.argv[3])
def answer(question):
    ident, flags, count = struct.unpack_from('>HHH', question)
    at, name = 12, []
    while question[at]:
        name.append(question[at + 1:at + 1 + question[at]])
        at += 1 + question[at]
    kind, = struct.unpack_from('>H', question, at + 1)
    asked = question[12:at + 5]
    name = b'.'.join(name).lower()
    found = KNOWN.get((name, kind))
    code = 0 if any(known == name for known, _ in KNOWN) else 3
    head = struct.pack('>HHHHHH', ident, 0x8580 | code, 1, 1 if found else 0, 0, 0)
    record = b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(found)) + found if found else b''
    return head + asked + record
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
datagrams = socket.socket(family, socket.SOCK_DGRAM)
datagrams.bind((sys.argv[1], int(sys.argv[2])))
streams = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
def by_streams():
    while True:
        stream, _ = streams.accept()
        size, = struct.unpack('>H', stream.recv(2, socket.MSG_WAITALL))
        said = answer(stream.recv(size, socket.MSG_WAITALL))
        stream.sendall(struct.pack('>H', len(said)) + said)
        stream.close()
threading.Thread(target=by_streams, daemon=True).start()
print('ready', flush=True)
while True:
    question, who = datagrams.recvfrom(4096)
    datagrams.sendto(answer(question), who)
)";

class NamesTest : public ClientTest {
 protected:
  void start_name_server(const std::string& address, int port) {
    write_file("names.py", kNameServer);
    server_ =
        std::make_unique<Process>(std::vector<std::string>{"/usr/bin/python3", path("names.py"),
                                                           address, std::to_string(port), host()},
                                  false);
    ASSERT_EQ(server_->first_line(), "ready");
  }
  std::unique_ptr<Process> server_;
};
OVER_ALL_WIRES(NamesTest);

TEST_P(NamesTest, Dig) {
  NEEDS("dig", "bind9-dnsutils");
  const int port = free_port();
  start_name_server(listening(), port);
  const std::string dig = "dig +short @" + host() + " -p " + std::to_string(port) + " one.test ";
  EXPECT_EQ(served_shell(dig + "A"), "192.0.2.1\n");
  EXPECT_EQ(served_shell(dig + "AAAA"), "2001:db8::1\n");
  EXPECT_EQ(served_shell(dig + "+tcp AAAA"), "2001:db8::1\n");
}

// The C library asks for both kinds of addresses at once, by one sendmmsg() of its own.
TEST_P(NamesTest, TheCLibrarysResolver) {
  if (!is_alone()) GTEST_SKIP() << "a name server has port 53, which is root's";
  start_name_server(listening(), 53);
  const Result both = served({"getent", "ahosts", "one.test"}, {"--nameserver", host()});
  EXPECT_EQ(both.status, 0) << both.err;
  EXPECT_NE(both.out.find("192.0.2.1 "), both.out.npos) << both.out;
  EXPECT_NE(both.out.find("2001:db8::1 "), both.out.npos) << both.out;
  EXPECT_EQ(served({"getent", "ahosts", "two.test"}, {"--nameserver", host()}).status, 2);
  const WebServer web("by name\n", listening());
  const Result curl = served({"curl", "-sS", web.url("host.test")}, {"--nameserver", host()});
  EXPECT_EQ(curl.out, "by name\n") << curl.err;
}

TEST_P(NamesTest, ANameServerByIpv6Only) {
  with_ipv6_ = true;
  if (!is_alone()) GTEST_SKIP() << "a name server has port 53, which is root's";
  start_name_server(listening6(), 53);
  const Result both = served({"getent", "ahosts", "one.test"}, {"--nameserver", host6()});
  EXPECT_EQ(both.status, 0) << both.err;
  EXPECT_NE(both.out.find("192.0.2.1 "), both.out.npos) << both.out;
}

}  // namespace
}  // namespace lkl::tool_test
