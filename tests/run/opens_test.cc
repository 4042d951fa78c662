// SPDX-License-Identifier: GPL-2.0
//
// liblkl-opens.so, which lkl run has in front of programs: what they open is what they would open
// without it, and nobody is asked about files of the host's.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/tool_test.h"

namespace lkl::tool_test {
namespace {

namespace fs = std::filesystem;

// Each function with each name: what comes of it. Names are at addresses of their own, which are
// said with the word "addresses".
constexpr char kOpens[] = R"(
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <unistd.h>
static int addresses, folder;
#define VARIES(name) extern int name(const char*, int, ...);
#ifdef __GLIBC__
VARIES(__open)
VARIES(__open64)
extern int __open_2(const char*, int);
extern int __open64_2(const char*, int);
extern int __openat_2(int, const char*, int);
extern int __openat64_2(int, const char*, int);
#endif
static void say(const char* how, const char* name, int fd) {
  const int error = errno;
  char text[9] = "";
  struct stat status = {};
  if (fd >= 0) {
    fstat(fd, &status);
    if (read(fd, text, 8) < 0) strcpy(text, "-");
    text[strcspn(text, "\n")] = 0;
  }
  if (addresses)
    printf("%s %s %p\n", how, name, (void*)name);
  else
    printf("%s %s: %s %o %s %x\n", how, fd < 0 ? strerror(error) : "opened",
           name && (long)name > 4096 ? "name" : "none", status.st_mode, text,
           fd < 0 ? 0 : fcntl(fd, F_GETFL) | fcntl(fd, F_GETFD) << 28);
  if (fd >= 0) close(fd);
}
static char* copy(const char* name) { return name && (long)name > 4096 ? strdup(name) : (char*)name; }
#define TRY(call) do { char* name = copy(given); errno = 0; say(#call, name, call); } while (0)
static void all(const char* given) {
  TRY(open(name, O_RDONLY));
  TRY(open64(name, O_RDONLY | O_CLOEXEC));
  TRY(openat(folder, name, O_RDONLY));
  TRY(openat64(AT_FDCWD, name, O_RDONLY | O_NONBLOCK));
  TRY(openat(-1, name, O_RDONLY | O_DIRECTORY));
#ifdef __GLIBC__
  TRY(__open(name, O_RDONLY));
  TRY(__open64(name, O_RDONLY));
  TRY(__open_2(name, O_RDONLY));
  TRY(__open64_2(name, O_RDONLY));
  TRY(__openat_2(folder, name, O_RDONLY));
  TRY(__openat64_2(folder, name, O_RDONLY));
#endif
}
int main(int count, char** words) {
  addresses = count > 1 && !strcmp(words[1], "addresses");
  folder = open(".", O_RDONLY | O_DIRECTORY);
  for (int i = 2; i < count; i++) all(words[i]);
  if (addresses) return 0;
  // modes, by all that make files
  const char* given = "new";
#define MADE(call) do { unlink("new"); TRY(call); } while (0)
  for (int mask = 0; mask < 0100; mask += 022) {
    umask(mask);
    MADE(open(name, O_RDWR | O_CREAT, 0666));
    MADE(open64(name, O_RDWR | O_CREAT | O_EXCL, 04751));
    MADE(openat(folder, name, O_WRONLY | O_CREAT, 0640));
    MADE(openat64(folder, name, O_RDWR | O_CREAT, 0777));
    MADE(creat(name, 0666));
    MADE(creat64(name, 0640));
    TRY(open(name, O_RDWR | O_CREAT | O_EXCL, 0666));
    given = ".";
    TRY(open(name, O_RDWR | O_TMPFILE, 0640));
    given = "new";
  }
  TRY(creat(name, 0666));
  given = "none/new";
  TRY(creat(name, 0666));
  given = 0;
  all(given);
  given = (char*)8;
  all(given);
  // one that ends where nothing is, and one that does before
  char* pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  for (int with = 0; with < 2; with++) {
    char* name = pages + 4096 - 11 - with;
    memcpy(name, "/etc/passwd", 11 + with);
    errno = 0;
    say("at the end", name, open(name, O_RDONLY));
  }
  say("behind it", pages + 4096, open(pages + 4096, O_RDONLY));
  say("nowhere", (char*)-1, open((char*)-1, O_RDONLY));
  // what the C library opens by itself
  char line[99] = "";
  FILE* file = fopen("file", "r");
  puts(file && fgets(line, sizeof line, file) ? line : "wrong");
  DIR* there = opendir("folder");
  while (there) {
    struct dirent* entry = readdir(there);
    if (!entry) break;
    if (entry->d_name[0] != '.') puts(entry->d_name);
  }
  return 0;
}
)";

class OpensTest : public ToolTest {
 protected:
  static Result by(const std::string& tier, std::vector<std::string> words,
                   const std::vector<std::string>& options = {}) {
    std::vector<std::string> all = {LKL_TOOL_PATH, "run", "--tier", tier};
    all.insert(all.end(), options.begin(), options.end());
    all.emplace_back("--");
    all.insert(all.end(), words.begin(), words.end());
    return run(all);
  }
  static std::string said_by(const std::string& tier, const std::vector<std::string>& words,
                             const std::vector<std::string>& options = {}) {
    const Result result = by(tier, words, options);
    EXPECT_EQ(result.status, 0) << result.out << result.err;
    return result.out;
  }
  static fs::path library() { return fs::path(LKL_TOOL_PATH).parent_path() / "liblkl-opens.so"; }

