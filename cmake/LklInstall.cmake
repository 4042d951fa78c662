# SPDX-License-Identifier: GPL-2.0
# cmake --install: libraries, headers, a CMake package and a pkg-config file. The tree works where
# it is put (--prefix), and where it is moved to: what is in it finds the rest relative to itself.
include(CMakePackageConfigHelpers)

install(TARGETS lkl EXPORT lklTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS lkl-static EXPORT lklTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT lklTargets NAMESPACE lkl:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lkl)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h*")
install(DIRECTORY ${LKL_API_INCLUDE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/lklConfig.cmake.in lklConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lkl)
write_basic_package_version_file(lklConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lklConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/lklConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lkl)

set(pc_folder ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pc ${pc_folder} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
set(LKL_PC_PREFIX "\${pcfiledir}/${prefix_from_pc}")
foreach(folder LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
    set(LKL_PC_${folder} ${CMAKE_INSTALL_${folder}})
  else()
    set(LKL_PC_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
  endif()
endforeach()
configure_file(cmake/lkl.pc.in lkl.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lkl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Where the loader looks anyway (/usr/lib) this does no harm; packagers who do not want it set
# CMAKE_SKIP_INSTALL_RPATH.
if(LKL_BUILD_TOOLS)
  file(RELATIVE_PATH libraries_from_programs
       ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(lkl-tool lklfuse PROPERTIES
    INSTALL_RPATH "$ORIGIN/${libraries_from_programs}")
endif()

# gdb's helper, found by the library's name. gdb looks under the system's share/gdb, and
# beside the library (where ldconfig would complain of it).
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(gdb_folder share/gdb/auto-load${CMAKE_INSTALL_FULL_LIBDIR})
else()
  set(gdb_folder ${CMAKE_INSTALL_LIBDIR})
endif()
install(FILES tools/gdb/lkl-gdb.py DESTINATION ${gdb_folder}
        RENAME liblkl.so.${PROJECT_VERSION}-gdb.py)

# Manual pages of section 3, from the comments of the headers.
set(headers ${CMAKE_SOURCE_DIR}/include/lkl.h ${CMAKE_SOURCE_DIR}/include/lkl_host.h)
set(man3 ${CMAKE_CURRENT_BINARY_DIR}/man3)
add_custom_command(
  OUTPUT ${man3}/lkl.3
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${man3}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen/gen_man3.py ${headers}
          --output ${man3} --version ${PROJECT_VERSION}
  DEPENDS ${headers} ${CMAKE_SOURCE_DIR}/tools/gen/gen_man3.py
  VERBATIM COMMENT "Manual pages of section 3")
add_custom_target(lkl_man3 ALL DEPENDS ${man3}/lkl.3)
install(DIRECTORY ${man3}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
