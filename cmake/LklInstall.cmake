# SPDX-License-Identifier: GPL-2.0
# cmake --install: libraries, headers, a CMake package and a pkg-config file. The tree works where
# it is put (--prefix), and where it is moved to: what is in it finds the rest relative to itself.
#
# Components are named as the packages that are made of them (LklPackages.cmake). What lies in the
# folder of libraries has two rules, since that folder is Debian's own in packages: one of no
# component, and one that is for its package only.
include(CMakePackageConfigHelpers)

# lkl_stripped(TARGET FOLDER COMPONENT [EXCLUDE_FROM_ALL]): without debug information, which has
# files of its own. To be called after the target's install().
function(lkl_stripped target folder component)
  set(tools "
    set(LKL_OBJCOPY \"${CMAKE_OBJCOPY}\")
    set(LKL_READELF \"${CMAKE_READELF}\")
    include(\"${CMAKE_SOURCE_DIR}/cmake/DebugInfo.cmake\")")
  install(CODE "${tools}
    lkl_strip(\"$<TARGET_FILE:${target}>\" \"${folder}\")" COMPONENT ${component} ${ARGN})
  install(CODE "${tools}
    lkl_install_debug_file(\"$<TARGET_FILE:${target}>\")" COMPONENT lkl-dbgsym ${ARGN})
endfunction()

function(lkl_install_libraries layout folder runtime dev)
  install(TARGETS lkl EXPORT ${layout} LIBRARY DESTINATION ${folder}
          COMPONENT ${runtime} NAMELINK_COMPONENT ${dev} ${ARGN})
  install(TARGETS lkl-static EXPORT ${layout} ARCHIVE DESTINATION ${folder}
          COMPONENT ${dev} ${ARGN})
  lkl_stripped(lkl ${folder} ${runtime} ${ARGN})
  lkl_stripped(lkl-static ${folder} ${dev} ${ARGN})

  install(EXPORT ${layout} FILE lklTargets.cmake NAMESPACE lkl:: DESTINATION ${folder}/cmake/lkl
          COMPONENT ${dev} ${ARGN})
  configure_package_config_file(cmake/lklConfig.cmake.in ${layout}/lklConfig.cmake
                                INSTALL_DESTINATION ${folder}/cmake/lkl)
  write_basic_package_version_file(${layout}/lklConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${layout}/lklConfig.cmake
                ${CMAKE_CURRENT_BINARY_DIR}/${layout}/lklConfigVersion.cmake
          DESTINATION ${folder}/cmake/lkl COMPONENT ${dev} ${ARGN})

  configure_file(cmake/lkl.pc.in ${layout}/lkl.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${layout}/lkl.pc DESTINATION ${folder}/pkgconfig
          COMPONENT ${dev} ${ARGN})

  # gdb's helper, found by the library's name. gdb looks under the system's share/gdb, and
  # beside the library (where ldconfig would complain of it).
  set(gdb_folder ${folder})
  if(LKL_PC_PREFIX STREQUAL "/usr" OR CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(gdb_folder share/gdb/auto-load/usr/${folder})
  endif()
  install(FILES tools/gdb/lkl-gdb.py DESTINATION ${gdb_folder}
          RENAME liblkl.so.${PROJECT_VERSION}-gdb.py COMPONENT ${runtime} ${ARGN})
endfunction()

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT liblkl-dev
        FILES_MATCHING PATTERN "*.h*")
install(DIRECTORY ${LKL_API_INCLUDE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT liblkl-dev FILES_MATCHING PATTERN "*.h")

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
lkl_install_libraries(lklTargets ${CMAKE_INSTALL_LIBDIR} Unspecified Unspecified)

# Packages are not moved, but looked at from outside: PKG_CONFIG_SYSROOT_DIR goes before such paths.
set(debian_libdir lib/${CMAKE_LIBRARY_ARCHITECTURE})
set(LKL_PC_PREFIX /usr)
set(LKL_PC_LIBDIR "\${prefix}/${debian_libdir}")
set(LKL_PC_INCLUDEDIR "\${prefix}/include")
lkl_install_libraries(lklDebianTargets ${debian_libdir} liblkl0 liblkl-dev EXCLUDE_FROM_ALL)

# In /usr, where the loader looks anyway, it is taken out again; packagers of other systems who do
# not want it set CMAKE_SKIP_INSTALL_RPATH.
if(LKL_BUILD_TOOLS)
  file(RELATIVE_PATH libraries_from_programs
       ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(lkl-tool lklfuse PROPERTIES
    INSTALL_RPATH "$ORIGIN/${libraries_from_programs}")
  lkl_stripped(lkl-tool ${CMAKE_INSTALL_BINDIR} lkl-tools)
  lkl_stripped(lklfuse ${CMAKE_INSTALL_BINDIR} lkl-tools)
  lkl_stripped(lkl-packetdrill lib/lkl lkl-tools)
  lkl_stripped(lkl-hijack lib/lkl lkl-tools)
  lkl_stripped(lkl-opens lib/lkl lkl-tools)
endif()

# Manual pages of section 3, from the comments of the headers.
set(headers ${CMAKE_SOURCE_DIR}/include/lkl.h ${CMAKE_SOURCE_DIR}/include/lkl_host.h
  ${CMAKE_SOURCE_DIR}/include/lkl_config.h)
set(man3 ${CMAKE_CURRENT_BINARY_DIR}/man3)
add_custom_command(
  OUTPUT ${man3}/lkl.3
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${man3}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen/gen_man3.py ${headers}
          --output ${man3} --version ${PROJECT_VERSION}
  DEPENDS ${headers} ${CMAKE_SOURCE_DIR}/tools/gen/gen_man3.py
  VERBATIM COMMENT "Manual pages of section 3")
add_custom_target(lkl_man3 ALL DEPENDS ${man3}/lkl.3)
install(DIRECTORY ${man3}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT liblkl-dev)
