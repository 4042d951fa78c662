// SPDX-License-Identifier: GPL-2.0
//
// lkl run --tier preload: what is particular to a kernel in the program's process.
#include <signal.h>

#include "tools/tool_test.h"
#include "web_server.h"

namespace lkl::tool_test {
namespace {

class PreloadTest : public ToolTest {
 protected:
  static Result preloaded(std::vector<std::string> words) {
    words.insert(words.begin(), {LKL_TOOL_PATH, "run", "--tier", "preload"});
    return run(words);
  }
  static Result python(const std::string& script, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"--", "/usr/bin/python3", "-c", script};
    words.insert(words.end(), more.begin(), more.end());
    return preloaded(words);
  }
  static void expect_said(const Result& result, int status, const std::string& out) {
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, out) << result.err;
  }
};

TEST_F(PreloadTest, TheProcessIsTheProgram) {
  EXPECT_EQ(preloaded({"--", "true"}).status, 0);
  EXPECT_EQ(preloaded({"--", "sh", "-c", "exit 42"}).status, 42);
  EXPECT_EQ(preloaded({"--", "sh", "-c", "kill -TERM $$"}).status, 128 + SIGTERM);
  EXPECT_EQ(preloaded({"--", "no-such-program"}).status, 1);
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--disk", "e.img:/mnt"}, {"--server", "path"}, {"--trace"}}) {
    std::vector<std::string> words = options;
    words.emplace_back("true");
    const Result result = preloaded(words);
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find("are of --tier server"), std::string::npos) << result.err;
  }
}

// Nothing goes by the host's network instead.
TEST_F(PreloadTest, WithoutAWireTheProgramEndsAtItsFirstSocket) {
  const Result result = preloaded({"--net", "fd:999", "--", "/usr/bin/python3", "-c",
                                   "import socket; print('begun', flush=True); socket.socket(); "
                                   "print('made')"});
  expect_said(result, 1, "begun\n");
  EXPECT_NE(result.err.find("999"), std::string::npos) << result.err;
  EXPECT_EQ(preloaded({"--net", "fd:999", "--", "true"}).status, 0);
}

TEST_F(PreloadTest, OptionsReachTheKernel) {
  write_file("config", R"({"hostname": "elsewhere", "sysctl": "net.core.somaxconn|77"})");
  const Result result = preloaded(
      {"--net", "slirp:", "--address", "10.0.2.77/24", "--config", path("config"), "--sysctl",
       "net.ipv4.ip_default_ttl=99", "--", "/bin/cat", "/proc/sys/net/core/somaxconn",
       "/proc/sys/net/ipv4/ip_default_ttl", "/etc/hosts", "/proc/net/fib_trie"});
  EXPECT_EQ(result.status, 0) << result.err;
  // the later ones are those of the options
  EXPECT_NE(result.out.find("99\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("elsewhere\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("10.0.2.77"), std::string::npos) << result.out;
}

TEST_F(PreloadTest, SettingsAreWritten) {
  expect_said(preloaded({"--", "/bin/sh", "-c",
                         "echo 77 >/proc/sys/net/ipv4/ip_default_ttl; cat "
                         "/proc/sys/net/ipv4/ip_default_ttl"}),
              0, "77\n");
  expect_said(python(R"(
name = '/proc/sys/net/ipv4/ip_default_ttl'
with open(name, 'r+') as file:
    print(file.read().strip())
with open(name, 'w') as file:
    file.write('77\n')
print(open(name).read().strip())
try:
    with open(name, 'w') as file:
        file.write('1000\n')
except OSError as error:
    print(error.strerror)
)"),
              0, "64\n77\nInvalid argument\n");
}

TEST_F(PreloadTest, AnEmptyEnvironmentIsNoWayOut) {
  // that of no host
  const std::string file = "/proc/sys/net/ipv4/ip_default_ttl";
  const auto said = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--sysctl", "net.ipv4.ip_default_ttl=99", "--"});
    const Result result = preloaded(words);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(said({"env", "-i", "/bin/cat", file}), "99\n");
  // nor are other libraries to be loaded
  EXPECT_EQ(said({"env", "LD_PRELOAD=libm.so.6", "/bin/cat", file}), "99\n");
  EXPECT_EQ(said({"env", "-i", "LD_PRELOAD=libm.so.6", "/bin/cat", file}), "99\n");
  // of processes that are made in three ways
  const std::string three = R"(
import os, subprocess, sys
cat = ['cat', sys.argv[1]]
def three(environment):
    print(subprocess.run(cat, env=environment, stdout=-1, text=True, executable='/bin/cat').stdout,
          os.popen('/bin/cat ' + sys.argv[1]).read(), flush=True)
    os.waitpid(os.posix_spawn('/bin/cat', cat, environment or os.environ), 0)
three({})
# its own
os.environ.clear()
three(None)
three({'LD_PRELOAD': 'libm.so.6'})
print(open(sys.argv[1]).read(), end='', flush=True)
os.execv('/bin/cat', cat)
)";
  std::string all;
  for (int i = 0; i < 3; i++) all += "99\n 99\n\n99\n";
  EXPECT_EQ(said({"/usr/bin/python3", "-c", three, file}), all + "99\n99\n");
}

