// SPDX-License-Identifier: GPL-2.0
//
// Debian's programs by lkl run, that serve clients of the host's.
#include <signal.h>

#include "wire_test.h"

namespace lkl::tool_test {
namespace {

class ServerTest : public WireTest {
 protected:
  // Many clients at once get this from the server.
  void many_get(const Server& server, const std::string& name) {
    const std::string many =
        shell("seq 200 | xargs -P 20 -I{} curl -sS -o /dev/null -w '%{http_code}\\n' " +
              server.url() + name + " | sort | uniq -c");
    EXPECT_NE(many.find("200 200\n"), std::string::npos) << many;
  }
  // The options by which servers stay root, if they are.
  static std::string if_root(const std::string& words) { return geteuid() == 0 ? words : ""; }
  // With these words of its configuration: in general, for http, behind the port. It serves a.txt.
  std::unique_ptr<Server> nginx(const std::string& general, const std::string& http,
                                const std::string& listening) {
    write_file("a.txt", "by nginx\n");
    write_file("nginx.conf", "daemon off; " + general + " pid " + path("pid") +
                                 "; error_log stderr;\nevents { worker_connections 256; }\n"
                                 "http { access_log off; " +
                                 http + " server { listen 80 " + listening + "; root " + path("") +
                                 "; } }\n");
    auto server = std::make_unique<Server>(
        *this, 80, std::vector<std::string>{"nginx", "-p", path(""), "-c", path("nginx.conf")});
    EXPECT_EQ(server->get("a.txt").out, "by nginx\n");
    return server;
  }
};
OVER_ALL_WIRES(ServerTest);

class WorkersTest : public ServerTest {};
OVER_ALL_WIRES(WorkersTest);

TEST_P(ServerTest, Python) {
  NEEDS("/usr/bin/python3", "python3");
  write_file("a.txt", "by python\n");
  Server server(*this, 80, {"/usr/bin/python3", "-m", "http.server", "80", "--directory", path("")},
                // it looks up its own name
                {"--nameserver", "127.0.0.1"});
  EXPECT_EQ(server.get("a.txt").out, "by python\n");
  server.ends_by(SIGTERM, 128 + SIGTERM);
}

TEST_P(WorkersTest, OfNginx) {
  NEEDS("nginx", "nginx-light");
  write_noise("noise", 5'000'000, 7);
  const auto server = nginx("worker_processes 3; " + if_root("user root;"), "sendfile on;", "");
  EXPECT_TRUE(server->get("noise").out == shell("cat " + path("noise")));
  many_get(*server, "a.txt");
  server->ends_by(SIGQUIT, 0);
}

// One process, as a kernel in that process has it best.
TEST_P(ServerTest, NginxAlone) {
  NEEDS("nginx", "nginx-light");
  write_noise("noise", 5'000'000, 8);
  const auto server = nginx("master_process off;", "sendfile on;", "");
  EXPECT_TRUE(server->get("noise").out == shell("cat " + path("noise")));
  many_get(*server, "a.txt");
  server->ends_by(SIGQUIT, 0);
}

// Each worker has a listener of its own.
TEST_P(WorkersTest, OfNginxWithAPortEach) {
  NEEDS("nginx", "nginx-light");
  const auto server = nginx("worker_processes 3; " + if_root("user root;"), "", "reuseport");
  many_get(*server, "a.txt");
  server->ends_by(SIGQUIT, 0);
}

TEST_P(ServerTest, Lighttpd) {
  NEEDS("lighttpd", "lighttpd");
  write_file("a.txt", "by lighttpd\n");
  write_noise("noise", 5'000'000, 8);
  write_file("lighttpd.conf", "server.document-root = \"" + path("") +
                                  "\"\nserver.port = 80\n"
                                  "server.max-connections = 256\n");
  Server server(*this, 80, {"lighttpd", "-D", "-f", path("lighttpd.conf")});
  EXPECT_EQ(server.get("a.txt").out, "by lighttpd\n");
  EXPECT_TRUE(server.get("noise").out == shell("cat " + path("noise")));
  many_get(server, "a.txt");
  server.ends_by(SIGINT, 0);
}

// Between a client of the host's and a server of it.
TEST_P(ServerTest, Haproxy) {
  NEEDS("haproxy", "haproxy");
  const std::string body = long_text(3'000'000);
  const WebServer web(body, listening());
  write_file("haproxy.cfg",
             "global\n  nbthread 2\ndefaults\n  mode http\n  timeout connect 20s\n"
             "  timeout client 20s\n  timeout server 20s\n"
             "frontend here\n  bind *:80\n  default_backend there\n"
             "backend there\n  server one " +
                 host() + ":" + std::to_string(web.port()) + "\n");
  Server server(*this, 80, {"haproxy", "-db", "-f", path("haproxy.cfg")});
  EXPECT_TRUE(server.get("file").out == body);
  const std::string many = shell(
      "seq 20 | xargs -P 5 -I{} curl -sS -o /dev/null -w '%{http_code} %{size_download}\\n' " +
      server.url() + "file | sort | uniq -c");
  EXPECT_NE(many.find("20 200 3000000\n"), many.npos) << many;
  server.ends_by(SIGUSR1, 0);
}

TEST_P(ServerTest, Memcached) {
  NEEDS("memcached", "memcached");
  std::vector<std::string> words = {"memcached", "-l", "0.0.0.0", "-p", "80",
                                    "-U",        "80", "-t",      "2"};
  if (geteuid() == 0) words.insert(words.end(), {"-u", "root"});
  Server server(*this, 80, words);
  write_file("ask.py", R"(
import socket, sys
place = (sys.argv[1], int(sys.argv[2]))
s = socket.create_connection(place, timeout=10)
f = s.makefile('rb')
value = b'v' * 10000
for i in range(100):
    s.sendall(b'set key%d 0 0 10000\r\n' % i + value + b'\r\n')
    assert f.readline() == b'STORED\r\n'
s.sendall(b''.join(b'get key%d\r\n' % i for i in range(100)))
for i in range(100):
    assert f.readline() == b'VALUE key%d 0 10000\r\n' % i
    assert f.read(10000) == value and f.readline() == b'\r\n' and f.readline() == b'END\r\n'
u = socket.socket(type=socket.SOCK_DGRAM)
u.settimeout(10)
u.connect(place)
u.send(b'\0\1\0\0\0\1\0\0set small 0 0 5\r\nvalue\r\n')
assert u.recv(1500)[8:] == b'STORED\r\n'
u.send(b'\0\2\0\0\0\1\0\0get small\r\n')
assert u.recv(1500)[8:] == b'VALUE small 0 5\r\nvalue\r\nEND\r\n'
print('all are there')
)");
  EXPECT_EQ(shell_when_there("/usr/bin/python3 " + path("ask.py") + " " + server.place()),
            "all are there\n");
  server.ends_by(SIGTERM, 0);
}

TEST_P(ServerTest, Redis) {
  NEEDS("redis-server", "redis-server");
  Server server(*this, 80,
                {"redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--port", "80",
                 "--save", "", "--dir", path("")});
  const std::string place = "-h " + server.address + " -p " + std::to_string(server.port);
  EXPECT_EQ(shell_when_there("redis-cli " + place + " ping | grep PONG"), "PONG\n");
  EXPECT_EQ(shell("redis-benchmark " + place +
                  " -q --csv -t set,get,lpush -n 3000 -c 20 | cut -d, -f1; redis-cli " + place +
                  " llen mylist"),
            "\"test\"\n\"SET\"\n\"GET\"\n\"LPUSH\"\n3000\n");
  shell("redis-cli " + place + " shutdown");
  EXPECT_EQ(server.process.finish().status, 0);
}

// Both at the kernel's own loopback.
TEST_P(WorkersTest, RedisAndItsClients) {
  NEEDS("redis-server", "redis-server");
  const std::string said = served_shell(
      "redis-server --port 6379 --save '' --daemonize no >/dev/null & "
      "until redis-cli ping 2>/dev/null; do sleep 0.1; done; redis-cli set key value; "
      "redis-cli get key; redis-benchmark -q -t set,get -n 2000 -c 20 >/dev/null && echo done; "
      "redis-cli shutdown; wait");
  EXPECT_EQ(said, "PONG\nOK\nvalue\ndone\n");
}

TEST_P(ServerTest, Iperf3) {
  NEEDS("iperf3", "iperf3");
  Server server(*this, 5201, {"iperf3", "-s"});
  const auto received = [&](const std::string& options) {
    return std::stol(shell_when_there("iperf3 -J -c " + server.address + " -p " +
                                      std::to_string(server.port) + " " + options + " | " +
                                      kIperfBytes + " 2>/dev/null"));
  };
  EXPECT_GE(received("-n 32M"), kIperfLeast);
  EXPECT_GE(received("-R -n 32M"), kIperfLeast);
  // Datagrams may be lost on the way.
  EXPECT_GT(received("-u -b 40M -n 4M"), 0);
}

TEST_P(ServerTest, Netcat) {
  NEEDS("nc", "netcat-openbsd");
  const std::string body = long_text(3'000'000);
  write_file("file", body);
  Server server(*this, 80, {"/bin/sh", "-c", "nc -l -N 80 <" + path("file")});
  EXPECT_TRUE(shell_when_there("nc -d " + server.place() + " | grep .") == body + "\n");
  EXPECT_EQ(server.process.finish().status, 0);
}

// Streams, datagrams, and many of them at once, in one program.
constexpr char kAsyncServer[] = R"(
import asyncio, signal
class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, who):
        self.transport.sendto(data, who)
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main(address, port):
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(echo, address, port)
    await loop.create_datagram_endpoint(Datagrams, local_addr=(address, port))
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    await over.wait()
    server.close()
import sys
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
)";
constexpr char kAsyncClient[] = R"(
import asyncio, sys
place = (sys.argv[1], int(sys.argv[2]))
async def one(number):
    reader, writer = await asyncio.open_connection(*place)
    sent = bytes((number + i) % 251 for i in range(100000))
    async def send():
        writer.write(sent)
        await writer.drain()
        writer.write_eof()
    sending = asyncio.create_task(send())
    got = await reader.read(-1)
    await sending
    writer.close()
    return got == sent
