# SPDX-License-Identifier: GPL-2.0
# The tools on 64-bit Windows: the command, without what only POSIX systems have, and only with libraries
# that are all headers. These come from the system that builds, but not by their folder: that has another
# C library's.
set(headers ${CMAKE_CURRENT_BINARY_DIR}/headers)
function(lkl_borrow_headers target name)
  find_path(LKL_HEADERS_OF_${name} ${name} PATHS /usr/include REQUIRED NO_CMAKE_FIND_ROOT_PATH NO_DEFAULT_PATH)
  file(MAKE_DIRECTORY ${headers})
  file(CREATE_LINK ${LKL_HEADERS_OF_${name}}/${name} ${headers}/${name} SYMBOLIC)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} INTERFACE ${headers})
endfunction()
lkl_borrow_headers(CLI11::CLI11 CLI)
lkl_borrow_headers(lkl_fmt_headers fmt)
lkl_borrow_headers(nlohmann_json::nlohmann_json nlohmann)
# The format of programs of Linux; its header wants two words of the C library's.
lkl_borrow_headers(lkl_elf elf.h)
file(MAKE_DIRECTORY ${headers}/bits)
file(WRITE ${headers}/bits/auxv.h "")
file(WRITE ${headers}/features.h "#define __BEGIN_DECLS extern \"C\" {\n#define __END_DECLS }\n")

# Names of functions that are no part of C++; files of more than 2 GiB.
set(CMAKE_CXX_EXTENSIONS ON)
add_compile_definitions(_FILE_OFFSET_BITS=64)

set(LKL_TOOL_ROOMS base disk image session tree lkl winfsp)
set(own ${CMAKE_CURRENT_LIST_DIR}/win32)
set(LKL_TOOL_HOST_BASE ${own}/host_calls.cc ${own}/outside.cc ${own}/pattern.cc ${own}/process.cc ${own}/signals.cc
    ${own}/stored_name.cc ${own}/terminal.cc)
set(LKL_TOOL_HOST_DISK ${own}/luks.cc)
set(LKL_TOOL_HOST_IMAGE ${own}/disk_server.cc ${own}/domains.cc ${own}/image.cc ${own}/tcp_port.cc)
set(LKL_TOOL_HOST_SESSION ${own}/sandbox.cc)
set(LKL_TOOL_HOST_TREE ${own}/acl_names.cc ${own}/host_tree.cc ${own}/nt_file.cc)
set(LKL_TOOL_HOST_LKL ${own}/absent.cc ${own}/begin.cc ${own}/library_size.cc ${own}/settle.cc)
set(LKL_TOOL_ABSENT bisect domains ext2fs_library ext_settle library_size mount net run server test)

add_library(lkl_fmt STATIC ${own}/fmt_library.cc)
target_link_libraries(lkl_fmt PUBLIC lkl_fmt_headers PRIVATE lkl_build_flags)
add_library(fmt::fmt ALIAS lkl_fmt)

# libarchive of Debian's source, since there is no package of it for Windows; with zlib, which has one. What it
# would do to names there is kept from it.
set(LKL_LIBARCHIVE_SOURCE "" CACHE PATH "Unpacked source of libarchive; default: where tools/dev/source-package puts it")
set(archive_source ${LKL_LIBARCHIVE_SOURCE})
if(NOT archive_source)
  set(cache $ENV{XDG_CACHE_HOME})
  if(NOT cache)
    set(cache $ENV{HOME}/.cache)
  endif()
  set(archive_source ${cache}/lkl/sources/libarchive)
endif()
if(NOT EXISTS ${archive_source}/libarchive/archive.h)
  message(FATAL_ERROR "${archive_source} is no source of libarchive: run tools/dev/source-package libarchive, which gets "
                      "it from Debian, or give LKL_LIBARCHIVE_SOURCE; -DLKL_BUILD_TOOLS=OFF does without the tools")