  std::string make(const std::string& name, const std::string& text, const std::string& how) const {
    write_file(name + ".c", text);
    shell(how + " -w -O2 -o " + path(name) + " " + path(name + ".c"));
    return path(name);
  }
  void make_files() const {
    write_file("file", "what is in it\n");
    fs::create_directory(path("folder"));
    write_file("folder/one", "");
    shell("mkfifo fifo");
  }
  // For each name how many of the openings were asked about, of how many.
  struct Asked {
    int count = 0, all = 0;
  };
  static Asked asked(const Result& result, const std::string& name) {
    Asked found;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = line.rfind(' ');
      if (!line.substr(0, at).ends_with(" " + name)) continue;
      found.all++;
      if (result.err.find(", " + line.substr(at + 1) + ", ") != std::string::npos) found.count++;
    }
    return found;
  }
  // The least that a program needs of its C library.
  static constexpr char kVariable[] = R"(
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char** words) {
  char text[64] = "";
  read(open("/proc/sys/net/ipv4/ip_default_ttl", O_RDONLY), text, 63);
  printf("%s%s\n", text, getenv("LD_PRELOAD") ? "in front" : "alone");
  if (open(words[0], O_RDONLY) < 0) puts("wrong");
  return 0;
}
)";
};

class OpensByTierTest : public OpensTest, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Tiers, OpensByTierTest, testing::Values("auto", "server", "preload"),
                         [](const auto& info) { return info.param; });

TEST_F(OpensTest, OpensAndFailsAsWithout) {
  make_files();
  for (const std::string how : {"cc", "cc -D_FORTIFY_SOURCE=2", "cc -D_FILE_OFFSET_BITS=64"}) {
    const std::vector<std::string> words = {make("opens", kOpens, how),
                                            "names",
                                            "file",
                                            "./folder//../file",
                                            path("file"),
                                            "/etc/passwd",
                                            "/dev/null",
                                            "none",
                                            "/none/none",
                                            "/etc/none",
                                            "/proc/self/none",
                                            "file/none",
                                            "",
                                            ".",
                                            "folder",
                                            std::string(300, 'x'),
                                            "/" + std::string(4095, 'x'),
                                            "/etc/" + std::string(5000, 'x')};
    const Result host = run(words);
    ASSERT_EQ(host.status, 0) << host.err;
    EXPECT_EQ(said_by("auto", words), host.out);
    EXPECT_EQ(said_by("server", words), host.out);
    EXPECT_EQ(
        run({"env", "LD_PRELOAD=" + library().string(), words[0], "names", "file", "none"}).out,
        run({words[0], "names", "file", "none"}).out);
  }
}

