// SPDX-License-Identifier: GPL-2.0
/*
 * cptofs.exe and the like: starts lkl.exe, which is beside it, with the same command line. That begins
 * with the name by which we were called, and lkl looks at it.
 */
#include <windows.h>

#include <stdio.h>
#include <wchar.h>

/* Is for lkl.exe, which ends in order. */
static BOOL WINAPI stay(DWORD event)
{
	(void)event;
	return TRUE;
}

int main(void)
{
	static wchar_t program[32768];
	const wchar_t name[] = L"lkl.exe";
	DWORD length = GetModuleFileNameW(NULL, program, ARRAYSIZE(program) - ARRAYSIZE(name)), status = 1;
	wchar_t *last = length ? wcsrchr(program, L'\\') : NULL;
	STARTUPINFOW startup = { .cb = sizeof(startup) };
	PROCESS_INFORMATION process;

	wcscpy(last ? last + 1 : program, name);
	SetConsoleCtrlHandler(stay, TRUE);
	if (!CreateProcessW(program, GetCommandLineW(), NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
		fprintf(stderr, "lkl.exe, which has to be in this program's folder, cannot be started: error %lu\n",
			GetLastError());
		return 1;
	}
	WaitForSingleObject(process.hProcess, INFINITE);
	GetExitCodeProcess(process.hProcess, &status);
	return (int)status;
}
