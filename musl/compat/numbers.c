/* Text to integers. musl sets errno to EINVAL where the text holds no number, which POSIX allows and glibc does not do:
 * a caller that only looks at errno would see an error there on one side alone. And musl lacks the two that take a
 * locale; in every locale of musl digits are ASCII's and there is no grouping, so the locale says nothing. */
#define _GNU_SOURCE
#include "glibc.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>

/* Call `convert`, and leave errno alone where nothing was read though the base is one. */
#define CONVERTED(type, convert)                                              \
	do {                                                                  \
		char *stop = (char *)text;                                    \
		int before = errno;                                           \
		type number = convert(text, &stop, base);                     \
		if (stop == text && (base == 0 || (base > 1 && base <= 36)))  \
			errno = before;                                       \
		if (end)                                                      \
			*end = stop;                                          \
		return number;                                                \
	} while (0)

GLIBC long glibc_strtol(const char *text, char **end, int base)
{
	CONVERTED(long, strtol);
}

GLIBC long long glibc_strtoll(const char *text, char **end, int base)
{
	CONVERTED(long long, strtoll);
}

GLIBC unsigned long long glibc_strtoull(const char *text, char **end, int base)
{
	CONVERTED(unsigned long long, strtoull);
}

GLIBC long long strtoll_l(const char *text, char **end, int base, locale_t locale)
{
	(void)locale;
	return glibc_strtoll(text, end, base);
}

GLIBC unsigned long long strtoull_l(const char *text, char **end, int base, locale_t locale)
{
	(void)locale;
	return glibc_strtoull(text, end, base);
}
