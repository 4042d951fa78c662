// SPDX-License-Identifier: GPL-2.0
//
// What reaches a terminal. Names and labels come from images, and control characters in them would
// make the terminal do things: so all that we print goes through here.
#ifndef LKL_TOOL_TERMINAL_H
#define LKL_TOOL_TERMINAL_H

#include <cstddef>
#include <string>
#include <string_view>

namespace lkl::tool {

// From now on what is written to stdout and stderr loses its control characters where that is a
// terminal: all but the ends of lines, tabs and zero bytes become '?'. To be called first of all.
void protect_terminal();

// Writes the whole text to a descriptor, likewise without control characters; on little stack and
// without memory. Errors are not told.
void write_masked(int fd, std::string_view text);

// The text without control characters, those of ISO 6429 (C0, C1, DEL) in UTF-8 and as single
// bytes: each becomes '?'. `keep` is left as it is.
std::string without_controls(std::string_view text, std::string_view keep = {});

// The same in place; needs no memory.
void mask_controls(char* text, std::size_t size, std::string_view keep);

// Of text in pieces: how many bytes at the end of this one begin a character that is not whole.
// They belong before the next piece, since halves of a character look like control characters.
std::size_t unfinished_character(std::string_view text);

// Writes to standard error as it is: for what moves the cursor. Errors are not told.
void write_to_terminal(std::string_view text);

}  // namespace lkl::tool

#endif  // LKL_TOOL_TERMINAL_H
