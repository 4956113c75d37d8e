/* Locales whose insides are read from outside.
 *
 * libc++, which is inside chromadb's file, asks newlocale() for the "C" locale and then reads a field of the result,
 * the character classes at byte 0x68, as glibc's <bits/types/__locale_t.h> lays it out. musl's object ends at byte 48:
 * what lies behind it would be taken for the table's address. So what newlocale() returns is copied into a larger object
 * with the tables where glibc has them. musl's functions read only the first 48 bytes, by their contents.
 *
 * source  llvm-project/libcxx/src/locale.cpp, ctype<char>::classic_table; musl/src/internal/locale_impl.h */
#define _GNU_SOURCE
#include "glibc.h"

#include <ctype.h>
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MUSL_CATEGORIES = 6, GLIBC_CATEGORIES = 13 };

struct wide_locale {
	const void *categories[GLIBC_CATEGORIES]; /* the first six are musl's */
	const unsigned short *classes;
	const int32_t *lower;
	const int32_t *upper;
	const char *names[GLIBC_CATEGORIES];
};

_Static_assert(offsetof(struct wide_locale, classes) == 0x68, "where glibc has __ctype_b");

/* glibc's ABI, which musl provides without declaring it: index -128 to 255, glibc's bits */
extern const unsigned short **__ctype_b_loc(void);

/* The same for letters' cases. musl's own tables hold 0 for everything beyond ASCII, glibc's the byte itself: lowering
 * the bytes of a UTF-8 text would clear it. */
enum { FIRST = -128, PAST = 256 };
static int32_t lower[PAST - FIRST], upper[PAST - FIRST];
static const int32_t *lower_from_0 = lower - FIRST, *upper_from_0 = upper - FIRST;

__attribute__((constructor)) static void fill_cases(void)
{
	for (int c = FIRST; c < PAST; c++) {
		bool ascii = c >= 0 && c < 128;
		int byte = c < -1 ? c + 256 : c; /* -1 is EOF, and stays */
		lower[c - FIRST] = ascii ? tolower(c) : byte;
		upper[c - FIRST] = ascii ? toupper(c) : byte;
	}
}

GLIBC const int32_t **glibc_ctype_tolower_loc(void)
{
	return &lower_from_0;
}

GLIBC const int32_t **glibc_ctype_toupper_loc(void)
{
	return &upper_from_0;
}

GLIBC locale_t glibc_newlocale(int mask, const char *name, locale_t base)
{
	locale_t narrow = newlocale(mask, name, base);
	if (!narrow || narrow == base) /* changed in place: it was made here, and stays wide */
		return narrow;
	struct wide_locale *wide = calloc(1, sizeof *wide);
	if (wide) {
		memcpy(wide->categories, narrow, MUSL_CATEGORIES * sizeof *wide->categories);
		wide->classes = *__ctype_b_loc();
		wide->lower = lower_from_0;
		wide->upper = upper_from_0;
	}
	freelocale(narrow);
	return (locale_t)wide;
}

/* Everything that the repaired file can hand in was made above: musl's freelocale() would give it to an allocator that
 * may not be ours. */
GLIBC void glibc_freelocale(locale_t locale)
{
	free(locale);
}