// The C library would make them itself, with its own descriptors and the environment as it is.
TEST_F(PreloadTest, NoFunctionThatMakesAProcessIsAWayOut) {
  write_file("ways.c", R"(
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
typedef int Spawn(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                  char* const[], char* const[]);
Spawn old_spawn, old_spawnp;
__asm__(".symver old_spawn, posix_spawn@GLIBC_2.2.5");
__asm__(".symver old_spawnp, posix_spawnp@GLIBC_2.2.5");
extern FILE* _IO_popen(const char*, const char*);
extern int _IO_fclose(FILE*);
static int forks;
static void count(void) {
  forks++;
}
static void spawn(Spawn* how, const char* name) {
  char* const words[] = {"cat", "/proc/sys/net/ipv4/ip_default_ttl", 0};
  char* none = 0;
  int status = 1;
  pid_t child;
  if (how(&child, name, 0, 0, words, &none) || waitpid(child, &status, 0) != child || status)
    puts("wrong");
}
static void show(FILE* from, int close(FILE*)) {
  char text[16] = "";
  fgets(text, sizeof text, from);
  printf("%s", text);
  if (close(from)) puts("wrong");
}
int main(int argc, char** argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  if (argc > 1) socket(AF_INET, SOCK_DGRAM, 0);
  pthread_atfork(count, 0, 0);
  clearenv();
  spawn(posix_spawn, "/bin/cat");
  spawn(old_spawn, "/bin/cat");
  spawn(posix_spawnp, "cat");
  spawn(old_spawnp, "cat");
  const char* const line = "/bin/cat /proc/sys/net/ipv4/ip_default_ttl";
  if (system(line)) puts("wrong");
  show(popen(line, "r"), pclose);
  show(_IO_popen(line, "r"), _IO_fclose);
  // by fork()
  printf("%d\n", forks);
  return 0;
}
)");
  shell("cc -O2 -w -pthread -o ways ways.c");
  for (const std::vector<std::string>& more : {std::vector<std::string>(), {"with a socket"}}) {
    std::vector<std::string> words = {"--sysctl", "net.ipv4.ip_default_ttl=99", "--", path("ways")};
    words.insert(words.end(), more.begin(), more.end());
    expect_said(preloaded(words), 0, "99\n99\n99\n99\n99\n99\n99\n7\n");
  }
}

