# SPDX-License-Identifier: GPL-2.0
# lkl.exe, and those that start it by another name. Manual pages and completion are of other systems.
target_link_options(lkl-tool PRIVATE -Wl,--stack,100663296) # for trees of many levels
install(TARGETS lkl-tool RUNTIME DESTINATION bin)
foreach(face cpfromfs cptofs fs2tar)
  add_executable(lkl-${face} ${CMAKE_CURRENT_LIST_DIR}/face.c)
  target_link_libraries(lkl-${face} PRIVATE lkl_build_flags)
  set_target_properties(lkl-${face} PROPERTIES OUTPUT_NAME ${face})
  install(TARGETS lkl-${face} RUNTIME DESTINATION bin)
endforeach()