class Asked(asyncio.DatagramProtocol):
    def __init__(self):
        self.answers = asyncio.Queue()
    def datagram_received(self, data, who):
        self.answers.put_nowait(data)
async def main():
    good = sum(await asyncio.gather(*(one(i) for i in range(int(sys.argv[3])))))
    transport, asked = await asyncio.get_running_loop().create_datagram_endpoint(
        Asked, remote_addr=place)
    for i in range(20):
        transport.sendto(b'%d' % i)
        good += await asyncio.wait_for(asked.answers.get(), 10) == b'%d' % i
    transport.close()
    return good
print(asyncio.run(main()))
)";

TEST_P(ServerTest, PythonsAsyncio) {
  NEEDS("/usr/bin/python3", "python3");
  write_file("server.py", kAsyncServer);
  write_file("client.py", kAsyncClient);
  Server server(*this, 80, {"/usr/bin/python3", path("server.py"), "0.0.0.0", "80"});
  // slirp: breaks off connections that come many at once
  const int count = is_tap() ? 50 : 10;
  EXPECT_EQ(shell_when_there("/usr/bin/python3 " + path("client.py") + " " + server.place() + " " +
                             std::to_string(count) + " 2>/dev/null"),
            std::to_string(count + 20) + "\n");
  server.ends_by(SIGTERM, 0);
}