// As of one that was made before there was our library, or by who has found it behind that.
TEST_F(PreloadTest, ActionsThatWereAddedPastUs) {
  write_file("past.c", R"(
#define _GNU_SOURCE
#include <dlfcn.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static int spawn(posix_spawn_file_actions_t* actions, const char* file) {
  char* const words[] = {"sh", "-c", "cat /proc/sys/net/ipv4/ip_default_ttl >&9", 0};
  pid_t child;
  int status = -1;
  const int error = posix_spawn(&child, file, actions, 0, words, environ);
  if (error) return puts(strerrorname_np(error));
  waitpid(child, &status, 0);
  return printf("%d\n", status);
}
int main(int argc, char** argv) {
  setvbuf(stdout, 0, _IONBF, 0);
  int (*add)(posix_spawn_file_actions_t*, int, int) =
      dlsym(dlopen("libc.so.6", RTLD_NOW), "posix_spawn_file_actions_adddup2");
  if (add == posix_spawn_file_actions_adddup2) return 1;
  posix_spawn_file_actions_t past, both, copied;
  posix_spawn_file_actions_init(&past);
  add(&past, 1, 9);
  spawn(&past, "/bin/sh");
  spawn(&past, argv[1]);
  posix_spawn_file_actions_init(&both);
  posix_spawn_file_actions_addclose(&both, 9);
  add(&both, 1, 9);
  posix_spawn_file_actions_addclose(&both, 8);
  spawn(&both, "/bin/sh");
  posix_spawn_file_actions_destroy(&both);
  posix_spawn_file_actions_init(&both);
  posix_spawn_file_actions_adddup2(&both, 1, 9);
  copied = both;
  spawn(&copied, "/bin/sh");
  spawn(&copied, argv[1]);
  posix_spawn_file_actions_destroy(&copied);
  posix_spawn_file_actions_destroy(&past);
  return 0;
}
)");
  shell("cc -O2 -w -o past past.c && cp /bin/true with_rights && chmod u+s with_rights");
  const Result result = preloaded(
      {"--sysctl", "net.ipv4.ip_default_ttl=99", "--", path("past"), path("with_rights")});
  expect_said(result, 0, "99\n0\nEACCES\n99\n0\n99\n0\n0\n");
  EXPECT_NE(result.err.find("it has rights of its own"), std::string::npos) << result.err;
}

// passt, which has the host's network itself.
TEST_F(PreloadTest, TheLibrarysOwnProgramsAreNotPreloaded) {
  if (!have("passt")) GTEST_SKIP() << "passt is not installed (passt)";
  const std::string wire = "passt:,i=lo,M=52:55:0a:00:02:02,a=10.0.2.15,n=24,g=10.0.2.2,D=none";
  // some hosts do not let it have its namespaces
  const Result check = run({LKL_TOOL_PATH, "run", "--net", wire, "--", "true"});
  if (check.status != 0) GTEST_SKIP() << check.err;
  const WebServer server("by passt");
  expect_said(preloaded({"--net", wire, "--", "curl", "-sS", server.url()}), 0, "by passt");
}

// By the process with the kernel, as by lkl run.
TEST_F(PreloadTest, ChildrenAreServed) {
  expect_said(python(R"(
import os, socket, subprocess
near, far = socket.socket(), socket.create_server(('127.0.0.1', 0))
near.connect(far.getsockname())
here, _ = far.accept()
child = os.fork()
if child == 0:
    near.sendall(b'by a child')
    made = socket.create_server(('127.0.0.1', 80))
    print(made.getsockname(), made.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), flush=True)
    os._exit(3)
print(here.recv(100).decode(), os.WEXITSTATUS(os.waitpid(child, 0)[1]))
wires = subprocess.run(['cat', '/proc/net/dev'], stdout=-1, text=True).stdout
print([line.split()[0] for line in wires.splitlines() if 'eth0' in line])
near.sendall(b'after it')
print(here.recv(100).decode())
)"),
              0, "('127.0.0.1', 80) 1\nby a child 3\n['eth0:']\nafter it\n");
}