TEST_F(OpensTest, NobodyIsAskedAboutFilesOfTheHost) {
  make_files();
  const std::vector<std::string> hosts = {"file",       "/etc/passwd",     "none",
                                          path("file"), "/proc/self/maps", "/usr/../etc/hosts"},
                                 guests = {"/etc/resolv.conf", "/proc/net/dev",
                                           "/proc/sys/net/ipv4/ip_default_ttl"};
  std::vector<std::string> words = {make("opens", kOpens, "cc"), "addresses"};
  words.insert(words.end(), hosts.begin(), hosts.end());
  words.insert(words.end(), guests.begin(), guests.end());
  const Result served = by("auto", words, {"--trace"});
  const Result by_server = by("server", words, {"--trace"});
  for (const std::string& name : hosts) {
    SCOPED_TRACE(name);
    EXPECT_EQ(asked(served, name).all, 11);
    EXPECT_EQ(asked(served, name).count, 0) << served.err;
    EXPECT_EQ(asked(by_server, name).count, 11);
  }
  for (const std::string& name : guests) {
    SCOPED_TRACE(name);
    EXPECT_EQ(asked(served, name).count, 11) << served.err;
    EXPECT_EQ(asked(by_server, name).count, 11);
  }
}

TEST_F(OpensTest, FilesOfTheNetworkAreTheGuests) {
  const std::vector<std::string> options = {"--sysctl", "net.ipv4.ip_default_ttl=99",
                                            "--nameserver", "10.0.2.99"};
  for (const std::string tier : {"auto", "server"}) {
    EXPECT_EQ(said_by(tier, {"/bin/cat", "/etc/resolv.conf", "/proc/sys/net/ipv4/ip_default_ttl"},
                      options),
              "nameserver 10.0.2.99\n99\n");
    // of the C library's own opening, of a program of it, and of a shell's redirection
    EXPECT_EQ(said_by(tier, {"/usr/bin/python3", "-c", R"(
import os
print(open('/proc/sys/net/ipv4/ip_default_ttl').read(), end='')
os.system('read x </proc/sys/net/ipv4/ip_default_ttl; echo $x')
)"},
                      options),
              "99\n99\n");
  }
}

// It opens files to be written, as open() does, but is another system call.
TEST_P(OpensByTierTest, CreatIsOneOfThem) {
  const std::string program = make("creats", R"(
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define NAME "/proc/sys/net/ipv4/ip_default_ttl"
static void show(int fd, const char* value) {
  char text[64] = "";
  if (write(fd, value, strlen(value)) < 0) perror("write");
  close(fd);
  read(open(NAME, O_RDONLY), text, 63);
  puts(text);
}
int main(int count, char** words) {
  show(creat(NAME, 0644), words[1]);
  show(open(NAME, O_WRONLY), "99");
  show(syscall(SYS_creat, NAME, 0644), words[1]);
  return 0;
}
)",
                                   "cc");
  // if it were the host's it would stay what it is
  std::string value;
  std::ifstream("/proc/sys/net/ipv4/ip_default_ttl") >> value;
  ASSERT_NE(value, "99");
  EXPECT_EQ(said_by(GetParam(), {program, value}, {"--sysctl", "net.ipv4.ip_default_ttl=99"}),
            value + "\n\n99\n\n" + value + "\n\n");
}