TEST_P(ServerTest, PythonsAsyncioAsClient) {
  NEEDS("/usr/bin/python3", "python3");
  write_file("server.py", kAsyncServer);
  write_file("client.py", kAsyncClient);
  const std::string port = std::to_string(free_port());
  start_on_host({"/usr/bin/python3", path("server.py"), listening(), port});
  EXPECT_EQ(served_shell("until out=$(/usr/bin/python3 " + path("client.py") + " " + host() + " " +
                         port + " 50 2>err); do sleep 0.2; done; echo $out"),
            "70\n");
}

// Its master accepts, and hands the connections to its workers; or these accept themselves.
TEST_P(WorkersTest, OfNodesCluster) {
  NEEDS("node", "nodejs");
  write_file("cluster.js", R"(
const cluster = require('cluster'), http = require('http');
if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
  process.on('SIGTERM', () => cluster.disconnect(() => process.exit(0)));
} else {
  http.createServer((question, answer) => answer.end('worker ' + cluster.worker.id + '\n'))
      .listen(80, '0.0.0.0');
}
)");
  for (const std::string policy : {"rr", "none"}) {
    Server server(*this, 80,
                  {"env", "NODE_CLUSTER_SCHED_POLICY=" + policy, "node", path("cluster.js")});
    EXPECT_EQ(server.get("").out.substr(0, 7), "worker ");
    many_get(server, "");
    if (policy == "rr") {
      EXPECT_EQ(shell("for i in $(seq 20); do curl -sS " + server.url() + "; done | sort -u"),
                "worker 1\nworker 2\n");
    }
    server.ends_by(SIGTERM, 0);
  }
}