// What a process without sockets executes, and what that does, is served by it; but only if
// somebody asks for it there is a kernel.
TEST_F(PreloadTest, ProgramsOfALineHaveOneNetwork) {
  const auto line = [](const std::string& words) {
    return preloaded({"--", "/bin/sh", "-c", words});
  };
  const std::string name = "/proc/sys/net/ipv4/ip_default_ttl";
  expect_said(line("sh -c 'echo 77 >" + name + "'; (cat " + name + "; sh -c '(cat " + name +
                   ") | cat'); cat " + name),
              0, "77\n77\n77\n");
  const Result none =
      preloaded({"--net", "fd:999", "--", "/bin/sh", "-c", "ls -d /; (ls -d /bin/.. | cat); true"});
  expect_said(none, 0, "/\n/bin/..\n");
  EXPECT_EQ(none.err, "");
}

// It serves them to their end; after its own, too, until a signal comes.
TEST_F(PreloadTest, TheEndWaitsForWhoIsServed) {
  expect_said(
      preloaded({"--", "/bin/sh", "-c", "(sleep 0.5; grep -c eth0 /proc/net/dev) & exit 5"}), 5,
      "1\n");
  expect_said(python("import os, socket, time\n"
                     "kept = socket.socket()\n"
                     "if os.fork() == 0:\n"
                     "    time.sleep(0.3)\n"
                     "    socket.create_server(('0.0.0.0', 80))\n"
                     "    print('served', flush=True)\n"
                     "    os._exit(0)\n"
                     "print('ends', flush=True)\n"),
              0, "ends\nserved\n");
  Process process(
      {LKL_TOOL_PATH, "run", "--tier", "preload", "--", "/bin/sh", "-c", "sleep 4 & exit 0"},
      false);
  usleep(500'000);
  process.signal(SIGTERM);
  EXPECT_EQ(process.finish().status, 0);
}

// A child is served from the moment it is made, however long it takes until it says so.
TEST_F(PreloadTest, TheEndWaitsForWhoBegins) {
  write_file("slow.c", R"(
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
static void take_time(void) { usleep(300000); }
// before all libraries: the first of all handlers in the child
static void be_first(int count, char** words, char** variables) { pthread_atfork(0, 0, take_time); }
__attribute__((section(".preinit_array"), used)) static void (*first)(int, char**, char**) = be_first;
int main(void) {
  int kept = socket(AF_INET, SOCK_STREAM, 0);
  if (fork() == 0) puts(socket(AF_INET, SOCK_STREAM, 0) == kept + 1 ? "served" : "not served");
  return 0;
}
)");
  shell("cc -O2 -w -o slow slow.c");
  expect_said(preloaded({"--", path("slow")}), 0, "served\n");
}

// A process whose kernel others use has a child become the other program, and stays what it was.
TEST_F(PreloadTest, ExecBesideAKernel) {
  const std::string script = R"(
import os, socket, sys
pair = socket.create_server(('127.0.0.1', 0))
near = socket.create_connection(pair.getsockname())
here, _ = pair.accept()
os.set_inheritable(near.fileno(), True)
os.set_inheritable(here.fileno(), True)
os.environ['NUMBERS'] = '%d %d' % (near.fileno(), here.fileno())
os.execvp(sys.argv[1], sys.argv[1:])
)";
  expect_said(python(script, {"python3", "-c", R"(
import os, socket
near, here = (socket.socket(fileno=int(each)) for each in os.environ['NUMBERS'].split())
near.sendall(b'kept')
print(here.recv(100).decode(), here.getpeername() == near.getsockname(), flush=True)
os._exit(9)
)"}),
              9, "kept True\n");
  // as if it were the program
  expect_said(python(script, {"sh", "-c", "kill -TERM $$"}), 128 + SIGTERM, "");
  const Result none = python(script, {"/no/such/program"});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("FileNotFoundError"), std::string::npos) << none.err;
  Process process(
      {LKL_TOOL_PATH, "run", "--tier", "preload", "--", "/bin/sh", "-c",
       "cat /proc/net/dev >/dev/null; exec sh -c \"trap 'exit 7' USR1; sleep 4 & wait\""},
      false);
  usleep(500'000);
  process.signal(SIGUSR1);
  usleep(300'000);
  process.signal(SIGTERM);  // sleep goes on, for which it waits
  EXPECT_EQ(process.finish().status, 7);
}

// One that is killed takes nothing of the others' with it.
TEST_F(PreloadTest, ChildrenThatAreKilled) {
  expect_said(python(R"(
import os, random, signal, socket, time
random.seed(7)
listener = socket.create_server(('127.0.0.1', 0))
where = listener.getsockname()
for turn in range(40):
    child = os.fork()
    if child == 0:
        while True:
            made = socket.create_connection(where)
            made.sendall(b'x' * 1000)
            made.close()
    time.sleep(random.random() / 50)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    listener.setblocking(False)
    while True:
        try:
            here, _ = listener.accept()
        except BlockingIOError:
            break
        here.close()
    listener.setblocking(True)
near = socket.create_connection(where)
here, _ = listener.accept()
near.sendall(b'at the end')
print(here.recv(100).decode())
)"),
              0, "at the end\n");
}

// Nor do they end with who serves them: they have errors.
TEST_F(PreloadTest, ChildrenOfAParentThatIsKilled) {
  write_file("orphan.c", R"(
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) {
  int kept = socket(AF_INET, SOCK_STREAM, 0), parent = getpid();
  if (fork() == 0) {
    kill(parent, SIGKILL);
    while (getppid() == parent) usleep(1000);
    close(kept);
    puts(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENOSYS ? "goes on" : "has a socket");
    fflush(stdout);
    _exit(0);
  }
  for (;;) pause();
}
)");
  shell("cc -O2 -o orphan orphan.c");
  expect_said(preloaded({"--", path("orphan")}), 128 + SIGKILL, "goes on\n");
}

// The kernel's rings are mapped where the kernel is.
TEST_F(PreloadTest, RingsOfPackets) {
  expect_said(python(R"(
import mmap, select, socket, struct
kPacket, kReceiveRing, kVersion, kLoaded = 263, 5, 10, 1
ring = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
ring.bind(('lo', 0))
ring.setsockopt(kPacket, kVersion, 1)
ring.setsockopt(kPacket, kReceiveRing, struct.pack('IIII', 4096, 16, 2048, 32))
memory = mmap.mmap(ring.fileno(), 65536)
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.bind(('127.0.0.1', 0))
made.sendto(b'by a ring', made.getsockname())
print(len(select.select([ring], [], [], 5)[0]))
print(struct.unpack_from('I', memory)[0] & kLoaded, b'by a ring' in memory[:2048])
memory.close()
)"),
              0, "1\n1 True\n");
}

// Before there is a kernel a process may have as many children as it likes, and each has its own.
TEST_F(PreloadTest, AChildOfAProcessWithoutAKernelHasItsOwn) {
  expect_said(python(R"(
import os, socket
for i in range(3):
    child = os.fork()
    if child == 0:
        socket.create_server(('0.0.0.0', 80))
        os._exit(7)
    print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
)"),
              0, "7\n7\n7\n");
}

TEST_F(PreloadTest, WhatIsTheLibrarysCannotBeClosed) {
  expect_said(python(R"(
import os, socket
made = socket.socket()
os.closerange(0, 3)
highest = 0
for number in range(3, 5000):
    if number != made.fileno():
        try:
            os.close(number)
        except OSError:
            pass
os.closerange(5000, 1 << 20)
os.open('/dev/null', os.O_RDWR); os.dup2(made.fileno(), 1500)
os.closerange(1024, 1400)
far = socket.create_server(('127.0.0.1', 0))
made.connect(far.getsockname())
os._exit(9 if os.write(1500, b'x') == 1 and far.accept()[0].recv(1) == b'x' else 1)
)"),
              9, "");
}

// Whatever the library opens meanwhile: its slirp: makes a socket of the host's for each
// connection.
TEST_F(PreloadTest, NumbersAreTheLowest) {
  write_file("lowest.c", R"(
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
enum { kCount = 300 };
static int made[kCount];
static volatile int over;
static void* connect_all(void* unused) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
  inet_pton(AF_INET, "10.0.2.2", &to.sin_addr);
  for (int i = 0; i < kCount; i++) connect(made[i], (void*)&to, sizeof to);
  over = 1;
  return unused;
}
int main(void) {
  for (int i = 0; i < kCount; i++) made[i] = socket(AF_INET, SOCK_STREAM, 0);
  const int lowest = socket(AF_INET, SOCK_DGRAM, 0);
  close(lowest);
  pthread_t thread;
  pthread_create(&thread, 0, connect_all, 0);
  int others = 0;
  while (!over) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    others += fd != lowest;
    close(fd);
  }
  pthread_join(thread, 0);
  printf("%d\n", others);
  return 0;
}
)");
  shell("cc -O2 -pthread -o lowest lowest.c");
  for (int i = 0; i < 5; i++) expect_said(preloaded({"--", path("lowest")}), 0, "0\n");
}

