/* std::ctype<char>, a library of its own: only onnxruntime has a use for it, and it needs libstdc++.
 *
 * Code compiled with libstdc++ on glibc tests characters inline, by table[c] & mask (std::regex does). musl's libstdc++
 * is built on the generic locale model, where the table is null and only the library's own functions cope: the inline
 * test reads address 0. This gives the classic facet a table with glibc's bits. The constructor runs before those of the
 * file that needs this library.
 *
 * libstdc++ itself then uses the table too, with the bits of the generic model: space (0x20, skipped before numbers),
 * xdigit (0x10) and print (0x40) collide with nothing and are set as well. Others would collide: 8 is "digit" there and
 * "alnum" here, which libstdc++ would ask for only to parse dates and money.
 *
 * source  gcc/libstdc++-v3/config/os/{generic,gnu-linux}/ctype_base.h, include/bits/locale_facets.h */
#include "glibc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { TABLE_OFFSET = 0x30, GENERIC_XDIGIT = 0x10, GENERIC_SPACE = 0x20, GENERIC_PRINT = 0x40 };

extern const unsigned short **__ctype_b_loc(void);
/* std::locale::classic() and std::use_facet<std::ctype<char>>(const std::locale &) */
extern const void *_ZNSt6locale7classicEv(void);
extern const void *_ZSt9use_facetISt5ctypeIcEERKT_RKSt6locale(const void *);

static unsigned short table[256];

__attribute__((constructor)) static void give_table(void)
{
	const unsigned short *classes = *__ctype_b_loc();
	for (int c = 0; c < 128; c++)
		table[c] = classes[c] | (isxdigit(c) ? GENERIC_XDIGIT : 0) | (isspace(c) ? GENERIC_SPACE : 0)
			 | (isprint(c) ? GENERIC_PRINT : 0);

	char *facet = (char *)_ZSt9use_facetISt5ctypeIcEERKT_RKSt6locale(_ZNSt6locale7classicEv());
	const unsigned short **place = (const unsigned short **)(facet + TABLE_OFFSET);
	if (*place) { /* not the libstdc++ that this was written for: better no process than a silent mistake */
		fputs("glibc_ctype: std::ctype<char> has a table already\n", stderr);
		abort();
	}
	*place = table;
}
