// SPDX-License-Identifier: GPL-2.0
// The same calls, of the two kernels: one benchmark is written once as a template.
#pragma once

#include <fcntl.h>
#include <lkl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

inline constexpr int kBacklog = 1024, kEvents = 128;

struct Library {
  static constexpr const char* kName = "lkl";
  static long getppid() { return lkl_sys_getppid(); }
  static long pipe(int* fds) { return lkl_sys_pipe2(fds, 0); }
  static long read(int fd, void* to, size_t n) {
    return lkl_sys_read(static_cast<unsigned>(fd), static_cast<char*>(to), n);
  }
  static long write(int fd, const void* from, size_t n) {
    return lkl_sys_write(static_cast<unsigned>(fd), static_cast<const char*>(from), n);
  }
  static long pread(int fd, void* to, size_t n, long at) {
    return lkl_sys_pread64(static_cast<unsigned>(fd), static_cast<char*>(to), n, at);
  }
  static int open(const char* path, bool create) {
    return static_cast<int>(
        lkl_sys_open(path, create ? LKL_O_CREAT | LKL_O_RDWR : LKL_O_RDONLY, 0644));
  }
  static void close(int fd) { lkl_sys_close(static_cast<unsigned>(fd)); }
  // To be read; nullptr if this kernel has no mappings.
  static const char* map(int fd, size_t size) {
    void* const at = lkl_sys_mmap(nullptr, size, LKL_PROT_READ, LKL_MAP_SHARED, fd, 0);
    return reinterpret_cast<intptr_t>(at) < 0 ? nullptr : static_cast<const char*>(at);
  }
  static void unmap(const char* at, size_t size) {
    lkl_sys_munmap(reinterpret_cast<lkl_ulong>(at), size);
  }
  static long fsync(int fd) { return lkl_sys_fsync(static_cast<unsigned>(fd)); }
  static long unlink(const char* path) { return lkl_sys_unlink(path); }
  static bool exists(const char* path) {
    lkl_stat st;
    return lkl_sys_stat(path, &st) == 0;
  }
  static void sync() { lkl_sys_sync(); }
  static void drop_caches() {
    sync();
    lkl_sysctl("vm.drop_caches", "3");
  }
  static int socket(int type = SOCK_STREAM) {
    return static_cast<int>(lkl_sys_socket(LKL_AF_INET, type, 0));
  }
  static long bind(int fd, const sockaddr_in& a) {
    return lkl_sys_bind(fd, reinterpret_cast<lkl_sockaddr*>(const_cast<sockaddr_in*>(&a)),
                        sizeof a);
  }
  static long listen(int fd) { return lkl_sys_listen(fd, kBacklog); }
  static int accept(int fd) { return static_cast<int>(lkl_sys_accept(fd, nullptr, nullptr)); }
  static long connect(int fd, const sockaddr_in& a) {
    return lkl_sys_connect(fd, reinterpret_cast<lkl_sockaddr*>(const_cast<sockaddr_in*>(&a)),
                           sizeof a);
  }
  static void no_delay(int fd) {
    int one = 1;
    lkl_sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<char*>(&one), sizeof one);
  }
  static int epoll() { return static_cast<int>(lkl_sys_epoll_create1(0)); }
  static void epoll_add(int set, int fd, unsigned events) {
    control(set, LKL_EPOLL_CTL_ADD, fd, events);
  }
  static void epoll_change(int set, int fd, unsigned events) {
    control(set, LKL_EPOLL_CTL_MOD, fd, events);
  }
  // Waits, and calls it with each descriptor that is ready.
  template <class Function>
  static void epoll_wait(int set, Function ready) {
    lkl_epoll_event events[kEvents];
    const long count = lkl_sys_epoll_pwait(set, events, kEvents, -1, nullptr, 0);
    for (long i = 0; i < count; ++i) ready(static_cast<int>(events[i].data));
  }

 private:
  static void control(int set, int what, int fd, unsigned events) {
    lkl_epoll_event event = {};
    event.events = events;
    event.data = static_cast<unsigned>(fd);
    lkl_sys_epoll_ctl(set, what, fd, &event);
  }
};

struct Host {
  static constexpr const char* kName = "host";
  static long getppid() { return syscall(SYS_getppid); }
  static long pipe(int* fds) { return ::pipe(fds); }
  static long read(int fd, void* to, size_t n) { return ::read(fd, to, n); }
  static long write(int fd, const void* from, size_t n) { return ::write(fd, from, n); }
  static long pread(int fd, void* to, size_t n, long at) { return ::pread(fd, to, n, at); }
  static int open(const char* path, bool create) {
    return ::open(path, create ? O_CREAT | O_RDWR : O_RDONLY, 0644);
  }
  static void close(int fd) { ::close(fd); }
  static const char* map(int fd, size_t size) {
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? nullptr : static_cast<const char*>(at);
  }
  static void unmap(const char* at, size_t size) { ::munmap(const_cast<char*>(at), size); }
  static long fsync(int fd) { return ::fsync(fd); }
  static long unlink(const char* path) { return ::unlink(path); }
  static bool exists(const char* path) {
    struct stat st;
    return ::stat(path, &st) == 0;
  }
  static void sync() { ::sync(); }
  static void drop_caches() {
    sync();
    const int fd = ::open("/proc/sys/vm/drop_caches", O_WRONLY);
    if (fd >= 0) {
      (void)!::write(fd, "3\n", 2);
      ::close(fd);
    }
  }
  // With the kernel's default for what sends, whatever the host has chosen for itself: what is
  // compared is stacks, and the library's has that default. A host that has chosen another one may
  // let nobody in a network of his own choose that for all.
  static int socket(int type = SOCK_STREAM) {
    constexpr char kDefault[] = "cubic";
    const int fd = ::socket(AF_INET, type, 0);
    if (!(type & SOCK_DGRAM) &&
        ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kDefault, sizeof kDefault - 1) != 0)
      std::perror("cubic");
    return fd;
  }
  static long bind(int fd, const sockaddr_in& a) {
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a);
  }
  static long listen(int fd) { return ::listen(fd, kBacklog); }
  static int accept(int fd) { return ::accept(fd, nullptr, nullptr); }
  static long connect(int fd, const sockaddr_in& a) {
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a);
  }
  static void no_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  static int epoll() { return ::epoll_create1(0); }
  static void epoll_add(int set, int fd, unsigned events) {
    control(set, EPOLL_CTL_ADD, fd, events);
  }
  static void epoll_change(int set, int fd, unsigned events) {
    control(set, EPOLL_CTL_MOD, fd, events);
  }
  template <class Function>
  static void epoll_wait(int set, Function ready) {
    epoll_event events[kEvents];
    const int count = ::epoll_wait(set, events, kEvents, -1);
    for (int i = 0; i < count; ++i) ready(events[i].data.fd);
  }

 private:
  static void control(int set, int what, int fd, unsigned events) {
    epoll_event event = {};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(set, what, fd, &event);
  }
};
