/* File calls whose names or numbers differ. */
#define _GNU_SOURCE
#include "glibc.h"

#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Before glibc 2.33 stat() was a macro over __xstat64(version, ...). struct stat is the kernel's on x86_64, in both
 * libraries; version 1 says just that (_STAT_VER_LINUX), 0 the kernel's own (_STAT_VER_KERNEL). */
static bool known(int version)
{
	if (version == 0 || version == 1)
		return true;
	errno = EINVAL;
	return false;
}

GLIBC int __xstat64(int version, const char *path, struct stat *status)
{
	return known(version) ? stat(path, status) : -1;
}

GLIBC int __lxstat64(int version, const char *path, struct stat *status)
{
	return known(version) ? lstat(path, status) : -1;
}

GLIBC int __fxstat64(int version, int file, struct stat *status)
{
	return known(version) ? fstat(file, status) : -1;
}

/* nftw() tells its visitor the kind of file: glibc counts FTW_F = 0, FTW_D = 1, ... FTW_SLN = 6, musl from 1. A visitor
 * compiled on glibc would take every file for a directory. nftw() has no argument to carry the visitor in, hence the
 * thread's variable; a visitor may itself call nftw(). */
typedef int visitor(const char *path, const struct stat *status, int kind, struct FTW *place);

static _Thread_local visitor *current;

static int renumbered(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	return current(path, status, kind - FTW_F, place);
}

GLIBC int glibc_nftw(const char *path, visitor *visit, int open_files, int flags)
{
	/* FTW_ACTIONRETVAL is glibc's own, and musl does not heed FTW_CHDIR. */
	if (flags & ~(FTW_PHYS | FTW_MOUNT | FTW_DEPTH)) {
		errno = EINVAL;
		return -1;
	}
	visitor *outer = current;
	current = visit;
	int result = nftw(path, renumbered, open_files, flags);
	current = outer;
	return result;
}