// A thread that waits in open(), one that was cancelled before, and one that may not be.
TEST_P(OpensByTierTest, IsAPointOfCancellation) {
  make_files();
  const std::string program = make("cancelled", R"(
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int went_by, pipes[2];
static void clean(void* how) { printf("%s cleaned up\n", (char*)how); }
static void* waits(void* how) {
  int type;
  pthread_cleanup_push(clean, how);
  open("file", O_RDONLY);
  pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
  if (type != PTHREAD_CANCEL_DEFERRED) puts("wrong type");
  write(pipes[1], "x", 1);
  if (!strcmp(how, "open")) open("fifo", O_RDONLY);
  if (!strcmp(how, "openat")) openat(AT_FDCWD, "fifo", O_WRONLY);
  if (!strcmp(how, "creat")) creat("fifo", 0600);
  pthread_cleanup_pop(0);
  return 0;
}
static void* was_before(void* how) {
  pthread_cleanup_push(clean, how);
  pthread_cancel(pthread_self());
  open("file", O_RDONLY | O_NONBLOCK);
  pthread_cleanup_pop(0);
  return 0;
}
static void* may_not(void* how) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, 0);
  pthread_cancel(pthread_self());
  printf("%d\n", open("file", O_RDONLY) >= 0);
  return 0;
}
// as a thread does that waits in open()
static int is_waiting(void) {
  char line[256];
  FILE* file = popen("cat /proc/$PPID/task/*/wchan", "r");
  int found = fgets(line, sizeof line, file) && (strstr(line, "wait_for_partner") || strstr(line, "fifo_open"));
  pclose(file);
  return found;
}
static void end(pthread_t thread) {
  void* with = 0;
  pthread_join(thread, &with);
  puts(with == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  pipe(pipes);
  pthread_t thread;
  for (const char** how = (const char*[]){"open", "openat", "creat", 0}; *how; how++) {
    char go;
    pthread_create(&thread, 0, waits, (void*)*how);
    read(pipes[0], &go, 1);
    for (int i = 0; i < 20 && !is_waiting(); i++) usleep(10000);
    pthread_cancel(thread);
    end(thread);
  }
  pthread_create(&thread, 0, was_before, "before");
  end(thread);
  pthread_create(&thread, 0, may_not, 0);
  end(thread);
  return 0;
}
)",
                                   "cc -pthread");
  const std::string all =
      "open cleaned up\ncancelled\nopenat cleaned up\ncancelled\ncreat cleaned up\ncancelled\n"
      "before cleaned up\ncancelled\n1\nnot cancelled\n";
  EXPECT_EQ(run({program}).out, all);
  EXPECT_EQ(said_by(GetParam(), {program}), all);
}

// What open() has left behind in registers is no pass for what the handler of a signal opens by the
// C library, nor for what comes next.
TEST_F(OpensTest, ThePassIsOfOneOpening) {
  make_files();
  const std::string program = make("handler", R"(
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static const char kName[] = "/proc/sys/net/ipv4/ip_default_ttl";
static void show(void) {
  // four arguments, and whatever there is in the other registers
  char text[16] = "";
  long fd = SYS_openat;
  register long r10 __asm__("r10") = 0;
  __asm__ volatile("syscall" : "+a"(fd) : "D"((long)AT_FDCWD), "S"(kName), "d"(0L), "r"(r10) : "rcx", "r11", "memory");
  read(fd, text, 15);
  write(1, text, strlen(text));
}
static void on_signal(int number) { show(); }
int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGALRM, &action, 0);
  alarm(1);
  open("fifo", O_RDONLY);
  open("file", O_RDONLY);
  show();
  return 0;
}
)",
                                   "cc");
  EXPECT_EQ(said_by("auto", {program}, {"--sysctl", "net.ipv4.ip_default_ttl=99"}), "99\n99\n");
}

TEST_F(OpensTest, CheckedFunctionsEndWhoForgetsTheMode) {
  for (const std::string call : {"open(words[0], flags)", "open64(words[0], flags)",
                                 "openat(0, words[0], flags)", "openat64(0, words[0], flags)"})
    for (const std::string flags : {"O_CREAT", "O_TMPFILE | O_RDWR"}) {
      SCOPED_TRACE(call + " " + flags);
      const std::string program =
          make("checked",
               "#define _GNU_SOURCE\n#include <fcntl.h>\n"
               "int main(int count, char** words) {\n  int flags = count == 1 ? " +
                   flags + " : 0;\n  return " + call + " < 0;\n}\n",
               "cc -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2");
      const Result host = run({program}), served = by("auto", {program});
      ASSERT_EQ(host.status, 128 + SIGABRT);
      EXPECT_EQ(served.status, host.status);
      EXPECT_EQ(served.err, host.err);
      EXPECT_EQ(by("auto", {program, "without"}).status, 0);
    }
}

TEST_F(OpensTest, ServerAloneHasNothingInFront) {
  EXPECT_EQ(said_by("auto", {"printenv", "LD_PRELOAD"}), library().string() + "\n");
  EXPECT_EQ(said_by("auto", {"printenv", "ASAN_OPTIONS"}), "verify_asan_link_order=0\n");
  EXPECT_EQ(lkl({"run", "--", "printenv", "LD_PRELOAD"}).out, library().string() + "\n");
  for (const std::string name : {"LD_PRELOAD", "ASAN_OPTIONS"})
    EXPECT_EQ(by("server", {"printenv", name}).status, 1);
}

