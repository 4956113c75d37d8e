/* Fortified calls. With _FORTIFY_SOURCE, glibc's headers turn memcpy(to, from, n) into __memcpy_chk(to, from, n, room),
 * `room` being the bytes that the compiler knows behind `to`. musl has no such names.
 *
 * Contract: Linux Standard Base 5.0, __memcpy_chk and kin. One part is left out: glibc also stops at %n in a format that
 * lies in writable memory, which a positive `flag` asks for. That hardens a faulty program; a sound one prints the same. */
#include "glibc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* End the process with glibc's words, and without stdio, whose buffers may be what has been overwritten. */
static _Noreturn void overflow(void)
{
	static const char words[] = "*** buffer overflow detected ***: terminated\n";
	ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
	(void)written;
	abort();
}

static void need(size_t bytes, size_t room)
{
	if (bytes > room)
		overflow();
}

GLIBC void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
	need(bytes, room);
	return memcpy(to, from, bytes);
}

GLIBC void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room)
{
	need(bytes, room);
	return memmove(to, from, bytes);
}

GLIBC int __vsnprintf_chk(char *to, size_t bytes, int flag, size_t room, const char *format, va_list values)
{
	(void)flag;
	need(bytes, room);
	return vsnprintf(to, bytes, format, values);
}

GLIBC int __snprintf_chk(char *to, size_t bytes, int flag, size_t room, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	int length = __vsnprintf_chk(to, bytes, flag, room, format, values);
	va_end(values);
	return length;
}

GLIBC int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	(void)flag;
	va_list values;
	va_start(values, format);
	int length = vfprintf(file, format, values);
	va_end(values);
	return length;
}
