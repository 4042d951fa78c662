// SPDX-License-Identifier: GPL-2.0
//
// The few calls of the host that the tools make and that hosts have in different ways. All of them
// fail as system calls do: with -1 or false, and errno, which has the kernel's numbers on Windows
// too. Names of files are UTF-8 there. What is opened is not handed on to other programs.
#ifndef LKL_TOOL_HOST_CALLS_H
#define LKL_TOOL_HOST_CALLS_H

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace lkl::tool {

// An errno of the host as an error: of system_category() where that has these numbers.
std::error_code host_error(int number);

namespace on_host {

enum class Kind { kRegular, kDirectory, kBlockDevice, kOther };

struct Status {
  Kind kind = Kind::kOther;
  // Both: which file it is, by whatever name. An inode of 0: the host does not tell.
  std::uint64_t device = 0, inode = 0;
};

// Follows symbolic links.
bool look_at(const std::string& path, Status& status);
// As open(2); `flags` are those of <fcntl.h>.
int open(const std::string& path, int flags, unsigned mode = 0);
ssize_t pread(int fd, std::span<std::byte> into, std::uint64_t offset);
ssize_t pwrite(int fd, std::span<const std::byte> from, std::uint64_t offset);
int resize(int fd, std::uint64_t size);
int sync(int fd);
// Of a file or block device; 0 if it is not known.
std::uint64_t size_of(int fd);
void remove(const std::string& path);

// The directory by its true name, with a '/' at the end; "/" if there is none.
std::string real_directory(const std::string& path);
// Bytes of "C:" at the beginning of a name of the host, and of what is like it.
std::size_t drive_length(std::string_view text);
// As the commands write paths: with '/' between names.
std::string with_slashes(std::string path);

bool is_terminal(int fd);
// Characters in a line, if it is a terminal.
std::optional<unsigned> terminal_width(int fd);

// What fnmatch(3) does; `period`: a pattern has to name one at the beginning.
bool matches(const std::string& pattern, const std::string& name, bool fold_case = false,
             bool period = false);

// As localtime_r(3), gmtime_r(3) and timegm(3); false if the time has no such date.
bool local_date(std::int64_t seconds, std::tm& date);
bool utc_date(std::int64_t seconds, std::tm& date);
std::int64_t seconds_of_utc(std::tm& date);

// Zeroes that are only read, as much of `size` as there is: less is possible. Null if there is
// none.
const std::byte* map_zeroes(std::size_t& size);
void unmap_zeroes(const std::byte* zeroes, std::size_t size);

// Never written to swap space, if the host allows that.
void lock_memory(void* memory, std::size_t size);
void unlock_memory(void* memory, std::size_t size);
void wipe(void* memory, std::size_t size);

}  // namespace on_host
}  // namespace lkl::tool

#endif  // LKL_TOOL_HOST_CALLS_H
