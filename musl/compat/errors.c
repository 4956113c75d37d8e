/* Error messages: GNU's strerror_r(), and glibc's words.
 *
 * The strerror_r() that g++ picks on glibc returns the message, musl's (POSIX's) an int: unadapted, the first error to be
 * described makes its caller read address 0. The words differ as well, and end up in exceptions and logs: those that musl
 * has otherwise or not at all are below, so that an error reads the same on both. */
#define _GNU_SOURCE
#include "glibc.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = {
	[0] = "Success",
	[EIO] = "Input/output error",
	[ECHILD] = "No child processes",
	[ENOMEM] = "Cannot allocate memory",
	[EBUSY] = "Device or resource busy",
	[EXDEV] = "Invalid cross-device link",
	[EMFILE] = "Too many open files",
	[ENOTTY] = "Inappropriate ioctl for device",
	[ESPIPE] = "Illegal seek",
	[EDOM] = "Numerical argument out of domain",
	[ERANGE] = "Numerical result out of range",
	[EDEADLK] = "Resource deadlock avoided",
	[ENAMETOOLONG] = "File name too long",
	[ELOOP] = "Too many levels of symbolic links",
	[ECHRNG] = "Channel number out of range",
	[EL2NSYNC] = "Level 2 not synchronized",
	[EL3HLT] = "Level 3 halted",
	[EL3RST] = "Level 3 reset",
	[ELNRNG] = "Link number out of range",
	[EUNATCH] = "Protocol driver not attached",
	[ENOCSI] = "No CSI structure available",
	[EL2HLT] = "Level 2 halted",
	[EBADE] = "Invalid exchange",
	[EBADR] = "Invalid request descriptor",
	[EXFULL] = "Exchange full",
	[ENOANO] = "No anode",
	[EBADRQC] = "Invalid request code",
	[EBADSLT] = "Invalid slot",
	[EBFONT] = "Bad font file format",
	[ETIME] = "Timer expired",
	[ENONET] = "Machine is not on the network",
	[ENOPKG] = "Package not installed",
	[EREMOTE] = "Object is remote",
	[EADV] = "Advertise error",
	[ESRMNT] = "Srmount error",
	[ECOMM] = "Communication error on send",
	[EDOTDOT] = "RFS specific error",
	[EOVERFLOW] = "Value too large for defined data type",
	[ENOTUNIQ] = "Name not unique on network",
	[EREMCHG] = "Remote address changed",
	[ELIBACC] = "Can not access a needed shared library",
	[ELIBBAD] = "Accessing a corrupted shared library",
	[ELIBSCN] = ".lib section in a.out corrupted",
	[ELIBMAX] = "Attempting to link in too many shared libraries",
	[ELIBEXEC] = "Cannot exec a shared library directly",
	[EILSEQ] = "Invalid or incomplete multibyte or wide character",
	[ERESTART] = "Interrupted system call should be restarted",
	[ESTRPIPE] = "Streams pipe error",
	[EUSERS] = "Too many users",
	[ENOTSOCK] = "Socket operation on non-socket",
	[EMSGSIZE] = "Message too long",
	[ENOTSUP] = "Operation not supported",
	[EADDRINUSE] = "Address already in use",
	[EADDRNOTAVAIL] = "Cannot assign requested address",
	[ENETUNREACH] = "Network is unreachable",
	[ENETRESET] = "Network dropped connection on reset",
	[ECONNABORTED] = "Software caused connection abort",
	[EISCONN] = "Transport endpoint is already connected",
	[ENOTCONN] = "Transport endpoint is not connected",
	[ESHUTDOWN] = "Cannot send after transport endpoint shutdown",
	[ETOOMANYREFS] = "Too many references: cannot splice",
	[ETIMEDOUT] = "Connection timed out",
	[EHOSTUNREACH] = "No route to host",
	[EINPROGRESS] = "Operation now in progress",
	[EUCLEAN] = "Structure needs cleaning",
	[ENOTNAM] = "Not a XENIX named type file",
	[ENAVAIL] = "No XENIX semaphores available",
	[EISNAM] = "Is a named type file",
	[EDQUOT] = "Disk quota exceeded",
	[EOWNERDEAD] = "Owner died",
	[ERFKILL] = "Operation not possible due to RF-kill",
	[EHWPOISON] = "Memory page has hardware error",
};

/* The message for `error`, or null for a number that is no error. */
static const char *message(int error)
{
	if (error < 0 || error > EHWPOISON)
		return NULL;
	if ((size_t)error < sizeof words / sizeof *words && words[error])
		return words[error];
	const char *found = strerror(error);
	return strcmp(found, strerror(-1)) ? found : NULL; /* musl has one answer for all that it does not know */
}

GLIBC char *glibc_strerror_r(int error, char *buffer, size_t bytes)
{
	const char *found = message(error);
	if (found)
		return (char *)found;
	snprintf(buffer, bytes, "Unknown error %d", error);
	return buffer;
}

GLIBC char *glibc_strerror(int error)
{
	static _Thread_local char unknown[sizeof "Unknown error -2147483648"];
	return glibc_strerror_r(error, unknown, sizeof unknown);
}

/* POSIX's strerror_r(), under the name that glibc has for it */
GLIBC int glibc_xpg_strerror_r(int error, char *buffer, size_t bytes)
{
	const char *found = message(error);
	int length = found ? snprintf(buffer, bytes, "%s", found) : snprintf(buffer, bytes, "Unknown error %d", error);
	if (!found)
		return EINVAL;
	return (size_t)length < bytes ? 0 : ERANGE;
}