// Both limits, as memcached does: the library's are among the program's then.
TEST_F(PreloadTest, AProgramThatMayHaveFewDescriptors) {
  expect_said(python(R"(
import resource, socket
for limit in (1024, 300, 100):
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if limit == 1024:
        made = [socket.socket()]
    for more in range(50):
        made.append(socket.socket())
    print(len({each.fileno() for each in made}))
    for each in made[1:]:
        each.close()
    made = made[:1]
)"),
              0, "51\n51\n51\n");
  for (const char* limit : {"1024", "128"})
    expect_said(
        preloaded({"--", "sh", "-c",
                   std::string("ulimit -n ") + limit + "; exec grep -c eth0 /proc/net/dev"}),
        0, "1\n");
}

// Of the host's, for one connection, which it reads to its end: not at once, so that who writes has
// ended when most of it is still to be read.
class SlowReader {
 public:
  SlowReader() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 1);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const int fd = ::accept(listener_, nullptr, nullptr);
      ::usleep(300'000);
      char part[65536];
      for (ssize_t count; (count = ::read(fd, part, sizeof part)) > 0;)
        text_.append(part, static_cast<std::size_t>(count));
      ::close(fd);
    });
  }
  ~SlowReader() {
    if (thread_.joinable()) read();
    ::close(listener_);
  }
  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;

  std::string port() const { return std::to_string(port_); }
  // All that has come. Waits for the end.
  std::string read() {
    ::shutdown(listener_, SHUT_RDWR);  // for who has never come
    thread_.join();
    return text_;
  }

 private:
  int listener_, port_ = 0;
  std::string text_;
  std::thread thread_;
};