TEST_F(OpensTest, ByAServerAsWell) {
  Process server({LKL_TOOL_PATH, "server", "--socket", path("socket")}, false);
  for (int i = 0; i < 100 && !fs::exists(path("socket")); i++) usleep(50'000);
  const Result result = lkl({"run", "--server", path("socket"), "--", "printenv", "LD_PRELOAD"});
  EXPECT_EQ(result.out, library().string() + "\n") << result.err;
  EXPECT_EQ(
      lkl({"run", "--tier", "server", "--server", path("socket"), "--", "printenv", "LD_PRELOAD"})
          .status,
      1);
  server.signal(SIGTERM);
  server.finish();
}

// lkl itself may be built with AddressSanitizer, which wants to be first.
constexpr char kOfLkl[] = "ASAN_OPTIONS=verify_asan_link_order=0";

// Others' functions are in front, and theirs go on to ours.
TEST_F(OpensTest, LibrariesOfTheUserStay) {
  make_files();
  const std::string other = make("other.so", R"(
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <unistd.h>
int open(const char* name, int flags, ...) {
  write(1, "other ", 6);
  return ((int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open"))(name, flags);
}
)",
                                 "cc -shared -fPIC");
  const std::string program = make("opens", kOpens, "cc");
  const Result result = run({"env", "LD_PRELOAD=" + other, kOfLkl, LKL_TOOL_PATH, "run", "--trace",
                             "--", "/usr/bin/env", program, "addresses", "file"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("other "), std::string::npos) << result.out;
  EXPECT_EQ(asked(result, "file").all, 11);
  EXPECT_EQ(asked(result, "file").count, 0) << result.err;
  const Result variable = run(
      {"env", "LD_PRELOAD=" + other, kOfLkl, LKL_TOOL_PATH, "run", "--", "printenv", "LD_PRELOAD"});
  EXPECT_NE(variable.out.find(other + ":" + library().string()), std::string::npos) << variable.out;
}

TEST_F(OpensTest, ProgramsOfAddressSanitizer) {
  if (!fs::exists(run({"cc", "-print-file-name=libasan.so"})
                      .out.substr(0, run({"cc", "-print-file-name=libasan.so"}).out.find('\n'))))
    GTEST_SKIP() << "libasan is not installed (libgcc-dev)";
  const std::string program = make("sanitized", R"(
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char** words) {
  char text[16] = "";
  read(open("/proc/sys/net/ipv4/ip_default_ttl", O_RDONLY), text, 15);
  printf("%s%d\n", text, open(words[0], O_RDONLY) >= 0);
  fflush(stdout);
  if (count > 1) {
    volatile char* memory = malloc(8);
    memory[count + 6] = 1;
  }
  return 0;
}
)",
                                   "cc -fsanitize=address");
  const std::vector<std::string> options = {"--sysctl", "net.ipv4.ip_default_ttl=99"};
  EXPECT_EQ(said_by("auto", {program}, options), "99\n1\n");
  // as a child of another program
  EXPECT_EQ(said_by("auto", {"/bin/sh", "-c", program + "; echo $?"}, options), "99\n1\n0\n");
  // what the user has set has its effect, and so has the sanitizer
  const Result found =
      run({"env", "ASAN_OPTIONS=exitcode=77", LKL_TOOL_PATH, "run", "--", program, "wrong"});
  EXPECT_EQ(found.status, 77) << found.err;
  EXPECT_NE(found.err.find("heap-buffer-overflow"), std::string::npos) << found.err;
}

// It makes the calls itself, and has a word to say about what it does not know.
TEST_F(OpensTest, ProgramsByValgrind) {
  if (!have("valgrind")) GTEST_SKIP() << "valgrind is not installed (valgrind)";
  make_files();
  const std::string program = make("opens", kOpens, "cc");
  const std::vector<std::string> words = {
      "valgrind", "-q", "--error-exitcode=9", program, "addresses", "file", "none"};
  const Result served = by("auto", words);
  EXPECT_EQ(served.status, 0);
  EXPECT_EQ(served.err, "");
  EXPECT_EQ(asked(served, "file").all, 11) << served.out;
}

TEST_F(OpensTest, StaticProgramsHaveNothingInFront) {
  const std::string program = make("static", kVariable, "cc -static");
  const std::vector<std::string> options = {"--sysctl", "net.ipv4.ip_default_ttl=99"};
  EXPECT_EQ(said_by("auto", {program}, options), "99\nalone\n");
  // which those that are started by one that has it do not mind
  EXPECT_EQ(said_by("auto", {"/usr/bin/env", program}, options), "99\nin front\n");
}

TEST_F(OpensTest, ProgramsOfMusl) {
  if (!have("musl-gcc")) GTEST_SKIP() << "musl-gcc is not installed (musl-tools)";
  const std::vector<std::string> options = {"--sysctl", "net.ipv4.ip_default_ttl=99"};
  const std::string program = make("musl", kVariable, "musl-gcc");
  EXPECT_EQ(said_by("auto", {program}, options), "99\nalone\n");
  const Result child = by("auto", {"/usr/bin/env", program}, options);
  EXPECT_EQ(child.out, "99\nin front\n");
  EXPECT_EQ(child.err, "");
  // its loader knows the library, too
  make_files();
  const std::string opens = make("opens", kOpens, "musl-gcc -D_LARGEFILE64_SOURCE");
  const std::vector<std::string> names = {"/usr/bin/env", opens, "names", "file", "none"};
  EXPECT_EQ(said_by("auto", names), run(names).out);
  const Result traced =
      by("auto", {"/usr/bin/env", opens, "addresses", "file", "/etc/resolv.conf"}, {"--trace"});
  EXPECT_EQ(asked(traced, "file").all, 5);
  EXPECT_EQ(asked(traced, "file").count, 0) << traced.err;
  EXPECT_EQ(asked(traced, "/etc/resolv.conf").count, 5) << traced.err;
}

// What is there then may be another file, for another program.
TEST_F(OpensTest, NotWhereAnImageIs) {
  if (access("/dev/fuse", W_OK) != 0) GTEST_SKIP() << "takes /dev/fuse";
  if (geteuid() != 0) GTEST_SKIP() << "mounts as root do not take namespaces that the host forbids";
  fs::create_directory(path("from"));
  fs::copy(library(), path("from/liblkl-opens.so"));
  const std::string image = make_ext4("image", "16M", path("from"));
  fs::create_directory(path("folder"));
  EXPECT_EQ(said_by("auto", {"printenv", "LD_PRELOAD"}, {"--disk", image + ":" + path("folder")}),
            library().string() + "\n");
  const Result hidden = by("auto", {"/bin/sh", "-c", "ls \"$0\"; echo \"$LD_PRELOAD\"", library()},
                           {"--disk", image + ":" + library().parent_path().string()});
  EXPECT_EQ(hidden.out, library().string() + "\n\n") << hidden.err;
}

// Who is asked has gone: what needs nobody goes on.
TEST_F(OpensTest, NobodyIsAskedByChildrenOfThePreload) {
  make_files();
  const std::string program = make("orphan", R"(
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void) {
  int ends[2], says[2];
  setvbuf(stdout, 0, _IONBF, 0);
  socket(AF_INET, SOCK_DGRAM, 0);
  pipe(ends);
  if (fork() == 0) {
    char end;
    close(ends[1]);
    // it is served by now
    int fd = open("/proc/sys/net/ipv4/ip_default_ttl", O_RDONLY);
    printf("%d\n", fd >= 0);
    kill(getppid(), SIGKILL);
    read(ends[0], &end, 1);
    printf("%d %d\n", open("file", O_RDONLY) >= 0, open("none", O_RDONLY));
    fd = open("/proc/sys/net/ipv4/ip_default_ttl", O_RDONLY);
    printf("%s\n", fd < 0 ? strerror(errno) : "opened");
    return 0;
  }
  for (;;) pause();
}
)",
                                   "cc");
  const Result result = by("preload", {program});
  EXPECT_EQ(result.status, 128 + SIGKILL) << result.err;
  EXPECT_EQ(result.out, "1\n1 -1\nFunction not implemented\n");
}

}  // namespace
}  // namespace lkl::tool_test
