// SPDX-License-Identifier: GPL-2.0
// Stands in for qemu-nbd.exe, which Debian does not have: hands its arguments to a test on Linux, which has
// Linux' qemu-nbd do what they say, and ends when that has ended, with its status and what it has said.
//
// In the folder LKL_STAND_IN: "asked" are the arguments, one a line; "alive" is written while it waits for
// "ended", whose first line is the status.
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static FILE *in_folder(const char *name, const char *mode)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s\\%s", getenv("LKL_STAND_IN"), name);
	return fopen(path, mode);
}

int main(int argc, char **argv)
{
	char from[1024], to[1024], line[4096];
	unsigned int turn;
	int i, status;
	FILE *file;

	file = in_folder("asking", "w");
	for (i = 1; i < argc; ++i)
		fprintf(file, "%s\n", argv[i]);
	fclose(file);
	snprintf(from, sizeof(from), "%s\\asking", getenv("LKL_STAND_IN"));
	snprintf(to, sizeof(to), "%s\\asked", getenv("LKL_STAND_IN"));
	if (!MoveFileA(from, to))
		return 77;
	for (turn = 0; !(file = in_folder("ended", "r")); ++turn) {
		file = in_folder("alive", "w");
		fprintf(file, "%u\n", turn);
		fclose(file);
		Sleep(20);
	}
	if (!fgets(line, sizeof(line), file))
		return 78;
	status = atoi(line);
	while (fgets(line, sizeof(line), file))
		fputs(line, stderr);
	fclose(file);
	return status;
}
