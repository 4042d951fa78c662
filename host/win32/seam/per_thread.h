// SPDX-License-Identifier: GPL-2.0
// Variables that each thread has of its own: host/posix/seam/per_thread.h. The compiler has no
// thread_local but by a function that allocates; so it is done as Windows wants it: the section
// .tls of the file is a template, of which each thread has a copy, found by the number of the file.
// (Where in it something is, is a difference here: what the assembler has for that, @SECREL32, is
// changed by the loader when the file is not where it was linked for: binutils makes a base
// relocation of it.)
#pragma once

#define LKL_PER_THREAD(Type, name)                                     \
  extern constinit Type name##_of_us __asm__("lkl_per_thread_" #name); \
  inline Type& name() {                                                \
    Type* mine;                                                        \
    unsigned long long other;                                          \
    __asm__(                                                           \
        "movl _tls_index(%%rip), %k1\n\t"                              \
        "movq %%gs:0x58, %0\n\t"                                       \
        "movq (%0, %1, 8), %0\n\t"                                     \
        "leaq lkl_per_thread_" #name                                   \
        "(%%rip), %1\n\t"                                              \
        "addq %1, %0\n\t"                                              \
        "leaq _tls_start(%%rip), %1\n\t"                               \
        "subq %1, %0"                                                  \
        : "=&r"(mine), "=&r"(other)                                    \
        :                                                              \
        : "cc");                                                       \
    return *mine;                                                      \
  }
#define LKL_DEFINE_PER_THREAD(Type, name) \
  __attribute__((section(".tls$LKL"), used)) constinit Type name##_of_us
