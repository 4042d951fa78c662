// SPDX-License-Identifier: GPL-2.0
#include "preload/spawn_actions.h"

#include <sys/resource.h>

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "preload/forks.h"
#include "preload/libc.h"

namespace lkl::preload {

namespace {

// All of an object's bytes, with where its actions are: a copy of it looks the same.
using Looks = std::array<unsigned char, sizeof(posix_spawn_file_actions_t)>;

Looks looks_of(const posix_spawn_file_actions_t& object) {
  Looks looks;
  std::memcpy(looks.data(), &object, looks.size());
  return looks;
}

bool is_new(const Looks& looks) {
  posix_spawn_file_actions_t object = {};
  ::posix_spawn_file_actions_init(&object);
  const bool same = looks_of(object) == looks;
  libc().posix_spawn_file_actions_destroy(&object);
  return same;
}

struct Record {
  Looks looks;
  Actions actions;
  Record* next;
};
Record* records;  // between forks

// What points to that record. The latest is the first: of one that nobody has destroyed the memory
// may be another's.
Record** find(const Looks& looks) {
  Record** at = &records;
  while (*at != nullptr && (*at)->looks != looks) at = &(*at)->next;
  return at;
}

Record* record_of(const Looks& looks) {
  const BetweenForks whole;
  return *find(looks);
}

void set_looks(Record& record, const Looks& looks) {
  const BetweenForks whole;
  record.looks = looks;
}

void keep(std::unique_ptr<Record> record) {
  const BetweenForks whole;
  record->next = records;
  records = record.release();
}

std::unique_ptr<Record> take(const Looks& looks) {
  const BetweenForks whole;
  Record** const at = find(looks);
  std::unique_ptr<Record> record(*at);
  if (record != nullptr) *at = record->next;
  return record;
}

// Adds it to the C library's object by `add`, and to ours.
template <class Add>
int add_action(posix_spawn_file_actions_t* object, Action action, Add add) {
  if (this_thread.inside != 0) return add();
  const Looks before = looks_of(*object);
  Record* const record = record_of(before);
  const bool is_first = record == nullptr && is_new(before);
  if (const int error = add()) return error;
  if (record != nullptr) {
    record->actions.push_back(std::move(action));
    set_looks(*record, looks_of(*object));
  } else if (is_first) {
    keep(std::make_unique<Record>(Record{looks_of(*object), {std::move(action)}, nullptr}));
  }
  return 0;
}

// Only a number that cannot be one is an error.
bool close_in_child(int fd) {
  if (::close(fd) == 0) return true;
  const int error = errno;
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  errno = error;
  return fd >= 0 && static_cast<rlim_t>(fd) < limit.rlim_cur;
}

bool open_in_child(const Action& action) {
  // before: it may be the last one there is
  ::close(action.fd);
  const int opened = ::open(action.path.c_str(), action.flags | O_LARGEFILE, action.mode);
  if (opened < 0 || opened == action.fd) return opened >= 0;
  return ::dup2(opened, action.fd) == action.fd && ::close(opened) == 0;
}

bool act(const Action& action) {
  using Kind = Action::Kind;
  switch (action.kind) {
    case Kind::kOpen:
      return open_in_child(action);
    case Kind::kClose:
      return close_in_child(action.fd);
    case Kind::kCopy:
      return put_at(action.fd, action.number);
    case Kind::kGoTo:
      return ::chdir(action.path.c_str()) == 0;
    case Kind::kGoToOpened:
      return ::fchdir(action.fd) == 0;
    case Kind::kCloseFrom:
      ::closefrom(action.fd);
      return true;
    case Kind::kToForeground:
      return ::tcsetpgrp(action.fd, ::getpgrp()) == 0;
  }
  return false;
}

}  // namespace

const Actions* actions_of(const posix_spawn_file_actions_t* object) {
  static constexpr Actions kNone;
  if (object == nullptr) return &kNone;
  const Looks looks = looks_of(*object);
  if (const Record* const record = record_of(looks)) return &record->actions;
  return is_new(looks) ? &kNone : nullptr;
}

bool act(const Actions& actions) {
  for (const Action& action : actions)
    if (!act(action)) return false;
  return true;
}

bool put_at(int fd, int number) {
  if (fd != number) return ::dup2(fd, number) == number;
  const int flags = ::fcntl(fd, F_GETFD);
  return flags >= 0 && ::fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) == 0;
}

}  // namespace lkl::preload

using namespace lkl::preload;
using Kind = Action::Kind;

extern "C" {

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t* object) __THROW {
  if (this_thread.inside == 0) take(looks_of(*object));
  return libc().posix_spawn_file_actions_destroy(object);
}

int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t* object, int fd, const char* path,
                                     int flags, mode_t mode) __THROW {
  return add_action(
      object, {.kind = Kind::kOpen, .fd = fd, .path = path, .flags = flags, .mode = mode},
      [=] { return libc().posix_spawn_file_actions_addopen(object, fd, path, flags, mode); });
}
int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t* object, int fd) __THROW {
  return add_action(object, {.kind = Kind::kClose, .fd = fd},
                    [=] { return libc().posix_spawn_file_actions_addclose(object, fd); });
}
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t* object, int fd,
                                     int number) __THROW {
  return add_action(object, {.kind = Kind::kCopy, .fd = fd, .number = number},
                    [=] { return libc().posix_spawn_file_actions_adddup2(object, fd, number); });
}
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t* object,
                                         const char* path) __THROW {
  return add_action(object, {.kind = Kind::kGoTo, .path = path},
                    [=] { return libc().posix_spawn_file_actions_addchdir_np(object, path); });
}
int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t* object, int fd) __THROW {
  return add_action(object, {.kind = Kind::kGoToOpened, .fd = fd},
                    [=] { return libc().posix_spawn_file_actions_addfchdir_np(object, fd); });
}
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t* object, int fd) __THROW {
  return add_action(object, {.kind = Kind::kCloseFrom, .fd = fd},
                    [=] { return libc().posix_spawn_file_actions_addclosefrom_np(object, fd); });
}
int posix_spawn_file_actions_addtcsetpgrp_np(posix_spawn_file_actions_t* object, int fd) __THROW {
  return add_action(object, {.kind = Kind::kToForeground, .fd = fd},
                    [=] { return libc().posix_spawn_file_actions_addtcsetpgrp_np(object, fd); });
}
}
