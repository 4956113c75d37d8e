/* Text to numbers. musl sets errno to EINVAL where the text holds no number, which POSIX allows and glibc does not do:
 * a caller that only looks at errno would see an error there on one side alone. And musl lacks the two that take a
 * locale; in every locale of musl digits are ASCII's and there is no grouping, so the locale says nothing. */
#define _GNU_SOURCE
#include "glibc.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>

/* Return what `call` gives, which puts its end at `stop`, and leave errno alone where nothing was read though the
 * `base` is one. */
#define CONVERTED(type, call, base)                                           \
	do {                                                                  \
		char *stop = (char *)text;                                    \
		int before = errno;                                           \
		type number = call;                                           \
		if (stop == text && (base == 0 || (base > 1 && base <= 36)))  \
			errno = before;                                       \
		if (end)                                                      \
			*end = stop;                                          \
		return number;                                                \
	} while (0)

GLIBC long glibc_strtol(const char *text, char **end, int base)
{
	CONVERTED(long, strtol(text, &stop, base), base);
}

GLIBC long long glibc_strtoll(const char *text, char **end, int base)
{
	CONVERTED(long long, strtoll(text, &stop, base), base);
}

GLIBC unsigned long long glibc_strtoull(const char *text, char **end, int base)
{
	CONVERTED(unsigned long long, strtoull(text, &stop, base), base);
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

/* glibc also sets ERANGE for a number too small to be held exactly; that stays musl's: it is read as the same number. */
GLIBC double glibc_strtod(const char *text, char **end)
{
	CONVERTED(double, strtod(text, &stop), 0);
}

GLIBC float glibc_strtof(const char *text, char **end)
{
	CONVERTED(float, strtof(text, &stop), 0);
}

GLIBC double glibc_strtod_l(const char *text, char **end, locale_t locale)
{
	CONVERTED(double, strtod_l(text, &stop, locale), 0);
}

GLIBC float glibc_strtof_l(const char *text, char **end, locale_t locale)
{
	CONVERTED(float, strtof_l(text, &stop, locale), 0);
}

GLIBC long double glibc_strtold_l(const char *text, char **end, locale_t locale)
{
	CONVERTED(long double, strtold_l(text, &stop, locale), 0);
}
