# SPDX-License-Identifier: GPL-2.0
# The libraries that are made of lkl_host, lkl_devices and the kernel.

# liblkl.so: of all symbols only those of exports.txt and the system calls are there to be seen.
# Of the kernel only the file is named: were it a source, all that links the library would be
# compiled when the kernel is built, and not beside it. A generator other than Ninja finds the rule of a file
# by its target.
add_library(lkl SHARED $<TARGET_OBJECTS:lkl_host> $<TARGET_OBJECTS:lkl_devices>)
lkl_library(lkl)
target_link_options(lkl PRIVATE ${LKL_KERNEL_OBJECT})
set_property(TARGET lkl APPEND PROPERTY LINK_DEPENDS ${LKL_KERNEL_OBJECT})
if(NOT CMAKE_GENERATOR MATCHES Ninja)
  add_dependencies(lkl lkl_kernel)
endif()
set_target_properties(lkl PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 LINKER_LANGUAGE CXX)
target_link_options(lkl PRIVATE
  -Wl,--version-script=${LKL_VERSION_SCRIPT} -Wl,-Bsymbolic -Wl,-z,text
  -Wl,-z,noexecstack)
set_property(TARGET lkl APPEND PROPERTY LINK_DEPENDS ${LKL_VERSION_SCRIPT})
target_link_libraries(lkl PRIVATE ${private_libs})
if(LKL_SANITIZE)
  target_link_options(lkl PRIVATE -fsanitize=${LKL_SANITIZE})
endif()
add_library(lkl::lkl ALIAS lkl)

# liblkl.a: one object, linked beforehand so that the rest can be made local. What is local must not
# stand in for templates of libstdc++.a: hence no groups in it (COMDAT), which only GNU ld can do,
# whichever linker the compiler has.
find_program(LKL_GNU_LD NAMES ld.bfd ld REQUIRED)
set(static_object ${CMAKE_CURRENT_BINARY_DIR}/lkl-static.o)
add_custom_command(
  OUTPUT ${static_object}
  COMMAND ${LKL_GNU_LD} -r --force-group-allocation -o ${static_object} $<TARGET_OBJECTS:lkl_host>
          $<TARGET_OBJECTS:lkl_devices> ${LKL_KERNEL_OBJECT}
  COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${LKL_EXPORTED_SYMBOLS} ${static_object}
  DEPENDS $<TARGET_OBJECTS:lkl_host> $<TARGET_OBJECTS:lkl_devices> ${LKL_KERNEL_OBJECT}
          ${LKL_EXPORTED_SYMBOLS}
  COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking lkl-static.o")
add_library(lkl-static STATIC ${static_object})
lkl_library(lkl-static)
add_dependencies(lkl-static lkl_kernel)
set_target_properties(lkl-static PROPERTIES OUTPUT_NAME lkl LINKER_LANGUAGE CXX)
target_link_libraries(lkl-static PRIVATE ${private_libs} stdc++)
target_link_options(lkl-static PUBLIC -Wl,-z,noexecstack)
add_library(lkl::lkl-static ALIAS lkl-static)

# For tests that reach behind the API: the same, before symbols are made local.
add_library(lkl-internal STATIC EXCLUDE_FROM_ALL
  $<TARGET_OBJECTS:lkl_host> $<TARGET_OBJECTS:lkl_devices> ${LKL_KERNEL_OBJECT})
lkl_library(lkl-internal)
add_dependencies(lkl-internal lkl_kernel)
set_target_properties(lkl-internal PROPERTIES LINKER_LANGUAGE CXX)
target_include_directories(lkl-internal PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(lkl-internal PUBLIC ${private_libs} lkl_seam)
target_link_options(lkl-internal PUBLIC -Wl,-z,noexecstack)
