# SPDX-License-Identifier: GPL-2.0
# The target lkl_doxygen: the public headers as HTML, in doxygen/html of the build folder.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  return()
endif()
set(DOXYGEN_PROJECT_NAME "LKL")
set(DOXYGEN_PROJECT_BRIEF "Linux as a library")
set(DOXYGEN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/doxygen)
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_OPTIMIZE_OUTPUT_FOR_C NO)
set(DOXYGEN_EXTRACT_ALL NO)
set(DOXYGEN_WARN_IF_UNDOCUMENTED NO)
set(DOXYGEN_WARN_IF_INCOMPLETE_DOC NO)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_ENABLE_PREPROCESSING NO)
set(DOXYGEN_MARKDOWN_SUPPORT YES)
set(DOXYGEN_AUTOLINK_SUPPORT YES)
set(DOXYGEN_FILTER_PATTERNS "*=${CMAKE_SOURCE_DIR}/tools/gen/doxygen_filter.py")
set(DOXYGEN_EXCLUDE_SYMBOLS "*::detail" "*::detail::*")
set(DOXYGEN_EXAMPLE_PATH ${CMAKE_SOURCE_DIR}/examples)
set(DOXYGEN_STRIP_FROM_PATH ${CMAKE_SOURCE_DIR}/include)
set(DOXYGEN_USE_MDFILE_AS_MAINPAGE ${CMAKE_SOURCE_DIR}/docs/api.md)
doxygen_add_docs(lkl_doxygen
  ${CMAKE_SOURCE_DIR}/include/lkl.h ${CMAKE_SOURCE_DIR}/include/lkl_host.h
  ${CMAKE_SOURCE_DIR}/include/lkl_config.h
  ${CMAKE_SOURCE_DIR}/include/lkl.hpp ${CMAKE_SOURCE_DIR}/include/lkl_error.hpp
  ${CMAKE_SOURCE_DIR}/include/lkl_file.hpp ${CMAKE_SOURCE_DIR}/include/lkl_path.hpp ${CMAKE_SOURCE_DIR}/docs/api.md
  COMMENT "HTML of the public headers, by Doxygen")