TEST_P(ServerTest, Go) {
  NEEDS("go", "golang-go");
  write_file("serve.go", R"(package main
import ("fmt"; "net/http")
func main() {
	http.HandleFunc("/", func(to http.ResponseWriter, question *http.Request) { fmt.Fprintln(to, "by go") })
	panic(http.ListenAndServe(":80", nil))
}
)");
  shell("cd " + path("") + " && CGO_ENABLED=0 GO111MODULE=off GOCACHE=" + path("cache") +
        " go build -o serve serve.go && chmod -R u+w .");
  if (is_preloaded()) expect_refused(path("serve"), "it is linked statically");
  Server server(*this, 80, by_another({path("serve")}));
  EXPECT_EQ(server.get("").out, "by go\n");
  many_get(server, "");
  server.ends_by(SIGTERM, 128 + SIGTERM);
}

// FileChannel.transferTo() is sendfile(), with what it falls back to.
TEST_P(ServerTest, JavasTransferTo) {
  NEEDS("javac", "default-jdk-headless");
  write_noise("noise", 5'000'000, 9);
  write_file("Serve.java", R"(
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.*;
public class Serve {
  public static void main(String[] words) throws Exception {
    ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(80));
    for (int i = 0; i < 2; i++) {
      SocketChannel client = listener.accept();
      FileChannel file = new RandomAccessFile(words[0], "r").getChannel();
      client.read(ByteBuffer.allocate(65536));
      client.write(ByteBuffer.wrap(("HTTP/1.0 200 OK\r\nContent-Length: " + file.size() + "\r\n\r\n").getBytes()));
      for (long at = 0; at < file.size();) at += file.transferTo(at, file.size() - at, client);
      client.close();
    }
  }
}
)");
  shell("cd " + path("") + " && javac Serve.java");
  Server server(
      *this, 80,
      {"java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", path(""), "Serve", path("noise")});
  for (int i = 0; i < 2; i++) EXPECT_TRUE(server.get("noise").out == shell("cat " + path("noise")));
  EXPECT_EQ(server.process.finish().status, 0);
}

TEST_P(WorkersTest, OfPostgres) {
  const std::string server_program =
      shell("ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1");
  if (server_program.empty()) GTEST_SKIP() << "postgres is not installed (postgresql)";
  NEEDS("psql", "postgresql-client");
  const std::string folder = std::filesystem::path(server_program).parent_path();
  // It does not want to be root.
  const std::string as =
      if_root("setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=" + path("") + " ");
  shell("chmod 755 . && mkdir data && " + if_root("chown 65534:65534 data && ") + as + folder +
        "/initdb -D " + path("data") + " -U me -A trust -N >/dev/null");
  write_file("data/postgresql.conf",
             "listen_addresses = '*'\nport = 5432\nunix_socket_directories = ''\nfsync = off\n");
  write_file("data/pg_hba.conf", "host all all all trust\n");
  Server server(*this, 5432,
                {"/bin/sh", "-c", "exec " + as + folder + "/postgres -D " + path("data")});
  const std::string psql = "psql -At -U me -h " + server.address + " -p " +
                           std::to_string(server.port) + " -d postgres ";
  shell_when_there(psql + "-c 'select 1' 2>/dev/null");
  shell(
      psql +
      "-c \"create table t as select i, repeat('x', 100) as x from generate_series(1, 20000) i\"");
  EXPECT_EQ(shell(psql + "-c 'select count(*), sum(length(x)) from t'"), "20000|2000000\n");
  EXPECT_EQ(shell(psql + "-c 'copy t to stdout' | wc -l"), "20000\n");
  EXPECT_EQ(shell("seq 20 | xargs -P 10 -I{} " + psql +
                  "-c 'select i from t where i = {}' | "
                  "sort -n | tail -n 1"),
            "20\n");
  server.ends_by(SIGINT, 0);
}

}  // namespace
}  // namespace lkl::tool_test
