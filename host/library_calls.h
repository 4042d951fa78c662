// SPDX-License-Identifier: GPL-2.0
// Functions of a shared library that the program can do without: it is loaded when they are first
// asked for. Of the library only its header is needed to build.
//
//   #define LKL_NBD_CALLS(call) call(nbd_create) call(nbd_close)
//   LKL_LIBRARY_CALLS(NbdLibrary, "libnbd.so.0", LKL_NBD_CALLS)
//
//   const NbdLibrary* library = NbdLibrary::get();  // nullptr if it is not installed, or too old
//   library->nbd_create();
#pragma once

#include "host.h"

#define LKL_LIBRARY_CALL_POINTER(name) decltype(&::name) name = nullptr;
#define LKL_LIBRARY_CALL_FIND(name)                                                      \
  library.name =                                                                         \
      reinterpret_cast<decltype(library.name)>(::lkl::host::find_symbol(handle, #name)); \
  all = all && library.name;

#define LKL_LIBRARY_CALLS(Library, file, CALLS)             \
  struct Library {                                          \
    CALLS(LKL_LIBRARY_CALL_POINTER)                         \
    static const Library* get() {                           \
      static const Library* const library = load();         \
      return library;                                       \
    }                                                       \
                                                            \
   private:                                                 \
    static const Library* load() {                          \
      void* const handle = ::lkl::host::open_library(file); \
      if (!handle) return nullptr;                          \
      static Library library;                               \
      bool all = true;                                      \
      CALLS(LKL_LIBRARY_CALL_FIND)                          \
      return all ? &library : nullptr;                      \
    }                                                       \
  };