endif()
find_path(LKL_ZLIB_INCLUDE zlib.h)
find_library(LKL_ZLIB libz.a)
if(NOT LKL_ZLIB_INCLUDE OR NOT LKL_ZLIB)
  message(FATAL_ERROR "zlib for Windows is missing: as root, run apt install libz-mingw-w64-dev, "
                      "or give -DLKL_BUILD_TOOLS=OFF, which does without the tools")
endif()
include(ExternalProject)
set(archive_build ${CMAKE_CURRENT_BINARY_DIR}/libarchive)
set(archive_options -DENABLE_ZLIB=ON -DZLIB_INCLUDE_DIR=${LKL_ZLIB_INCLUDE} -DZLIB_LIBRARY=${LKL_ZLIB}
    -DENABLE_LIBGCC=ON -DPOSIX_REGEX_LIB=NONE) # its way to say: no regular expressions
foreach(without ACL BZip2 CAT CNG COVERAGE CPIO EXPAT ICONV INSTALL LIBB2 LIBXML2 LZ4 LZMA LZO MBEDTLS NETTLE OPENSSL
        PCREPOSIX TAR TEST WERROR XATTR ZSTD)
  list(APPEND archive_options -DENABLE_${without}=OFF)
endforeach()
string(REPLACE ";" "|" launcher "${CMAKE_C_COMPILER_LAUNCHER}")
ExternalProject_Add(lkl_archive_build
  LIST_SEPARATOR |
  SOURCE_DIR ${archive_source}
  BINARY_DIR ${archive_build}
  PREFIX ${archive_build}-steps
  CMAKE_ARGS -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE} -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
             -DCMAKE_C_COMPILER_LAUNCHER=${launcher} -DBUILD_SHARED_LIBS=OFF ${archive_options}
  BUILD_COMMAND ${CMAKE_COMMAND} --build . --target archive_static
  BUILD_BYPRODUCTS ${archive_build}/libarchive/libarchive_static.a
  INSTALL_COMMAND ""
  LOG_CONFIGURE ON LOG_BUILD ON LOG_OUTPUT_ON_FAILURE ON)
file(MAKE_DIRECTORY ${headers}/libarchive)
foreach(header archive.h archive_entry.h)
  file(CREATE_LINK ${archive_source}/libarchive/${header} ${headers}/libarchive/${header} SYMBOLIC)
endforeach()
add_library(lkl_archive STATIC ${own}/archive_names.cc)
add_dependencies(lkl_archive lkl_archive_build)
target_include_directories(lkl_archive PUBLIC ${headers}/libarchive)
target_compile_definitions(lkl_archive PUBLIC LIBARCHIVE_STATIC)
target_link_libraries(lkl_archive PRIVATE lkl_build_flags INTERFACE ${archive_build}/libarchive/libarchive_static.a ${LKL_ZLIB})
foreach(function __la_win_entry_in_posix_pathseparator _archive_entry_copy_link_l _archive_entry_copy_pathname_l
        _archive_entry_hardlink_l _archive_entry_pathname_l _archive_entry_symlink_l)
  target_link_options(lkl_archive INTERFACE -Wl,--wrap=${function},--require-defined=__wrap_${function})
endforeach()
set(LKL_TOOL_ARCHIVES lkl_archive)
install(FILES ${archive_source}/COPYING DESTINATION licenses RENAME libarchive.txt)
install(FILES /usr/share/doc/libz-mingw-w64-dev/copyright DESTINATION licenses RENAME zlib.txt)

# Names and errors of Windows, as the library has them.
add_library(lkl_windows_names STATIC ${PROJECT_SOURCE_DIR}/host/win32/path.cc ${PROJECT_SOURCE_DIR}/host/win32/windows_error.cc)
target_include_directories(lkl_windows_names PRIVATE ${PROJECT_SOURCE_DIR}/host)
target_link_libraries(lkl_windows_names PRIVATE lkl_build_flags)