// As the host's kernel goes on with it.
TEST_F(PreloadTest, WhatWasWrittenGoesOutAfterTheEnd) {
  for (const std::string& end : {std::string("os._exit(3)"), std::string("sys.exit(3)"),
                                 std::string("os.execv('/bin/sh', ['sh', '-c', 'exit 3'])"),
                                 // served then, by this process itself
                                 std::string("os.dup2(made.fileno(), 1); sys.exit(3)")}) {
    SCOPED_TRACE(end);
    SlowReader reader;
    const Result result = python(
        "import os, sys, socket\n"
        "made = socket.create_connection(('10.0.2.2', int(sys.argv[1])))\n"
        "made.sendall(b'x' * 3000000)\n" +
            end,
        {reader.port()});
    EXPECT_EQ(result.status, 3) << result.err;
    EXPECT_EQ(reader.read().size(), 3'000'000u);
  }
}

TEST_F(PreloadTest, StreamsOfStdio) {
  const WebServer server("by a stream");
  // fd: a connection to the host's port of the first word
  const std::string begin = R"(
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char** argv) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  inet_pton(AF_INET, "10.0.2.2", &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (void*)&to, sizeof to)) return 1;
)";
  write_file("stream.c", begin + R"(
  dprintf(fd, "GET /%s HTTP/1.0\r\n\r\n", "file");
  FILE* in = fdopen(fd, "r");
  if (!in || fileno(in) != fd) return 2;
  char line[256];
  while (fgets(line, sizeof line, in)) continue;
  puts(line);
  int next = socket(AF_INET, SOCK_STREAM, 0);
  return fclose(in) || socket(AF_INET, SOCK_STREAM, 0) != fd || next == fd ? 3 : 0;
}
)");
  write_file("unflushed.c", begin + R"(
  FILE* out = fdopen(fd, "w");
  return out && fprintf(out, "not flushed\n") > 0 ? 0 : 2;
}
)");
  shell("cc -O2 -D_FORTIFY_SOURCE=2 -o stream stream.c && cc -O2 -o unflushed unflushed.c");
  SlowReader reader;
  expect_said(preloaded({"--", path("unflushed"), reader.port()}), 0, "");
  EXPECT_EQ(reader.read(), "not flushed\n");
  expect_said(preloaded({"--", path("stream"), std::to_string(server.port())}), 0, "by a stream\n");
}

