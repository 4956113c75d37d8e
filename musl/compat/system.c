/* Questions about the C library itself. */
#include "glibc.h"

/* Rust's standard library asks whether it must reread /etc/resolv.conf by itself after a failed lookup, which glibc
 * before 2.26 left to its callers. musl reads the file at every lookup, so: no. 2.28 is the level that the reviewed
 * wheels were built for (manylinux_2_28). */
GLIBC const char *gnu_get_libc_version(void)
{
	return "2.28";
}

/* res_init(): read /etc/resolv.conf. musl does so at every lookup; there is nothing to reset. */
GLIBC int __res_init(void)
{
	return 0;
}
