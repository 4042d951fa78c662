// SPDX-License-Identifier: GPL-2.0
//
// posix_spawn(): what the child is before it is another program, and what its errors are.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "oracle.h"

namespace lkl::oracle {

namespace {

void nothing(int) {}

class Actions {
 public:
  Actions() { posix_spawn_file_actions_init(&raw_); }
  ~Actions() { posix_spawn_file_actions_destroy(&raw_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t* get() { return &raw_; }

 private:
  posix_spawn_file_actions_t raw_;
};

class Attributes {
 public:
  explicit Attributes(int flags = 0) {
    posix_spawnattr_init(&raw_);
    posix_spawnattr_setflags(&raw_, static_cast<short>(flags));
  }
  ~Attributes() { posix_spawnattr_destroy(&raw_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t* get() { return &raw_; }

 private:
  posix_spawnattr_t raw_;
};

// A folder of its own.
class Folder {
 public:
  Folder() { path_ = mkdtemp(path_.data()); }
  ~Folder() {
    for (const std::string& name : names_) unlink(name.c_str());
    rmdir(path_.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const char* name, const char* text, mode_t mode) {
    const std::string path = path_ + "/" + name;
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)!write(fd, text, strlen(text));
    fchmod(fd, mode);
    close(fd);
    names_.push_back(path);
    return path;
  }

 private:
  std::string path_ = "/tmp/oracle-XXXXXX";
  std::vector<std::string> names_;
};

using Spawn = decltype(posix_spawn);

std::string error_name(int error) {
  return error == 0 ? "0" : strerrorname_np(error);
}

// Nothing is left of a child that did not become a program.
void say_refused(const char* what, const char* name, Actions* actions, Attributes* attributes,
                 Spawn* how = posix_spawn) {
  std::string word = "word";
  char* const words[] = {word.data(), nullptr};
  pid_t child = 7;
  const int error = how(&child, name, actions != nullptr ? actions->get() : nullptr,
                        attributes != nullptr ? attributes->get() : nullptr, words, environ);
  std::string all = error_name(error);
  if (child != 7) all += " child";
  if (waitpid(-1, nullptr, 0) >= 0 || errno != ECHILD) all += " left";
  say(what, all);
}

// It has this number here; the cases have others.
constexpr int kPipe = 10;

// What a shell says with its standard output as a pipe, and how it ends.
void say_spawned(const char* what, const char* line, Actions& actions, Attributes* attributes) {
  int ends[2];
  (void)!pipe2(ends, O_CLOEXEC);
  const int out = dup3(ends[1], kPipe, O_CLOEXEC);
  close(ends[1]);
  posix_spawn_file_actions_t with_pipe = *actions.get();
  posix_spawn_file_actions_adddup2(&with_pipe, out, 1);
  *actions.get() = with_pipe;
  char* const words[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>(line),
                         nullptr};
  pid_t child = -1;
  const int error =
      posix_spawn(&child, "/bin/sh", actions.get(),
                  attributes != nullptr ? attributes->get() : nullptr, words, environ);
  close(out);
  int status = 0;
  std::string all = error != 0 ? error_name(error) + " " : "";
  all += read_all(ends[0]);
  if (error == 0) waitpid(child, &status, 0);
  say(what, all + ending(status));
  close(ends[0]);
}
void say_spawned(const char* what, const char* line, Attributes* attributes = nullptr) {
  Actions none;
  say_spawned(what, line, none, attributes);
}

// Fields of its own line: the process, its group, its session, the terminal's group, its policy.
constexpr const char* kGroup = "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo leads";
constexpr const char* kSession = "set -- $(cat /proc/$$/stat); [ $6 = $$ ] && echo leads";
constexpr const char* kForeground = "set -- $(cat /proc/$$/stat); [ $8 = $$ ] && echo is there";
constexpr const char* kPolicy = "set -- $(cat /proc/$$/stat); echo ${41}";
// The C library has two signals of its own, which are of no program.
constexpr const char* kSignals =
    "while read -r name set; do case $name in SigBlk:) echo $set;; "
    "SigIgn:) echo $((0x$set & ~0x180000000));; esac; done </proc/$$/status";

void spawn_attributes() {
  say_spawned("group", kGroup);
  Attributes group(POSIX_SPAWN_SETPGROUP);
  say_spawned("group of its own", kGroup, &group);
  posix_spawnattr_setpgroup(group.get(), getpgrp());
  say_spawned("group of ours", kGroup, &group);
  Attributes session(POSIX_SPAWN_SETSID);
  say_spawned("session", kSession, &session);
  Attributes both(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_USEVFORK);
  say_refused("who leads a session has a group", "/bin/true", nullptr, &both);
  Attributes policy(POSIX_SPAWN_SETSCHEDULER);
  posix_spawnattr_setschedpolicy(policy.get(), SCHED_RR);
  const sched_param lowest = {.sched_priority = 1};
  posix_spawnattr_setschedparam(policy.get(), &lowest);
  say_spawned("policy", kPolicy, &policy);
  Attributes parameter(POSIX_SPAWN_SETSCHEDPARAM);
  say_spawned("parameter", kPolicy, &parameter);
  const sched_param high = {.sched_priority = 5};
  posix_spawnattr_setschedparam(parameter.get(), &high);
  say_refused("a parameter that does not fit", "/bin/true", nullptr, &parameter);
  // by who may
  const bool done = seteuid(65534) == 0 && setegid(65534) == 0;
  Attributes ids(POSIX_SPAWN_RESETIDS);
  say_spawned("who", "id -u", &ids);
  if (done) (void)!seteuid(0), (void)!setegid(0);
}

void spawn_signals() {
  struct sigaction handled = {};
  handled.sa_handler = nothing;
  sigaction(SIGUSR1, &handled, nullptr);
  signal(SIGUSR2, SIG_IGN);
  signal(SIGALRM, SIG_IGN);
  signal(SIGBUS, SIG_IGN);
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  // pending, and ours
  raise(SIGHUP);
  say_spawned("as ours", kSignals);
  Attributes own(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  sigaddset(&set, SIGUSR2);
  posix_spawnattr_setsigdefault(own.get(), &set);
  sigfillset(&set);
  sigdelset(&set, SIGSEGV);
  posix_spawnattr_setsigmask(own.get(), &set);
  say_spawned("others", kSignals, &own);
  say_spawned("a handler of ours", "kill -USR1 $$; echo goes on");
  say_spawned("one that is ignored", "kill -USR2 $$; echo goes on");
  Attributes by_default(POSIX_SPAWN_SETSIGDEF);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  posix_spawnattr_setsigdefault(by_default.get(), &set);
  say_spawned("one that is ignored no longer", "kill -USR2 $$; echo goes on", &by_default);
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  say("ours is as it was", sigismember(&set, SIGHUP) == 1 && sigismember(&set, SIGUSR1) == 0);
  const timespec now = {};
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  say("pending", sigtimedwait(&set, nullptr, &now));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  struct sigaction still = {};
  sigaction(SIGUSR1, nullptr, &still);
  say("our handler", still.sa_handler == nothing);
  for (const int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGBUS}) signal(number, SIG_DFL);
}

// Which numbers a shell has: three, the pipe at 1, and what is said.
constexpr const char* kNumbers =
    "for n in 0 1 2 3 4 5 6 7 8 9 50 51; do [ -e /proc/$$/fd/$n ] && echo $n; done";

void spawn_actions() {
  Folder folder;
  const std::string file = folder.file("file", "text\n", 0600);
  const std::string made = folder.file("made", "", 0600);
  {
    Actions actions;
    posix_spawn_file_actions_addclosefrom_np(actions.get(), kPipe + 1);
    posix_spawn_file_actions_addopen(actions.get(), 7, file.c_str(), O_RDONLY | O_CLOEXEC, 0);
    posix_spawn_file_actions_adddup2(actions.get(), 7, 9);
    posix_spawn_file_actions_addopen(actions.get(), 8, made.c_str(), O_WRONLY | O_APPEND, 0);
    say_spawned("opened", "cat <&9; cat <&7; echo out >&8", actions, nullptr);
    say_spawned("once more", "cat <&9; cat <&7; echo out >&8", actions, nullptr);
  }
  {
    Actions actions;
    posix_spawn_file_actions_addopen(actions.get(), 0, made.c_str(), O_RDWR | O_TRUNC, 0640);
    say_spawned("truncated", "cat; echo more >&0; cat /proc/$$/fd/0", actions, nullptr);
  }
  const int kept = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  dup2(kept, 50), fcntl(50, F_SETFD, FD_CLOEXEC);
  {
    Actions actions;
    posix_spawn_file_actions_adddup2(actions.get(), 50, 50);
    say_spawned("onto itself", "cat /proc/self/fd/50", actions, nullptr);
    say("flags here", fcntl(50, F_GETFD));
  }
  {
    Actions actions;
    posix_spawn_file_actions_addclose(actions.get(), 99);
    posix_spawn_file_actions_addclose(actions.get(), 2);
    posix_spawn_file_actions_adddup2(actions.get(), 50, 2);
    posix_spawn_file_actions_adddup2(actions.get(), 50, 3);
    posix_spawn_file_actions_addclose(actions.get(), 0);
    say_spawned("closed", kNumbers, actions, nullptr);
    dup2(kept, 51);
    say_spawned("one more", kNumbers, actions, nullptr);
    posix_spawn_file_actions_addclosefrom_np(actions.get(), kPipe + 1);
    say_spawned("closed from", kNumbers, actions, nullptr);
    posix_spawn_file_actions_addclosefrom_np(actions.get(), 3);
    say_spawned("the pipe is closed", kNumbers, actions, nullptr);
    close(51);
  }
  const int opened = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  {
    Actions actions;
    posix_spawn_file_actions_addchdir_np(actions.get(), folder.path().c_str());
    posix_spawn_file_actions_addopen(actions.get(), 5, "file", O_RDONLY, 0);
    posix_spawn_file_actions_addfchdir_np(actions.get(), opened);
    posix_spawn_file_actions_addopen(actions.get(), 6, "file", O_RDONLY | O_CREAT | O_DIRECTORY, 0);
    say_refused("the last is wrong", "/bin/true", &actions, nullptr);
  }
  {
    Actions actions;
    posix_spawn_file_actions_addchdir_np(actions.get(), folder.path().c_str());
    posix_spawn_file_actions_addopen(actions.get(), 5, "file", O_RDONLY, 0);
    posix_spawn_file_actions_addfchdir_np(actions.get(), opened);
    say_spawned("folders", "cat <&5; pwd", actions, nullptr);
  }
  close(opened), close(50), close(kept);
  // more than the C library has room for at first
  Actions many;
  for (int i = 0; i < 40; i++) posix_spawn_file_actions_adddup2(many.get(), 2, 60 + i);
  say_spawned("many", "[ -e /proc/$$/fd/99 ] && echo there", many, nullptr);
}

// Of a shell with a terminal.
void spawn_terminal() {
  const pid_t child = fork();
  if (child == 0) {
    const int near = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(near), unlockpt(near), setsid();
    const int far = open(ptsname(near), O_RDWR);
    Attributes group(POSIX_SPAWN_SETPGROUP);
    Actions without, actions, wrong;
    say_spawned("in the background", kForeground, without, &group);
    posix_spawn_file_actions_addtcsetpgrp_np(actions.get(), far);
    say_spawned("in the foreground", kForeground, actions, &group);
    posix_spawn_file_actions_addtcsetpgrp_np(wrong.get(), near + 1000);
    say_refused("no number", "/bin/true", &wrong, &group);
    fflush(stdout);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  say("child", ending(status));
}

template <class Add>
void say_wrong(const char* what, Add add) {
  Actions actions;
  const int error = add(actions.get());
  if (error != 0) say("added", error_name(error));
  say_refused(what, "/bin/true", &actions, nullptr);
}

void spawn_errors() {
  Folder folder;
  const std::string plain = folder.file("plain", "echo by a shell\n", 0700);
  const std::string no_program = folder.file("no_program", "echo\n", 0600);
  for (Spawn* how : {posix_spawn, posix_spawnp}) {
    say_refused("missing", "/no/such", nullptr, nullptr, how);
    say_refused("missing", "no-such-program", nullptr, nullptr, how);
    say_refused("no name", "", nullptr, nullptr, how);
    say_refused("no program", no_program.c_str(), nullptr, nullptr, how);
    say_refused("folder", folder.path().c_str(), nullptr, nullptr, how);
    say_refused("no first line", plain.c_str(), nullptr, nullptr, how);
  }
  say_wrong("open", [](auto* to) {
    return posix_spawn_file_actions_addopen(to, 5, "/no/such", O_RDONLY, 0);
  });
  say_wrong("dup2", [](auto* to) { return posix_spawn_file_actions_adddup2(to, 77, 1); });
  say_wrong("dup2", [](auto* to) { return posix_spawn_file_actions_adddup2(to, 77, 77); });
  say_wrong("chdir", [](auto* to) { return posix_spawn_file_actions_addchdir_np(to, "/no/such"); });
  say_wrong("fchdir", [](auto* to) { return posix_spawn_file_actions_addfchdir_np(to, 2); });
  say_wrong("terminal", [](auto* to) { return posix_spawn_file_actions_addtcsetpgrp_np(to, 77); });
  say_wrong("close", [](auto* to) { return posix_spawn_file_actions_addclose(to, -1); });
  // in range when it is added
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  Actions early, late;
  for (Actions* each : {&early, &late}) posix_spawn_file_actions_addclose(each->get(), 200);
  say_spawned("close", "echo well", early, nullptr);
  const rlimit small = {150, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  say_refused("close", "/bin/true", &late, nullptr);
  setrlimit(RLIMIT_NOFILE, &before);
  Attributes group(POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(group.get(), 1);
  say_refused("group", "/bin/true", nullptr, &group);
  std::vector<std::string> texts(400, std::string(100'000, 'x'));
  std::vector<char*> words;
  for (std::string& text : texts) words.push_back(text.data());
  words.push_back(nullptr);
  say("too much",
      error_name(posix_spawn(nullptr, "/bin/true", nullptr, nullptr, words.data(), environ)));
}

void spawn_path() {
  Folder first, second;
  first.file("oracle-program", "#!/bin/sh\necho first\n", 0600);
  second.file("oracle-program", "#!/bin/sh\nexit 3\n", 0700);
  first.file("oracle-plain", "exit 4\n", 0700);
  const std::string before = getenv("PATH");
  setenv("PATH", ("/no/such:" + first.path() + ":" + second.path()).c_str(), 1);
  pid_t child = -1;
  char name[] = "oracle-program";
  char* const words[] = {name, nullptr};
  int status = -1;
  say("found", error_name(posix_spawnp(&child, name, nullptr, nullptr, words, environ)));
  waitpid(child, &status, 0);
  say("ended", ending(status));
  say_refused("no first line", "oracle-plain", nullptr, nullptr, posix_spawnp);
  setenv("PATH", first.path().c_str(), 1);
  say_refused("none that may be run", name, nullptr, nullptr, posix_spawnp);
  say_refused("none", "no-such-program", nullptr, nullptr, posix_spawnp);
  setenv("PATH", before.c_str(), 1);
}

// What goes on between the two of them has no number.
void spawn_has_no_numbers() {
  int wrong = 0;
  for (int number = 3; number < 1100; number++) {
    // the lowest, and those that the library likes
    if (number == 60) number = 1020;
    if (fcntl(number, F_GETFD) >= 0) continue;
    Actions actions;
    char word[] = "true";
    char* const words[] = {word, nullptr};
    posix_spawn_file_actions_adddup2(actions.get(), number, 1);
    wrong += posix_spawn(nullptr, "/bin/true", actions.get(), nullptr, words, environ) != EBADF;
  }
  say("wrong", wrong);
  Actions all;
  posix_spawn_file_actions_addclosefrom_np(all.get(), 0);
  say_refused("closed", "/no/such", &all, nullptr);
  Actions each;
  for (int number = 0; number < 1100; number++)
    if (number % 2 == 0)
      posix_spawn_file_actions_addclose(each.get(), number);
    else if (number < 600)
      posix_spawn_file_actions_addopen(each.get(), number, "/dev/null", O_RDONLY, 0);
  say_refused("closed and opened", "/no/such", &each, nullptr);
}

void spawn_without_numbers() {
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit small = {120, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &small);
  std::vector<int> fds;
  for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) fds.push_back(fd);
  char word[] = "sh", option[] = "-c", line[] = "exit 5";
  char* const words[] = {word, option, line, nullptr};
  pid_t child = -1;
  int status = -1;
  Actions actions;
  posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  say("spawned",
      error_name(posix_spawn(&child, "/bin/sh", actions.get(), nullptr, words, environ)));
  waitpid(child, &status, 0);
  say("ended", ending(status));
  say_refused("refused", "/no/such", nullptr, nullptr);
  for (const int fd : fds) close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
}

void end(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

// Children that other threads make have everything that is open then, for as long as they live.
void spawn_beside_forks() {
  constexpr int kCount = 250;
  std::atomic<int> spawned = 0;
  std::deque<pid_t> forked;
  std::thread other([&] {
    // a few beside each: none is ended for one that waits for its end
    for (int made = 0, now; (now = spawned) < kCount;) {
      if (made > 2 * now + 2) {
        sched_yield();
        continue;
      }
      const pid_t child = fork();
      if (child == 0) {
        alarm(60);
        pause();
        _exit(0);
      }
      made++;
      forked.push_back(child);
      if (forked.size() < 50) continue;
      end(forked.front());
      forked.pop_front();
    }
  });
  char word[] = "true";
  char* const words[] = {word, nullptr};
  int wrong = 0;
  for (; spawned < kCount; spawned++) {
    pid_t child = -1;
    int status = -1;
    wrong += posix_spawn(&child, "/no/such", nullptr, nullptr, words, environ) != ENOENT;
    if (spawned % 10 != 0) continue;
    wrong += posix_spawn(&child, "/bin/true", nullptr, nullptr, words, environ) != 0 ||
             waitpid(child, &status, 0) != child || status != 0;
  }
  other.join();
  for (const pid_t child : forked) end(child);
  say("wrong", wrong);
}

void spawn_by_threads_and_signals() {
  struct sigaction action = {};
  action.sa_handler = nothing;
  sigaction(SIGUSR1, &action, nullptr);
  std::atomic<int> wrong = 0;
  std::atomic<int> left = 4;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; thread++)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 40; i++) {
        const int wanted = thread * 40 + i;
        const std::string line = "exit " + std::to_string(wanted);
        char word[] = "sh", option[] = "-c";
        char* const words[] = {word, option, const_cast<char*>(line.c_str()), nullptr};
        pid_t child = -1;
        int status = -1;
        if (posix_spawn(&child, "/bin/sh", nullptr, nullptr, words, environ) != 0) wrong++;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        if (WEXITSTATUS(status) != wanted) wrong++;
      }
      left--;
    });
  while (left > 0) {
    for (std::thread& thread : threads) pthread_kill(thread.native_handle(), SIGUSR1);
    usleep(300);
  }
  for (std::thread& thread : threads) thread.join();
  say("wrong", wrong);
  signal(SIGUSR1, SIG_DFL);
}

}  // namespace

std::string read_all(int fd) {
  std::string all;
  char part[4096];
  for (ssize_t count; (count = read(fd, part, sizeof part)) > 0;)
    all.append(part, static_cast<size_t>(count));
  std::replace(all.begin(), all.end(), '\n', ' ');
  return all;
}

std::string ending(int status) {
  return WIFEXITED(status) ? "exit " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

std::span<const Case> spawn_cases() {
  static constexpr Case kCases[] = {
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_attributes),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_signals),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_actions),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_errors),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_path),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_has_no_numbers),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_without_numbers),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_by_threads_and_signals),
      CASE_WITH_AND_WITHOUT_SOCKET(spawn_beside_forks),
      CASE(spawn_terminal),
  };
  return kCases;
}

}  // namespace lkl::oracle
