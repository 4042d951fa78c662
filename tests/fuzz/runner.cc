// SPDX-License-Identifier: GPL-2.0
#include "fuzz/runner.h"

#include <lkl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <regex>

#include "fuzz/engine.h"

namespace lkl_fuzz {
namespace {

constexpr int kStatusPanic = 100, kStatusFailed = 101;
constexpr int kForkFailed = -1;  // no status of waitpid(2)

// Shared by the three processes.
struct Report {
  uint8_t input[Runner::kMaxInput];
  std::atomic<bool> late;
  std::atomic<size_t> length;
  char text[64 * 1024];
};

struct Request {
  uint32_t number;  // an engine that was killed left its answer
  uint32_t size;    // of the input
};

struct Answer {
  uint32_t number;
  int status;  // as of waitpid(2)
};

Report* report;

void clear_report() {
  report->late = false;
  report->length = 0;
}

void append(const char* text, size_t length) {
  const size_t at = report->length.load(std::memory_order_relaxed);
  length = std::min(length, sizeof report->text - at);
  std::memcpy(report->text + at, text, length);
  report->length.store(at + length, std::memory_order_relaxed);
}

void on_print(const char* text, int length) {
  append(text, static_cast<size_t>(length));
}

// The kernel has said all there is to say.
void on_panic() {
  _exit(kStatusPanic);
}

// The run takes too long. Kernel code that loops is made to fault where it is, so that
// it reports its backtrace: the handler of the library thinks that it has.
void on_late(int, siginfo_t* info, void* context) {
  struct sigaction fault;
  report->late = true;
  sigaction(SIGSEGV, nullptr, &fault);
  info->si_addr = nullptr;
  fault.sa_sigaction(SIGSEGV, info, context);
  // Not in kernel code: it waits for something that does not come.
  _exit(kStatusPanic);
}

void limit_time(unsigned seconds) {
  struct sigaction action = {};
  action.sa_sigaction = on_late;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval timer = {.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = 0}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

std::string disk_path(size_t image) {
  return "/disk" + std::to_string(image);
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "%s\n%.*s", what.c_str(), static_cast<int>(report->length), report->text);
  std::exit(1);
}

}  // namespace

std::string signature_of(const std::string& log) {
  static const std::regex bug(R"(BUG: failure at ([^:\n]+):\d+/(\w+)\(\))");
  static const std::regex fault(R"(unable to handle access to address \w+ at (\w+)[+\n])");
  static const std::regex panic(R"(Kernel panic - not syncing: ([^\n]+))");
  static const std::regex check(R"(check failed: ([^\n]+))");
  std::smatch match;
  if (std::regex_search(log, match, check)) return "check " + match[1].str();
  if (std::regex_search(log, match, bug)) return "BUG " + match[2].str();
  if (std::regex_search(log, match, fault)) return "fault " + match[1].str();
  if (std::regex_search(log, match, panic)) return "panic " + match[1].str();
  return "";
}

long Kernel::mount(size_t image, const char* options) {
  const std::string name = std::filesystem::path(images_[image].path()).filename();
  const std::string type = name.substr(0, name.find('-'));
  return lkl_sys_mount(disk_path(image).c_str(), mount_point(), type.c_str(), 0,
                       const_cast<char*>(options));
}

long Kernel::unmount() {
  return lkl_sys_umount(const_cast<char*>(mount_point()), 0);
}

void fail(const std::string& what) {
  const std::string line = "check failed: " + what + "\n";
  append(line.data(), line.size());
  _exit(kStatusFailed);
}

namespace {

void boot(std::vector<ImageFile>& images, const Runner::Options& options) {
  // a ring of io_uring for each copy costs more than what I/O there is: none
  setenv("LKL_IO", "threads", 0);
  static lkl_host_operations operations = {.print = on_print, .panic = on_panic};
  if (const int error = lkl_init(&operations)) give_up(lkl_strerror(error));
  for (ImageFile& image : images) {
    lkl_disk disk = {};
    lkl_disk_options of_disk = {};
    of_disk.struct_size = sizeof(of_disk);
    of_disk.flags = LKL_DISK_MEMORY;
    of_disk.size = image.bytes().size();
    of_disk.memory = image.bytes().data();
    if (const int id = lkl_disk_add_options(&disk, &of_disk); id < 0)
      give_up(image.path() + ": " + lkl_strerror(id));
  }
  if (const int error = lkl_start_kernel("mem=%s loglevel=7%s", options.memory,
                                         options.warnings ? " panic_on_warn=1" : ""))
    give_up(std::string("boot: ") + lkl_strerror(error));
  lkl_sys_mkdir(Kernel::mount_point(), 0755);
  for (size_t i = 0; i < images.size(); ++i) {
    __lkl__u32 device = 0;
    int error = lkl_get_virtio_blkdev(static_cast<int>(i), 0, &device);
    if (!error)
      error = static_cast<int>(lkl_sys_mknod(disk_path(i).c_str(), LKL_S_IFBLK | 0600, device));
    if (error) give_up(images[i].path() + ": " + lkl_strerror(error));
  }
}

}  // namespace

Runner::Runner(std::vector<ImageFile> images, const Options& options, Body body,
               std::function<void(Kernel&)> prepare) {
  int ends[2];
  report = static_cast<Report*>(
      mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (report == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    std::perror("no memory or socket to share with the copies");
    std::exit(1);
  }
  (void)engine_counters();  // shared from here on
  template_ = fork();
  if (template_ < 0) give_up(std::string("fork: ") + std::strerror(errno));
  if (template_ == 0) {
    close(ends[0]);
    channel_ = ends[1];
    be_template(std::move(images), options, body, prepare);
  }
  close(ends[1]);
  channel_ = ends[0];
  char ready;
  if (read(channel_, &ready, 1) != 1) std::exit(1);  // it has said why
}

Runner::~Runner() {
  close(channel_);
  waitpid(template_, nullptr, 0);
  munmap(report, sizeof *report);
}

void Runner::be_template(std::vector<ImageFile> images, const Options& options, const Body& body,
                         const std::function<void(Kernel&)>& prepare) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  Kernel kernel(images);
  boot(images, options);
  if (prepare) prepare(kernel);
  const std::span<uint8_t> counters = engine_counters();
  Request request;
  (void)!write(channel_, "r", 1);
  while (read(channel_, &request, sizeof request) == sizeof request) {
    clear_report();
    const pid_t pid = fork();
    if (pid == 0) {
      limit_time(options.limit_seconds);
      // without them the run is as good, only blind
      (void)lkl_fuzz_counters(counters.data(), static_cast<unsigned>(counters.size()));
      body(kernel, {report->input, request.size});
      _exit(0);
    }
    Answer answer = {.number = request.number, .status = kForkFailed};
    while (pid > 0 && waitpid(pid, &answer.status, 0) < 0 && errno == EINTR) {
    }
    if (write(channel_, &answer, sizeof answer) != sizeof answer) break;
  }
  _exit(0);
}

Outcome Runner::run(std::span<const uint8_t> input) {
  static uint32_t number = static_cast<uint32_t>(getpid());
  const Request request = {.number = ++number,
                           .size = static_cast<uint32_t>(std::min(input.size(), kMaxInput))};
  Answer answer = {};
  std::memcpy(report->input, input.data(), request.size);
  if (write(channel_, &request, sizeof request) != sizeof request)
    give_up("the process with the kernel is gone");
  do {
    if (const ssize_t count = read(channel_, &answer, sizeof answer);
        count != sizeof answer && !(count < 0 && errno == EINTR))
      give_up("the process with the kernel is gone");
  } while (answer.number != request.number);

  const int status = answer.status;
  if (status == kForkFailed) give_up("fork failed: not enough memory?");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};

  Outcome outcome;
  outcome.log.assign(report->text, report->length);
  outcome.signature = signature_of(outcome.log);
  if (report->late) {
    outcome.kind = Outcome::Kind::kHang;
    outcome.signature = "hang " + outcome.signature;
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == kStatusPanic) {
    outcome.kind = Outcome::Kind::kKernel;
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == kStatusFailed) {
    outcome.kind = Outcome::Kind::kCheck;
  } else {
    outcome.kind = Outcome::Kind::kHost;
    outcome.signature = WIFSIGNALED(status) ? std::string("signal ") + strsignal(WTERMSIG(status))
                                            : "exit " + std::to_string(WEXITSTATUS(status));
  }
  return outcome;
}

}  // namespace lkl_fuzz