// stdin and stdout themselves may be a socket: as of who answers for inetd, and of bash.
TEST_F(PreloadTest, StandardStreamsOnASocket) {
  const WebServer server("by stdout");
  expect_said(preloaded({"--", "/bin/bash", "-c",
                         "exec 3<>/dev/tcp/10.0.2.2/" + std::to_string(server.port()) +
                             "; printf 'GET /file HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3"}),
              0, "by stdout");
  write_file("standard.c", R"(
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (void*)&at, size);
  listen(listener, 5);
  getsockname(listener, (void*)&at, &size);
  int near = socket(AF_INET, SOCK_STREAM, 0), far, saved = dup(1);
  connect(near, (void*)&at, size);
  far = accept(listener, 0, 0);
  char text[100];
  for (int turn = 0; turn < 2; turn++) {
    dup2(near, 0), dup2(near, 1);
    (void)!write(far, "a line\n", 7);
    if (!fgets(text, sizeof text, stdin)) return 1;
    printf("back: %s", text), fflush(stdout);
    dup2(saved, 1);
    ssize_t count = recv(far, text, sizeof text, 0);
    if (count != 13 || getpeername(0, (void*)&at, &size) || at.sin_port == 0) return 2;
    printf("%.*s", (int)count, text), fflush(stdout);
  }
  return 0;
}
)");
  shell("cc -O2 -o standard standard.c");
  expect_said(preloaded({"--", path("standard")}), 0, "back: a line\nback: a line\n");
}

// A handler may do what it likes, in the middle of a call too: it comes when the thread is out.
TEST_F(PreloadTest, HandlersMakeCalls) {
  write_file("handler.c", R"(
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static int made, handled, pair[2];
static void handler(int signal) {
  handled++;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd >= 0) made++;
  close(fd);
  (void)!write(pair[1], "h", 1);
}
static void* hail(void* thread) {
  for (int i = 0; i < 300; i++) {
    pthread_kill(*(pthread_t*)thread, SIGUSR1);
    usleep(500);
  }
  return 0;
}
int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (void*)&at, size);
  listen(listener, 5);
  getsockname(listener, (void*)&at, &size);
  pair[0] = socket(AF_INET, SOCK_STREAM, 0);
  connect(pair[0], (void*)&at, size);
  pair[1] = accept(listener, 0, 0);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, 0);
  pthread_t self = pthread_self(), other;
  pthread_create(&other, 0, hail, &self);
  int got = 0;
  for (char bytes[64]; got < 200;) {
    ssize_t count = recv(pair[0], bytes, sizeof bytes, 0);
    if (count <= 0) return printf("recv: %s\n", strerror(errno)), 1;
    got += count;
  }
  pthread_join(other, 0);
  printf("%d %d\n", made == handled, handled >= 200);
  return 0;
}
)");
  shell("cc -O2 -pthread -o handler handler.c");
  expect_said(preloaded({"--", path("handler")}), 0, "1 1\n");
}

}  // namespace
}  // namespace lkl::tool_test
