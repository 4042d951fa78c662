// SPDX-License-Identifier: GPL-2.0
//
// libcryptsetup, which is loaded when the first LUKS container is opened.
#ifndef LKL_TOOL_CRYPTSETUP_LIBRARY_H
#define LKL_TOOL_CRYPTSETUP_LIBRARY_H

#include <libcryptsetup.h>

namespace lkl::tool {

#define LKL_CRYPTSETUP_CALLS(call)                                                            \
  call(crypt_init) call(crypt_free) call(crypt_load) call(crypt_set_log_callback)             \
      call(crypt_metadata_locking) call(crypt_volume_key_get) call(crypt_get_volume_key_size) \
          call(crypt_get_cipher) call(crypt_get_cipher_mode) call(crypt_get_data_offset)      \
              call(crypt_get_iv_offset) call(crypt_dump_json)

// Its functions by their names.
struct CryptsetupLibrary {
#define LKL_POINTER(name) decltype(&::name) name = nullptr;
  LKL_CRYPTSETUP_CALLS(LKL_POINTER)
#undef LKL_POINTER
};

// Throws Failure if it is not installed.
const CryptsetupLibrary& cryptsetup();

}  // namespace lkl::tool

#endif  // LKL_TOOL_CRYPTSETUP_LIBRARY_H
